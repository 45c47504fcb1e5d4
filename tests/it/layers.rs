//! The one rule: imports point down the list in `src/lib.rs` and never sideways, and each outside client crate is named
//! in one directory only. Read from the source text, so that a wrong arrow fails with its file and line.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first; a layer may name itself and every layer before it. Adapters share one rank and may not name each other.
const RANKS: &[(&str, u8)] = &[
    ("core", 0),
    ("body", 1),
    ("clock", 1),
    ("metrics", 1),
    ("telemetry", 1),
    ("chain", 2),
    ("chart", 2),
    ("ci", 2),
    ("cluster", 2),
    ("feeds", 2),
    ("oncall", 2),
    ("paging", 2),
    ("prometheus", 2),
    ("slack", 2),
    ("store", 2),
    ("flow", 3),
    ("jobs", 4),
    ("web", 4),
    ("config", 4),
    ("app", 5),
    ("sim", 5),
    ("cli", 6),
];

/// Outside crate → the one place that may name it.
const CRATES: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("slack_morphism", &["slack"]),
    ("plotters", &["chart"]),
    ("kube", &["cluster"]),
    ("k8s_openapi", &["cluster"]),
    ("alloy", &["chain"]),
    ("solana_client", &["chain"]),
    ("solana_message", &["chain"]),
    ("icalendar", &["oncall"]),
    ("rrule", &["oncall"]),
    ("cron", &["core"]),
    ("axum", &["web", "sim"]),
    ("tokio_tungstenite", &["slack"]),
    ("clap", &["cli"]),
    ("serde_saphyr", &["config"]),
    ("prometheus_client", &["metrics"]),
];

/// What makes and signs transactions, and the only directory that may name it.
const SIGNERS: (&[&str], &str) = (&["solana_message::", "alloy::signers", "alloy::consensus"], "chain/write/");

/// What the pure heart may not name at all.
const IMPURE: &[&str] = &[
    "tokio",
    "async ",
    ".await",
    "reqwest",
    "std::fs",
    "std::net",
    "std::env",
    "SystemTime",
    "Instant::now",
    "axum",
    "tracing",
];

/// Every Rust file below.
pub fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Every line of production code: (file, line number, layer, text), without comments and test modules.
fn lines() -> Vec<(String, usize, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 30, "the source tree was not found");
    let mut lines = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap().to_owned();
        if inside.to_string_lossy().contains("test") {
            continue;
        }
        let layer = inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let production = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or("");
        for (number, line) in production.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("").to_owned();
            lines.push((inside.display().to_string(), number + 1, layer.clone(), code));
        }
    }
    lines
}

fn rank(layer: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == layer).map(|(_, rank)| *rank)
}

#[test]
fn imports_point_down_and_never_sideways() {
    let mut wrong = Vec::new();
    for (file, number, layer, code) in lines() {
        let Some(own) = rank(&layer) else { continue };
        for (target, other) in RANKS {
            let named = code.contains(&format!("crate::{target}::")) || code.contains(&format!("crate::{target};"));
            let allowed = *target == layer || *other < own;
            if named && !allowed {
                wrong.push(format!("src/{file}:{number}: {layer} names {target}: {}", code.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `cron::Schedule`, but not `core::cron::Cron`.
fn names_crate(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn each_outside_client_crate_is_named_in_one_place() {
    let mut wrong = Vec::new();
    for (file, number, layer, code) in lines() {
        for (name, homes) in CRATES {
            let named = names_crate(&code, name);
            if named && !homes.contains(&layer.as_str()) {
                wrong.push(format!("src/{file}:{number}: {layer} names {name}; only {homes:?} may: {}", code.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_hands_that_pay_can_sign() {
    let (signers, home) = SIGNERS;
    let names = |code: &str| signers.iter().any(|signer| code.contains(signer));
    let signs: Vec<_> = lines().into_iter().filter(|(_, _, _, code)| names(code)).collect();
    assert!(!signs.is_empty(), "they are named somewhere");
    let wrong: Vec<_> = signs.iter().filter(|(file, ..)| !file.starts_with(home)).collect();
    assert!(wrong.is_empty(), "only src/{home} may name {signers:?}: {wrong:#?}");
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for (file, number, layer, code) in lines() {
        let impure = IMPURE.iter().find(|word| code.contains(**word));
        if let (true, Some(word)) = (layer == "core", impure) {
            wrong.push(format!("src/{file}:{number}: core names {word}: {}", code.trim()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_six_hundred_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    let long: Vec<_> = files
        .iter()
        .map(|file| (fs::read_to_string(file).unwrap().lines().count(), file.display().to_string()))
        .filter(|(count, _)| *count > 600)
        .collect();
    assert!(long.is_empty(), "split by meaning: {long:?}");
}
