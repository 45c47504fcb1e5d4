//! Names that nobody can resolve for a while: what cannot be reached is named, and comes back by itself.

use super::support::Database;
use super::support::process::{Place, Running, until_answers};
use super::support::writing;

/// A bot that looks names up in files that only it sees. Needs root.
fn with_names_of_its_own(place: &Place) -> Running {
    let file = |name: &str, text: &str| {
        let path = place.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (hosts, order) = (file("hosts", ""), file("nsswitch", "hosts: files\n"));
    let mount = format!("mount --bind {hosts} /etc/hosts && mount --bind {order} /etc/nsswitch.conf && exec \"$@\"");
    place.start_as(&["unshare", "-m", "sh", "-c", &mount, "sh"], &["serve"])
}

fn resolve(place: &Place, names: &str) {
    std::fs::write(place.dir.path().join("hosts"), format!("127.0.0.1 {names}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "mounts a hosts file, for which it must be root: run scripts/test"]
async fn names_that_do_not_resolve_are_told_by_status_and_come_back_by_themselves() {
    let database = Database::sqlite();
    let place = writing::place(&database.url).await;
    let known = std::fs::read_to_string(place.dir.path().join("watchkeeper.yaml")).unwrap();
    let hermes = place.hermes.base_url();
    let source = format!("http://hermes.test:{}", hermes.port().unwrap());
    let api = place.slack.api_url().replace("127.0.0.1", "slack.test");
    let named = known.replace(hermes.as_str(), &source).replace(&place.slack.api_url(), &api);
    place.configure(&named.replace("mode: http", "mode: socket"));
    let mut bot = with_names_of_its_own(&place);
    let address = bot.address().await;
    let ready = format!("http://{address}/readyz");

    until_answers(&ready, |status, body| status == 503 && body.contains("failed to lookup")).await;
    resolve(&place, "slack.test");
    until_answers(&ready, |status, _| status == 200).await;

    let status = async || place.slack.slash("alice", "feeds-alerts", "/wk status").await.to_string();
    let said = status().await;
    assert!(said.contains("hermes") && said.contains("failed to lookup"), "{said}");
    resolve(&place, "slack.test hermes.test");
    let mut said = status().await;
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(500));
    for _ in 0..120 {
        if !said.contains("failed to lookup") {
            break;
        }
        looks.tick().await;
        said = status().await;
    }
    assert!(said.contains("hermes") && !said.contains("failed to lookup"), "{said}");
}
