//! Bodies of requests, read after their heads were looked at, and no more of them at once than there is room for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So much of each body is read in any case: what is usual fits, and there are not more connections than seats.
const SMALL: usize = 32 << 10;

/// What is not kept is read for so long.
const RUNS_OUT: Duration = Duration::from_secs(5);

/// What all bodies together may hold beyond that.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// A whole body, and its part of the room for as long as it is kept.
#[derive(Debug)]
pub(super) struct Held {
    pub bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    BrokeOff,
    /// Others fill the room; there will be some in a moment.
    Full,
}

impl Unread {
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BrokeOff => StatusCode::BAD_REQUEST,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Room {
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// Room is taken for what has come, not for what was promised: a promise costs nothing.
    pub async fn read(&self, headers: &HeaderMap, body: Body, limit: usize) -> Result<Held, Unread> {
        if promised(headers).is_some_and(|length| length > limit) {
            return Err(Unread::TooLarge);
        }
        let mut parts = body.into_data_stream();
        let (mut bytes, mut room) = (Vec::new(), None);
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_| Unread::BrokeOff)?;
            let whole = bytes.len() + part.len();
            if whole > limit {
                return Err(Unread::TooLarge);
            }
            let more = whole.saturating_sub(SMALL.max(bytes.len()));
            self.take(more, &mut room)?;
            bytes.extend_from_slice(&part);
        }
        Ok(Held { bytes: bytes.into(), _room: room })
    }

    /// As [`Self::read`], for a sender that is known: it is answered at once when it promises too much, and what it has sent
    /// already is let run out, or it would find the connection broken before it reads why.
    pub async fn read_from_known(&self, headers: &HeaderMap, body: Body, limit: usize) -> Result<Held, Unread> {
        if promised(headers).is_some_and(|length| length > limit) {
            tokio::spawn(tokio::time::timeout(RUNS_OUT, async move {
                let mut parts = body.into_data_stream();
                while parts.next().await.is_some_and(|part| part.is_ok()) {}
            }));
            return Err(Unread::TooLarge);
        }
        self.read(headers, body, limit).await
    }

    fn take(&self, more: usize, room: &mut Option<OwnedSemaphorePermit>) -> Result<(), Unread> {
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).map_err(|_| Unread::TooLarge)?;
        let taken = Arc::clone(&self.0).try_acquire_many_owned(more).map_err(|_| Unread::Full)?;
        match room {
            Some(room) => room.merge(taken),
            None => *room = Some(taken),
        }
        Ok(())
    }
}

fn promised(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(room: &Room, size: usize) -> Result<Held, Unread> {
        room.read(&HeaderMap::new(), Body::from(vec![b'x'; size]), 1 << 20).await
    }

    #[tokio::test]
    async fn large_bodies_wait_for_room_and_small_ones_never_do() {
        let room = Room::of(100 << 10);
        let held = read(&room, SMALL + (100 << 10)).await.unwrap();
        assert_eq!(held.bytes.len(), SMALL + (100 << 10));
        assert_eq!(read(&room, SMALL + 1).await.unwrap_err(), Unread::Full);
        assert!(read(&room, SMALL).await.is_ok());
        drop(held);
        assert!(read(&room, SMALL + (100 << 10)).await.is_ok(), "it was given back, and by those who got none, too");
    }

    #[tokio::test]
    async fn what_promises_too_much_is_not_read_and_what_comes_to_too_much_is_not_kept() {
        let room = Room::of(8 << 20);
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, "1048577".parse().unwrap())]);
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(room.read(&headers, never, 1 << 20).await.unwrap_err(), Unread::TooLarge);
        assert_eq!(read(&room, (1 << 20) + 1).await.unwrap_err(), Unread::TooLarge);
        let broken = Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));
        assert_eq!(room.read(&HeaderMap::new(), broken, 1 << 20).await.unwrap_err(), Unread::BrokeOff);
        assert_eq!(room.0.available_permits(), 8 << 20);
    }
}
