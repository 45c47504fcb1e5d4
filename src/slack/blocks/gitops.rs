//! What Git declares and clusters run: the list of apps, one app's card, and whose an object is.

use super::feed::alert_line;
use super::kit;
use super::pages::Page;
use super::words::{ago, bold, code, count, fenced, moment, plain, said};
use crate::core::alert::Alert;
use crate::core::gitops::apps::{Reach, Scope, View};
use crate::core::gitops::manager::{Manager, Reverts};
use crate::core::gitops::revision::shown_address;
use crate::core::gitops::{App, AppId, Automation, Health, Kind, Standing, Steps, Sync};
use crate::core::time::{Timestamp, spoken};
use crate::slack::message::Message;

/// As many as a phone scrolls through without losing the buttons.
const PAGE: usize = 15;

/// What the answer to `/wk apps` is made from.
#[derive(Clone, Copy, Debug)]
pub struct AppsView<'a> {
    /// All that the filter lets through, in the order to show.
    pub apps: &'a [View<'a>],
    pub filter: Option<&'a str>,
    /// From 1; one past the end shows the last page.
    pub page: u32,
    /// What cannot be seen, and why.
    pub blind: &'a [(&'a Scope, &'a Reach)],
    pub setup: Setup,
    pub now: Timestamp,
}

/// How much there is to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    NoCluster,
    /// None of the clusters has any of the tools, as far as is known.
    NoTool,
    Watched,
}

/// All apps, the worst first.
#[must_use]
pub fn apps(view: &AppsView) -> Message {
    let AppsView { apps, filter, page, now, .. } = view;
    let of = filter.map_or_else(String::new, |filter| format!(" matching {}", bold(filter)));
    if apps.is_empty() {
        let text = match view.setup {
            Setup::NoCluster => "I watch no cluster. Name one under `clusters` in the configuration.".to_owned(),
            Setup::NoTool => "None of my clusters has Argo CD, Flux or Argo Rollouts.".to_owned(),
            Setup::Watched => format!("There is no app{of}."),
        };
        let mut blocks = vec![kit::section(&text)];
        blocks.extend(blind(view));
        return kit::message(&text, &blocks, None);
    }
    let page = Page::of(apps, PAGE, *page);
    let bad = apps.iter().filter(|view| view.standing() < Standing::Working).count();
    let well = if bad == 0 { "all well".to_owned() } else { format!("{bad} not well") };
    let heading = format!("{}{of}, {well}", count(apps.len(), "app"));
    let mut blocks = vec![kit::section(&format!("*Apps*  {heading}"))];
    blocks.extend(blind(view));
    let (unwell, well): (Vec<&View>, Vec<&View>) =
        page.shown.iter().partition(|view| view.standing() < Standing::Working);
    blocks.extend(unwell.iter().map(|view| {
        let show = kit::run("Show", format!("app {}", typed(&view.app.id)));
        kit::section_with(&two_lines(view, *now), show)
    }));
    let lines: Vec<_> = well.iter().map(|view| line(view, *now)).collect();
    blocks.extend(lines.chunks(PAGE / 2 + 1).map(|lines| kit::section(&lines.join("\n"))));
    let buttons = page.turns("apps", *filter);
    if !buttons.is_empty() {
        blocks.push(kit::row(buttons));
    }
    blocks.extend(page.place().map(|place| kit::context(&place)));
    kit::message(&heading, &blocks, None)
}

/// What is not seen is said, so that nobody takes an empty list for a good one.
fn blind(view: &AppsView) -> Option<slack_morphism::prelude::SlackBlock> {
    let spot = |(scope, reach): &(&Scope, &Reach)| {
        let (what, why) = match reach {
            Reach::Denied { message } => ("may not read", message.as_str()),
            Reach::Lost { message } => ("cannot reach", message.as_str()),
            Reach::Unknown | Reach::Absent | Reach::Watched => return None,
        };
        let Scope { cluster, kind, namespace } = scope;
        let within = namespace.as_ref().map(|name| format!(", namespace {}", said(name, 63))).unwrap_or_default();
        Some(format!("⚠️ I {what} {kind} in {}{within}: {}", bold(cluster), said(why, 200)))
    };
    let spots: Vec<_> = view.blind.iter().filter_map(spot).collect();
    let more = spots.len().saturating_sub(5);
    let mut lines: Vec<_> = spots.into_iter().take(5).collect();
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    (!lines.is_empty()).then(|| kit::context(&lines.join("\n")))
}

const fn emoji(standing: Standing) -> &'static str {
    match standing {
        Standing::Failed | Standing::Degraded => "🔴",
        Standing::OutOfSync => "🟠",
        Standing::Suspended => "⏸️",
        Standing::Working => "⏳",
        Standing::Unknown => "⚪",
        Standing::Good => "🟢",
    }
}

/// `failed`; a rollout that waits is paused rather than suspended.
fn word(view: &View) -> &'static str {
    match (view.standing(), &view.app.health) {
        (Standing::Suspended, Health::Paused { .. }) if view.app.suspended.is_none() => "paused",
        (standing, _) => standing.word(),
    }
}

fn two_lines(view: &View, now: Timestamp) -> String {
    let since = view.since().map(|at| format!(" for {}", spoken(now.since(at)))).unwrap_or_default();
    let cause = match (view.app.cause(), view.behind()) {
        (Some(cause), _) => format!("\n{}", said(&cause, 150)),
        (None, Some(waits)) => format!("\n{} waits", said(&waits.short(), 80)),
        (None, None) => String::new(),
    };
    format!(
        "{} {}  {} · {}{since}{cause}",
        emoji(view.standing()),
        bold(&view.app.id.name),
        place(view.app),
        word(view)
    )
}

fn line(view: &View, now: Timestamp) -> String {
    let state = match view.standing() {
        Standing::Good => String::new(),
        _ => format!(" · {}", word(view)),
    };
    let revision = view.app.revision.as_ref().map(|revision| format!(" · {}", said(&revision.short(), 60)));
    let deployed = view.app.operation.as_ref().and_then(|operation| operation.at);
    let deployed = deployed.map(|at| format!(" · {}", ago(at, now))).unwrap_or_default();
    let name = bold(&plain(&view.app.id.name, 60));
    let revision = revision.unwrap_or_default();
    format!("{} {name}  {}{state}{revision}{deployed}", emoji(view.standing()), place(view.app))
}

/// `Kustomization in eu`
fn place(app: &App) -> String {
    format!("{} in {}", app.id.kind, said(&app.id.cluster, 60))
}

/// As a command names exactly this one.
fn typed(id: &AppId) -> String {
    format!("{}/{}/{}/{}", id.cluster, id.kind, id.namespace, id.name).to_lowercase()
}

/// What the answer to `/wk app` is made from.
#[derive(Clone, Copy, Debug)]
pub struct AppCard<'a> {
    pub view: View<'a>,
    /// Its alerts that are not resolved, each with the number of its group when it has one.
    pub alerts: &'a [(Option<u64>, &'a Alert)],
    /// Its page in its tool.
    pub page: Option<&'a str>,
    pub now: Timestamp,
}

/// One app: how it is, why, and where to look further.
#[must_use]
pub fn app(card: &AppCard) -> Message {
    let AppCard { view, now, .. } = card;
    let app = view.app;
    let name = plain(&app.id.name, 80);
    let heading = format!("{} {name}", emoji(view.standing()));
    let mut blocks = vec![kit::header(&heading), kit::fields(&facts(card))];
    let alerts: Vec<_> = card.alerts.iter().take(5).map(|(number, alert)| alert_line(*number, alert, *now)).collect();
    if !alerts.is_empty() {
        blocks.push(kit::section(&alerts.join("\n")));
    }
    let cause = app.cause();
    blocks.extend(cause.as_deref().map(|cause| kit::section(&format!("*What its tool says*\n{}", said(cause, 600)))));
    blocks.extend(resources(app).map(|text| kit::section(&text)));
    blocks.extend(notes(app, cause.as_deref(), *now).map(|text| kit::section(&text)));
    if !app.images.is_empty() {
        let images: Vec<_> = app.images.iter().take(6).map(|image| code(image)).collect();
        let more = app.images.len().saturating_sub(6);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        blocks.push(kit::context(&format!("Images: {}{more}", images.join(" "))));
    }
    let commit = view.commit();
    let source = app.source.as_ref().map(|source| format!("app {}", typed(source)));
    let buttons = [
        card.page.and_then(|page| kit::link(&format!("Open in {}", app.id.kind.tool()), page, 0)),
        commit.and_then(|commit| kit::link("Open the commit", &commit, 1)),
        source.and_then(|source| kit::run("Its source", source)),
    ];
    let buttons: Vec<_> = buttons.into_iter().flatten().map(Into::into).collect();
    if !buttons.is_empty() {
        blocks.push(kit::row(buttons));
    }
    let AppId { cluster, kind, namespace, .. } = &app.id;
    let whose = app.owner.as_deref().map(|owner| format!(" · owner {}", said(owner, 60))).unwrap_or_default();
    let place =
        format!("{kind} ({}) · cluster {} · namespace {}{whose}", kind.tool(), said(cluster, 60), said(namespace, 80));
    blocks.push(kit::context(&place));
    kit::message(&format!("{} {}: {}", emoji(view.standing()), said(&app.id.name, 80), word(view)), &blocks, None)
}

fn facts(card: &AppCard) -> Vec<(&'static str, String)> {
    let AppCard { view, now, .. } = card;
    let app = view.app;
    let since = |at: Option<Timestamp>| at.map(|at| format!(" since {}", moment(at, *now))).unwrap_or_default();
    let mut facts = Vec::new();
    if let Some(sync) = &app.sync {
        let behind = view.behind().map(|waits| format!("{} waits", said(&waits.short(), 80)));
        let text = match sync {
            Sync::Synced => behind.unwrap_or_else(|| "in sync".to_owned()),
            Sync::Syncing { .. } => format!("under way{}", since(app.since.sync)),
            Sync::OutOfSync { .. } => format!("*out of sync*{}", since(app.since.sync)),
            Sync::Failed { reason, .. } => format!("*{}*{}", said(reason, 80).replace('*', "∗"), since(app.since.sync)),
            Sync::Unknown { .. } => "unknown".to_owned(),
        };
        facts.push(("Sync", text));
    }
    if !app.id.kind.is_source() {
        let text = match &app.health {
            Health::Healthy => "healthy".to_owned(),
            Health::Progressing { .. } => format!("progressing{}", since(app.since.health)),
            Health::Paused { .. } => format!("paused{}", since(app.since.health)),
            Health::Degraded { .. } => format!("*degraded*{}", since(app.since.health)),
            Health::Missing => "*missing*".to_owned(),
            Health::Unknown => "unknown".to_owned(),
        };
        facts.push(("Health", text));
    }
    if let Some(suspended) = &app.suspended {
        let by = suspended.by.as_deref().map(|by| format!(", with {}", said(by, 60))).unwrap_or_default();
        facts.push(("Suspended", format!("⏸️{}{by}", since(suspended.since))));
    }
    facts.extend(app.steps.filter(|steps| steps.count > 0).map(|steps| ("Canary", canary(steps))));
    facts.extend(app.revision.as_ref().map(|revision| ("Revision", code(&revision.short()))));
    facts.extend(origin(view).map(|origin| ("From", origin)));
    let automation = match (app.id.kind, app.automation) {
        (Kind::Rollout, _) => None,
        (kind, _) if kind.is_source() => None,
        (_, Automation::Manual) => Some("by hand: new commits wait for a sync"),
        (_, Automation::Automatic) => Some("new revisions by itself"),
        (_, Automation::SelfHealing) => Some("by itself; direct changes are undone"),
    };
    facts.extend(automation.map(|text| ("Applied", text.to_owned())));
    facts.extend(app.operation.as_ref().map(|operation| {
        let at = operation.at.map(|at| format!(", {}", ago(at, *now))).unwrap_or_default();
        let by = operation.by.as_deref().map(|by| format!(" by {}", said(by, 60))).unwrap_or_default();
        ("Last operation", format!("{}{by}{at}", said(&operation.phase, 60)))
    }));
    facts
}

fn canary(steps: Steps) -> String {
    let Steps { current, count, weight, aborted } = steps;
    let weight = weight.map(|weight| format!(", {weight} % of the traffic")).unwrap_or_default();
    if aborted {
        "aborted; the stable version serves".to_owned()
    } else if current >= count {
        format!("all {count} steps done")
    } else {
        format!("step {} of {count}{weight}", current + 1)
    }
}

/// `github.com/pyth/infra apps/prices (main)`
pub(super) fn origin(view: &View) -> Option<String> {
    let address = view.repository().map(shown_address).filter(|address| !address.is_empty());
    let own = view.app.origin.as_ref();
    let path = own.and_then(|origin| origin.path.clone());
    let follows = own.or_else(|| view.source?.origin.as_ref()).and_then(|origin| origin.follows.clone());
    let follows = follows.map(|follows| format!("({follows})"));
    let parts: Vec<_> = [address, path, follows].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| said(&parts.join(" "), 250))
}

fn resources(app: &App) -> Option<String> {
    const SHOWN: usize = 10;
    let lines: Vec<_> = app.resources.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = app.resources.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("\n… and {more} more") } else { String::new() };
    (!lines.is_empty()).then(|| format!("*Not as declared*\n{}{more}", fenced(&lines.join("\n"), 1500)))
}

/// Bad news that was not told above.
fn notes(app: &App, told: Option<&str>, now: Timestamp) -> Option<String> {
    let news = app.notes.iter().filter(|note| note.bad && !note.message.is_empty() && told != Some(&note.message));
    let line = |note: &crate::core::gitops::Note| {
        let since = note.since.map(|at| format!(" · {}", ago(at, now))).unwrap_or_default();
        format!("• {}{since}: {}", bold(&plain(&note.name, 80)), said(&note.message, 250))
    };
    let lines: Vec<_> = news.take(5).map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// No app is called so.
#[must_use]
pub fn no_such_app(asked: &str) -> Message {
    kit::line(&format!("I know no app called {}. `/wk apps` lists those I do.", bold(asked)))
}

/// Several are called so.
#[must_use]
pub fn which_app(asked: &str, found: &[View]) -> Message {
    let text = format!("{} fits {}. Which one?", bold(asked), count(found.len(), "app"));
    let choice = |(nth, view): (usize, &View)| {
        let AppId { cluster, kind, namespace, name } = &view.app.id;
        let button =
            kit::run(&format!("{kind} {namespace}/{name} in {cluster}"), format!("app {}", typed(&view.app.id)));
        button.map(|button| kit::nth(button, nth).into())
    };
    let buttons: Vec<_> = found.iter().take(8).enumerate().filter_map(choice).collect();
    let mut blocks = vec![kit::section(&text)];
    if !buttons.is_empty() {
        blocks.push(kit::row(buttons));
    }
    kit::message(&text, &blocks, None)
}

/// Whose an object is and what becomes of a direct change to it: one line for cards and for requests to change it.
#[must_use]
pub fn managed(manager: &Manager) -> String {
    let becomes = match manager.reverts {
        Reverts::Soon => "a direct change to what Git declares is undone within minutes",
        Reverts::AtSync => "a direct change counts as drift, and the next sync undoes it (at once with self-heal)",
        Reverts::AtUpgrade => "a direct change is undone by the next upgrade",
        Reverts::Never => "this object is told to be left alone, so a direct change stays",
    };
    format!("🔁 Managed by {}: {becomes}.", bold(&manager.by.to_string()))
}
