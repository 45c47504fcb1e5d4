//! `watchkeeper serve`: runs until SIGTERM or SIGINT; SIGHUP, or a changed file, reloads the configuration.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::{App, Reload, Wiring};

use super::Failure;

/// A mounted ConfigMap changes without a signal.
const LOOK_AT_FILE: Duration = Duration::from_secs(10);

pub(super) async fn serve(wiring: Wiring, file: Option<PathBuf>) -> Result<(), Failure> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Listened for from the start: a SIGHUP that nobody listens for ends the process.
    let hangup = signal(SignalKind::hangup())?;
    let (config, clock) = (wiring.config.clone(), wiring.clock.clone());
    let app = App::start(wiring).await?;
    tracing::info!(address = %app.address()?, "watchkeeper is up");
    let stop = CancellationToken::new();
    let reloading = file.map(|file| {
        let reload = Reload { file, current: config, flow: app.flow() };
        tokio::spawn(keep_reloading(reload, hangup, clock, stop.clone()))
    });
    let flow = app.flow();
    let running = tokio::spawn(app.run(stop.clone()));
    tokio::select! {
        // An orchestrator starts to send requests elsewhere only now.
        _ = terminate.recv() => tokio::select! {
            () = App::linger(&flow) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        },
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    running.await?;
    if let Some(reloading) = reloading {
        reloading.await?;
    }
    Ok(())
}

async fn keep_reloading(
    mut reload: Reload,
    mut hangup: Signal,
    clock: crate::clock::SharedClock,
    stop: CancellationToken,
) {
    let mut seen = changed_at(&reload.file);
    loop {
        let told = tokio::select! {
            () = stop.cancelled() => return,
            _ = hangup.recv() => true,
            () = clock.sleep(LOOK_AT_FILE) => false,
        };
        let changed = changed_at(&reload.file);
        if told || changed != seen {
            seen = changed;
            reload.now().await;
        }
    }
}

fn changed_at(file: &std::path::Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|about| about.modified()).ok()
}
