//! What Git declares: news from the clusters into the list of apps, and answers out of it.

use std::sync::PoisonError;

use crate::core::alert::Alert;
use crate::core::command::gitops::Ask;
use crate::core::gitops::apps::{Apps, Event, Reach, Scope};
use crate::core::gitops::rules::{GitOps, argo_page};
use crate::core::gitops::{AppId, apps};
use crate::slack::blocks::gitops::{self, AppCard, AppsView, Setup};
use crate::slack::message::Message;

use super::Flow;

impl Flow {
    /// Looks at the apps as they are known now. Not for long: their news waits meanwhile.
    pub fn with_apps<T>(&self, look: impl FnOnce(&Apps) -> T) -> T {
        look(&self.apps.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes news of apps in, in order.
    pub fn observe_gitops(&self, events: Vec<Event>) {
        let now = self.now();
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            if let Event::Reach { scope, reach: Reach::Denied { message } } = &event {
                tracing::warn!(cluster = scope.cluster, kind = %scope.kind, error = message, "GitOps objects are not readable");
            }
            apps.handle(event, now);
        }
    }

    /// New rules for apps hold from the next tick on.
    pub fn set_gitops(&self, rules: GitOps) {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner).set_rules(rules);
    }

    pub(super) fn answer_gitops(&self, ask: &Ask) -> Message {
        self.with_apps(|apps| match ask {
            Ask::Apps { filter, page } => self.app_list(apps, filter.as_deref(), *page),
            Ask::App { name } => self.app_card(apps, name),
        })
    }

    fn app_list(&self, apps: &Apps, filter: Option<&str>, page: u32) -> Message {
        let blind: Vec<(&Scope, &Reach)> = apps.blind_spots().collect();
        let setup = match (apps.any_cluster(), apps.any_tool()) {
            (false, _) => Setup::NoCluster,
            (true, false) => Setup::NoTool,
            (true, true) => Setup::Watched,
        };
        let found = apps.list(filter);
        gitops::apps(&AppsView { apps: &found, filter, page, blind: &blind, setup, now: self.now() })
    }

    fn app_card(&self, apps: &Apps, name: &str) -> Message {
        let found = apps.named(name);
        let [view] = found[..] else {
            return if found.is_empty() { gitops::no_such_app(name) } else { gitops::which_app(name, &found) };
        };
        self.with_engine(|engine, _, now| {
            let of_app = engine.alerts().filter(|alert| !alert.resolved() && is_about(alert, view));
            let numbered =
                |alert| (engine.groups_of(Alert::fingerprint(alert)).next().map(|group| group.number), alert);
            let alerts: Vec<(Option<u64>, &Alert)> = of_app.map(numbered).collect();
            let page = argo_page(view.app, apps.rules());
            gitops::app(&AppCard { view, alerts: &alerts, page: page.as_deref(), now })
        })
    }
}

fn is_about(alert: &Alert, view: apps::View) -> bool {
    let AppId { cluster, kind, namespace, name } = &view.app.id;
    let wanted = [("cluster", cluster.as_str()), ("kind", kind.as_str()), ("namespace", namespace), ("app", name)];
    wanted.iter().all(|(label, value)| alert.labels.get(label) == Some(value))
}
