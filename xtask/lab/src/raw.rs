//! Faults before there is SSH: bytes on a bare socket.

use std::io;
use std::time::Duration;

use rand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Fault;
use crate::dialect::Dialect;

/// Time between two bytes of a dripping identification.
const DRIP_PAUSE: Duration = Duration::from_millis(50);

/// Random bytes per write.
const GARBAGE_BYTES: usize = 1024;

/// Time between two writes of random bytes: enough garbage, and no flood.
const GARBAGE_PAUSE: Duration = Duration::from_millis(10);

/// Lines per write of a flood.
const FLOOD_LINES: usize = 64;

/// What happens on a bare socket.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    Close,
    Silence,
    Identification,
    Drip,
    Flood,
    Garbage,
}

impl Script {
    /// The script of a fault that shows before SSH does; `None` for the others.
    pub(crate) fn of(fault: Fault) -> Option<Self> {
        Some(match fault {
            Fault::CloseAfterAccept => Self::Close,
            Fault::AcceptSilent => Self::Silence,
            Fault::StallAfterBanner => Self::Identification,
            Fault::BannerDrip => Self::Drip,
            Fault::BannerFlood => Self::Flood,
            Fault::Garbage => Self::Garbage,
            _ => return None,
        })
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
    let (mut reader, mut writer) = socket.split();
    let write = async {
        match script {
            Script::Close => return writer.shutdown().await,
            Script::Silence => {}
            Script::Identification => {
                writer.write_all(format!("{}\r\n", dialect.server_id).as_bytes()).await?;
            }
            Script::Drip => {
                for byte in dialect.server_id.bytes().chain(std::iter::repeat(b'-')) {
                    writer.write_all(&[byte]).await?;
                    tokio::time::sleep(DRIP_PAUSE).await;
                }
            }
            Script::Flood => {
                let lines = "This line is no identification.\r\n".repeat(FLOOD_LINES);
                loop {
                    writer.write_all(lines.as_bytes()).await?;
                }
            }
            Script::Garbage => loop {
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

/// Random bytes.
pub(crate) fn garbage(bytes: usize) -> Vec<u8> {
    let mut garbage = vec![0; bytes];
    rand::rng().fill_bytes(&mut garbage);
    garbage
}
