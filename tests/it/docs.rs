//! What the documents claim is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::layers::sources;

#[test]
fn every_test_that_stands_behind_a_security_requirement_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    let mut there = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let names = text.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
        there.extend(names.map(|(name, _)| name.to_owned()));
    }
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
