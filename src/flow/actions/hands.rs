//! Whoever does what was approved: each realm of targets has hands of its own, and a target's sort says whose it is.

use std::time::Duration;

use super::Settings;
use crate::chain;
use crate::ci;
use crate::clock::SharedClock;
use crate::cluster::{self, Clusters};
use crate::core::action::approval::Approved;
use crate::core::action::found::{CannotPlan, Settled};
use crate::core::action::journal::{Journal, SETTLE, Tried};
use crate::core::action::kind::Action;
use crate::core::action::plan::{Plan, Preview};
use crate::core::action::target::{Sort, Target};
use crate::core::time::Timestamp;

#[derive(Clone, Debug)]
pub(in crate::flow) struct Hands {
    clusters: cluster::write::Hands,
    ci: ci::Hands,
    /// Used through [`super::pay`], which knows who may be paid.
    pub(super) wallets: chain::write::Hands,
}

/// How long hands wait for what they cannot hurry.
#[derive(Clone, Copy, Debug)]
pub(in crate::flow) struct Patience {
    /// What may have been written is looked for, then a person has to.
    pub look_for: Duration,
    /// What it means when that was in vain.
    pub lost: &'static str,
    /// What was written may take so long to come to rest.
    pub settle: Duration,
}

impl Hands {
    pub fn new(clusters: Clusters, ci: ci::Hands, wallets: chain::write::Hands, clock: SharedClock) -> Self {
        Self { clusters: cluster::write::Hands::new(clusters, clock), ci, wallets }
    }

    pub async fn preview(
        &self,
        settings: &Settings,
        action: &Action,
        target: &Target,
        now: Timestamp,
    ) -> Result<Preview, CannotPlan> {
        let Action::Dispatch { inputs } = action else { return self.clusters.preview(action, target, now).await };
        let workflow = settings.workflow(&target.name);
        let unknown = || CannotPlan::NotPossible(format!("the configuration names no workflow {}", target.name));
        self.ci.preview(workflow.ok_or_else(unknown)?, inputs, now).await
    }

    pub async fn carry_out(&self, plan: &Approved<Plan>, step: usize, stamp: Timestamp) -> Tried {
        match plan.target.sort {
            Sort::Workflow => self.ci.carry_out(plan, step).await,
            _ => self.clusters.carry_out(plan, step, stamp).await,
        }
    }

    pub async fn observe(&self, plan: &Approved<Plan>, step: usize, stamp: Timestamp) -> Tried {
        match plan.target.sort {
            Sort::Workflow => self.ci.observe(plan, step, stamp).await,
            _ => self.clusters.observe(plan, step, stamp).await,
        }
    }

    pub async fn settled(&self, plan: &Approved<Plan>, journal: &Journal) -> Settled {
        match plan.target.sort {
            Sort::Workflow => self.ci.settled(plan, journal).await,
            _ => self.clusters.settled(plan).await,
        }
    }

    pub fn patience(target: &Target) -> Patience {
        match target.sort {
            Sort::Workflow => Patience {
                look_for: ci::LISTED_WITHIN,
                lost: "it was sent, the answer was lost, and GitHub shows no run of it",
                settle: ci::LONGEST_RUN,
            },
            // A block can be that far away, and until it expires a transaction may still come.
            Sort::Wallet => Patience {
                look_for: Duration::from_mins(2),
                lost: "nothing was signed, and that is not written down",
                settle: SETTLE,
            },
            _ => Patience {
                look_for: Duration::from_secs(10),
                lost: "it was sent, the answer was lost, and the cluster cannot be looked at",
                settle: SETTLE,
            },
        }
    }
}
