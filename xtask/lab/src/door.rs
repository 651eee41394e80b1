use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;

/// Connections that wait to be accepted. Enough for every client of a load test at once.
const BACKLOG: u32 = 1024;

/// How often a port is asked for again that is not free at once.
const BIND_ATTEMPTS: usize = 100;

/// A port on loopback that can be shut and opened again without losing its number.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    runtime: Handle,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// Whoever waits for a connection, to be told when the state changes.
    waiting: Option<Waker>,
}

#[derive(Debug)]
enum State {
    Open(TcpListener),
    /// Bound and not listening: the kernel refuses connections, and nobody else gets the port.
    Shut(TcpSocket),
    Closed,
}

impl Door {
    /// Opens a door on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Those of the socket calls.
    pub(crate) fn open() -> io::Result<Self> {
        let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.listen(BACKLOG)?;
        Ok(Self {
            address: listener.local_addr()?,
            runtime: Handle::current(),
            inner: Mutex::new(Inner { state: State::Open(listener), waiting: None }),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shuts the door: from now on connections are refused.
    ///
    /// # Errors
    /// When the port cannot be kept; the door is then closed for good.
    pub(crate) fn shut(&self) -> io::Result<()> {
        let mut inner = self.inner.lock();
        if matches!(inner.state, State::Open(_)) {
            // The listener has to go first: a listening port cannot be bound a second time.
            inner.state = State::Closed;
            inner.state = State::Shut(bind_patiently(self.address)?);
        }
        Ok(())
    }

    /// Opens the door again if it is shut.
    ///
    /// # Errors
    /// Those of the socket calls; the door is then closed for good.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        let mut inner = self.inner.lock();
        match std::mem::replace(&mut inner.state, State::Closed) {
            State::Shut(socket) => {
                let _entered = self.runtime.enter();
                inner.state = State::Open(socket.listen(BACKLOG)?);
            }
            other => inner.state = other,
        }
        if let Some(waiting) = inner.waiting.take() {
            waiting.wake();
        }
        Ok(())
    }

    /// Closes the door for good and gives the port back.
    pub(crate) fn close(&self) {
        self.inner.lock().state = State::Closed;
    }

    /// The next connection; waits as long as the door is not open.
    ///
    /// # Errors
    /// Those of `accept`, such as too many open files.
    ///
    /// # Cancel safety
    /// Safe: no connection is lost.
    pub(crate) async fn accept(&self) -> io::Result<TcpStream> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let mut inner = self.inner.lock();
        inner.waiting = Some(cx.waker().clone());
        match &inner.state {
            State::Open(listener) => listener.poll_accept(cx).map_ok(|(socket, _)| socket),
            State::Shut(_) | State::Closed => Poll::Pending,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Binds a port of which the kernel may still be taking leave.
fn bind_patiently(address: SocketAddr) -> io::Result<TcpSocket> {
    let mut result = bind(address);
    for _ in 1..BIND_ATTEMPTS {
        if result.is_ok() {
            break;
        }
        std::thread::yield_now();
        result = bind(address);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shut_door_refuses_and_a_reopened_one_accepts() {
        let door = Door::open().expect("a port");
        TcpStream::connect(door.address()).await.expect("open");
        door.accept().await.expect("accepted");

        door.shut().expect("shut");
        let refused = TcpStream::connect(door.address()).await.expect_err("shut");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

        door.reopen().expect("reopened");
        TcpStream::connect(door.address()).await.expect("open again");
        door.accept().await.expect("accepted again");
    }
}
