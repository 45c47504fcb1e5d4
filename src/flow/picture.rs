//! Charts for living messages: drawn from the recent past when the effect's turn comes, uploaded, and shown by an edit.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use crate::chart;
use crate::core::engine::Changes;
use crate::core::feed::FeedId;
use crate::core::ids::GroupId;
use crate::core::time::Timestamp;
use crate::slack::api::{ApiError, Upload};
use crate::store::{StoreError, Tx, facts};

use super::Flow;
use super::divide::views::About;
use super::effect::Charted;
use super::render::Scene;

/// Facts with this prefix say which uploaded file is which group's chart.
pub(super) const CHART: &str = "chart:";

/// As a process left them.
pub(super) fn restored(rows: Vec<(String, String)>) -> BTreeMap<GroupId, String> {
    rows.into_iter().filter_map(|(key, file)| Some((GroupId::new(key.strip_prefix(CHART)?), file))).collect()
}

impl Flow {
    /// Slack's file id of a group's chart.
    pub(super) fn chart_of(&self, group: &GroupId) -> Option<String> {
        self.charts.read().unwrap_or_else(PoisonError::into_inner).get(group).cloned()
    }

    /// Uploads a chart; gives Slack's file id, or `None` when there is nothing to draw.
    pub(super) async fn upload_chart(&self, of: &Charted, since: Timestamp) -> Result<Option<String>, ApiError> {
        match of {
            Charted::Feed(feed) => self.upload_price_chart(*feed, since).await,
            Charted::Wallet { account } => self.upload_wallet_chart(account, since).await,
        }
    }

    async fn upload_price_chart(&self, feed: FeedId, since: Timestamp) -> Result<Option<String>, ApiError> {
        if !self.watches_feed(&feed) {
            self.consult(About::Feeds).await;
        }
        let (samples, title) = {
            let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(view) = watch.feed(&feed) else { return Ok(None) };
            (view.history(), view.feed().short_symbol().to_owned())
        };
        let sample = |s: &crate::core::detect::Sample| chart::Sample {
            at: s.at,
            price: s.price.to_f64(),
            conf: s.conf.to_f64(),
        };
        let points: Vec<chart::Sample> = samples.iter().map(sample).collect();
        let marks = chart::Marks { incident_at: Some(since), until: Some(self.now()), ..chart::Marks::default() };
        let bytes = match chart::price_chart(&points, &title, &marks) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(error = %error, "could not draw a chart");
                return Ok(None);
            }
        };
        let alt_text = format!("Price of {title} with its confidence band over the last hour");
        let filename = format!("{}.png", title.replace('/', "-").to_lowercase());
        self.api.upload_file(&Upload { filename, title, alt_text, bytes }, None).await.map(Some)
    }

    /// Remembers the uploaded chart and edits it into the message. The caller keeps decisions away until the commit.
    pub(super) async fn show_chart(
        &self,
        tx: &mut Tx,
        group: &GroupId,
        file: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        facts::put(tx, &format!("{CHART}{group}"), &file, now).await?;
        self.charts.write().unwrap_or_else(PoisonError::into_inner).insert(group.clone(), file);
        let show = {
            let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
            let (changes, runs) = (Changes::default(), BTreeMap::new());
            let scene = Scene { engine: &engine, changes: &changes, flow: self, runs: &runs, now };
            engine.group(group).and_then(|group| scene.look(group, false))
        };
        if let Some((effect, priority)) = show {
            self.enqueue(tx, &effect, priority, now).await?;
        }
        Ok(())
    }
}
