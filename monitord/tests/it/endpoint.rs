//! The pages from outside: who may see them, and that no secret is on them.

use std::os::unix::fs::PermissionsExt;
use std::pin::Pin;

use lab::{Fault, Lab, RouterSpec};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::support::{Daemon, Site};

/// What all secrets of the configuration have in common.
const SECRET: &str = "hunter2";

/// A connection to the pages.
async fn connect(daemon: &Daemon) -> SslStream<TcpStream> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    // Whether it can be trusted is tested where it is made.
    builder.set_verify(SslVerifyMode::NONE);
    let ssl = builder.build().configure().unwrap().into_ssl("127.0.0.1").unwrap();
    let address = ("127.0.0.1", daemon.http().port());
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = SslStream::new(ssl, stream).unwrap();
    Pin::new(&mut stream).connect().await.unwrap();
    stream
}

/// Status and text of a page over TLS, head included, asked for with `method` and `more` in the head.
pub(crate) async fn page(
    daemon: &Daemon,
    method: &str,
    path: &str,
    more: &str,
) -> (String, String) {
    let mut stream = connect(daemon).await;
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap_or_default().to_owned();
    (status, text)
}

/// The certificate that the pages show, as DER.
pub(crate) async fn shown_certificate(daemon: &Daemon) -> Vec<u8> {
    connect(daemon).await.ssl().peer_certificate().unwrap().to_der().unwrap()
}

/// Writes a certificate and its key beside the configuration. Returns the certificate as DER.
pub(crate) fn make_certificate(site: &Site) -> Vec<u8> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(7).unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let folder = site.write().parent().unwrap().to_owned();
    let certificate = builder.build();
    std::fs::write(folder.join("cert.pem"), certificate.to_pem().unwrap()).unwrap();
    std::fs::write(folder.join("key.pem"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let only_ours = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.join("key.pem"), only_ours).unwrap();
    certificate.to_der().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_encrypted_ask_for_a_token_and_have_no_secret_on_them() {
    let lab = Lab::start(vec![
        RouterSpec::new("good", "cisco_iosxe"),
        RouterSpec::new("bad", "huawei_vrp").fault(Fault::AuthRefused),
    ])
    .await
    .unwrap();
    let mut site = Site::empty();
    site.add_router(lab.router("good"), lab::DEFAULT_PASSWORD)["enable_password"] =
        json!("hunter2-enable");
    site.add_router(lab.router("bad"), "hunter2-bad");
    site.add_line("good", "good");
    site.add_line("bad", "bad");
    make_certificate(&site);
    let token = "hunter2-token-of-the-pages";
    // All interfaces: with TLS and a token no consent is needed.
    site.config["http"] = json!({
        "listen": "0.0.0.0:0", "token": token,
        "tls": { "cert": "cert.pem", "key": "key.pem" },
    });
    site.config["credentials"] = json!([{ "password": "hunter2-credentials" }]);
    site.config["zabbix"] = json!({
        "report": false, "proxy_name": "edge",
        "api": { "url": "http://127.0.0.1:1/api", "token": "hunter2-api" },
    });
    let daemon = site.start().await;
    daemon.wait_for("both outcomes", || daemon.outcomes().len() >= 2).await;
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for path in ["/healthz", "/readyz", "/metrics", "/status", "/nowhere", "/"] {
        let (refused, text) = page(&daemon, "GET", path, "").await;
        assert_eq!(refused, if path == "/healthz" { "200" } else { "401" }, "{path}");
        let (_, shown) = page(&daemon, "GET", path, &bearer).await;
        let debug = page(&daemon, "TRACE", path, &bearer).await.1;
        for text in [text, shown, debug] {
            for secret in [SECRET, lab::DEFAULT_PASSWORD] {
                assert!(!text.contains(secret), "{path}: {text}");
            }
        }
    }
    for path in ["/readyz", "/metrics", "/status"] {
        let (status, text) = page(&daemon, "GET", path, &bearer).await;
        assert_eq!(status, "200", "{path}: {text}");
    }
    let log = format!("{:?}", daemon.log());
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn pages_for_everybody_need_consent() {
    let mut site = Site::empty();
    site.config["http"] = json!({ "listen": "0.0.0.0:0" });
    let ended = site.run("run", &[]).await;
    assert_eq!(ended.code, Some(78));
    let told =
        "http.listen is 0.0.0.0:0, which others can reach: needed is tls and token beside it";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}
