//! Taking over a changed configuration while running. A wrong one changes nothing and is said so.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::clusters::Cluster;
use crate::config::{self, Config};
use crate::flow::{Extra, Flow};

use super::start;

/// Reads the file again when told to or when its content changed.
pub struct Reload {
    pub file: PathBuf,
    pub current: Config,
    pub flow: Arc<Flow>,
}

/// The sections that a running process cannot change, by name.
#[must_use]
pub fn same_process(old: &Config, new: &Config) -> Vec<&'static str> {
    let Config {
        slack,
        http,
        database,
        replicas,
        sources,
        references,
        balances,
        clusters,
        paging,
        prometheus,
        actions,
        audit,
        heartbeat,
        canary,
        log,
        ..
    } = new;
    let fixed = [
        ("slack", old.slack != *slack),
        ("http", old.http != *http),
        ("database", old.database != *database),
        ("replicas", old.replicas != *replicas),
        ("sources", old.sources != *sources),
        ("references", old.references != *references),
        ("paging", old.paging != *paging),
        ("clusters", !clusters.iter().map(Cluster::fixed).eq(old.clusters.iter().map(Cluster::fixed))),
        ("prometheus", old.prometheus != *prometheus),
        ("actions.github", old.actions.github != actions.github),
        ("audit", old.audit != *audit),
        ("heartbeat", old.heartbeat != *heartbeat),
        ("canary", old.canary != *canary),
        ("log", old.log != *log),
        // Their shifts are fetched by loops that start with the process.
        ("oncall", super::oncall::fetched(old) != super::oncall::fetched(new)),
        ("actions.hot_wallets (their keys)", super::actions::keys(old) != super::actions::keys(new)),
        ("balances.chains", old.balances.chains != balances.chains),
    ];
    fixed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}

impl Reload {
    /// Takes over what changed in the file. False: nothing did, or the file is wrong and the old configuration stays.
    pub async fn now(&mut self) -> bool {
        let new = match config::load(&self.file) {
            Ok(new) => new,
            Err(problems) => {
                for problem in problems {
                    tracing::error!("{problem}");
                }
                tracing::error!("the configuration is wrong; the one before stays in force");
                return false;
            }
        };
        if new == self.current {
            tracing::info!("the configuration is the same as before");
            return false;
        }
        let restart = same_process(&self.current, &new);
        if !restart.is_empty() {
            tracing::warn!(sections = restart.join(", "), "changed sections that take effect at the next start only");
        }
        let record = start::loaded(&new, &self.flow);
        if let Err(error) = self.flow.commit_extra(Extra { records: vec![record], ..Extra::default() }).await {
            tracing::error!(error = %error, "the configuration could not be recorded; the one before stays in force");
            return false;
        }
        self.flow.set_gitops(new.gitops.clone());
        self.flow.reload(start::settings(&new), new.rules.clone(), start::policy(&new));
        self.flow.set_cluster_settings(super::clusters::rules(&new));
        super::balances::watch(&self.flow, &new).await;
        tracing::info!("configuration reloaded");
        self.current = new;
        true
    }
}
