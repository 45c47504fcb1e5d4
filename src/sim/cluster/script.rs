//! What goes wrong by itself in the demo's cluster, and when it heals.

use std::sync::Arc;
use std::time::Duration;

use super::controllers::kubelet::Crash;
use super::{Cluster, State};
use crate::core::time::Timestamp;
use crate::sim::script::{Scene, Script};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incident {
    /// A pusher goes down a few seconds after each start; its log says more than it should.
    CrashLoop {
        namespace: &'static str,
        app: &'static str,
    },
    /// A pipeline rolls out an image that was never pushed.
    BadImage {
        namespace: &'static str,
        deployment: &'static str,
        good: &'static str,
        bad: &'static str,
    },
    NodeDown {
        node: &'static str,
    },
}

/// One of each kind, the first after 45 s, everything healed again before it starts over after twelve minutes.
#[must_use]
pub fn demo() -> Script<Incident> {
    let secs = Duration::from_secs;
    let scene = |at, lasts, incident| Scene { at: secs(at), lasts: secs(lasts), incident };
    Script {
        scenes: vec![
            scene(45, 150, Incident::CrashLoop { namespace: "feeds", app: "price-pusher-evm" }),
            scene(
                260,
                170,
                Incident::BadImage {
                    namespace: "feeds",
                    deployment: "keeper",
                    good: "ghcr.io/acme/keeper:v2.3.1",
                    bad: "ghcr.io/acme/keeper:v2.4.0-rc.1",
                },
            ),
            scene(480, 120, Incident::NodeDown { node: "worker-3" }),
        ],
        length: secs(720),
    }
}

/// Plays the script over and over, on the cluster's clock.
pub(super) async fn play(cluster: Arc<Cluster>, script: Script<Incident>) {
    let turn = |incident, begins| cluster.change(|state, now| turn(state, incident, begins, now));
    script.play(cluster.clock.clone(), turn).await;
}

fn turn(state: &mut State, incident: Incident, begins: bool, now: Timestamp) {
    match (incident, begins) {
        (Incident::CrashLoop { namespace, app }, true) => state.crash(namespace, app, pusher_crash()),
        (Incident::CrashLoop { namespace, app }, false) => state.heal(namespace, app, now),
        (Incident::BadImage { namespace, deployment, bad, .. }, true) => {
            state.kubelets.absent.insert(bad.to_owned());
            state.set_image(namespace, deployment, bad, "ci-deployer", now);
        }
        (Incident::BadImage { namespace, deployment, good, .. }, false) => {
            state.set_image(namespace, deployment, good, "ci-deployer", now);
        }
        (Incident::NodeDown { node }, begins) => state.set_node_up(node, !begins, now),
    }
}

/// With what programs print by mistake: an address with its key, and a password.
fn pusher_crash() -> Crash {
    let lines = [
        "WARN pusher: eth_sendRawTransaction to https://eth-mainnet.g.alchemy.com/v2/demoKey0123456789abcdefABCDEF: 429",
        "WARN pusher::db: reconnecting to postgres://pusher:not-a-real-password@postgres.platform.svc:5432/prices",
        "ERROR pusher: nonce 48211 already used, 12 transactions pending",
        "thread 'main' panicked at src/evm/sender.rs:214:18: called `Result::unwrap()` on an `Err` value: NonceTooLow { expected: 48212, got: 48211 }",
        "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
    ];
    Crash { exit_code: 101, reason: "Error".to_owned(), lines: lines.map(str::to_owned).to_vec() }
}

#[cfg(test)]
mod tests {
    use super::super::controllers::Kubelets;
    use super::super::controllers::is_ready;
    use super::super::controllers::kubelet::Pace;
    use super::super::faults::Faults;
    use super::super::objects::Objects;
    use super::super::seed;
    use super::*;

    #[test]
    fn the_demo_heals_everything_before_it_starts_over() {
        let start = Timestamp::from_secs(1_795_521_600);
        let kubelets = Kubelets::new(Pace::AT_ONCE);
        let mut state = State {
            objects: Objects::default(),
            kubelets,
            role: Vec::new(),
            faults: Faults::default(),
            asked: Vec::new(),
            written: Vec::new(),
        };
        seed::plant(&mut state, start);
        let healthy =
            |state: &State| state.objects.all("pods").filter(|pod| pod["status"]["phase"] != "Succeeded").all(is_ready);
        assert!(healthy(&state));
        let script = demo();
        let timeline = script.timeline();
        assert_eq!(timeline.first().unwrap().0, Duration::from_secs(45));
        assert!(timeline.last().unwrap().0 < script.length);
        for (at, incident, begins) in timeline {
            let now = start.plus(at);
            turn(&mut state, incident, begins, now);
            state.settle(now);
            assert_eq!(healthy(&state), !begins, "{incident:?} {begins}");
        }
    }
}
