use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use pool_core::Secret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::access::Access;
use super::serve::serve;
use crate::settings::HttpSettings;
use crate::tls::{OwnCertificate, TlsClient, TlsSettings, testing};

const TOKEN: &str = "0123456789abcdef";

/// Two pages behind `access`, for as long as the handle lives.
async fn serving(access: Access) -> (SocketAddr, AbortOnDropHandle<()>) {
    let pages = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/metrics", get(|| async { "figures" }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, AbortOnDropHandle::new(tokio::spawn(serve(listener, access, pages))))
}

/// Everything that is answered to `request`, until the connection ends.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> String {
    // Whoever is refused early may find the connection closed.
    stream.write_all(request.as_bytes()).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn say(address: SocketAddr, request: &str) -> String {
    answer(&mut TcpStream::connect(address).await.unwrap(), request).await
}

/// The status of the answer to a request for `path` with `more` in its head.
async fn status(address: SocketAddr, path: &str, more: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
    let answer = say(address, &request).await;
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn whoever_has_no_token_sees_that_the_process_lives_and_nothing_else() {
    let (address, _serving) = serving(Access::with_token(TOKEN)).await;
    assert_eq!(status(address, "/healthz", "").await, "200");
    for path in ["/metrics", "/nowhere", "/healthz/x", "/"] {
        assert_eq!(status(address, path, "").await, "401", "{path}");
    }
    for wrong in ["Bearer wrong", "Bearer ", "Basic 0123456789abcdef", "Bearer 0123456789abcde", ""]
    {
        let header = format!("Authorization: {wrong}\r\n");
        assert_eq!(status(address, "/metrics", &header).await, "401", "{wrong}");
    }
    for scheme in ["Bearer", "bearer"] {
        let header = format!("Authorization: {scheme} {TOKEN}\r\n");
        assert_eq!(status(address, "/metrics", &header).await, "200");
    }
    let refusal =
        say(address, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(refusal.to_lowercase().contains("www-authenticate: bearer"), "{refusal}");
    assert!(!refusal.contains(TOKEN) && !refusal.contains("figures"), "{refusal}");
}

#[tokio::test]
async fn a_request_is_small_and_has_no_body() {
    let (address, _serving) = serving(Access::open()).await;
    assert_eq!(status(address, "/metrics", "").await, "200");
    let large = format!("X-Large: {}\r\n", "x".repeat(20_000));
    assert_eq!(status(address, "/metrics", &large).await, "431");
    let many = "X-Many: x\r\n".repeat(200);
    assert_eq!(status(address, "/metrics", &many).await, "431");
    assert_eq!(status(address, "/metrics", "Content-Length: 5\r\n").await, "413");
    assert_eq!(status(address, "/metrics", "Transfer-Encoding: chunked\r\n").await, "413");
    let post =
        "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert!(say(address, post).await.starts_with("HTTP/1.1 405 "));
    assert!(say(address, "NONSENSE\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_not_waited_for() {
    let (address, _serving) = serving(Access::open()).await;
    for beginning in ["", "GET /metrics HT", "GET /metrics HTTP/1.1\r\nX: "] {
        let began = Instant::now();
        let answer = say(address, beginning).await;
        assert!(!answer.contains("200"), "{beginning}: {answer}");
        assert!(began.elapsed() <= Duration::from_secs(10), "{beginning}: {:?}", began.elapsed());
    }
}

/// A certificate for 127.0.0.1, issued by itself, with its key.
fn certificate() -> OwnCertificate {
    let (certificate, key) = testing::certificate();
    let key = String::from_utf8(key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    OwnCertificate { chain: certificate.to_pem().unwrap(), key: Secret::new(key) }
}

fn encrypted(own: &OwnCertificate) -> Access {
    let listen = "127.0.0.1:0".parse().unwrap();
    let token = Some(Secret::new(TOKEN));
    Access::new(&HttpSettings { listen, tls: Some(own.clone()), token }).unwrap()
}

#[tokio::test]
async fn pages_with_a_certificate_are_encrypted() {
    let own = certificate();
    let (address, _serving) = serving(encrypted(&own)).await;
    let authorities = own.chain.clone();
    let trust = TlsSettings::Certificates { authorities, own: None, server_name: None };
    let client = TlsClient::new(&trust).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = client.connect(stream, "127.0.0.1").await.unwrap();
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    let answer = answer(&mut stream, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("figures"), "{answer}");
    // In the clear nothing is said, with the token or without.
    let plain = say(address, &request).await;
    assert!(!plain.contains("figures") && !plain.contains("HTTP/1.1 200"), "{plain}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_never_begun_is_not_waited_for() {
    let (address, _serving) = serving(encrypted(&certificate())).await;
    let began = Instant::now();
    assert_eq!(say(address, "").await, "");
    assert!(began.elapsed() <= Duration::from_secs(10), "{:?}", began.elapsed());
}
