use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use lab::{Manner, Sickness, Stage, TorrentAt};
use pool_core::Phase;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::bench::part::{RouterProcess, Routers};

/// How long a connection may take that the kernel accepts by itself.
const ACCEPT_TIME_MAX: Duration = Duration::from_millis(200);

/// What holds an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Case {
    /// A name server that does not answer.
    Unresolved,
    /// A port that does not accept.
    Unaccepted,
    /// A router that falls sick.
    Sick(Sickness),
    /// Encrypted packets without a meaning behind the login.
    Torrent(TorrentAt),
}

impl Case {
    /// Whether the other side sends without a pause.
    pub(super) fn is_flooded(self) -> bool {
        match self {
            Self::Unresolved | Self::Unaccepted => false,
            Self::Sick(sickness) => sickness.manner == Manner::Flood,
            Self::Torrent(_) => true,
        }
    }

    /// How the other side behaves.
    pub(super) fn manner(self) -> &'static str {
        match self {
            Self::Unresolved | Self::Unaccepted => Manner::Silent.as_str(),
            Self::Sick(sickness) => sickness.manner.as_str(),
            Self::Torrent(_) => "torrent",
        }
    }

    /// The phase in which an operation waits.
    pub(super) fn phase(self) -> Phase {
        let stage = match self {
            Self::Unresolved => return Phase::Resolve,
            Self::Unaccepted => return Phase::Connect,
            Self::Torrent(TorrentAt::Pty) => Stage::Pty,
            Self::Torrent(TorrentAt::Exec) => Stage::Exec,
            Self::Torrent(TorrentAt::Output) => Stage::Reading,
            Self::Sick(sickness) => sickness.stage,
        };
        match stage {
            Stage::Banner => Phase::Banner,
            Stage::KeyExchange | Stage::HostKey => Phase::KeyExchange,
            Stage::Authentication => Phase::Authentication,
            Stage::ChannelOpen => Phase::ChannelOpen,
            Stage::Pty => Phase::Pty,
            Stage::Shell => Phase::Shell,
            Stage::Exec | Stage::Writing => Phase::Write,
            Stage::FirstByte | Stage::Reading => Phase::Read,
            Stage::Close | Stage::Disconnect => Phase::Close,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved => f.write_str("resolve/silent"),
            Self::Unaccepted => f.write_str("connect/silent"),
            Self::Sick(sickness) => sickness.fmt(f),
            Self::Torrent(TorrentAt::Pty) => f.write_str("pty/torrent"),
            Self::Torrent(TorrentAt::Exec) => f.write_str("exec/torrent"),
            Self::Torrent(TorrentAt::Output) => f.write_str("reading/torrent"),
        }
    }
}

/// Everything that operations are cut short at.
pub(super) struct Cases {
    /// With the address to go to.
    pub(super) all: Vec<(Case, SocketAddr)>,
    _backlog: Backlog,
    _torrents: RouterProcess,
}

impl Cases {
    /// Those of the `sick` routers, and the ones that need none of them.
    pub(super) async fn start(sick: &RouterProcess) -> Result<Self> {
        let backlog = Backlog::fill().await?;
        let torrents = RouterProcess::start(Routers::Torrents)?;
        let mut all =
            vec![(Case::Unresolved, backlog.address), (Case::Unaccepted, backlog.address)];
        all.extend(Sickness::all().map(Case::Sick).zip(sick.addresses.iter().copied()));
        let of_torrents = TorrentAt::ALL.into_iter().map(Case::Torrent);
        all.extend(of_torrents.zip(torrents.addresses.iter().copied()));
        Ok(Self { all, _backlog: backlog, _torrents: torrents })
    }
}

/// A port that does not accept: the kernel drops what comes when a backlog is full.
struct Backlog {
    address: SocketAddr,
    _listener: TcpListener,
    _fill: Vec<TcpStream>,
}

impl Backlog {
    async fn fill() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(0)?;
        let address = listener.local_addr()?;
        let mut fill = Vec::new();
        while let Ok(stream) = timeout(ACCEPT_TIME_MAX, TcpStream::connect(address)).await {
            fill.push(stream?);
        }
        Ok(Self { address, _listener: listener, _fill: fill })
    }
}
