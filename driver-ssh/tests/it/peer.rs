//! Peers that speak no SSH, or only the beginning of it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::rig::on_peers;

pub(crate) const BANNER: &[u8] = b"SSH-2.0-test_1.0\r\n";

/// Listens on a free port and plays `act` to everyone who connects.
pub(crate) fn listen<F>(act: fn(TcpStream) -> F) -> SocketAddr
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    on_peers(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(act(stream));
            }
        });
        address
    })
}

/// Says nothing until the client goes.
pub(crate) async fn silent(stream: TcpStream) -> std::io::Result<()> {
    until_gone(stream).await
}

/// Its banner, and nothing more.
pub(crate) async fn banner_then_silent(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(BANNER).await?;
    until_gone(stream).await
}

/// A banner that never ends, one byte at a time.
pub(crate) async fn dripping_banner(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(b"SSH-2.0-").await?;
    loop {
        stream.write_all(b"x").await?;
        sleep(Duration::from_millis(20)).await;
    }
}

/// Lines without end in place of a banner.
pub(crate) async fn junk_flood(mut stream: TcpStream) -> std::io::Result<()> {
    let junk = b"this is no banner\r\n".repeat(1000);
    loop {
        stream.write_all(&junk).await?;
    }
}

/// Packets that mean nothing (RFC 4253, section 11.2), without end, in place of a key exchange.
pub(crate) async fn ignore_flood(mut stream: TcpStream) -> std::io::Result<()> {
    const SSH_MSG_IGNORE: u8 = 2;
    stream.write_all(BANNER).await?;
    let mut packet = vec![0, 0, 0, 20, 10, SSH_MSG_IGNORE, 0, 0, 0, 4];
    packet.extend([0; 14]);
    let packets = packet.repeat(1000);
    loop {
        stream.write_all(&packets).await?;
    }
}

/// The first bytes of a key exchange packet, and never the rest.
pub(crate) async fn half_a_packet(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(BANNER).await?;
    stream.write_all(&[0, 0, 2, 0, 4, 20, 1, 2, 3]).await?;
    until_gone(stream).await
}

/// Hangs up at once.
pub(crate) async fn closing(stream: TcpStream) -> std::io::Result<()> {
    drop(stream);
    Ok(())
}

/// Resets the connection as soon as the client has spoken.
pub(crate) async fn resetting(mut stream: TcpStream) -> std::io::Result<()> {
    stream.read_u8().await?;
    // Closing with unread bytes makes the kernel send a reset.
    drop(stream);
    Ok(())
}

/// Says that it is full, as routers do, and hangs up.
pub(crate) async fn full(mut stream: TcpStream) -> std::io::Result<()> {
    until_spoken_to(&mut stream).await?;
    stream.write_all(b"% CLI session limit 5 reached\r\n").await
}

/// Speaks another protocol.
pub(crate) async fn web_server(mut stream: TcpStream) -> std::io::Result<()> {
    until_spoken_to(&mut stream).await?;
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n").await
}

/// Sends what cannot be a banner.
pub(crate) async fn garbage(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(&[0xff, 0, 0xfe, b'\n']).await?;
    until_gone(stream).await
}

pub(crate) async fn until_gone(mut stream: TcpStream) -> std::io::Result<()> {
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.map(drop)
}

/// Waits for the client's banner, so that closing is no reset.
async fn until_spoken_to(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut heard = [0; 256];
    stream.read(&mut heard).await.map(drop)
}
