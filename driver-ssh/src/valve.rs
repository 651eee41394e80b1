use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use parking_lot::Mutex;
use rustix::buffer::spare_capacity;
use rustix::io::{DupFlags, Errno, dup3, read};
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use socket2::SockRef;

/// How much libssh2 can send while the valve is shut, in bytes: a few packets.
const HELD_BYTES_MAX: usize = 16 * 1024;

/// How much of that is taken at once, in bytes.
const TAKEN_BYTES: usize = 1024;

/// A pair that nobody uses at this moment. A login shuts its valve once, for microseconds, which
/// takes less than making a pair.
static SPARE: Mutex<Option<Pair>> = Mutex::new(None);

/// A second descriptor of a socket, for libssh2, which can be cut off from it: while the valve is
/// shut, nothing comes in through it, and what goes out is held until it is open again.
///
/// libssh2 works for as long as there is something to read, and a peer that sends as fast as it
/// reads keeps a call from returning. Shutting the valve ends the call as if the peer had paused.
/// Nothing is lost by that, and once the valve is open the work goes on where it was.
///
/// Sending goes on because libssh2 is not good at being told to wait with that: it takes the end of
/// a channel for sent only if the second attempt finds it at the same address on the stack.
#[derive(Debug)]
pub(crate) struct Valve {
    number: RawFd,
    line: Mutex<Line>,
}

/// What the number stands for.
#[derive(Debug)]
struct Line {
    /// The socket, or the near end of a pair while the valve is shut.
    fd: OwnedFd,
    held: Option<Pair>,
}

/// Two ends: what goes out at the near one is held until it is taken from the far one, and nothing
/// comes in.
#[derive(Debug)]
struct Pair {
    near: UnixStream,
    far: UnixStream,
}

impl Valve {
    /// A valve that is shut, until it is opened for its socket.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub(crate) fn shut_from_the_start() -> io::Result<Self> {
        let pair = Pair::spare()?;
        let fd = pair.near.as_fd().try_clone_to_owned()?;
        Ok(Self { number: fd.as_raw_fd(), line: Mutex::new(Line { fd, held: Some(pair) }) })
    }

    /// Cuts the number off from its socket. From any thread, at any time.
    pub(crate) fn shut(&self) {
        let mut line = self.line.lock();
        if line.held.is_none() && line.cut_off().is_err() {
            // Out of descriptors. The end of the connection ends the call as well.
            shutdown(&line.fd, Shutdown::Both).ok();
        }
    }

    /// Makes the number stand for `socket` again, and sends what was held.
    pub(crate) fn open(&self, socket: BorrowedFd<'_>) {
        let mut line = self.line.lock();
        if let Some(held) = line.held.take()
            && line.lead_back(socket, held).is_err()
        {
            // A peer that says much, and does not read what we say.
            shutdown(socket, Shutdown::Both).ok();
        }
    }

    /// Gives `work` what the number stands for.
    #[cfg(test)]
    pub(crate) fn line<T>(&self, work: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        use std::os::fd::AsFd;

        work(self.line.lock().fd.as_fd())
    }
}

impl Line {
    fn cut_off(&mut self) -> io::Result<()> {
        let pair = Pair::spare()?;
        dup3(&pair.near, &mut self.fd, DupFlags::CLOEXEC)?;
        self.held = Some(pair);
        Ok(())
    }

    /// # Errors
    ///
    /// When there is no room for what was held. The number stands for the socket in any case.
    fn lead_back(&mut self, socket: BorrowedFd<'_>, mut held: Pair) -> io::Result<()> {
        dup3(socket, &mut self.fd, DupFlags::CLOEXEC)?;
        let bytes = held.take()?;
        // It is empty, as a new one.
        *SPARE.lock() = Some(held);
        if !bytes.is_empty() {
            let sent = send(socket, &bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?;
            if sent < bytes.len() {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

impl Pair {
    fn spare() -> io::Result<Self> {
        let spare = SPARE.lock().take();
        spare.map_or_else(Self::new, Ok)
    }

    fn new() -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        SockRef::from(&near).set_send_buffer_size(HELD_BYTES_MAX)?;
        Ok(Self { near, far })
    }

    /// Takes all that is held. Nobody can add to it once the number stands for something else.
    fn take(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            bytes.reserve(TAKEN_BYTES);
            let room = bytes.capacity() - bytes.len();
            let count = match read(&self.far, spare_capacity(&mut bytes)) {
                Err(Errno::AGAIN) => 0,
                read => read?,
            };
            if count < room {
                return Ok(bytes);
            }
        }
    }
}

impl AsRawFd for Valve {
    fn as_raw_fd(&self) -> RawFd {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};

    use rustix::net::{RecvFlags, recv};

    use super::*;

    fn open_valve(socket: &UnixStream) -> Valve {
        let valve = Valve::shut_from_the_start().unwrap();
        valve.open(socket.as_fd());
        valve
    }

    fn kind(error: rustix::io::Errno) -> ErrorKind {
        io::Error::from(error).kind()
    }

    #[test]
    fn a_valve_that_is_shut_looks_silent_and_loses_nothing() {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let valve = open_valve(&near);
        // As libssh2 does: by the number, whatever it stands for.
        let number = valve.as_raw_fd();
        let exchange = |says: &[u8]| {
            valve.line(|fd| {
                assert_eq!(fd.as_raw_fd(), number);
                assert_eq!(send(fd, says, SendFlags::NOSIGNAL), Ok(says.len()));
                recv(fd, &mut [0; 8][..], RecvFlags::empty()).map(|(_, count)| count).map_err(kind)
            })
        };
        for _ in 0..3 {
            far.write_all(b"xyz").unwrap();
            valve.shut();
            assert_eq!(exchange(b"a"), Err(ErrorKind::WouldBlock));
            valve.shut();
            assert_eq!(exchange(b"b"), Err(ErrorKind::WouldBlock));
            valve.open(near.as_fd());
            valve.open(near.as_fd());
            assert_eq!(exchange(b"c"), Ok(3));
            assert_eq!(exchange(b"d"), Err(ErrorKind::WouldBlock));
            let mut heard = [0; 4];
            far.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"abcd");
        }
    }

    #[test]
    fn a_process_that_is_being_started_meanwhile_does_no_harm() {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let valve = open_valve(&near);
        valve.shut();
        // What a child has between its fork and its exec.
        let inherited = valve.line(|fd| fd.try_clone_to_owned()).unwrap();
        valve.line(|fd| assert_eq!(send(fd, b"abc", SendFlags::NOSIGNAL), Ok(3)));
        valve.open(near.as_fd());
        drop(inherited);
        let mut heard = [0; 3];
        far.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"abc");
        far.write_all(b"x").unwrap();
        let came = valve.line(|fd| recv(fd, &mut [0; 8][..], RecvFlags::empty()).map(|(_, n)| n));
        assert_eq!(came, Ok(1));
    }

    #[test]
    fn what_one_has_held_is_not_sent_by_the_next() {
        for number in 1..=3_u8 {
            let (near, mut far) = UnixStream::pair().unwrap();
            let valve = open_valve(&near);
            valve.shut();
            let said = [number; 3000];
            for _ in 0..3 {
                let sent = valve.line(|fd| send(fd, &said, SendFlags::NOSIGNAL));
                assert_eq!(sent, Ok(said.len()));
            }
            valve.open(near.as_fd());
            drop((valve, near));
            let mut heard = Vec::new();
            far.read_to_end(&mut heard).unwrap();
            assert_eq!(heard, [number; 9000]);
        }
    }

    #[test]
    fn a_peer_that_does_not_read_loses_the_connection_and_not_some_bytes_of_it() {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let valve = open_valve(&near);
        valve.shut();
        let sent = valve.line(|fd| send(fd, &[b'a'; 1024], SendFlags::NOSIGNAL));
        assert_eq!(sent, Ok(1024));
        while near.write(&[b'x'; 1024]).is_ok() {}
        valve.open(near.as_fd());
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).unwrap();
        assert!(heard.len() > 1024 && heard.iter().all(|&byte| byte == b'x'));
    }

    #[test]
    fn what_is_held_has_a_bound() {
        let (near, _far) = UnixStream::pair().unwrap();
        let valve = open_valve(&near);
        valve.shut();
        let send = || valve.line(|fd| send(fd, &[0; 4096], SendFlags::NOSIGNAL));
        let mut held = 0;
        while let Ok(count) = send() {
            held += count;
        }
        assert!((HELD_BYTES_MAX / 4..=4 * HELD_BYTES_MAX).contains(&held), "{held}");
    }
}
