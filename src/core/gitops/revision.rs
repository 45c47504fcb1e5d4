//! What was applied: a commit, a tag or a chart's version, and where a browser shows it.

use serde::{Deserialize, Serialize};
use url::Url;

/// A revision as the tools write it: `main@sha1:4f2c…`, `4f2c…`, `v1.2.0@sha256:…`, `6.5.4`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Branch, tag or version, when one is named.
    pub name: Option<String>,
    /// A commit or digest, in full.
    pub hash: Option<String>,
}

impl Revision {
    /// `None` for what is empty.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        if text.is_empty() {
            return None;
        }
        if let Some((name, digest)) = text.rsplit_once('@') {
            let hash = digest.split_once(':').map_or(digest, |(_, hash)| hash);
            return Some(Self { name: named(name), hash: named(hash) });
        }
        let bare = text.strip_prefix("sha1:").or_else(|| text.strip_prefix("sha256:")).unwrap_or(text);
        if is_hash(bare) {
            return Some(Self { name: None, hash: named(bare) });
        }
        match text.rsplit_once('/') {
            // How Flux wrote it before version 2.
            Some((name, hash)) if is_hash(hash) => Some(Self { name: named(name), hash: named(hash) }),
            _ => Some(Self { name: named(text), hash: None }),
        }
    }

    /// As people say it: `main 4f2c1ab`, `v1.2.0`. Not escaped.
    #[must_use]
    pub fn short(&self) -> String {
        let hash = self.hash.as_ref().map(|hash| hash.chars().take(7).collect::<String>());
        [self.name.clone(), hash].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Whether both are the same commit or version; a branch's name alone tells nothing.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (&self.hash, &other.hash) {
            (Some(own), Some(other)) => own == other,
            (None, None) => self.name == other.name,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Where the repository's host shows this commit: for GitHub and GitLab, at their own addresses or a company's.
    #[must_use]
    pub fn link(&self, repository: &str) -> Option<String> {
        let hash = self.hash.as_ref().filter(|hash| matches!(hash.len(), 40 | 64) && is_hash(hash))?;
        let (host, path) = place(repository)?;
        let product = |name: &str| host.split('.').any(|part| part == name || part.starts_with(&format!("{name}-")));
        let commit = if product("github") {
            "commit"
        } else if product("gitlab") {
            "-/commit"
        } else {
            return None;
        };
        Url::parse(&format!("https://{host}/{path}/{commit}/{hash}")).ok().map(String::from)
    }
}

fn is_hash(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|b| b.is_ascii_hexdigit()) && text.bytes().any(|b| b.is_ascii_digit())
}

/// Host and path of a repository, from `https://host/path.git`, `ssh://git@host/path` or `git@host:path`: without user,
/// password, port and query.
fn place(repository: &str) -> Option<(String, String)> {
    let scp_like = (!repository.contains("://")).then(|| repository.split_once(':')).flatten();
    let (host, path) = if let Some((host, path)) = scp_like {
        (host.rsplit('@').next()?.to_owned(), path.to_owned())
    } else {
        let url = Url::parse(repository).ok()?;
        if !matches!(url.scheme(), "https" | "http" | "ssh" | "git") {
            return None;
        }
        (url.host_str()?.to_owned(), url.path().to_owned())
    };
    let path = path.trim_matches('/').trim_end_matches(".git").to_owned();
    let sound = |text: &str| !text.is_empty() && !text.contains(['<', '>', '|', ' ', '?', '#', '@', ':']);
    (sound(&host) && sound(&path)).then_some((host, path))
}

/// A repository as it may be shown: where it is, without whatever secret its address carries.
#[must_use]
pub fn shown_address(repository: &str) -> String {
    let anywhere = || {
        let url = Url::parse(repository).ok()?;
        Some((url.host_str()?.to_owned(), url.path().trim_matches('/').to_owned()))
    };
    place(repository).or_else(anywhere).map(|(host, path)| format!("{host}/{path}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "4f2c1ab09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f40";

    #[test]
    fn every_way_a_revision_is_written_reads_the_same() {
        for (text, short) in [
            (SHA.to_owned(), "4f2c1ab"),
            (format!("main@sha1:{SHA}"), "main 4f2c1ab"),
            (format!("main/{SHA}"), "main 4f2c1ab"),
            (format!("feature/x@sha1:{SHA}"), "feature/x 4f2c1ab"),
            (format!("sha1:{SHA}"), "4f2c1ab"),
            ("6.5.4".to_owned(), "6.5.4"),
            ("v1.2.0@sha256:0011223344556677".to_owned(), "v1.2.0 0011223"),
            ("release/2026-11".to_owned(), "release/2026-11"),
        ] {
            assert_eq!(Revision::parse(&text).unwrap().short(), short, "{text}");
        }
        assert_eq!(Revision::parse("  "), None);
    }

    #[test]
    fn the_same_commit_is_the_same_however_it_is_written() {
        let read = |text: &str| Revision::parse(text).unwrap();
        assert!(read(SHA).same(&read(&format!("main@sha1:{SHA}"))));
        assert!(!read("6.5.4").same(&read("6.5.5")));
        assert!(!read("main").same(&read(&format!("main@sha1:{SHA}"))));
    }

    #[test]
    fn a_commit_has_a_page_at_github_and_gitlab() {
        let link = |repository: &str| Revision::parse(SHA).unwrap().link(repository);
        let github = Some(format!("https://github.com/pyth/infra/commit/{SHA}"));
        for repository in [
            "https://github.com/pyth/infra",
            "https://github.com/pyth/infra.git",
            "https://x-access-token:secret@github.com/pyth/infra.git",
            "git@github.com:pyth/infra.git",
            "ssh://git@github.com:22/pyth/infra",
        ] {
            assert_eq!(link(repository), github, "{repository}");
        }
        let gitlab = Some(format!("https://gitlab.example.com/ops/team/infra/-/commit/{SHA}"));
        assert_eq!(link("https://gitlab.example.com/ops/team/infra.git"), gitlab);
    }

    #[test]
    fn what_is_no_commit_of_a_known_host_has_no_page() {
        let link = |revision: &str, repository: &str| Revision::parse(revision).unwrap().link(repository);
        assert_eq!(link("6.5.4", "https://github.com/pyth/infra"), None);
        assert_eq!(link(SHA, "https://git.example.com/infra"), None);
        assert_eq!(link(SHA, "oci://ghcr.io/pyth/infra"), None);
        assert_eq!(link(SHA, "https://notgithub.example/x>|y"), None);
        assert_eq!(link(SHA, ""), None);
    }

    #[test]
    fn a_repository_is_shown_without_its_secrets() {
        assert_eq!(shown_address("https://bot:hunter2@github.com/pyth/infra.git?token=x"), "github.com/pyth/infra");
        assert_eq!(shown_address("git@github.com:pyth/infra.git"), "github.com/pyth/infra");
        assert_eq!(shown_address("oci://user:pw@ghcr.io/pyth/charts"), "ghcr.io/pyth/charts");
        assert_eq!(shown_address("not an address"), "");
    }
}
