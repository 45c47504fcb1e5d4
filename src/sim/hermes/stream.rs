//! What a price stream writes: events as Hermes' server-sent events, and the ways they break.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::market::{Market, Round, Told};

/// Hermes' comment when there is nothing else to say.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which feeds of a round to write, and how.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub indexes: Vec<usize>,
    pub encoding: &'static str,
    pub parsed: bool,
}

impl Selection {
    /// One `PriceUpdate` as JSON. `binary` has the right shape and length but is no signed proof.
    pub fn write(&self, round: &Round) -> String {
        let Self { indexes, encoding, parsed } = self;
        // "PNAU", the accumulator's magic number; hex digits are valid base64 too.
        let magic = if *encoding == "base64" { "UE5BVQEAAAAD" } else { "504e415501000000" };
        let proof = "03b801000000040d00561f4ceb8ce5eb58".repeat(24 + indexes.len() * 8);
        let mut json = format!(r#"{{"binary":{{"encoding":"{encoding}","data":["{magic}{proof}"]}}"#);
        if *parsed {
            json.push_str(r#","parsed":["#);
            for (place, update) in indexes.iter().filter_map(|index| round.get(*index)).enumerate() {
                if place > 0 {
                    json.push(',');
                }
                json.push_str(update);
            }
            json.push(']');
        }
        json.push('}');
        json
    }
}

/// An open stream; counted while it lives.
struct Open {
    market: Arc<Market>,
    told: broadcast::Receiver<Told>,
    stop: CancellationToken,
    selection: Selection,
    ended: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.market.streams.send_modify(|open| *open = open.saturating_sub(1));
    }
}

/// The body of a stream that begins now.
pub(super) fn body(market: Arc<Market>, stop: CancellationToken, selection: Selection) -> Body {
    let told = market.told.subscribe();
    market.streams.send_modify(|open| *open += 1);
    let open = Open { market, told, stop, selection, ended: false };
    Body::from_stream(stream::unfold(open, |mut open| async move {
        let bytes = open.next().await?;
        Some((bytes, open))
    }))
}

impl Open {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while !self.ended {
            let told = tokio::select! {
                () = self.stop.cancelled() => return None,
                told = tokio::time::timeout(KEEP_ALIVE, self.told.recv()) => told,
            };
            match told {
                Err(_) if self.market.gate(|gate| gate.silent) => {}
                Err(_) => return Some(Ok(Bytes::from_static(b":\n\n"))),
                Ok(Ok(told)) => return Some(self.write(told)),
                Ok(Err(RecvError::Lagged(_))) => {
                    self.ended = true;
                    return Some(Ok(Bytes::from_static(b"event: error\ndata:Slow consumer: disconnected\n\n")));
                }
                Ok(Err(RecvError::Closed)) => return None,
            }
        }
        None
    }

    fn write(&mut self, told: Told) -> io::Result<Bytes> {
        match told {
            Told::Round(round) => Ok(format!("data:{}\n\n", self.selection.write(&round)).into()),
            Told::Garbage(text) => Ok(Bytes::from_static(text.as_bytes())),
            Told::Cut { half: false } => Err(io::ErrorKind::ConnectionReset.into()),
            Told::Cut { half: true } => {
                self.ended = true;
                let event = Bytes::from(format!("data:{}\n\n", self.selection.write(&self.market.latest())));
                Ok(event.slice(..event.len() / 2))
            }
        }
    }
}
