//! A fresh database for each test, on every backend that can be had here.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::core::time::Timestamp;

use super::{Settings, Store};

/// Names the server to test on; `scripts/postgres start` prints one.
const POSTGRES: &str = "WATCHKEEPER_TEST_POSTGRES";

/// A migrated store of its own.
pub(super) struct Fresh {
    pub store: Store,
    pub settings: Settings,
    pub now: Timestamp,
    /// Where the SQLite file lies; removed at the end.
    dir: Option<tempfile::TempDir>,
}

impl Fresh {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/test.db", dir.path().display());
        Self::open(Settings::new(url), Some(dir)).await
    }

    /// A schema of its own on the server named by the environment.
    pub async fn postgres() -> Self {
        let server = postgres_server();
        let schema = format!("t_{:016x}", fastrand::u64(..));
        let admin = Store::connect(&Settings::new(server.clone())).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        admin.writer().await.unwrap().execute(sqlx::query(create)).await.unwrap();
        admin.close().await;
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-c%20search_path%3D{schema}");
        Self::open(Settings::new(url), None).await
    }

    async fn open(settings: Settings, dir: Option<tempfile::TempDir>) -> Self {
        let store = Store::connect(&settings).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, settings, now: Timestamp::from_secs(1_800_000_000), dir }
    }

    /// The same database, opened anew by somebody less patient.
    pub async fn patient_for(self, limit: Duration) -> Self {
        self.store.close().await;
        let Self { store, settings, now, dir } = self;
        // The lock file goes with it.
        drop(store);
        let settings = Settings { limit, ..settings };
        let store = Store::connect(&settings).await.unwrap();
        Self { store, settings, now, dir }
    }

    /// The same Postgres database through a wire that can be held or cut.
    pub async fn behind_a_wire(mut self, limit: Duration) -> (Self, Wire) {
        let mut url: url::Url = self.settings.url.expose_secret().parse().unwrap();
        let server = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
        let (wire, port) = Wire::to(server).await;
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(port)).unwrap();
        self.settings.url = String::from(url).into();
        (self.patient_for(limit).await, wire)
    }

    pub fn in_secs(&self, secs: u64) -> Timestamp {
        self.now.plus(Duration::from_secs(secs))
    }

    /// Runs a statement the store itself never would.
    pub async fn tamper(&self, sql: impl sqlx::SqlSafeStr) -> u64 {
        let mut writer = self.store.writer().await.unwrap();
        sqlx::query(sql).execute(writer.raw()).await.unwrap().rows_affected()
    }
}

/// A TCP proxy on loopback that can fall silent, as a network does when a machine on the way dies.
pub(super) struct Wire(watch::Sender<State>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Through,
    Held,
    Cut,
}

impl Wire {
    async fn to(server: (String, u16)) -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (set, state) = watch::channel(State::Through);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(server.clone()).await.unwrap();
                tokio::spawn(carry(near, far, state.clone()));
            }
        });
        (Self(set), port)
    }

    /// Nothing arrives on either side any more; what was open then stays silent for good.
    pub fn hold(&self) {
        self.0.send_replace(State::Held);
    }

    /// Ends every connection; new ones go through.
    pub fn cut(&self) {
        self.0.send_replace(State::Cut);
        self.let_through();
    }

    pub fn let_through(&self) {
        self.0.send_replace(State::Through);
    }
}

async fn carry(mut near: TcpStream, mut far: TcpStream, mut state: watch::Receiver<State>) {
    if *state.borrow_and_update() != State::Held {
        tokio::select! {
            biased;
            _ = state.changed() => {}
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        }
    }
    if *state.borrow() == State::Held {
        // Both ends stay open and hear nothing until the test is over.
        std::future::pending::<()>().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the test server is named by the environment")]
fn postgres_server() -> String {
    let server = std::env::var(POSTGRES).ok().filter(|url| !url.is_empty());
    server.unwrap_or_else(|| panic!("Postgres is missing: set {POSTGRES}, or run scripts/test"))
}

/// Makes two tests of each story: `sqlite::name` and `postgres::name`.
macro_rules! on_both_databases {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                super::$story($crate::store::testing::Fresh::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs Postgres: run scripts/test"]
            async fn $story() {
                super::$story($crate::store::testing::Fresh::postgres().await).await;
            })+
        }
    };
}
pub(super) use on_both_databases;
