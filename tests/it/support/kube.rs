//! A real kube-apiserver on an etcd of its own, one for all stories of a run: certificates, RBAC, watches and admission are
//! Kubernetes' own. There are no nodes and no controllers: what a story creates stays as it was created.
//!
//! `tests/kube/setup` builds the programs; `scripts/test` names their folder in `KUBEBUILDER_ASSETS`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// May do everything (`system:masters`).
pub const ADMIN: &str = "admin";
/// Is known and may do nothing but what a story grants it by RBAC.
pub const WATCHER: &str = "watcher";
/// Another of whom the same is true; one story at a time grants it rights in the whole cluster.
pub const ACTOR: &str = "actor";

/// A namespace of a story's own, on the server that all stories share.
pub struct Kube {
    pub namespace: String,
    server: &'static Server,
}

impl Kube {
    pub async fn namespace() -> Self {
        static SERVER: OnceCell<Server> = OnceCell::const_new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = SERVER.get_or_init(Server::start).await;
        let namespace = format!("story-{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let kube = Self { namespace, server };
        let name = kube.namespace.clone();
        kube.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).await;
        kube
    }

    /// A kubeconfig file for [`ADMIN`], [`WATCHER`] or [`ACTOR`].
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.server.directory.path().join(format!("{user}.kubeconfig"))
    }

    pub async fn client(&self, user: &str) -> kube::Client {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let file = Kubeconfig::read_from(self.kubeconfig(user)).unwrap();
        let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    /// As a pod of the story's namespace that runs as this service account.
    pub async fn client_of_account(&self, name: &str) -> kube::Client {
        let file = Kubeconfig::read_from(self.kubeconfig(ADMIN)).unwrap();
        let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
        config.auth_info.impersonate = Some(format!("system:serviceaccount:{}:{name}", self.namespace));
        kube::Client::try_from(config).unwrap()
    }

    /// Objects of the kind, in the story's namespace or, for a kind that has none, in the cluster.
    pub async fn api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let client = self.client(ADMIN).await;
        match kind {
            "Namespace" | "Node" | "ClusterRole" | "ClusterRoleBinding" | "CustomResourceDefinition" => {
                Api::all_with(client, &resource)
            }
            _ => Api::namespaced_with(client, &self.namespace, &resource),
        }
    }

    /// Creates an object, as written in a manifest; its status too, if it has one.
    pub async fn create(&self, manifest: &Value) -> DynamicObject {
        let api = self.api(manifest["apiVersion"].as_str().unwrap(), manifest["kind"].as_str().unwrap()).await;
        let object: DynamicObject = serde_json::from_value(manifest.clone()).unwrap();
        let created = api.create(&PostParams::default(), &object).await.unwrap();
        match manifest.get("status") {
            Some(status) => self.set_status(&api, created.metadata.name.as_deref().unwrap(), status).await,
            None => created,
        }
    }

    /// As a controller would: sets the status an object has from now on.
    pub async fn set_status(&self, api: &Api<DynamicObject>, name: &str, status: &Value) -> DynamicObject {
        let patch = Patch::Merge(json!({"status": status}));
        api.patch_status(name, &PatchParams::default(), &patch).await.unwrap()
    }

    /// Defines kinds whose objects are taken as they are, with a status of their own: `("argoproj.io/v1alpha1",
    /// "Application", "applications")`. What another story has defined already stays.
    pub async fn define(&self, kinds: &[(&str, &str, &str)]) {
        let definitions = self.api("apiextensions.k8s.io/v1", "CustomResourceDefinition").await;
        for (api_version, kind, plural) in kinds {
            let (group, version) = api_version.split_once('/').unwrap();
            let name = format!("{plural}.{group}");
            let definition = json!({
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": name},
                "spec": {
                    "group": group,
                    "scope": "Namespaced",
                    "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase()},
                    "versions": [{
                        "name": version, "served": true, "storage": true, "subresources": {"status": {}},
                        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                    }],
                },
            });
            let apply = PatchParams::apply("story").force();
            definitions.patch(&name, &apply, &Patch::Apply(&definition)).await.unwrap();
            until(|| async {
                let found = definitions.get(&name).await.unwrap();
                let conditions = found.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
                conditions.iter().any(|c| c["type"] == "Established" && c["status"] == "True")
            })
            .await;
        }
    }
}

/// Looks until it is so.
async fn until<F: Future<Output = bool>>(look: impl Fn() -> F) {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..1500 {
        looks.tick().await;
        if look().await {
            return;
        }
    }
    panic!("it never came to be");
}

/// Both processes and their files; they end when this process does, however that ends.
struct Server {
    directory: tempfile::TempDir,
    _processes: [Bound; 2],
}

impl Server {
    /// A port that was free may be taken a moment later by another test: then it is tried again.
    async fn start() -> Self {
        let mut said = String::new();
        for _ in 0..3 {
            match Self::try_start().await {
                Ok(server) => return server,
                Err(error) => said = error,
            }
        }
        panic!("kube-apiserver does not come up:\n{said}");
    }

    async fn try_start() -> Result<Self, String> {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let [client, peer, api] = [free_port(), free_port(), free_port()];
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let etcd = Bound::start(
            at,
            "etcd",
            &[
                &format!("--data-dir={}", at.join("data").display()),
                &format!("--listen-client-urls={client}"),
                &format!("--advertise-client-urls={client}"),
                &format!("--listen-peer-urls={peer}"),
                &format!("--initial-advertise-peer-urls={peer}"),
                &format!("--initial-cluster=default={peer}"),
                "--unsafe-no-fsync",
            ],
        );
        let (key, public) = (at.join("accounts.key"), at.join("accounts.pub"));
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"], &[&key]);
        openssl(&["pkey", "-pubout", "-in"], &[&key, Path::new("-out"), &public]);
        let mut tokens = String::new();
        for (user, groups) in [(ADMIN, "system:masters"), (WATCHER, "watchers"), (ACTOR, "actors")] {
            writeln!(tokens, "{user}-token,{user},{user},{groups}").unwrap();
        }
        std::fs::write(at.join("tokens.csv"), tokens).unwrap();
        let server = Bound::start(
            at,
            "kube-apiserver",
            &[
                &format!("--etcd-servers={client}"),
                &format!("--cert-dir={}", at.display()),
                &format!("--secure-port={api}"),
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--authorization-mode=RBAC",
                &format!("--token-auth-file={}", at.join("tokens.csv").display()),
                "--service-account-issuer=https://kubernetes.default.svc",
                &format!("--service-account-key-file={}", public.display()),
                &format!("--service-account-signing-key-file={}", key.display()),
                "--allow-privileged=true",
                // Nothing here gives a namespace its default service account, and no pod runs that would need it.
                "--disable-admission-plugins=ServiceAccount",
            ],
        );
        let mut processes = [etcd, server];
        let url = format!("https://127.0.0.1:{api}");
        ready(&url, at, &mut processes).await?;
        for user in [ADMIN, WATCHER, ACTOR] {
            std::fs::write(at.join(format!("{user}.kubeconfig")), kubeconfig(&url, at, user)).unwrap();
        }
        Ok(Self { directory, _processes: processes })
    }
}

/// Until it says that it is ready: the roles are there, and custom kinds are served.
async fn ready(url: &str, at: &Path, processes: &mut [Bound]) -> Result<(), String> {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    // Minutes on a busy machine; two seconds on one of its own.
    for _ in 0..3600 {
        looks.tick().await;
        if let Some(ended) = processes.iter_mut().find_map(Bound::ended) {
            return Err(ended);
        }
        let Ok(bundle) = std::fs::read(at.join("apiserver.crt")) else { continue };
        let Ok(authorities) = reqwest::Certificate::from_pem_bundle(&bundle) else { continue };
        let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).tls_certs_only(authorities);
        let asked = client.build().unwrap().get(format!("{url}/readyz")).bearer_auth("admin-token").send().await;
        if asked.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
    }
    Err(processes.iter().map(Bound::log).collect())
}

fn kubeconfig(url: &str, at: &Path, user: &str) -> String {
    let authority = at.join("apiserver.crt");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "story", "cluster": {"server": url, "certificate-authority": authority}}],
        "users": [{"name": user, "user": {"token": format!("{user}-token")}}],
        "contexts": [{"name": "story", "context": {"cluster": "story", "user": user}}],
        "current-context": "story",
    });
    config.to_string()
}

fn openssl(arguments: &[&str], files: &[&Path]) {
    let made = Command::new("openssl").args(arguments).args(files).stderr(Stdio::null()).status();
    assert!(made.is_ok_and(|made| made.success()), "openssl makes the key that signs service account tokens");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs its arguments and ends them when the pipe does that this process holds, even if this process is killed.
const LEASH: &str = r#"exec 3<&0
"$@" & child=$!
(cat <&3 >/dev/null; kill -9 $child) & watch=$!
wait $child; code=$?
kill $watch
exit $code"#;

/// A process that ends with this one.
struct Bound {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Bound {
    #[expect(clippy::disallowed_methods, reason = "the test script says in the environment what it built")]
    fn start(at: &Path, name: &'static str, arguments: &[&str]) -> Self {
        let assets = std::env::var("KUBEBUILDER_ASSETS").expect("run scripts/test, or set KUBEBUILDER_ASSETS");
        let log = at.join(format!("{name}.log"));
        let file = std::fs::File::create(&log).unwrap();
        let child = Command::new("sh")
            .args(["-c", LEASH, "sh"])
            .arg(Path::new(&assets).join(name))
            .args(arguments)
            .current_dir(at)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { name, child, log }
    }

    /// What it said last, if it has ended.
    fn ended(&mut self) -> Option<String> {
        self.child.try_wait().unwrap().map(|status| format!("{status}; {}", self.log()))
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        format!("{}:\n{}\n", self.name, lines[lines.len().saturating_sub(30)..].join("\n"))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _reaped = self.child.wait();
    }
}
