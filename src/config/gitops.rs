//! Contradictions in the `gitops` section.

use super::check::web_address;
use crate::core::gitops::rules::GitOps;

pub(super) fn check(gitops: &GitOps, say: &mut impl FnMut(&str, String)) {
    if let Some(url) = &gitops.argocd_url {
        web_address("gitops.argocd_url", url, say);
    }
    for (key, span) in
        [("suspended_after", gitops.suspended_after), ("rollout_paused_after", gitops.rollout_paused_after)]
    {
        if span.duration().is_zero() {
            say(&format!("gitops.{key}"), "must be longer than nothing, e.g. 1h".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::Span;

    #[test]
    fn an_address_that_is_none_and_a_wait_of_nothing_name_their_keys() {
        let rules = GitOps {
            argocd_url: Some("argocd.example.com".to_owned()),
            suspended_after: Span::from_secs(0),
            ..GitOps::default()
        };
        let mut found = Vec::new();
        check(&rules, &mut |key, _| found.push(key.to_owned()));
        assert_eq!(found, ["gitops.argocd_url", "gitops.suspended_after"]);
    }
}
