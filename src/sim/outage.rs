//! Being away: connections that are dropped as soon as they are made.

use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};

/// Accepts connections, and drops them at once while `away`.
pub(super) struct Dropping<F> {
    pub listener: TcpListener,
    pub away: F,
}

impl<F: Fn() -> bool + Send + 'static> Listener for Dropping<F> {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let accepted = Listener::accept(&mut self.listener).await;
            if !(self.away)() {
                return accepted;
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
