//! Stories with a real kube-apiserver.

mod chart;
mod gitops;
mod hands;

use futures_util::TryStreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, WatchEvent, WatchParams};
use serde_json::json;

use crate::support::kube::{ADMIN, Kube, WATCHER};

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn what_is_created_is_listed_and_watched_through_our_client() {
    let kube = Kube::namespace().await;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
    let maps: Api<DynamicObject> = Api::namespaced_with(kube.client(ADMIN).await, &kube.namespace, &resource);
    let before = maps.list(&ListParams::default()).await.unwrap();
    let mut changes = std::pin::pin!(
        maps.watch(&WatchParams::default(), before.metadata.resource_version.as_deref().unwrap()).await.unwrap()
    );
    kube.create(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "feeds"}})).await;
    let added = loop {
        match changes.try_next().await.unwrap() {
            Some(WatchEvent::Added(map)) if map.metadata.name.as_deref() == Some("feeds") => break map,
            Some(_) => {}
            None => panic!("the watch ended"),
        }
    };
    let listed = maps.list(&ListParams::default()).await.unwrap();
    assert!(listed.items.iter().any(|map| map.metadata.uid == added.metadata.uid), "{listed:?}");
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn who_was_granted_nothing_may_read_nothing() {
    let kube = Kube::namespace().await;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Pod"));
    let pods: Api<DynamicObject> = Api::namespaced_with(kube.client(WATCHER).await, &kube.namespace, &resource);
    let refused = pods.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{refused}");
}

#[tokio::test]
#[ignore = "needs kube-apiserver: run scripts/test"]
async fn kinds_that_somebody_else_defines_are_read_with_their_status() {
    let kube = Kube::namespace().await;
    kube.define(&[("argoproj.io/v1alpha1", "Application", "applications")]).await;
    let status = json!({"sync": {"status": "OutOfSync"}});
    kube.create(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "prices"}, "spec": {"project": "default"}, "status": status,
    }))
    .await;
    let applications = kube.api("argoproj.io/v1alpha1", "Application").await;
    let listed = applications.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items[0].data["status"], status);
}
