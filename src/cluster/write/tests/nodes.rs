//! Cordon and drain, with disruption budgets in the way.

use serde_json::json;

use super::{Bench, NOW, succeeded};
use crate::core::action::found::Settled;
use crate::core::action::journal::Tried;
use crate::core::action::kind::Action;
use crate::core::action::plan::{Risk, Write};

const DRAIN: Action = Action::Drain { delete_empty_dir: false };

/// A node that a pod of `app` runs on.
fn node_of(bench: &Bench, app: &str) -> String {
    let pods = bench.sim.objects("pods");
    let pod = pods.iter().find(|pod| pod["metadata"]["labels"]["app"] == app).unwrap();
    pod["spec"]["nodeName"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_node_is_cordoned_and_uncordoned() {
    let bench = Bench::open().await;
    let plan = bench.done(Action::Cordon, "prod/Node/worker-1").await;
    assert_eq!(plan.preview.risk, Risk::R2);
    assert!(plan.preview.warnings[0].contains("KubeNodeNotReady"));
    assert_eq!(bench.refused(&Action::Cordon, "prod/Node/worker-1").await, "nothing to do: it is cordoned already");
    bench.undo(&plan).await;
    assert_eq!(bench.object("nodes", "", "worker-1")["spec"]["unschedulable"], false);
}

#[tokio::test]
async fn a_drain_names_every_pod_that_goes_and_leaves_what_daemon_sets_keep() {
    let bench = Bench::open().await;
    let node = node_of(&bench, "hermes");
    let plan = bench.plan(DRAIN, &format!("prod/Node/{node}")).await;
    assert!(matches!(plan.preview.changes[0].write, Write::Unschedulable { unschedulable: true }));
    let evictions = &plan.preview.changes[1..];
    assert!(!evictions.is_empty() && evictions.iter().all(|change| change.write == Write::Evict));
    assert!(!evictions.iter().any(|change| change.old.contains("node-exporter")));
    let stay = plan.preview.warnings.iter().find(|it| it.starts_with("stay, being a DaemonSet's")).unwrap();
    assert!(stay.contains("node-exporter"), "{stay}");
    assert!(plan.preview.blast.budgets.iter().any(|it| it.starts_with("feeds/hermes: ")), "{:?}", plan.preview.blast);
    for step in 0..plan.preview.changes.len() {
        let tried = bench.hands.carry_out(&plan, step, NOW).await;
        assert!(succeeded(&tried), "{step}: {tried:?}");
        bench.sim.tick();
    }
    bench.settles(&plan).await;
    let left = bench.sim.objects("pods").into_iter().filter(|pod| pod["spec"]["nodeName"] == node.as_str());
    assert!(left.into_iter().all(|pod| pod["metadata"]["labels"]["app"] == "node-exporter"));
    bench.undo(&plan).await;
}

#[tokio::test]
async fn a_budget_that_says_no_holds_an_eviction_back_and_is_shown_before() {
    let bench = Bench::open().await;
    bench.sim.edit("poddisruptionbudgets", "feeds", "hermes", "x", |it| it["spec"]["minAvailable"] = 3.into());
    let node = node_of(&bench, "hermes");
    let plan = bench.plan(DRAIN, &format!("prod/Node/{node}")).await;
    assert!(
        plan.preview.warnings.iter().any(|it| it.contains("none of 3 may be down now")),
        "{:?}",
        plan.preview.warnings
    );
    let step = plan.preview.changes.iter().position(|change| change.old.contains("hermes")).unwrap();
    assert!(succeeded(&bench.hands.carry_out(&plan, 0, NOW).await));
    let tried = bench.hands.carry_out(&plan, step, NOW).await;
    assert!(matches!(&tried, Tried::Blocked { why } if why.contains("hermes needs 3 healthy pods")), "{tried:?}");
    assert!(matches!(bench.hands.observe(&plan, step, NOW).await, Tried::Blocked { .. }));
    assert!(matches!(bench.hands.settled(&plan).await, Settled::Progress { .. }));
    bench.sim.edit("poddisruptionbudgets", "feeds", "hermes", "x", |it| it["spec"]["minAvailable"] = 2.into());
    assert!(succeeded(&bench.hands.carry_out(&plan, step, NOW).await));
}

#[tokio::test]
async fn a_drain_that_would_lose_something_is_refused_unless_that_was_asked_for() {
    let bench = Bench::open().await;
    let node = node_of(&bench, "price-pusher-evm");
    let pod = bench
        .sim
        .objects("pods")
        .into_iter()
        .find(|pod| pod["spec"]["nodeName"] == node.as_str() && pod["metadata"]["labels"]["app"] == "price-pusher-evm")
        .unwrap();
    let name = pod["metadata"]["name"].as_str().unwrap();
    bench.sim.edit("pods", "feeds", name, "x", |it| it["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]));
    let target = format!("prod/Node/{node}");
    let refused = bench.refused(&DRAIN, &target).await;
    assert!(refused.contains("emptyDir") && refused.contains(name), "{refused}");
    let bold = bench.preview(&Action::Drain { delete_empty_dir: true }, &target).await.unwrap();
    assert!(bold.warnings.iter().any(|it| it.starts_with("lose what they keep in an emptyDir") && it.contains(name)));
    bench.sim.edit("pods", "feeds", name, "x", |it| it["metadata"]["ownerReferences"] = json!([]));
    let refused = bench.refused(&Action::Drain { delete_empty_dir: true }, &target).await;
    assert!(refused.starts_with("nothing would make these again"), "{refused}");
}
