//! A fresh database per story, of each kind that can be had.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// One database, gone with its directory or left to the throw-away server.
#[derive(Debug)]
pub struct Database {
    pub url: String,

    directory: Option<tempfile::TempDir>,
}

impl Database {
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("watchkeeper.sqlite").display());
        Self { url, directory: Some(directory) }
    }

    /// `None`, and said so, when no server was started; an error when every test must run.
    #[expect(clippy::disallowed_methods, reason = "the test script says in the environment what it started")]
    pub fn postgres() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var("WATCHKEEPER_TEST_POSTGRES") else {
            let all = std::env::var("WATCHKEEPER_TEST_ALL").is_ok();
            assert!(!all, "Postgres is missing: run scripts/test, or set WATCHKEEPER_TEST_POSTGRES");
            eprintln!("skipped: Postgres: run scripts/test, or set WATCHKEEPER_TEST_POSTGRES");
            return None;
        };
        let name = format!("story_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let created = std::process::Command::new("psql")
            .args([&server, "-qc", &format!("CREATE DATABASE {name}")])
            .status()
            .expect("psql makes a database for each story; install postgresql-client");
        assert!(created.success(), "could not create the database {name}");
        let (base, _) = server.rsplit_once('/').unwrap();
        Some(Self { url: format!("{base}/{name}"), directory: None })
    }

    /// The file behind a SQLite database.
    pub fn file(&self) -> Option<PathBuf> {
        self.directory.as_ref().map(|directory| directory.path().join("watchkeeper.sqlite"))
    }
}

/// SQLite always, Postgres when there is a server.
pub fn databases() -> Vec<Database> {
    [Some(Database::sqlite()), Database::postgres()].into_iter().flatten().collect()
}
