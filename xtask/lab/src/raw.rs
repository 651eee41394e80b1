//! Faults before there is SSH: bytes on a bare socket.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::dialect::Dialect;
use crate::flood::{DRIP_PAUSE, GARBAGE_BYTES, GARBAGE_PAUSE, garbage, meaningless_packets};
use crate::router::Shared;
use crate::{Fault, Manner, Stage};

/// Lines per write of a flood.
const FLOOD_LINES: usize = 64;

/// What happens on a bare socket.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    /// The connection is closed at once.
    Close,
    /// No identification, but this.
    InPlaceOfBanner(Manner),
    /// The identification, and then this.
    BehindBanner(Manner),
}

impl Script {
    /// What a router does whose fault shows before SSH does; `None` for the others.
    pub(crate) fn of(router: &Shared) -> Option<Self> {
        if router.has(Fault::CloseAfterAccept) {
            return Some(Self::Close);
        }
        let in_place = router.manner_at(Stage::Banner).map(Self::InPlaceOfBanner);
        in_place.or_else(|| router.manner_at(Stage::KeyExchange).map(Self::BehindBanner))
    }
}

/// Plays the script until the client closes the connection.
///
/// # Errors
/// Those of the socket.
///
/// # Cancel safety
/// Safe: the socket is closed.
pub(crate) async fn play(
    script: Script,
    dialect: &Dialect,
    mut socket: TcpStream,
) -> io::Result<()> {
    let identification = format!("{}\r\n", dialect.server_id);
    let (manner, dripping, flood) = match script {
        Script::Close => return socket.shutdown().await,
        Script::InPlaceOfBanner(manner) => {
            let lines = "This line is no identification.\r\n".repeat(FLOOD_LINES);
            (manner, dialect.server_id.as_bytes(), lines.into_bytes())
        }
        Script::BehindBanner(manner) => {
            socket.write_all(identification.as_bytes()).await?;
            // The beginning of a packet of 512 bytes with an offer of algorithms.
            (manner, &[0, 0, 2, 0, 4, 20][..], meaningless_packets())
        }
    };
    if manner == Manner::Reset {
        // Not before the client has spoken: it is to meet the reset at this stage.
        socket.peek(&mut [0]).await?;
        return socket.set_zero_linger();
    }
    let (mut reader, mut writer) = socket.split();
    let write = async {
        match manner {
            Manner::Silent | Manner::Reset => {}
            Manner::HalfClose => writer.shutdown().await?,
            Manner::Drip => {
                for byte in dripping.iter().copied().chain(std::iter::repeat(b'-')) {
                    writer.write_all(&[byte]).await?;
                    tokio::time::sleep(DRIP_PAUSE).await;
                }
            }
            Manner::Flood => loop {
                writer.write_all(&flood).await?;
            },
            Manner::Garbage => loop {
                writer.write_all(&garbage(GARBAGE_BYTES)).await?;
                tokio::time::sleep(GARBAGE_PAUSE).await;
            },
        }
        std::future::pending().await
    };
    tokio::select! {
        result = write => result,
        result = until_closed(&mut reader) => result,
    }
}

/// Reads and forgets until the client closes its side.
async fn until_closed(reader: &mut (impl AsyncReadExt + Unpin)) -> io::Result<()> {
    let mut forgotten = [0; 1024];
    while reader.read(&mut forgotten).await? > 0 {}
    Ok(())
}
