//! `watchkeeper rbac`: the role to grant in a cluster, no more than what is configured needs. `doctor` holds what a
//! cluster grants against the same rules.

use std::collections::BTreeSet;

use clap::Args;

use crate::app;
use crate::config::Config;
use crate::config::clusters::Cluster;
use crate::core::gitops;
use crate::core::rbac::{self, Needs};

use super::doctor::Findings;
use super::{Failure, say};

#[derive(Args)]
pub(super) struct RbacArguments {
    /// Of which configured cluster; the only one when not given.
    #[arg(long)]
    cluster: Option<String>,
    /// Where the ServiceAccount goes.
    #[arg(long, short, default_value = "watchkeeper")]
    namespace: String,
}

pub(super) fn rbac(config: &Config, arguments: &RbacArguments) -> Result<(), Failure> {
    let RbacArguments { cluster, namespace } = arguments;
    let names = || config.clusters.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = match (cluster, config.clusters.as_slice()) {
        (_, []) => return Err("no cluster is configured; name one under `clusters`".into()),
        (None, [only]) => only,
        (None, _) => return Err(format!("say for which with --cluster: {}", names()).into()),
        (Some(name), clusters) => clusters
            .iter()
            .find(|it| it.name == *name)
            .ok_or_else(|| format!("no cluster is named {name}; there are: {}", names()))?,
    };
    say(rbac::yaml(&needs(config, found), namespace).trim_end())?;
    Ok(())
}

/// What the configuration of a cluster needs to be allowed.
fn needs(config: &Config, cluster: &Cluster) -> Needs {
    let watched = cluster.kinds().into_iter().map(|kind| (rbac::group(kind).to_owned(), kind.plural().to_owned()));
    let declared = gitops::Kind::ALL.into_iter().map(|kind| (kind.group().to_owned(), kind.plural().to_owned()));
    let acts = if config.actions.enabled { config.actions.policy().actions_in(&cluster.name) } else { BTreeSet::new() };
    Needs { watched: watched.chain(declared).collect(), acts, namespaces: cluster.namespaces.include.clone() }
}

/// Whether each cluster grants what is needed, and nothing dangerous.
pub(super) async fn check(config: &Config, findings: &mut Findings) -> Result<(), Failure> {
    let clusters = app::clusters::connections(config);
    for cluster in &config.clusters {
        let needed = rbac::needed(&needs(config, cluster));
        let places = match cluster.namespaces.include.as_slice() {
            [] => vec!["default".to_owned()],
            namespaces => namespaces.to_vec(),
        };
        for place in places {
            match clusters.permissions(&cluster.name, &place).await {
                Ok(granted) => judge(cluster, &place, &needed, &granted, findings)?,
                Err(error) => {
                    let fix = "check the kubeconfig, its token and the network to the API server";
                    findings.bad(&format!("{}: {error}", cluster.name), fix)?;
                }
            }
        }
    }
    Ok(())
}

fn judge(
    cluster: &Cluster,
    place: &str,
    needed: &[rbac::Reasoned],
    granted: &[rbac::Rule],
    findings: &mut Findings,
) -> Result<(), Failure> {
    let name = &cluster.name;
    let missing = rbac::missing(needed, granted);
    let of = if cluster.namespaces.include.is_empty() { String::new() } else { format!(" in {place}") };
    if missing.is_empty() {
        findings.good(&format!("{name}: every right that is needed is granted{of}"))?;
    }
    for it in missing {
        let what = format!("{name}: not allowed{of}: {} ({})", rbac::line(&it.rule), it.reason);
        let fix = format!("watchkeeper rbac --cluster {name} | kubectl --context … apply -f -");
        findings.bad(&what, &fix)?;
    }
    for danger in rbac::too_much(granted) {
        let fix = format!("bind it to the role that `watchkeeper rbac --cluster {name}` prints, and to no other");
        findings.bad(&format!("{name}: {danger}, which nothing here needs"), &fix)?;
    }
    Ok(())
}
