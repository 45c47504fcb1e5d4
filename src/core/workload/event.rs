//! What the cluster's own components said about an object.

use crate::core::time::Timestamp;

/// A Kubernetes Event, slim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it last happened, by the cluster's clock.
    pub at: Option<Timestamp>,
    pub warning: bool,
    /// `FailedScheduling`, `BackOff` …
    pub reason: Box<str>,
    pub message: Box<str>,
    pub count: i32,
}
