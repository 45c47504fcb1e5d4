//! Who is connected, up to a limit: beyond it, whoever has kept the bot waiting longest makes room. A connection is at work
//! from the moment its request turned out to be somebody's who may ask, until that is answered; until then it waits, however
//! busily it sends.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio_util::sync::CancellationToken;

/// Half of what a process may have open where nothing was configured; the other half is for the database, Slack and chains.
const LIMIT: usize = 512;

#[derive(Clone, Debug, Default)]
pub(super) struct Seats(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    turns: u64,
    /// By when it last took its turn: those who wait longest are first.
    seats: BTreeMap<u64, Sitting>,
}

#[derive(Debug)]
struct Sitting {
    at_work: bool,
    leave: CancellationToken,
}

/// One connection's; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    turn: Mutex<u64>,
    leave: CancellationToken,
}

impl Seats {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a new connection; when there is none, that of the connection that waits longest.
    pub fn take(&self) -> Arc<Seat> {
        let leave = CancellationToken::new();
        let mut taken = self.taken();
        let longest = taken.seats.iter().find(|(_, sitting)| !sitting.at_work).map(|(turn, _)| *turn);
        if taken.seats.len() >= LIMIT
            && let Some(left) = longest.and_then(|turn| taken.seats.remove(&turn))
        {
            tracing::debug!("a connection made room for another");
            left.leave.cancel();
        }
        let turn = taken.sit(Sitting { at_work: false, leave: leave.clone() });
        Arc::new(Seat { seats: self.clone(), turn: Mutex::new(turn), leave })
    }
}

impl Taken {
    fn sit(&mut self, sitting: Sitting) -> u64 {
        self.turns += 1;
        self.seats.insert(self.turns, sitting);
        self.turns
    }
}

impl Seat {
    /// Its request is somebody's who may ask: it keeps its seat until the end of this.
    pub fn work(self: &Arc<Self>) -> Work {
        self.turn(true);
        Work(Arc::clone(self))
    }

    /// Somebody else has the seat now.
    pub async fn lost(&self) {
        self.leave.cancelled().await;
    }

    fn turn(&self, at_work: bool) {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = self.seats.taken();
        if let Some(sitting) = taken.seats.remove(&turn) {
            *turn = taken.sit(Sitting { at_work, ..sitting });
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let turn = *self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.seats.taken().seats.remove(&turn);
    }
}

#[derive(Debug)]
pub(super) struct Work(Arc<Seat>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.turn(false);
    }
}

/// The router, for one connection: its requests know its seat.
#[derive(Debug)]
pub(super) struct Seated {
    router: TowerToHyperService<Router>,
    seat: Arc<Seat>,
}

impl Seated {
    pub fn new(router: Router, seat: Arc<Seat>) -> Self {
        Self { router: TowerToHyperService::new(router), seat }
    }
}

impl Service<Request<Incoming>> for Seated {
    type Response = Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Arc::clone(&self.seat));
        self.router.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(seat: &Seat) -> bool {
        seat.leave.is_cancelled()
    }

    #[test]
    fn who_waits_longest_makes_room_and_who_is_at_work_does_not() {
        let seats = Seats::default();
        let first = seats.take();
        let working = first.work();
        let all: Vec<_> = (1..LIMIT).map(|_| seats.take()).collect();
        let _next = seats.take();
        assert!(!lost(&first) && lost(&all[0]) && !lost(&all[1]));
        // Answered, and so the last of those who wait.
        drop(working);
        let _two = [seats.take(), seats.take()];
        assert!(!lost(&first) && lost(&all[1]) && lost(&all[2]) && !lost(&all[3]));
    }

    #[test]
    fn a_seat_is_free_again_when_its_connection_ends() {
        let seats = Seats::default();
        let stays = seats.take();
        for _ in 0..4 * LIMIT {
            drop(seats.take());
        }
        assert!(!lost(&stays));
        assert_eq!(seats.taken().seats.len(), 1);
    }

    #[test]
    fn when_everybody_is_at_work_there_is_one_seat_more() {
        let seats = Seats::default();
        let all: Vec<_> = (0..LIMIT).map(|_| seats.take()).collect();
        let _working: Vec<_> = all.iter().map(Seat::work).collect();
        let more = seats.take();
        assert!(!lost(&more) && !all.iter().any(|seat| lost(seat)));
        // Which is the first to go.
        let _another = seats.take();
        assert!(lost(&more));
    }
}
