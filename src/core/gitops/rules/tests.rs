use super::super::apps::{Event, Reach, Scope};
use super::super::testing::{SHA, app, failed, id, scope};
use super::super::{Steps, Suspended};
use super::*;
use crate::core::label::all_match;

const NOW: Timestamp = Timestamp::from_secs(1_796_000_000);

fn after(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

/// Clusters `eu` and its apps, told about from [`NOW`] on.
struct World(Apps);

impl World {
    fn new() -> Self {
        Self::with(GitOps::default())
    }

    fn with(rules: GitOps) -> Self {
        let mut world = Self(Apps::new(rules, Kind::ALL.map(scope)));
        for kind in Kind::ALL {
            world.listed(kind, vec![]);
        }
        world
    }

    fn listed(&mut self, kind: Kind, apps: Vec<App>) {
        self.0.handle(Event::Listed { scope: scope(kind), apps }, NOW);
    }

    fn see(&mut self, app: App, now: Timestamp) {
        self.0.handle(Event::Changed(Box::new(app)), now);
    }

    fn reach(&mut self, kind: Kind, reach: Reach) {
        self.0.handle(Event::Reach { scope: scope(kind), reach }, NOW);
    }

    /// What is said at this moment: rule, app, and whether it is active.
    fn said(&mut self, now: Timestamp) -> Vec<(String, String, bool)> {
        self.0.tick(now).into_iter().map(|signal| told(&signal)).collect()
    }

    fn evidence(&mut self, now: Timestamp) -> Evidence {
        match self.0.tick(now).into_iter().next().map(|signal| signal.condition) {
            Some(Condition::Active(evidence)) => evidence,
            other => panic!("{other:?}"),
        }
    }
}

fn told(signal: &Signal) -> (String, String, bool) {
    let label = |name: &str| signal.labels.get(name).unwrap_or("").to_owned();
    (label(ALERTNAME), label("app"), matches!(signal.condition, Condition::Active(_)))
}

fn said(rule: &str, app: &str, active: bool) -> Vec<(String, String, bool)> {
    vec![(rule.to_owned(), app.to_owned(), active)]
}

fn with_sync(kind: Kind, name: &str, sync: Sync) -> App {
    App { sync: Some(sync), ..app(kind, name) }
}

#[test]
fn what_is_well_is_not_spoken_of() {
    let mut world = World::new();
    for kind in Kind::ALL {
        world.see(app(kind, "prices"), NOW);
    }
    assert_eq!(world.said(NOW), []);
}

#[test]
fn an_alert_begins_goes_on_with_fresh_words_and_ends() {
    let mut world = World::new();
    world.see(with_sync(Kind::Kustomization, "prices", failed("kustomize build failed")), NOW);
    assert_eq!(world.said(NOW), said("GitOpsSyncFailed", "prices", true));
    assert_eq!(world.said(after(59)), [], "not twice a minute");
    assert_eq!(world.said(after(60)), said("GitOpsSyncFailed", "prices", true));
    world.see(app(Kind::Kustomization, "prices"), after(70));
    assert_eq!(world.said(after(71)), said("GitOpsSyncFailed", "prices", false));
    assert_eq!(world.said(after(200)), []);
}

#[test]
fn what_fails_says_why_whose_it_is_and_where_to_look() {
    let rules = GitOps { argocd_url: Some("https://argocd.example.com/".to_owned()), ..GitOps::default() };
    let mut world = World::with(rules);
    let mut broken = with_sync(Kind::Application, "prices", failed("rpc error: chart not found"));
    broken.owner = Some("S0TEAM".to_owned());
    world.see(broken, NOW);
    let evidence = world.evidence(NOW);
    assert_eq!(evidence.summary, "Argo CD cannot apply prices in eu");
    assert_eq!(evidence.value, "ReconciliationFailed");
    assert_eq!(evidence.cause.as_deref(), Some("rpc error: chart not found"));
    assert_eq!(evidence.owner.as_deref(), Some("S0TEAM"));
    let links: Vec<_> = evidence.links.iter().map(|link| (link.label.as_str(), link.url.clone())).collect();
    let commit = format!("https://github.com/pyth/infra/commit/{SHA}");
    let page = "https://argocd.example.com/applications/flux-system/prices".to_owned();
    assert_eq!(links, [("Argo CD", page), ("Commit 4f2c1ab", commit)]);
}

#[test]
fn drift_names_the_objects_that_differ() {
    let mut world = World::new();
    let mut drifted = with_sync(Kind::Application, "prices", Sync::OutOfSync { message: String::new() });
    let differs = |index: usize| super::super::Resource {
        kind: "Deployment".to_owned(),
        namespace: "prices".to_owned(),
        name: format!("hermes-{index}"),
        problem: super::super::Problem::OutOfSync,
    };
    drifted.resources = (0..10).map(differs).collect();
    world.see(drifted, NOW);
    let evidence = world.evidence(after(2040));
    assert_eq!((evidence.value.as_str(), evidence.threshold.as_str()), ("34 min", "30 min"));
    let lines: Vec<_> = evidence.details[0].text.lines().collect();
    assert_eq!(lines[0], "Deployment prices/hermes-0: out of sync");
    assert_eq!((lines.len(), lines[8]), (9, "and 2 more"));
}

#[test]
fn drift_of_an_app_that_is_synced_by_hand_says_so() {
    let mut world = World::new();
    let drifted = with_sync(Kind::Application, "prices", Sync::OutOfSync { message: String::new() });
    world.see(App { automation: Automation::Manual, ..drifted }, NOW);
    assert_eq!(world.evidence(NOW).cause.as_deref(), Some("It is synced by hand, and nobody has since."));
}

#[test]
fn what_is_suspended_is_reported_when_it_was_forgotten_and_not_for_its_drift() {
    let mut world = World::new();
    let mut paused = with_sync(Kind::Kustomization, "prices", Sync::OutOfSync { message: String::new() });
    paused.suspended = Some(Suspended { since: Some(NOW), by: Some("flux".to_owned()) });
    world.see(paused, NOW);
    assert_eq!(world.said(after(86_399)), []);
    let evidence = world.evidence(after(2 * 86_400));
    assert_eq!(evidence.summary, "prices in eu has been suspended for 2 d: changes in Git do not reach it");
    assert_eq!(evidence.cause.as_deref(), Some("It was suspended with flux."));
}

#[test]
fn a_rollout_that_degrades_or_waits_too_long_is_reported() {
    let mut world = World::new();
    let mut rollout = app(Kind::Rollout, "prices");
    rollout.health = Health::Paused { message: "CanaryPauseStep".to_owned() };
    rollout.steps = Some(Steps { current: 2, count: 8, weight: Some(20), aborted: false });
    world.see(rollout.clone(), NOW);
    assert_eq!(world.said(after(3599)), []);
    let evidence = world.evidence(after(3600));
    assert_eq!(evidence.summary, "The rollout prices in eu has been paused for 1 h at step 3 of 8");
    rollout.health = Health::Degraded { message: "RolloutAborted: metric failed".to_owned() };
    rollout.steps = rollout.steps.map(|steps| Steps { aborted: true, ..steps });
    world.see(rollout, after(3601));
    let signals = world.0.tick(after(3601));
    let told: Vec<_> = signals.iter().map(told).map(|(rule, _, active)| (rule, active)).collect();
    assert_eq!(told, [("RolloutPausedTooLong".to_owned(), false), ("RolloutDegraded".to_owned(), true)]);
}

#[test]
fn an_alert_of_before_ends_only_when_what_there_is_was_seen() {
    let labels = labels(RuleName::GitOpsSyncFailed, &app(Kind::Kustomization, "gone"));
    let foreign: Labels = [(ALERTNAME, "FeedStale"), ("symbol", "SOL/USD")].into_iter().collect();
    let mut world = World(Apps::new(GitOps::default(), Kind::ALL.map(scope)));
    world.0.resume([(labels, Severity::Warning), (foreign, Severity::Warning)]);
    assert_eq!(world.said(NOW), [], "nothing is known yet");
    world.reach(Kind::Kustomization, Reach::Denied { message: "forbidden".to_owned() });
    assert_eq!(world.said(NOW), [], "it may still be so");
    world.listed(Kind::Kustomization, vec![]);
    assert_eq!(world.said(NOW), said("GitOpsSyncFailed", "gone", false));
}

#[test]
fn an_alert_of_a_cluster_that_is_configured_no_more_ends() {
    let labels = labels(RuleName::GitOpsSyncFailed, &app(Kind::Kustomization, "prices"));
    let elsewhere = Scope { cluster: "us".to_owned(), ..scope(Kind::Kustomization) };
    let mut world = World(Apps::new(GitOps::default(), [elsewhere]));
    world.0.resume([(labels, Severity::Warning)]);
    assert_eq!(world.said(NOW), said("GitOpsSyncFailed", "prices", false));
}

#[test]
fn a_cluster_that_is_lost_takes_no_alert_with_it() {
    let mut world = World::new();
    world.see(with_sync(Kind::Kustomization, "prices", failed("x")), NOW);
    assert_eq!(world.said(NOW).len(), 1);
    world.reach(Kind::Kustomization, Reach::Lost { message: "connection refused".to_owned() });
    assert_eq!(world.said(after(60)), said("GitOpsSyncFailed", "prices", true));
}

#[test]
fn a_rule_that_is_switched_off_ends_what_it_said() {
    let mut world = World::new();
    world.see(with_sync(Kind::Kustomization, "prices", failed("x")), NOW);
    assert_eq!(world.said(NOW).len(), 1);
    let off = RuleConfig { enabled: Some(false), ..RuleConfig::default() };
    world.0.set_rules(GitOps { sync_failed: off, ..GitOps::default() });
    assert_eq!(world.said(after(1)), said("GitOpsSyncFailed", "prices", false));
}

#[test]
fn a_source_that_fails_speaks_for_all_that_is_made_from_it() {
    let mut world = World::new();
    world.see(with_sync(Kind::GitRepository, "infra", failed("authentication required")), NOW);
    for name in ["prices", "hermes"] {
        let mut made = with_sync(Kind::Kustomization, name, failed("Source artifact not found"));
        made.source = Some(id(Kind::GitRepository, "infra"));
        world.see(made, NOW);
    }
    world.see(with_sync(Kind::Application, "other", failed("x")), NOW);
    let signals = world.0.tick(NOW);
    let labels = |app: &str| &signals.iter().find(|signal| signal.labels.get("app") == Some(app)).unwrap().labels;
    let quiets = |source: &str, target: &str| {
        let (source, target) = (labels(source), labels(target));
        default_inhibitions().iter().any(|rule| {
            all_match(&rule.source_matchers, source)
                && all_match(&rule.target_matchers, target)
                && rule.equal.iter().all(|name| source.get(name) == target.get(name))
        })
    };
    assert!(quiets("infra", "prices") && quiets("infra", "hermes"));
    assert!(!quiets("infra", "other") && !quiets("prices", "hermes"));
    let pending = |rule| world.0.rules.settings(rule).pending_for;
    assert!(pending(RuleName::GitOpsSourceFailed) < pending(RuleName::GitOpsSyncFailed), "it fires first");
}
