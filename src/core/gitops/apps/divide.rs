//! Apps of clusters that another replica watches: given up and taken over without a word, and looked at as that one tells.

use serde::{Deserialize, Serialize};

use super::{App, Apps, Reach, Scope};

/// What is known of one cluster's apps, for another replica.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppsCopy {
    apps: Vec<App>,
    reach: Vec<(Scope, Reach)>,
}

impl Apps {
    /// Whether the cluster is watched here from now on. What was known of it is forgotten, and nothing is said about it.
    pub fn set_watched(&mut self, cluster: &str, watched: bool) {
        if watched {
            self.elsewhere.remove(cluster)
        } else {
            self.elsewhere.insert(cluster.to_owned())
        };
        self.forget(cluster);
        self.said.retain(|labels, _| labels.get("cluster") != Some(cluster));
    }

    /// Whether the cluster is watched here.
    #[must_use]
    pub fn watches(&self, cluster: &str) -> bool {
        !self.elsewhere.contains(cluster)
    }

    fn forget(&mut self, cluster: &str) {
        self.known.retain(|id, _| id.cluster != cluster);
        for (_, reach) in self.reach.iter_mut().filter(|(scope, _)| scope.cluster == cluster) {
            *reach = Reach::Unknown;
        }
    }

    /// What is known of a cluster's apps, for another replica.
    #[must_use]
    pub fn copy(&self, cluster: &str) -> AppsCopy {
        let apps = self.known.values().filter(|app| app.id.cluster == cluster).cloned().collect();
        let reach = self.reach.iter().filter(|(scope, _)| scope.cluster == cluster);
        AppsCopy { apps, reach: reach.map(|(scope, reach)| (scope.clone(), reach.clone())).collect() }
    }

    /// What another replica, which watches the cluster, knows of its apps; nothing any more when there is none.
    pub fn paste(&mut self, cluster: &str, copy: Option<AppsCopy>) {
        if self.watches(cluster) {
            return;
        }
        self.forget(cluster);
        let Some(AppsCopy { apps, reach }) = copy else { return };
        self.known.extend(apps.into_iter().map(|app| (app.id.clone(), app)));
        self.reach.extend(reach);
    }

    /// Who watches the cluster does not answer: what is known of its apps is said to be old.
    pub fn unanswered(&mut self, cluster: &str, why: &str) {
        let elsewhere = self.elsewhere.contains(cluster);
        for (_, reach) in self.reach.iter_mut().filter(|(scope, _)| elsewhere && scope.cluster == cluster) {
            *reach = Reach::Lost { message: why.to_owned() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Kind;
    use super::super::super::rules::GitOps;
    use super::super::super::testing::{app, apps, at, failed, scope};
    use super::super::Event;
    use super::*;

    fn names(apps: &Apps) -> Vec<String> {
        apps.list(None).iter().map(|view| view.app.id.name.clone()).collect()
    }

    #[test]
    fn apps_of_a_cluster_that_another_replica_watches_are_looked_at_and_not_judged() {
        let mut broken = app(Kind::Kustomization, "prices");
        broken.sync = Some(failed("no"));
        let mut from = apps(std::slice::from_ref(&broken));
        assert_eq!(from.tick(at(1)).len(), 1);
        let copy: AppsCopy = serde_json::from_str(&serde_json::to_string(&from.copy("eu")).unwrap()).unwrap();
        let mut to = Apps::new(GitOps::default(), Kind::ALL.map(scope));
        to.set_watched("eu", false);
        to.paste("eu", Some(copy));
        assert_eq!((names(&to), to.tick(at(2))), (names(&from), Vec::new()));
        to.handle(Event::Gone(broken.id.clone()), at(3));
        assert_eq!(to.list(None).len(), 1, "news of a watch that has not ended yet");
        to.unanswered("eu", "no answer");
        assert_eq!(to.blind_spots().count(), Kind::ALL.len());
        to.paste("eu", None);
        assert_eq!((to.list(None).len(), to.blind_spots().count()), (0, 0));

        // Given away without a word.
        from.set_watched("eu", false);
        assert_eq!((from.tick(at(600)), from.list(None).len()), (Vec::new(), 0));
    }
}
