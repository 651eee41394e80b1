use std::pin::Pin;

use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslContext, SslMethod};
use openssl::x509::X509;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_openssl::SslStream;

use super::super::client::Client;
use super::super::settings::{ApiSettings, Scope, Tag};
use super::script::token;
use crate::tls::TlsSettings;
use crate::tls::testing::certificate;

/// A server that says its version to everybody who trusts it. Returns its port.
async fn serve((certificate, key): &(X509, PKey<Private>)) -> u16 {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    builder.set_certificate(certificate).unwrap();
    builder.set_private_key(key).unwrap();
    let context = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = SslStream::new(Ssl::new(&context).unwrap(), stream).unwrap();
            if Pin::new(&mut stream).accept().await.is_err() {
                continue;
            }
            let mut seen = [0; 4096];
            assert!(stream.read(&mut seen).await.unwrap() > 0);
            let body = r#"{"jsonrpc":"2.0","result":"7.0.9","id":1}"#;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await.unwrap();
        }
    });
    port
}

async fn version(host: &str, port: u16, trusted: &X509) -> Result<String, String> {
    let settings = ApiSettings {
        urls: vec![format!("https://{host}:{port}/api_jsonrpc.php")],
        login: token(),
        tls: Some(TlsSettings::Certificates {
            authorities: trusted.to_pem().unwrap(),
            own: None,
            server_name: None,
        }),
        refresh: std::time::Duration::from_secs(60),
        timeout: std::time::Duration::from_secs(20),
        tag: Tag::default(),
        scope: Scope::default(),
    };
    let mut client = Client::new(&settings).map_err(|error| error.to_string())?;
    client.dialect().await.map(|it| it.to_string()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn only_a_server_with_a_trusted_certificate_for_its_address_is_asked() {
    let ours = certificate();
    let port = serve(&ours).await;
    assert_eq!(version("127.0.0.1", port, &ours.0).await, Ok("7.0".to_owned()));
    let untrusted = version("127.0.0.1", port, &certificate().0).await.unwrap_err();
    assert!(untrusted.contains("its certificate is not accepted"), "{untrusted}");
    let elsewhere = version("localhost", port, &ours.0).await.unwrap_err();
    assert!(elsewhere.contains("not accepted for \"localhost\""), "{elsewhere}");
}
