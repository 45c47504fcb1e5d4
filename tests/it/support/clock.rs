//! A clock that moves when told to, forwards or back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use watchkeeper::clock::Clock;
use watchkeeper::core::time::Timestamp;

#[derive(Debug)]
pub struct TestClock {
    now: AtomicI64,
    moved: watch::Sender<i64>,
}

impl TestClock {
    /// 2026-11-24 12:00:00 UTC, a Tuesday.
    pub fn new() -> Arc<Self> {
        let start = 1_795_521_600_000;
        Arc::new(Self { now: AtomicI64::new(start), moved: watch::channel(start).0 })
    }

    pub fn advance(&self, length: Duration) {
        self.set(self.now().plus(length));
    }

    pub fn set(&self, now: Timestamp) {
        self.now.store(now.as_millis(), Ordering::SeqCst);
        self.moved.send_replace(now.as_millis());
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn sleep(&self, length: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let until = self.now().plus(length).as_millis();
        let mut moved = self.moved.subscribe();
        Box::pin(async move {
            // The sender lives as long as the clock; a clock that is gone wakes nobody, and nobody is left to wake.
            let _gone = moved.wait_for(|now| *now >= until).await;
        })
    }
}
