//! Reference prices: which exchanges to ask, and for which of the feeds under watch.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::config::Config;
use crate::config::sources::{References, Venue};
use crate::core::feed::{Feed, Observation};
use crate::feeds::reference::{self, Settings, VenueKind, VenueSettings};
use crate::flow::Flow;

use super::loops::every;

/// The catalogue changes rarely.
const LOOK_AT_FEEDS: Duration = Duration::from_secs(5);

pub(super) fn spawn(
    flow: &Arc<Flow>,
    config: &Config,
    out: mpsc::Sender<Observation>,
    seed: u64,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let References { symbols, every: length, .. } = config.references.clone();
    if symbols.is_empty() {
        return;
    }
    let settings = Settings { every: length.duration(), ..Settings::new(venues(&config.references)) };
    let (tell, feeds) = watch::channel(Vec::new());
    tasks.spawn(every(flow, LOOK_AT_FEEDS, stop.clone(), move |flow| {
        let wanted: Vec<Feed> = flow.feeds().into_iter().filter(|feed| symbols.contains(&feed.symbol)).collect();
        tell.send_if_modified(|known| {
            let changed = *known != wanted;
            *known = wanted;
            changed
        });
        std::future::ready(())
    }));
    let (clock, stop) = (flow.clock.clone(), stop.clone());
    tasks.spawn(async move {
        if let Err(error) = reference::run(settings, feeds, clock, seed, out, stop).await {
            tracing::error!(error = %error, "no reference prices: the HTTP client cannot be set up");
        }
    });
}

fn venues(references: &References) -> Vec<VenueSettings> {
    let venue = |kind| -> &Venue {
        match kind {
            VenueKind::Coinbase => &references.coinbase,
            VenueKind::Kraken => &references.kraken,
            VenueKind::Binance => &references.binance,
            VenueKind::Coingecko => &references.coingecko,
        }
    };
    let enabled = VenueKind::ALL.into_iter().filter(|kind| venue(*kind).enabled);
    let settings = enabled.filter_map(|kind| {
        let url = venue(kind).url.as_deref().unwrap_or(kind.default_url());
        // The configuration was checked: every address is one.
        Some(VenueSettings::new(kind, Url::parse(url).ok()?))
    });
    settings.collect()
}
