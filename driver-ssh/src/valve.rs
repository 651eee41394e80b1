use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use parking_lot::Mutex;
use rustix::io::{DupFlags, dup3};
use rustix::net::{Shutdown, shutdown};
use socket2::SockRef;

/// A second descriptor of a socket, for libssh2, which can be cut off from it: while the valve is
/// shut, nothing comes in through it, and nothing can go out.
///
/// libssh2 works for as long as there is something to read, and a peer that sends as fast as it
/// reads keeps a call from returning. Shutting the valve ends the call as if the peer had paused.
/// Nothing is lost by that, and once the valve is open the work goes on where it was.
#[derive(Debug)]
pub(crate) struct Valve {
    number: RawFd,
    line: Mutex<Line>,
}

/// What the number stands for: a socket, or a dead end.
#[derive(Debug)]
struct Line {
    fd: OwnedFd,
    is_shut: bool,
}

impl Valve {
    /// A valve on `socket`, which is open.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub(crate) fn on(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let fd = socket.try_clone_to_owned()?;
        Ok(Self { number: fd.as_raw_fd(), line: Mutex::new(Line { fd, is_shut: false }) })
    }

    /// Cuts the number off from its socket. From any thread, at any time.
    pub(crate) fn shut(&self) {
        let mut line = self.line.lock();
        let is_shut = dead_end().is_some_and(|end| line.lead_to(end.as_fd()).is_ok());
        line.is_shut |= is_shut;
        if !line.is_shut {
            // Out of descriptors. The end of the connection ends the call as well.
            shutdown(&line.fd, Shutdown::Both).ok();
        }
    }

    /// Makes the number stand for `socket` again.
    pub(crate) fn open(&self, socket: BorrowedFd<'_>) {
        let mut line = self.line.lock();
        if line.is_shut {
            // Both are open descriptors of ours, so it cannot fail. A session that stayed cut off
            // would be seen to be silent.
            line.is_shut = line.lead_to(socket).is_err();
        }
    }
}

impl Line {
    fn lead_to(&mut self, to: BorrowedFd<'_>) -> rustix::io::Result<()> {
        dup3(to, &mut self.fd, DupFlags::CLOEXEC)
    }
}

impl AsRawFd for Valve {
    fn as_raw_fd(&self) -> RawFd {
        self.number
    }
}

/// A socket on which nothing ever comes in, and which has no room for anything to go out. All
/// valves of the process share it; `None` if there were no descriptors for it.
fn dead_end() -> Option<&'static UnixStream> {
    static ENDS: OnceLock<(UnixStream, UnixStream)> = OnceLock::new();
    if ENDS.get().is_none() {
        ENDS.set(full_pair().ok()?).ok();
    }
    ENDS.get().map(|(end, _)| end)
}

fn full_pair() -> io::Result<(UnixStream, UnixStream)> {
    let (mut full, other) = UnixStream::pair()?;
    full.set_nonblocking(true)?;
    SockRef::from(&full).set_send_buffer_size(1)?;
    while full.write(&[0; 1024]).is_ok() {}
    Ok((full, other))
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};

    use rustix::net::{RecvFlags, SendFlags, recv, send};

    use super::*;

    #[test]
    fn a_valve_that_is_shut_looks_silent_and_full_and_loses_nothing() {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let valve = Valve::on(near.as_fd()).unwrap();
        // As libssh2 does: by the number, whatever it stands for.
        let number = valve.as_raw_fd();
        let exchange = || {
            let line = valve.line.lock();
            assert_eq!(line.fd.as_raw_fd(), number);
            let sent = send(&line.fd, b"a", SendFlags::NOSIGNAL);
            let received = recv(&line.fd, &mut [0; 8][..], RecvFlags::empty());
            let kind = |error| io::Error::from(error).kind();
            (sent.map_err(kind), received.map(|(_, count)| count).map_err(kind))
        };
        for _ in 0..3 {
            far.write_all(b"xyz").unwrap();
            valve.shut();
            valve.shut();
            assert_eq!(exchange(), (Err(ErrorKind::WouldBlock), Err(ErrorKind::WouldBlock)));
            valve.open(near.as_fd());
            valve.open(near.as_fd());
            assert_eq!(exchange(), (Ok(1), Ok(3)));
            assert_eq!(exchange(), (Ok(1), Err(ErrorKind::WouldBlock)));
            let mut heard = [0; 2];
            far.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"aa");
        }
    }
}
