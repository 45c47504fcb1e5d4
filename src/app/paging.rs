//! Paging services as configuration and environment name them.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::config::Config;
use crate::config::secrets::Environment;
use crate::paging::{Pagerduty, Paging, Webhook};

use super::StartError;

pub(super) fn services(config: &Config, environment: &Environment) -> Result<Paging, StartError> {
    let key = |name: &str, variable: &str| -> Result<SecretString, StartError> {
        let secret = environment.secret(variable)?.filter(|secret| !secret.expose_secret().trim().is_empty());
        secret.ok_or_else(|| StartError::Paging {
            service: name.to_owned(),
            error: format!(
                "{variable} is not set; give its key there, or the path of a file that holds it in {variable}_FILE"
            ),
        })
    };
    let address = |name: &str, url: &str| -> Result<Url, StartError> {
        Url::parse(url).map_err(|error| StartError::Paging { service: name.to_owned(), error: error.to_string() })
    };
    let mut pagerduty = BTreeMap::new();
    for one in &config.paging.pagerduty {
        let routing_key = key(&one.name, &one.routing_key_env)?;
        pagerduty.insert(one.name.clone(), Pagerduty { url: address(&one.name, &one.url)?, routing_key });
    }
    let mut webhooks = BTreeMap::new();
    for one in &config.paging.webhooks {
        let secret = key(&one.name, &one.secret_env)?;
        webhooks.insert(one.name.clone(), Webhook { url: address(&one.name, &one.url)?, secret });
    }
    let paging = Paging::new(pagerduty, webhooks);
    paging.map_err(|error| StartError::Paging { service: "all".to_owned(), error: error.to_string() })
}
