//! The chart, as helm renders it, taken by a real API server: strictly, twice (an upgrade), and with what its account may do.

use std::path::Path;
use std::process::Command;

use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams, ValidationDirective};
use serde_json::Value;

use crate::support::kube::Kube;

const PROFILES: [&str; 2] = ["socket-sqlite", "http-postgres"];

/// What helm makes of the chart with a profile's values, for the story's namespace.
#[expect(clippy::disallowed_methods, reason = "the test script says in the environment what it built")]
fn rendered(kube: &Kube, profile: &str) -> Vec<Value> {
    let helm = std::env::var("WATCHKEEPER_TEST_HELM").expect("run scripts/test, or name helm in WATCHKEEPER_TEST_HELM");
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("helm/watchkeeper");
    let made = Command::new(helm)
        .args(["template", &kube.namespace])
        .arg(&chart)
        .args(["--namespace", &kube.namespace, "--no-hooks", "--kube-version", "1.37.0"])
        .args(["--set", "rbac.clusters=true,config.clusters[0].name=own,config.clusters[0].in_cluster=true"])
        .arg("--values")
        .arg(chart.join(format!("ci/{profile}-values.yaml")))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = String::from_utf8(made.stdout).unwrap();
    let documents = text.split("\n---").map(|one| one.trim_start_matches("---"));
    let objects =
        documents.filter(|one| one.contains("kind:")).map(|one| serde_saphyr::from_str::<Value>(one).unwrap());
    objects.collect()
}

async fn apply(kube: &Kube, object: &Value) {
    let (api_version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let api = kube.api(api_version, kind).await;
    let strictly = PatchParams { field_validation: Some(ValidationDirective::Strict), ..PatchParams::apply("helm") };
    let name = object["metadata"]["name"].as_str().unwrap();
    let applied: DynamicObject = api
        .patch(name, &strictly, &Patch::Apply(object))
        .await
        .unwrap_or_else(|error| panic!("{kind} {name}: {error}"));
    assert_eq!(applied.types.map(|types| types.kind).as_deref(), Some(kind));
}

fn named<'a>(objects: &'a [Value], kind: &str) -> &'a str {
    let found = objects.iter().find(|object| object["kind"] == kind);
    found.unwrap_or_else(|| panic!("the chart has no {kind}"))["metadata"]["name"].as_str().unwrap()
}

#[tokio::test]
#[ignore = "needs kube-apiserver and helm: run scripts/test"]
async fn every_profile_of_the_chart_is_taken_twice_and_its_account_reads_pods_and_no_secrets() {
    for profile in PROFILES {
        let kube = Kube::namespace().await;
        let monitors = [("ServiceMonitor", "servicemonitors"), ("PrometheusRule", "prometheusrules")];
        kube.define(&monitors.map(|(kind, plural)| ("monitoring.coreos.com/v1", kind, plural))).await;
        let objects = rendered(&kube, profile);
        for object in objects.iter().chain(&objects) {
            apply(&kube, object).await;
        }
        named(&objects, "Deployment");
        let client = kube.client_of_account(named(&objects, "ServiceAccount")).await;
        let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::all(client.clone());
        pods.list(&ListParams::default()).await.unwrap_or_else(|error| panic!("{profile}: {error}"));
        let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(client, &kube.namespace);
        let refused = secrets.list(&ListParams::default()).await.unwrap_err();
        assert!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{profile}: {refused}");
    }
}
