//! The rules by name, with what is built in for each.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::core::severity::Severity;
use crate::core::workload::Kind;

/// A rule; its name is the alert's `alertname`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RuleName {
    ClusterUnreachable,
    KubeNodeNotReady,
    KubeNodeUnreachable,
    KubeNodePressure,
    KubeNodeReadinessFlapping,
    KubeNodeEviction,
    KubePodCrashLooping,
    KubePodNotReady,
    KubeContainerWaiting,
    KubeImagePullFailing,
    KubeContainerOomKilled,
    KubeDeploymentGenerationMismatch,
    KubeDeploymentReplicasMismatch,
    KubeDeploymentRolloutStuck,
    KubeStatefulSetGenerationMismatch,
    KubeStatefulSetReplicasMismatch,
    KubeStatefulSetUpdateNotRolledOut,
    KubeDaemonSetRolloutStuck,
    KubeDaemonSetNotScheduled,
    KubeDaemonSetMisScheduled,
    KubeJobNotCompleted,
    KubeJobFailed,
    KubeHpaReplicasMismatch,
    KubeHpaMaxedOut,
    KubePdbNotEnoughHealthyPods,
    KubePersistentVolumeClaimPending,
    CertManagerCertExpirySoon,
}

const MINUTE: u64 = 60;

impl RuleName {
    pub const ALL: [Self; 27] = [
        Self::ClusterUnreachable,
        Self::KubeNodeNotReady,
        Self::KubeNodeUnreachable,
        Self::KubeNodePressure,
        Self::KubeNodeReadinessFlapping,
        Self::KubeNodeEviction,
        Self::KubePodCrashLooping,
        Self::KubePodNotReady,
        Self::KubeContainerWaiting,
        Self::KubeImagePullFailing,
        Self::KubeContainerOomKilled,
        Self::KubeDeploymentGenerationMismatch,
        Self::KubeDeploymentReplicasMismatch,
        Self::KubeDeploymentRolloutStuck,
        Self::KubeStatefulSetGenerationMismatch,
        Self::KubeStatefulSetReplicasMismatch,
        Self::KubeStatefulSetUpdateNotRolledOut,
        Self::KubeDaemonSetRolloutStuck,
        Self::KubeDaemonSetNotScheduled,
        Self::KubeDaemonSetMisScheduled,
        Self::KubeJobNotCompleted,
        Self::KubeJobFailed,
        Self::KubeHpaReplicasMismatch,
        Self::KubeHpaMaxedOut,
        Self::KubePdbNotEnoughHealthyPods,
        Self::KubePersistentVolumeClaimPending,
        Self::CertManagerCertExpirySoon,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterUnreachable => "ClusterUnreachable",
            Self::KubeNodeNotReady => "KubeNodeNotReady",
            Self::KubeNodeUnreachable => "KubeNodeUnreachable",
            Self::KubeNodePressure => "KubeNodePressure",
            Self::KubeNodeReadinessFlapping => "KubeNodeReadinessFlapping",
            Self::KubeNodeEviction => "KubeNodeEviction",
            Self::KubePodCrashLooping => "KubePodCrashLooping",
            Self::KubePodNotReady => "KubePodNotReady",
            Self::KubeContainerWaiting => "KubeContainerWaiting",
            Self::KubeImagePullFailing => "KubeImagePullFailing",
            Self::KubeContainerOomKilled => "KubeContainerOomKilled",
            Self::KubeDeploymentGenerationMismatch => "KubeDeploymentGenerationMismatch",
            Self::KubeDeploymentReplicasMismatch => "KubeDeploymentReplicasMismatch",
            Self::KubeDeploymentRolloutStuck => "KubeDeploymentRolloutStuck",
            Self::KubeStatefulSetGenerationMismatch => "KubeStatefulSetGenerationMismatch",
            Self::KubeStatefulSetReplicasMismatch => "KubeStatefulSetReplicasMismatch",
            Self::KubeStatefulSetUpdateNotRolledOut => "KubeStatefulSetUpdateNotRolledOut",
            Self::KubeDaemonSetRolloutStuck => "KubeDaemonSetRolloutStuck",
            Self::KubeDaemonSetNotScheduled => "KubeDaemonSetNotScheduled",
            Self::KubeDaemonSetMisScheduled => "KubeDaemonSetMisScheduled",
            Self::KubeJobNotCompleted => "KubeJobNotCompleted",
            Self::KubeJobFailed => "KubeJobFailed",
            Self::KubeHpaReplicasMismatch => "KubeHpaReplicasMismatch",
            Self::KubeHpaMaxedOut => "KubeHpaMaxedOut",
            Self::KubePdbNotEnoughHealthyPods => "KubePdbNotEnoughHealthyPods",
            Self::KubePersistentVolumeClaimPending => "KubePersistentVolumeClaimPending",
            Self::CertManagerCertExpirySoon => "CertManagerCertExpirySoon",
        }
    }

    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }

    /// The kind it looks at; `None` for a cluster as a whole.
    #[must_use]
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::ClusterUnreachable => None,
            Self::KubeNodeNotReady
            | Self::KubeNodeUnreachable
            | Self::KubeNodePressure
            | Self::KubeNodeReadinessFlapping
            | Self::KubeNodeEviction => Some(Kind::Node),
            Self::KubePodCrashLooping
            | Self::KubePodNotReady
            | Self::KubeContainerWaiting
            | Self::KubeImagePullFailing
            | Self::KubeContainerOomKilled => Some(Kind::Pod),
            Self::KubeDeploymentGenerationMismatch
            | Self::KubeDeploymentReplicasMismatch
            | Self::KubeDeploymentRolloutStuck => Some(Kind::Deployment),
            Self::KubeStatefulSetGenerationMismatch
            | Self::KubeStatefulSetReplicasMismatch
            | Self::KubeStatefulSetUpdateNotRolledOut => Some(Kind::StatefulSet),
            Self::KubeDaemonSetRolloutStuck | Self::KubeDaemonSetNotScheduled | Self::KubeDaemonSetMisScheduled => {
                Some(Kind::DaemonSet)
            }
            Self::KubeJobNotCompleted | Self::KubeJobFailed => Some(Kind::Job),
            Self::KubeHpaReplicasMismatch | Self::KubeHpaMaxedOut => Some(Kind::HorizontalPodAutoscaler),
            Self::KubePdbNotEnoughHealthyPods => Some(Kind::PodDisruptionBudget),
            Self::KubePersistentVolumeClaimPending => Some(Kind::PersistentVolumeClaim),
            Self::CertManagerCertExpirySoon => Some(Kind::Certificate),
        }
    }

    /// Severity, `for` and `keep_firing_for` (both in seconds) when configuration says nothing else.
    pub(super) const fn built_in(self) -> (Severity, u64, u64) {
        match self {
            // Restarts of an API server take less; it lets go after its watches are back.
            Self::ClusterUnreachable => (Severity::Critical, MINUTE, 30),
            Self::KubeNodePressure => (Severity::Info, 10 * MINUTE, 0),
            Self::KubeNodeEviction => (Severity::Info, 0, 0),
            Self::KubeContainerWaiting => (Severity::Warning, 60 * MINUTE, 0),
            Self::KubeDaemonSetNotScheduled => (Severity::Warning, 10 * MINUTE, 0),
            // A registry's hiccup is over sooner.
            Self::KubeImagePullFailing => (Severity::Warning, 5 * MINUTE, 0),
            Self::KubeJobNotCompleted | Self::KubeContainerOomKilled | Self::CertManagerCertExpirySoon => {
                (Severity::Warning, 0, 0)
            }
            Self::KubeNodeNotReady
            | Self::KubeNodeUnreachable
            | Self::KubeNodeReadinessFlapping
            | Self::KubePodCrashLooping
            | Self::KubePodNotReady
            | Self::KubeDeploymentGenerationMismatch
            | Self::KubeDeploymentReplicasMismatch
            | Self::KubeDeploymentRolloutStuck
            | Self::KubeStatefulSetGenerationMismatch
            | Self::KubeStatefulSetReplicasMismatch
            | Self::KubeStatefulSetUpdateNotRolledOut
            | Self::KubeDaemonSetRolloutStuck
            | Self::KubeDaemonSetMisScheduled
            | Self::KubeJobFailed
            | Self::KubeHpaReplicasMismatch
            | Self::KubeHpaMaxedOut
            | Self::KubePdbNotEnoughHealthyPods
            | Self::KubePersistentVolumeClaimPending => (Severity::Warning, 15 * MINUTE, 0),
        }
    }

    /// Whether the mixin has it, and with it a runbook.
    #[must_use]
    pub const fn in_mixin(self) -> bool {
        !matches!(
            self,
            Self::ClusterUnreachable
                | Self::KubeImagePullFailing
                | Self::KubeContainerOomKilled
                | Self::KubePersistentVolumeClaimPending
                | Self::CertManagerCertExpirySoon
        )
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
