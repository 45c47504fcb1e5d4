//! How fast an incident was acknowledged and resolved, and what that comes to over several.

use std::time::Duration;

use crate::core::time::Timestamp;

use super::Incident;

/// What the alerts of an incident tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// When the first of its alerts fired.
    pub fired_at: Option<Timestamp>,
    /// When somebody first acknowledged one of them.
    pub acknowledged_at: Option<Timestamp>,
}

impl Figures {
    /// Of the moments at which something happened to its alerts.
    #[must_use]
    pub fn of<'a>(incident: &Incident, moments: impl IntoIterator<Item = &'a (u64, String, Timestamp)>) -> Self {
        let mut figures = Self::default();
        for (alert, action, at) in moments {
            let slot = match action.as_str() {
                "alert.fired" => &mut figures.fired_at,
                "alert.acknowledged" => &mut figures.acknowledged_at,
                _ => continue,
            };
            if incident.alerts.contains(alert) {
                *slot = Some(slot.map_or(*at, |known| known.min(*at)));
            }
        }
        figures
    }

    /// `None` when nobody acknowledged, or no alert is known.
    #[must_use]
    pub fn to_acknowledge(&self) -> Option<Duration> {
        Some(self.acknowledged_at?.since(self.fired_at?))
    }

    /// From the first alert, or from the declaration of what had none.
    #[must_use]
    pub fn to_resolve(&self, incident: &Incident) -> Option<Duration> {
        let began = self.fired_at.unwrap_or(incident.opened_at).min(incident.opened_at);
        Some(incident.over_at()?.since(began))
    }
}

/// Means over several incidents, and over how many of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Means {
    pub to_acknowledge: Option<(Duration, usize)>,
    pub to_resolve: Option<(Duration, usize)>,
}

impl Means {
    #[must_use]
    pub fn of(incidents: &[Incident], moments: &[(u64, String, Timestamp)]) -> Self {
        let figures: Vec<(&Incident, Figures)> =
            incidents.iter().map(|incident| (incident, Figures::of(incident, moments))).collect();
        let acknowledged: Vec<Duration> = figures.iter().filter_map(|(_, figures)| figures.to_acknowledge()).collect();
        let resolved: Vec<Duration> =
            figures.iter().filter_map(|(incident, figures)| figures.to_resolve(incident)).collect();
        Self { to_acknowledge: mean(&acknowledged), to_resolve: mean(&resolved) }
    }
}

fn mean(of: &[Duration]) -> Option<(Duration, usize)> {
    let count = u32::try_from(of.len()).ok().filter(|count| *count > 0)?;
    Some((of.iter().sum::<Duration>() / count, of.len()))
}
