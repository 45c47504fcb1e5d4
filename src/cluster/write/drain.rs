//! Which pods leave a node that is drained, which stay, and which keep it from being drained: kubectl's filters, in its
//! order. Source: `k8s.io/kubectl/pkg/drain/filters.go`.

use super::live::Live;
use super::pods::{finished, mirror};

/// The pods of a node, sorted by what a drain does to them.
#[derive(Debug, Default)]
pub(super) struct Sorted<'a> {
    pub evicted: Vec<&'a Live>,
    /// Of DaemonSets, which would bring them back at once; and the kubelet's own.
    pub stay: Vec<&'a Live>,
    pub leaving: Vec<&'a Live>,
    /// Nothing would make them again.
    pub unmanaged: Vec<&'a Live>,
    /// They keep data in an emptyDir, and that was not said to be dispensable.
    pub scratch: Vec<&'a Live>,
    /// Of those that are evicted: their emptyDirs are lost.
    pub scratch_lost: Vec<&'a Live>,
}

pub(super) fn sorted(pods: &[Live], delete_empty_dir: bool) -> Sorted<'_> {
    let mut sorted = Sorted::default();
    for pod in pods {
        if pod.deleting() {
            sorted.leaving.push(pod);
        } else if mirror(pod) || !finished(pod) && pod.controller().is_some_and(|owner| owner.kind == "DaemonSet") {
            sorted.stay.push(pod);
        } else if finished(pod) {
            sorted.evicted.push(pod);
        } else if pod.controller().is_none() {
            sorted.unmanaged.push(pod);
        } else if !scratch(pod) {
            sorted.evicted.push(pod);
        } else if delete_empty_dir {
            sorted.evicted.push(pod);
            sorted.scratch_lost.push(pod);
        } else {
            sorted.scratch.push(pod);
        }
    }
    sorted
}

fn scratch(pod: &Live) -> bool {
    pod.list("/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, owner: Option<&str>, change: impl Fn(&mut Value)) -> Live {
        let mut pod = json!({"metadata": {"name": name, "uid": name}, "spec": {}, "status": {"phase": "Running"}});
        if let Some(kind) = owner {
            pod["metadata"]["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": kind, "name": "x", "uid": "u", "controller": true}]);
        }
        change(&mut pod);
        Live(serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn pods_are_sorted_as_kubectl_does() {
        let empty_dir = |pod: &mut Value| pod["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
        let over = |pod: &mut Value| pod["status"]["phase"] = "Succeeded".into();
        let pods = [
            pod("plain", Some("ReplicaSet"), |_| {}),
            pod("daemon", Some("DaemonSet"), |_| {}),
            pod("static", None, |pod| pod["metadata"]["annotations"]["kubernetes.io/config.mirror"] = "x".into()),
            pod("bare", None, |_| {}),
            pod("over", None, over),
            pod("scratch", Some("StatefulSet"), empty_dir),
            pod("leaving", Some("ReplicaSet"), |pod| {
                pod["metadata"]["deletionTimestamp"] = "2026-11-29T10:00:00Z".into();
            }),
        ];
        let names = |pods: &[&Live]| pods.iter().map(|pod| pod.name().to_owned()).collect::<Vec<_>>().join(" ");
        let careful = sorted(&pods, false);
        assert_eq!(names(&careful.evicted), "plain over");
        assert_eq!(names(&careful.stay), "daemon static");
        assert_eq!(names(&careful.unmanaged), "bare");
        assert_eq!(names(&careful.scratch), "scratch");
        assert_eq!(names(&careful.leaving), "leaving");
        let bold = sorted(&pods, true);
        assert_eq!(names(&bold.evicted), "plain over scratch");
        assert_eq!(names(&bold.scratch_lost), "scratch");
        assert!(bold.scratch.is_empty());
    }
}
