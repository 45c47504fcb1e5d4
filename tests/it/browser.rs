//! The web page in headless Chromium: `tests/browser` plays it against a mock, and against the demo as a newcomer starts it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Fast enough that the first incident is there at once, slow enough for a browser to follow.
const SPEED: &str = "4";

#[test]
#[ignore = "needs Node.js and Chromium: run scripts/test"]
fn the_page_works_in_a_browser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let demo = Demo::start();
    let played = Command::new("node")
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec", "tests/browser/"])
        .current_dir(root)
        .env("WATCHKEEPER_DEMO_URL", &demo.url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{said}\n{}", String::from_utf8_lossy(&played.stderr));
    assert!(said.contains("skipped 0"), "a browser test was skipped:\n{said}");
}

/// `watchkeeper demo`, ended with the test however that ends.
struct Demo {
    child: Child,
    url: String,
}

impl Demo {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_watchkeeper"))
            .args(["demo", "--port", "0", "--speed", SPEED])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.map_while(Result::ok).find_map(|line| Some(line.split_once("http://")?.1.trim().to_owned()));
        Self { url: format!("http://{}", url.unwrap()), child }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
