//! The messages about what Git declares, made from given outside texts.

use super::super::gitops::{AppCard, AppsView, Setup, app, apps, managed, no_such_app, which_app};
use super::super::kit;
use super::world::{NOW, Named, Outside, before, firing};
use crate::core::gitops::apps::{Reach, Scope, View};
use crate::core::gitops::manager::{By, Manager, Reverts};
use crate::core::gitops::revision::Revision;
use crate::core::gitops::testing::{SHA, app as healthy, failed, scope};
use crate::core::gitops::{
    App, Automation, Health, Kind, Note, Operation, Problem, Resource, Since, Steps, Suspended, Sync,
};

fn since(secs: u64) -> Since {
    Since { sync: Some(before(secs)), health: Some(before(secs)) }
}

fn broken(outside: &Outside, count: usize) -> App {
    let resource = |index: usize| Resource {
        kind: "Deployment".to_owned(),
        namespace: outside.name.clone(),
        name: format!("{}-{index}", outside.symbol),
        problem: if index == 0 { Problem::NotApplied(outside.error.clone()) } else { Problem::OutOfSync },
    };
    let note = Note {
        name: "ComparisonError".to_owned(),
        message: outside.comment.clone(),
        bad: true,
        since: Some(before(600)),
    };
    App {
        sync: Some(failed(&outside.error)),
        health: Health::Degraded { message: outside.cause.clone() },
        since: since(2040),
        automation: Automation::SelfHealing,
        operation: Some(Operation {
            phase: "Failed".to_owned(),
            message: outside.error.clone(),
            at: Some(before(120)),
            by: Some(outside.name.clone()),
            revision: Revision::parse(SHA),
        }),
        notes: vec![note.clone(), Note { name: outside.value.clone(), ..note }],
        resources: (0..count).map(resource).collect(),
        images: (0..count).map(|index| format!("ghcr.io/pyth/{}:v{index}", outside.name)).collect(),
        owner: Some(outside.name.clone()),
        ..named(Kind::Application, outside)
    }
}

fn named(kind: Kind, outside: &Outside) -> App {
    let mut app = healthy(kind, &outside.symbol);
    app.id.namespace.clone_from(&outside.name);
    app
}

fn suspended(outside: &Outside) -> App {
    App {
        suspended: Some(Suspended { since: Some(before(200_000)), by: Some(outside.name.clone()) }),
        ..named(Kind::Kustomization, outside)
    }
}

fn paused(outside: &Outside) -> App {
    App {
        health: Health::Paused { message: outside.cause.clone() },
        since: since(5400),
        steps: Some(Steps { current: 2, count: 8, weight: Some(20), aborted: false }),
        origin: None,
        revision: None,
        ..named(Kind::Rollout, outside)
    }
}

pub fn messages(outside: &Outside, count: usize) -> Named {
    let broken = broken(outside, count);
    let drifted = App {
        sync: Some(Sync::OutOfSync { message: String::new() }),
        since: since(7200),
        resources: broken.resources.get(1..).unwrap_or_default().to_vec(),
        automation: Automation::Manual,
        ..named(Kind::Application, outside)
    };
    let source = named(Kind::GitRepository, outside);
    let newer = App { revision: Revision::parse("main@sha1:00112233445566778899aabb"), ..source.clone() };
    let behind = App { origin: None, source: Some(source.id.clone()), ..named(Kind::Kustomization, outside) };
    let (suspended, paused, good) = (suspended(outside), paused(outside), named(Kind::HelmRelease, outside));
    let plain = |app| View { app, source: None };
    let behind = View { app: &behind, source: Some(&newer) };
    let mut all = vec![plain(&broken), plain(&drifted), behind, plain(&suspended), plain(&paused), plain(&good)];
    all.extend(std::iter::repeat_n(plain(&good), count * 10));
    let (denied, lost) =
        (Reach::Denied { message: outside.error.clone() }, Reach::Lost { message: outside.error.clone() });
    let spots: Vec<(Scope, Reach)> = vec![
        (scope(Kind::Rollout), denied),
        (Scope { cluster: outside.symbol.clone(), namespace: Some(outside.name.clone()), ..scope(Kind::Bucket) }, lost),
    ];
    let blind: Vec<_> = spots.iter().map(|(scope, reach)| (scope, reach)).collect();
    let view = AppsView { apps: &all, filter: None, page: 1, blind: &blind, setup: Setup::Watched, now: NOW };
    let alerts = [firing(outside, 0)];
    let alerts: Vec<_> = alerts.iter().map(|alert| (Some(17), alert)).collect();
    let card = |view| AppCard { view, alerts: &[], page: None, now: NOW };
    let by = By::Kustomization { namespace: outside.name.clone(), name: outside.symbol.clone() };
    let filter = Some(outside.symbol.as_str());
    vec![
        ("apps", apps(&view)),
        ("apps_page", apps(&AppsView { filter, page: 2, blind: &[], ..view })),
        ("apps_none", apps(&AppsView { apps: &[], filter, ..view })),
        ("apps_no_tool", apps(&AppsView { apps: &[], blind: &[], setup: Setup::NoTool, ..view })),
        ("apps_no_cluster", apps(&AppsView { apps: &[], blind: &[], setup: Setup::NoCluster, ..view })),
        (
            "app_failed",
            app(&AppCard { alerts: &alerts, page: Some("https://argocd.example.com/x"), ..card(plain(&broken)) }),
        ),
        ("app_drifted", app(&card(plain(&drifted)))),
        ("app_behind", app(&card(behind))),
        ("app_suspended", app(&card(plain(&suspended)))),
        ("app_rollout", app(&card(plain(&paused)))),
        ("app_source", app(&card(plain(&source)))),
        ("app_unknown", no_such_app(&outside.symbol)),
        ("app_which", which_app(&outside.symbol, &all)),
        ("managed", kit::line(&managed(&Manager { by, reverts: Reverts::Soon }))),
    ]
}

#[test]
fn every_way_a_change_is_undone_is_told() {
    let by = || By::Application { namespace: None, name: "prices".to_owned() };
    let lines: Vec<_> = [Reverts::Soon, Reverts::AtSync, Reverts::AtUpgrade, Reverts::Never]
        .map(|reverts| managed(&Manager { by: by(), reverts }))
        .into();
    insta::assert_snapshot!(lines.join("\n"));
}
