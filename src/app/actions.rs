//! Operations as the use cases take them.

use crate::config::Config;
use crate::flow::actions;

pub(super) fn settings(config: &Config) -> actions::Settings {
    actions::Settings {
        enabled: config.actions.enabled,
        channel: config.actions.channel.clone(),
        policy: config.actions.policy(),
    }
}
