//! Operations as the use cases take them.

use url::Url;

use crate::ci;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::config::secrets::Environment;
use crate::flow::actions;

use super::StartError;

pub(super) fn settings(config: &Config) -> actions::Settings {
    actions::Settings {
        enabled: config.actions.enabled,
        channel: config.actions.channel.clone(),
        policy: config.actions.policy(),
        workflows: config.actions.workflows.clone(),
    }
}

/// Whoever runs workflows.
pub(super) fn ci(config: &Config, environment: &Environment, clock: &SharedClock) -> Result<ci::Hands, StartError> {
    let failed = |error: String| StartError::GitHub(error);
    let settings = match github(config, environment) {
        None => None,
        Some(settings) => Some(settings.map_err(failed)?),
    };
    ci::Hands::new(settings, clock.clone()).map_err(|error| failed(error.to_string()))
}

/// GitHub as configuration and environment name it; `None` when nothing does.
pub fn github(config: &Config, environment: &Environment) -> Option<Result<ci::Settings, String>> {
    let github = config.actions.github.as_ref()?;
    let settings = || {
        let url = Url::parse(&github.url).map_err(|error| error.to_string())?;
        let token = environment.secret(&github.token_env).map_err(|error| error.to_string())?;
        let missing = || format!("{} is not set; give a token there", github.token_env);
        Ok(ci::Settings { url, token: token.ok_or_else(missing)? })
    };
    Some(settings())
}
