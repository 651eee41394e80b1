//! The client against a trapper that encrypts.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509NameBuilder};
use pool_core::{Endpoint, Secret};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_openssl::SslStream;

use super::super::client::Client;
use super::super::frame;
use super::super::reply::{Answer, Reply};
use super::super::value::ItemValue;
use super::reply;
use crate::tls::{OwnCertificate, TlsClient, TlsPart, TlsSettings};

const IDENTITY: &str = "monitord";
const KEY: &str = "00112233445566778899aabbccddeeff";

/// A certificate with its key.
struct Issued {
    certificate: X509,
    key: PKey<Private>,
}

impl Issued {
    fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    fn own(&self) -> OwnCertificate {
        let key = self.key.private_key_to_pem_pkcs8().unwrap();
        OwnCertificate { chain: self.pem(), key: Secret::new(String::from_utf8(key).unwrap()) }
    }
}

/// A certificate for `name` that is valid for some days from `from` on, issued by `issuer` or by
/// itself.
fn issue(name: &str, from: i64, issuer: Option<&Issued>) -> Issued {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(64, openssl::bn::MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_pubkey(&key).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let at = |days: i64| Asn1Time::from_unix(now + days * 86_400).unwrap();
    builder.set_not_before(&at(from)).unwrap();
    builder.set_not_after(&at(from + 7)).unwrap();
    match issuer {
        Some(issuer) => {
            builder.set_issuer_name(issuer.certificate.subject_name()).unwrap();
            let context = builder.x509v3_context(Some(&issuer.certificate), None);
            let names = SubjectAlternativeName::new().dns(name).ip("127.0.0.1").build(&context);
            builder.append_extension(names.unwrap()).unwrap();
        }
        None => {
            builder.set_issuer_name(&subject).unwrap();
            let rights = BasicConstraints::new().critical().ca().build().unwrap();
            builder.append_extension(rights).unwrap();
        }
    }
    let signer = issuer.map_or(&key, |issuer| &issuer.key);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    Issued { certificate: builder.build(), key }
}

/// A server that takes everything that comes encrypted as `context` says.
async fn serve(context: SslContext) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = SslStream::new(Ssl::new(&context).unwrap(), stream).unwrap();
            tokio::spawn(async move {
                if Pin::new(&mut stream).accept().await.is_ok() {
                    frame::read(&mut stream).await.unwrap();
                    stream.write_all(&frame::encode(&reply(1, 0, 1))).await.unwrap();
                }
            });
        }
    });
    Endpoint::new("127.0.0.1", address.port()).unwrap()
}

fn server() -> SslContextBuilder {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    // As Zabbix on Debian: GnuTLS has pre-shared keys with it only.
    builder.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
    builder
}

fn with_shared_key() -> SslContext {
    let mut builder = server();
    builder.set_cipher_list("PSK").unwrap();
    builder.set_psk_server_callback(|_, identity, key| {
        let bytes: Vec<u8> =
            (0..16).map(|at| u8::from_str_radix(&KEY[2 * at..][..2], 16).unwrap()).collect();
        key[..16].copy_from_slice(&bytes);
        Ok(if identity == Some(IDENTITY.as_bytes()) { 16 } else { 0 })
    });
    builder.build()
}

/// Shows `own` and wants a certificate of `authority`.
fn with_certificate(own: &Issued, authority: &Issued) -> SslContext {
    let mut builder = server();
    builder.set_certificate(&own.certificate).unwrap();
    builder.set_private_key(&own.key).unwrap();
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(authority.certificate.clone()).unwrap();
    builder.set_cert_store(store.build());
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    builder.build()
}

fn shared_key(identity: &str, key: &str) -> TlsSettings {
    TlsSettings::PreSharedKey { identity: identity.to_owned(), key: Secret::new(key) }
}

fn certificates(
    authority: &Issued,
    own: Option<&Issued>,
    server_name: Option<&str>,
) -> TlsSettings {
    TlsSettings::Certificates {
        authorities: authority.pem(),
        own: own.map(Issued::own),
        server_name: server_name.map(str::to_owned),
    }
}

async fn send(address: &Endpoint, settings: &TlsSettings) -> Result<Answer, String> {
    let client = Client::new(Some(TlsClient::new(settings).unwrap()));
    let text = || "x".to_owned();
    let value = ItemValue {
        seq: 1,
        host: text(),
        key: text(),
        value: text(),
        clock: 1,
        ns: 1,
        is_unsupported: false,
    };
    client.within(Duration::from_secs(5)).send(address, &[value]).await
}

#[track_caller]
fn assert_taken(answer: &Result<Answer, String>) {
    assert_eq!(*answer, Ok(Answer::Account(Reply { processed: 1, failed: 0, total: 1 })));
}

#[track_caller]
fn assert_refused(answer: &Result<Answer, String>, reason: &str) {
    let said = answer.as_ref().unwrap_err();
    assert!(said.starts_with("TLS: ") && said.contains(reason), "{said}");
    assert!(said.len() < 200 && !said.contains(KEY), "{said}");
}

#[tokio::test]
async fn a_pre_shared_key_is_agreed_on_and_another_is_not() {
    let address = serve(with_shared_key()).await;
    assert_taken(&send(&address, &shared_key(IDENTITY, KEY)).await);
    let hint = "does it know this psk_identity, with this key?";
    assert_refused(&send(&address, &shared_key(IDENTITY, &KEY.replace('0', "1"))).await, hint);
    assert_refused(&send(&address, &shared_key("somebody", KEY)).await, hint);
}

#[tokio::test]
async fn certificates_are_shown_and_checked_on_both_sides() {
    let authority = issue("authority", -1, None);
    let proxy = issue("proxy.example", -1, Some(&authority));
    let own = issue("monitord", -1, Some(&authority));
    let address = serve(with_certificate(&proxy, &authority)).await;
    assert_taken(&send(&address, &certificates(&authority, Some(&own), None)).await);
    let named = |name| certificates(&authority, Some(&own), Some(name));
    assert_taken(&send(&address, &named("proxy.example")).await);
    assert_refused(&send(&address, &named("other.example")).await, "hostname mismatch");
    assert_refused(&send(&address, &named("192.0.2.1")).await, "IP address mismatch");
    let nobody = send(&address, &certificates(&authority, None, None)).await;
    assert_refused(&nobody, "handshake failure");
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_time_is_refused_on_either_side() {
    let (authority, other) = (issue("authority", -1, None), issue("authority", -1, None));
    let own = issue("monitord", -1, Some(&authority));
    let settings = certificates(&authority, Some(&own), None);
    let foreign = issue("proxy", -1, Some(&other));
    let address = serve(with_certificate(&foreign, &authority)).await;
    assert_refused(&send(&address, &settings).await, "certificate signature failure");
    let expired = issue("proxy", -9, Some(&authority));
    let address = serve(with_certificate(&expired, &authority)).await;
    assert_refused(&send(&address, &settings).await, "certificate has expired");
    let early = issue("proxy", 1, Some(&authority));
    let address = serve(with_certificate(&early, &authority)).await;
    assert_refused(&send(&address, &settings).await, "certificate is not yet valid");
    let proxy = issue("proxy", -1, Some(&authority));
    let address = serve(with_certificate(&proxy, &authority)).await;
    let expired = issue("monitord", -9, Some(&authority));
    let ours = certificates(&authority, Some(&expired), None);
    assert_refused(&send(&address, &ours).await, "expired");
}

#[tokio::test]
async fn whoever_does_not_encrypt_gets_no_value() {
    let trapper = super::Trapper::start(&[super::Act::Babble]).await;
    let said = send(&trapper.address, &shared_key(IDENTITY, KEY)).await.unwrap_err();
    assert!(said.starts_with("TLS: "), "{said}");
    assert!(trapper.requests.lock().is_empty());
}

#[tokio::test]
async fn a_handshake_that_is_silent_or_stalls_ends_with_the_deadline() {
    for first_bytes in [b"".as_slice(), b"\x16\x03\x03\x00\x40\x02"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let held = Arc::new(parking_lot::Mutex::new(Vec::new()));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(first_bytes).await.unwrap();
            held.lock().push(stream);
            std::future::pending::<()>().await;
        });
        let client = Client::new(Some(TlsClient::new(&shared_key(IDENTITY, KEY)).unwrap()));
        let client = client.within(Duration::from_millis(200));
        let address = Endpoint::new("127.0.0.1", port).unwrap();
        let said = client.send(&address, &[]).await.unwrap_err();
        assert_eq!(said, "no TLS handshake within 200ms");
    }
}

#[test]
fn what_cannot_be_used_is_named_before_anything_is_sent() {
    let fault = |settings: &TlsSettings| TlsClient::new(settings).unwrap_err();
    assert_eq!(fault(&shared_key("", KEY)).0, TlsPart::Identity);
    assert_eq!(fault(&shared_key(&"i".repeat(129), KEY)).0, TlsPart::Identity);
    for key in ["", "0011", &KEY[1..], "zz112233445566778899aabbccddeeff", &"ab".repeat(257)] {
        let (part, reason) = fault(&shared_key(IDENTITY, key));
        assert_eq!(part, TlsPart::Key, "{key}");
        assert_eq!(reason, "allowed are 32 to 512 hexadecimal digits, an even number of them");
    }
    assert!(TlsClient::new(&shared_key(IDENTITY, &format!("{KEY}\n"))).is_ok());
    let (authority, own) = (issue("authority", -1, None), issue("monitord", -1, None));
    let with = |authorities: Vec<u8>, own: OwnCertificate| {
        fault(&TlsSettings::Certificates { authorities, own: Some(own), server_name: None }).0
    };
    let foreign = OwnCertificate { key: issue("other", -1, None).own().key, ..own.own() };
    assert_eq!(with(authority.pem(), foreign), TlsPart::OwnKey);
    assert_eq!(with(b"no certificate".to_vec(), own.own()), TlsPart::Authorities);
    let empty = OwnCertificate { chain: Vec::new(), ..own.own() };
    assert_eq!(with(authority.pem(), empty), TlsPart::OwnChain);
    assert_eq!(format!("{:?}", own.own().key), "***");
}
