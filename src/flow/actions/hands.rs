//! Whoever does what was approved: each realm of targets has hands of its own, and a target's sort says whose it is.

use crate::clock::SharedClock;
use crate::cluster::{self, Clusters};
use crate::core::action::approval::Approved;
use crate::core::action::found::{CannotPlan, Settled};
use crate::core::action::journal::Tried;
use crate::core::action::kind::Action;
use crate::core::action::plan::{Plan, Preview};
use crate::core::action::target::Target;
use crate::core::time::Timestamp;

#[derive(Clone, Debug)]
pub(in crate::flow) struct Hands {
    clusters: cluster::write::Hands,
}

impl Hands {
    pub fn new(clusters: Clusters, clock: SharedClock) -> Self {
        Self { clusters: cluster::write::Hands::new(clusters, clock) }
    }

    pub async fn preview(&self, action: &Action, target: &Target, now: Timestamp) -> Result<Preview, CannotPlan> {
        self.clusters.preview(action, target, now).await
    }

    pub async fn carry_out(&self, plan: &Approved<Plan>, step: usize, stamp: Timestamp) -> Tried {
        self.clusters.carry_out(plan, step, stamp).await
    }

    pub async fn observe(&self, plan: &Approved<Plan>, step: usize, stamp: Timestamp) -> Tried {
        self.clusters.observe(plan, step, stamp).await
    }

    pub async fn settled(&self, plan: &Approved<Plan>) -> Settled {
        self.clusters.settled(plan).await
    }
}
