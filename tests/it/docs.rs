//! What the documents claim is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of all functions in the tree's tests and sources.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
            found.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
}

#[test]
fn every_test_that_stands_behind_a_security_requirement_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut there = BTreeSet::new();
    functions(&root.join("src"), &mut there);
    functions(&root.join("tests"), &mut there);
    let document = fs::read_to_string(root.join("docs/SECURITY.md")).unwrap();
    let (_, table) = document.split_once("## OWASP ASVS").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let is_name =
        |text: &&str| text.len() > 14 && text.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
    let named: Vec<&str> = table.split('`').filter(is_name).collect();
    assert!(named.len() > 30, "{named:?}");
    let missing: Vec<_> = named.into_iter().filter(|name| !there.contains(*name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "docs/SECURITY.md names tests that are not there");
}
