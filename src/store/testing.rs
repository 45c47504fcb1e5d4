//! A fresh database for each test, on every backend that can be had here.

use std::time::Duration;

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
    _dir: Option<tempfile::TempDir>,
}

impl Fresh {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/test.db", dir.path().display());
        Self::open(Settings::new(url), Some(dir)).await
    }

    /// A schema of its own on the server named by the environment; none when there is no server.
    pub async fn postgres() -> Option<Self> {
        let Some(server) = postgres_server() else {
            eprintln!("skipped: Postgres: set {POSTGRES} or run scripts/test");
            return None;
        };
        let schema = format!("t_{:016x}", fastrand::u64(..));
        let admin = Store::connect(&Settings::new(server.clone())).await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        admin.writer().await.unwrap().execute(sqlx::query(create)).await.unwrap();
        admin.close().await;
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-c%20search_path%3D{schema}");
        Some(Self::open(Settings::new(url), None).await)
    }

    async fn open(settings: Settings, dir: Option<tempfile::TempDir>) -> Self {
        let store = Store::connect(&settings).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, settings, now: Timestamp::from_secs(1_800_000_000), _dir: dir }
    }

    pub fn in_secs(&self, secs: u64) -> Timestamp {
        self.now.plus(Duration::from_secs(secs))
    }

    /// Runs a statement the store itself never would.
    pub async fn tamper(&self, sql: &'static str) -> u64 {
        self.store.writer().await.unwrap().execute(sqlx::query(sql)).await.unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the test server is named by the environment")]
pub(super) fn postgres_server() -> Option<String> {
    std::env::var(POSTGRES).ok().filter(|url| !url.is_empty())
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
            async fn $story() {
                if let Some(db) = $crate::store::testing::Fresh::postgres().await {
                    super::$story(db).await;
                }
            })+
        }
    };
}
pub(super) use on_both_databases;
