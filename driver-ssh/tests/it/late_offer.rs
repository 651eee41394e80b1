//! A server that offers its algorithms only once it has seen ours.

use std::time::Duration;

use pool_core::{ErrorKind, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::peer::{BANNER, listen, until_gone};
use crate::rig::{Rig, config, patient};

const SSH_MSG_KEXINIT: u8 = 20;

/// The offer of a server that can do nothing of what we do (RFC 4253, sections 6 and 7.1).
fn offer() -> Vec<u8> {
    let mut payload = vec![SSH_MSG_KEXINIT];
    payload.extend([7; 16]);
    for list in ["kex-x", "ssh-x", "enc-x", "enc-x", "mac-x", "mac-x", "none", "none", "", ""] {
        payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        payload.extend(list.as_bytes());
    }
    payload.extend([0; 5]);
    let padding = 4 + (8 - (payload.len() + 9) % 8) % 8;
    let length = u32::try_from(payload.len() + padding + 1).unwrap();
    let head = [&length.to_be_bytes()[..], &[u8::try_from(padding).unwrap()]].concat();
    [head, payload, vec![0; padding]].concat()
}

/// Its banner, and its offer behind that of the client.
async fn late(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(BANNER).await?;
    let mut heard = Vec::new();
    while !heard.windows(2).any(|end| end == b"\r\n") || heard.ends_with(b"\r\n") {
        if stream.read_buf(&mut heard).await? == 0 {
            return Ok(());
        }
    }
    // Its client waits for it by then.
    sleep(Duration::from_millis(100)).await;
    stream.write_all(&offer()).await?;
    until_gone(stream).await
}

#[test]
fn what_a_server_offers_late_is_in_the_error_too() {
    let rig = Rig::new();
    let config = config(listen(late));
    let error = rig.run(async { rig.exec(&patient(), &config).await.map(drop).unwrap_err() });
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Some(Phase::KeyExchange)));
    let text = error.to_string();
    assert!(text.contains("no common algorithm") && text.contains("the device kex-x"), "{text}");
}
