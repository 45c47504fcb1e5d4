//! The local workspace's page: plain HTML, CSS and ES modules embedded in the binary, so there is nothing to build or fetch.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Only what this server itself sends may run or style the page. Image blocks may name any address, as in Slack.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' http: https:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page at `/` and its parts under `/assets/`. It talks to the endpoints in `sim/slack/client.rs` on the same origin.
pub fn router() -> Router {
    Router::new()
        .route("/", get(async || send(include_bytes!("assets/index.html"), "text/html; charset=utf-8")))
        .route("/assets/{*path}", get(asset))
}

async fn asset(Path(path): Path<String>) -> Response {
    let found = ASSETS.iter().find(|(name, _)| *name == path);
    match found.and_then(|(name, bytes)| Some((bytes, content_type(name)?))) {
        Some((bytes, content_type)) => send(bytes, content_type),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn send(bytes: &'static [u8], content_type: &'static str) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, bytes).into_response()
}

fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

macro_rules! asset {
    ($name:literal) => {
        ($name, include_bytes!(concat!("assets/", $name)))
    };
}

/// Every file under `assets/` but the page itself, by its path there.
static ASSETS: &[(&str, &[u8])] = &[
    asset!("css/base.css"),
    asset!("css/blocks.css"),
    asset!("css/composer.css"),
    asset!("css/controls.css"),
    asset!("css/dialog.css"),
    asset!("css/message.css"),
    asset!("css/shell.css"),
    asset!("css/sidebar.css"),
    asset!("css/text.css"),
    asset!("icon.svg"),
    asset!("js/api.js"),
    asset!("js/app.js"),
    asset!("js/avatar.js"),
    asset!("js/banner.js"),
    asset!("js/channel.js"),
    asset!("js/complete.js"),
    asset!("js/composer.js"),
    asset!("js/confirm.js"),
    asset!("js/dom.js"),
    asset!("js/emoji.js"),
    asset!("js/home.js"),
    asset!("js/live.js"),
    asset!("js/menu.js"),
    asset!("js/modal.js"),
    asset!("js/refill.js"),
    asset!("js/render/blocks.js"),
    asset!("js/render/date.js"),
    asset!("js/render/elements.js"),
    asset!("js/render/image.js"),
    asset!("js/render/inputs.js"),
    asset!("js/render/markdown.js"),
    asset!("js/render/message.js"),
    asset!("js/render/mrkdwn.js"),
    asset!("js/render/rich_text.js"),
    asset!("js/render/text.js"),
    asset!("js/route.js"),
    asset!("js/sidebar.js"),
    asset!("js/surface.js"),
    asset!("js/thread.js"),
    asset!("js/timeline.js"),
    asset!("js/toast.js"),
    asset!("js/world.js"),
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path as FsPath, PathBuf};

    use super::*;

    fn files_under(dir: &FsPath) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
    }

    fn assets_dir() -> PathBuf {
        FsPath::new(env!("CARGO_MANIFEST_DIR")).join("src/sim/page/assets")
    }

    fn scripts() -> impl Iterator<Item = (&'static str, &'static str)> {
        let scripts = ASSETS.iter().filter(|(name, _)| content_type(name) == content_type(".js"));
        scripts.map(|(name, bytes)| (*name, std::str::from_utf8(bytes).unwrap()))
    }

    #[test]
    fn every_file_is_embedded_and_has_a_content_type() {
        let dir = assets_dir();
        for file in files_under(&dir) {
            let name = file.strip_prefix(&dir).unwrap().to_str().unwrap().replace('\\', "/");
            if name != "index.html" {
                assert!(ASSETS.iter().any(|(known, _)| *known == name), "{name} is not in ASSETS");
                assert!(content_type(&name).is_some(), "{name} has no content type");
            }
        }
    }

    #[test]
    fn every_module_a_script_imports_is_embedded() {
        for (name, script) in scripts() {
            let dir = FsPath::new(name).parent().unwrap();
            let imports = script.lines().filter_map(|line| line.split_once(" from \"")?.1.strip_suffix("\";"));
            for import in imports {
                assert!(assets_dir().join(dir).join(import).exists(), "{name} imports {import}");
            }
        }
    }

    #[test]
    fn scripts_never_parse_text_as_html() {
        for (name, script) in scripts() {
            for sink in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser", "srcdoc"]
            {
                assert!(!script.contains(sink), "{name} uses {sink}");
            }
        }
    }

    #[tokio::test]
    async fn answers_carry_their_type_and_the_strict_policy() {
        let answer = asset(Path("js/app.js".to_owned())).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-cache");
        let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    }

    #[tokio::test]
    async fn nothing_outside_the_list_is_served() {
        for path in ["../mod.rs", "js", "js/none.js", ""] {
            assert_eq!(asset(Path(path.to_owned())).await.status(), StatusCode::NOT_FOUND);
        }
    }
}
