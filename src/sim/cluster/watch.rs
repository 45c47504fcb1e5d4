//! Lists and watches, as `kubectl get` and informers use them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};

use super::json::remove;
use super::kinds::Resource;
use super::objects::{Happened, key_of};
use super::refusal::Refusal;
use super::select::Selection;
use super::server::Query;
use super::{Cluster, Open};

/// How often a watch that asked for it is told how far it is.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
/// A watch that does not say how long it wants to be.
const TIMEOUT: Duration = Duration::from_mins(30);

/// Shows objects whole, or only their meta data when the caller asks for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Whole,
    Metadata,
}

impl View {
    pub fn of(accept: &str) -> Self {
        if accept.contains("as=PartialObjectMetadata") { Self::Metadata } else { Self::Whole }
    }

    pub fn show(self, object: &Value) -> Value {
        match self {
            Self::Whole => object.clone(),
            Self::Metadata => json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
            }),
        }
    }
}

pub(super) fn list(
    cluster: &Cluster,
    resource: &Resource,
    selection: &Selection,
    query: &Query,
    view: View,
) -> Result<Value, Refusal> {
    let state = cluster.state();
    let objects = &state.objects;
    let after = match query.text("continue") {
        "" => None,
        token => {
            let (revision, key) = token.split_once('.').unwrap_or_default();
            if revision.parse::<u64>().map_err(|_| Refusal::bad_request("continue key is not valid"))?
                < objects.compacted
            {
                let message = "The provided continue parameter is too old to display a consistent list result. You can \
                               start a new list without the continue parameter.";
                return Err(Refusal::expired(message));
            }
            key.split_once('/').map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
        }
    };
    let limit = query.number("limit").unwrap_or(0);
    let rest = |object: &&Value| after.as_ref().is_none_or(|after| key_of(object) > *after) && selection.takes(object);
    let mut found = objects.all(resource.plural).filter(rest);
    let limit = usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let page: Vec<&Value> = found.by_ref().take(limit).collect();
    let remaining = found.count();
    let mut metadata = json!({"resourceVersion": objects.revision.to_string()});
    if let (true, Some(last)) = (remaining > 0, page.last()) {
        let (namespace, name) = key_of(last);
        metadata["continue"] = format!("{}.{namespace}/{name}", objects.revision).into();
        metadata["remainingItemCount"] = remaining.into();
    }
    let items: Vec<Value> = page
        .into_iter()
        .map(|object| {
            let mut shown = view.show(object);
            if view == View::Whole {
                remove(&mut shown, &["kind"]);
                remove(&mut shown, &["apiVersion"]);
            }
            shown
        })
        .collect();
    let (kind, version) = match view {
        View::Whole => (format!("{}List", resource.kind), resource.api_version()),
        View::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
    };
    Ok(json!({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items}))
}

struct Watching {
    cluster: Arc<Cluster>,
    resource: &'static Resource,
    selection: Selection,
    view: View,
    /// Told up to here.
    revision: u64,
    lines: VecDeque<String>,
    bookmarks: bool,
    ends_in: Duration,
    over: bool,
    changed: tokio::sync::watch::Receiver<u64>,
    cut: tokio::sync::watch::Receiver<u64>,
    _open: Open,
}

pub(super) fn watch(
    cluster: Arc<Cluster>,
    resource: &'static Resource,
    selection: Selection,
    query: &Query,
    view: View,
) -> Result<Response, Refusal> {
    let bookmarks = query.flag("allowWatchBookmarks");
    let initial = query.flag("sendInitialEvents");
    if initial && query.text("resourceVersionMatch") != "NotOlderThan" {
        let why =
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err(Refusal::new(422, "Invalid", format!("ListOptions.meta.k8s.io \"\" is invalid: {why}")));
    }
    let from = query.text("resourceVersion");
    let from: u64 = if from.is_empty() {
        0
    } else {
        from.parse().map_err(|_| Refusal::bad_request("Invalid value: resourceVersion"))?
    };
    let (changed, cut) = (cluster.changed.subscribe(), cluster.cut.subscribe());
    let open = Open::new(cluster.clone());
    let mut watching = Watching {
        cluster,
        resource,
        selection,
        view,
        revision: from,
        lines: VecDeque::new(),
        bookmarks,
        ends_in: query
            .number("timeoutSeconds")
            .and_then(|it| u64::try_from(it).ok())
            .map_or(TIMEOUT, Duration::from_secs),
        over: false,
        changed,
        cut,
        _open: open,
    };
    watching.begin(from, initial);
    let lines = stream::unfold(watching, |mut watching| async move {
        let line = watching.next().await?;
        Some((Ok::<_, Infallible>(line), watching))
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(lines)).into_response())
}

impl Watching {
    fn begin(&mut self, from: u64, initial: bool) {
        let cluster = self.cluster.clone();
        let state = cluster.state();
        if from == 0 || initial {
            for object in state.objects.all(self.resource.plural).filter(|object| self.selection.takes(object)) {
                self.lines.push_back(line(Happened::Added.as_str(), &self.view.show(object)));
            }
            self.revision = state.objects.revision;
            if initial {
                self.bookmark(json!({"k8s.io/initial-events-end": "true"}));
            }
        } else if from < state.objects.compacted {
            let message = format!("too old resource version: {from} ({})", state.objects.compacted);
            self.lines.push_back(line("ERROR", &Refusal::expired(message).body()));
            self.over = true;
        }
    }

    fn bookmark(&mut self, annotations: Value) {
        let mut metadata = json!({"resourceVersion": self.revision.to_string(), "creationTimestamp": null});
        if annotations.as_object().is_some_and(|it| !it.is_empty()) {
            metadata["annotations"] = annotations;
        }
        let (kind, version) = match self.view {
            View::Whole => (self.resource.kind.to_owned(), self.resource.api_version()),
            View::Metadata => ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned()),
        };
        self.lines.push_back(line("BOOKMARK", &json!({"kind": kind, "apiVersion": version, "metadata": metadata})));
    }

    fn collect(&mut self) {
        let cluster = self.cluster.clone();
        let state = cluster.state();
        if self.revision < state.objects.compacted {
            let message = format!("too old resource version: {} ({})", self.revision, state.objects.compacted);
            self.lines.push_back(line("ERROR", &Refusal::expired(message).body()));
            self.over = true;
            return;
        }
        for change in state.objects.since(self.resource.plural, self.revision) {
            if self.selection.takes(&change.object) {
                self.lines.push_back(line(change.happened.as_str(), &self.view.show(&change.object)));
            }
        }
        self.revision = state.objects.revision;
    }

    /// The next line; `None` ends the watch.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            // Marked seen before looking, so that what comes meanwhile wakes it again.
            self.changed.borrow_and_update();
            self.collect();
            if !self.lines.is_empty() || self.over {
                continue;
            }
            let wait = BOOKMARK_EVERY.min(self.ends_in);
            tokio::select! {
                changed = self.changed.changed() => changed.ok()?,
                // Cut or gone: either way it is over.
                _ = self.cut.changed() => return None,
                () = self.cluster.clock.sleep(wait) => {
                    self.ends_in = self.ends_in.saturating_sub(wait);
                    if self.bookmarks {
                        self.bookmark(json!({}));
                    }
                    self.over = self.ends_in.is_zero();
                }
            }
        }
    }
}

fn line(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}
