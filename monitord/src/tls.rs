//! TLS to Zabbix servers and proxies, by certificate or by a pre-shared key; and what of it the pages
//! share.
//!
//! All keys and certificates are read when the settings are; nothing here touches a file. Reading
//! and checking them is pure, and the connection takes the time that whoever waits for it gives.

#[cfg(test)]
pub(crate) mod testing;

use std::net::IpAddr;
use std::pin::Pin;

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509CheckFlags;
use openssl::x509::{X509, X509VerifyResult};
use pool_core::Secret;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// The longest identity that Zabbix takes, in bytes.
const IDENTITY_BYTES_MAX: usize = 128;
/// The lengths of keys that Zabbix takes, in hexadecimal digits: 128 to 2048 bits.
const KEY_DIGITS: std::ops::RangeInclusive<usize> = 32..=512;
/// What pre-shared keys are used with: forward secrecy first, and plain for builds without it. TLS
/// 1.2, because Zabbix with GnuTLS takes pre-shared keys with no other.
const PSK_CIPHERS: &str = "kECDHEPSK+AESGCM:kECDHEPSK+AES:kPSK+AESGCM:kPSK+AES";

/// What encrypts the connections to Zabbix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TlsSettings {
    /// A key that both sides know.
    PreSharedKey {
        /// Which key it is. Sent in the clear.
        identity: String,
        /// The key in hexadecimal digits.
        key: Secret,
    },
    /// Certificates.
    Certificates {
        /// Who may have issued the other side's, as PEM.
        authorities: Vec<u8>,
        /// Ours, if the other side wants one.
        own: Option<OwnCertificate>,
        /// The name or address that must stand in the other side's; when absent, that of the
        /// address it is reached at.
        server_name: Option<String>,
    },
}

/// A certificate of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnCertificate {
    /// It, and those that lead from it to an authority, as PEM.
    pub(crate) chain: Vec<u8>,
    /// Its key, as PEM.
    pub(crate) key: Secret,
}

/// Which of the settings something is wrong with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsPart {
    Identity,
    Key,
    Authorities,
    OwnChain,
    OwnKey,
}

/// Settings that cannot be used, with why, to be read after the name of the part.
pub(crate) type TlsFault = (TlsPart, String);

/// Opens encrypted connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TlsClient {
    context: SslContext,
    /// Whom to expect: nobody in particular when a shared key is proof enough.
    expected: Expected,
}

#[derive(Clone, Debug)]
enum Expected {
    /// Whoever knows the key.
    KeyHolder,
    /// Whoever is addressed.
    Addressed,
    /// This name or address.
    Named(String),
}

impl std::fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsClient").field("expected", &self.expected).finish_non_exhaustive()
    }
}

// === impl TlsClient ===

impl TlsClient {
    /// A client with these settings.
    ///
    /// # Errors
    ///
    /// The part that cannot be used, and why.
    pub(crate) fn new(settings: &TlsSettings) -> Result<Self, TlsFault> {
        let (context, expected) = match settings {
            TlsSettings::PreSharedKey { identity, key } => {
                (with_shared_key(identity, key)?, Expected::KeyHolder)
            }
            TlsSettings::Certificates { authorities, own, server_name } => {
                let expected = server_name.clone().map_or(Expected::Addressed, Expected::Named);
                (with_certificates(authorities, own.as_ref())?, expected)
            }
        };
        Ok(Self { context, expected })
    }

    /// Encrypts `stream`, which leads to `host`.
    ///
    /// # Errors
    ///
    /// Why the two sides do not trust or understand each other, in one line.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed.
    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> Result<SslStream<TcpStream>, String> {
        let expected = match &self.expected {
            Expected::KeyHolder => None,
            Expected::Addressed => Some(host),
            Expected::Named(name) => Some(name.as_str()),
        };
        let ssl = self.session(expected).map_err(|error| shown(&error))?;
        let mut stream = SslStream::new(ssl, stream).map_err(|error| shown(&error))?;
        match Pin::new(&mut stream).connect().await {
            Ok(()) => Ok(stream),
            Err(error) => Err(self.refusal(stream.ssl().verify_result(), expected, &error)),
        }
    }

    /// A connection that is only sound when the other side's certificate is for `expected`.
    fn session(&self, expected: Option<&str>) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        let Some(expected) = expected else { return Ok(ssl) };
        let address = expected.parse::<IpAddr>();
        if address.is_err() {
            ssl.set_hostname(expected)?;
        }
        let rules = ssl.param_mut();
        rules.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
        match address {
            Ok(address) => rules.set_ip(address)?,
            Err(_) => rules.set_host(expected)?,
        }
        Ok(ssl)
    }

    fn refusal(
        &self,
        verdict: X509VerifyResult,
        expected: Option<&str>,
        error: &openssl::ssl::Error,
    ) -> String {
        if verdict != X509VerifyResult::OK {
            let verdict = verdict.error_string();
            let expected = expected.unwrap_or_default();
            return format!("TLS: its certificate is not accepted for {expected:?}: {verdict}");
        }
        let cause = match (error.ssl_error(), error.io_error()) {
            (Some(stack), _) => shown(stack),
            (None, Some(error)) => error.to_string(),
            // Zabbix closes when it does not like what it is offered.
            (None, None) => "it closed the connection".to_owned(),
        };
        let hint = match self.expected {
            Expected::KeyHolder => ": does it know this psk_identity, with this key?",
            Expected::Addressed | Expected::Named(_) => "",
        };
        format!("TLS: {cause}{hint}")
    }
}

/// The texts of an error, without OpenSSL's numbers and source lines.
pub(crate) fn shown(stack: &ErrorStack) -> String {
    let reasons: Vec<_> = stack.errors().iter().filter_map(|error| error.reason()).collect();
    if reasons.is_empty() { "the handshake failed".to_owned() } else { reasons.join(", ") }
}

// === contexts ===

fn builder() -> Result<SslContextBuilder, ErrorStack> {
    let mut builder = SslContext::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    Ok(builder)
}

fn with_shared_key(identity: &str, key: &Secret) -> Result<SslContext, TlsFault> {
    let fits = (1..=IDENTITY_BYTES_MAX).contains(&identity.len());
    if !fits || identity.chars().any(char::is_control) {
        return Err((TlsPart::Identity, "allowed are 1 to 128 bytes of text".to_owned()));
    }
    let key = from_hexadecimal(key.expose()).ok_or_else(|| {
        let text = "allowed are 32 to 512 hexadecimal digits, an even number of them";
        (TlsPart::Key, text.to_owned())
    })?;
    let identity = identity.to_owned();
    let build = || {
        let mut builder = builder()?;
        builder.set_max_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_cipher_list(PSK_CIPHERS)?;
        builder.set_psk_client_callback(move |_, _, identity_out, key_out| {
            let named = [identity.as_bytes(), b"\0"].concat();
            let fits = named.len() <= identity_out.len() && key.len() <= key_out.len();
            if !fits {
                // No bytes: the handshake fails.
                return Ok(0);
            }
            identity_out[..named.len()].copy_from_slice(&named);
            key_out[..key.len()].copy_from_slice(&key);
            Ok(key.len())
        });
        Ok(builder.build())
    };
    build().map_err(|error: ErrorStack| (TlsPart::Key, shown(&error)))
}

fn with_certificates(
    authorities: &[u8],
    own: Option<&OwnCertificate>,
) -> Result<SslContext, TlsFault> {
    let at = |part| move |error: ErrorStack| (part, shown(&error));
    let mut builder = builder().map_err(at(TlsPart::Authorities))?;
    builder.set_verify(SslVerifyMode::PEER);
    let mut store = X509StoreBuilder::new().map_err(at(TlsPart::Authorities))?;
    for authority in certificates(authorities, TlsPart::Authorities)? {
        store.add_cert(authority).map_err(at(TlsPart::Authorities))?;
    }
    builder.set_cert_store(store.build());
    if let Some(own) = own {
        present(&mut builder, own)?;
    }
    Ok(builder.build())
}

/// Has connections show a certificate of ours, to servers or to clients.
///
/// # Errors
///
/// The part that cannot be used, and why.
pub(crate) fn present(
    builder: &mut SslContextBuilder,
    own: &OwnCertificate,
) -> Result<(), TlsFault> {
    let at = |part| move |error: ErrorStack| (part, shown(&error));
    let mut chain = certificates(&own.chain, TlsPart::OwnChain)?.into_iter();
    let first = chain.next().expect("there is at least one");
    builder.set_certificate(&first).map_err(at(TlsPart::OwnChain))?;
    for next in chain {
        builder.add_extra_chain_cert(next).map_err(at(TlsPart::OwnChain))?;
    }
    let key = PKey::private_key_from_pem_callback(own.key.expose().as_bytes(), |_| Ok(0));
    let key = key.map_err(|_| {
        let text = "there is no private key in it, as PEM and without a passphrase";
        (TlsPart::OwnKey, text.to_owned())
    })?;
    builder.set_private_key(&key).and_then(|()| builder.check_private_key()).map_err(|_| {
        (TlsPart::OwnKey, "it is not the key of the first certificate in the chain".to_owned())
    })
}

fn certificates(pem: &[u8], part: TlsPart) -> Result<Vec<X509>, TlsFault> {
    match X509::stack_from_pem(pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err((part, "there is no certificate in it, as PEM".to_owned())),
    }
}

/// Digits of a key, without blanks around them.
fn from_hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.trim();
    let is_key = KEY_DIGITS.contains(&digits.len())
        && digits.len().is_multiple_of(2)
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    is_key.then(|| (0..digits.len()).step_by(2).map(byte).collect())?
}
