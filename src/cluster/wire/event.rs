//! Events, as listed.

use serde::Deserialize;

use super::brief;
use super::leaf::{Fields, Int, Text, When};
use crate::core::workload::{Event, Id};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Said {
    involved_object: Fields<About>,
    #[serde(rename = "type")]
    kind: Text,
    reason: Text,
    message: Text,
    count: Int,
    last_timestamp: When,
    event_time: When,
    first_timestamp: When,
    series: Fields<Series>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct About {
    kind: Text,
    name: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    count: Int,
    last_observed_time: When,
}

impl Said {
    /// A server that knows no field selectors gives all.
    pub fn about(&self, id: &Id) -> bool {
        let about = &self.involved_object.0;
        about.kind.0 == id.kind.as_str() && about.name.0 == *id.name
    }

    pub fn event(&self) -> Event {
        let series = &self.series.0;
        let times = [series.last_observed_time, self.last_timestamp, self.event_time, self.first_timestamp];
        Event {
            at: times.into_iter().find_map(|at| at.0),
            warning: self.kind.0 == "Warning",
            reason: brief(&self.reason.0),
            message: brief(&self.message.0),
            count: series.count.or(self.count.or(1)),
        }
    }
}
