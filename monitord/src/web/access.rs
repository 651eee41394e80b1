//! Who may see the pages.

use anyhow::{Result, anyhow};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use openssl::sha::sha256;
use openssl::ssl::{SslAcceptor, SslContext, SslMethod, SslVersion};
use pool_core::Secret;

use crate::settings::HttpSettings;
use crate::tls::{OwnCertificate, TlsFault, TlsPart, present, shown};

/// The page that everybody may see who can reach it: whatever watches over the process knows no
/// secrets.
const OPEN_PAGE: &str = "/healthz";

/// What pages are encrypted with.
#[derive(Clone)]
pub(crate) struct TlsServer(pub(super) SslContext);

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

impl TlsServer {
    /// Encrypts with this certificate, for clients that know TLS 1.2 or later.
    ///
    /// # Errors
    ///
    /// The part that cannot be used, and why.
    pub(crate) fn new(own: &OwnCertificate) -> Result<Self, TlsFault> {
        let fault = |error| (TlsPart::OwnChain, shown(&error));
        let mut builder =
            SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(fault)?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(fault)?;
        present(&mut builder, own)?;
        Ok(Self(builder.build().into_context()))
    }
}

/// What it takes to see the pages.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(super) tls: Option<TlsServer>,
    token: Option<Secret>,
}

impl Access {
    /// Access as it is configured.
    ///
    /// # Errors
    ///
    /// When the certificate cannot be used.
    pub(crate) fn new(settings: &HttpSettings) -> Result<Self> {
        let tls = settings.tls.as_ref().map(TlsServer::new).transpose();
        let tls = tls.map_err(|(_, reason)| anyhow!("TLS of the pages: {reason}"))?;
        Ok(Self { tls, token: settings.token.clone() })
    }

    /// Access for everybody, unencrypted.
    #[cfg(test)]
    pub(super) fn open() -> Self {
        Self { tls: None, token: None }
    }

    /// Access for whoever has `token`, unencrypted.
    #[cfg(test)]
    pub(super) fn with_token(token: &str) -> Self {
        Self { tls: None, token: Some(Secret::new(token)) }
    }

    fn is_granted(&self, path: &str, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        path == OPEN_PAGE || bearer(headers).is_some_and(|brought| is_same(token.expose(), brought))
    }
}

/// Lets through what may be seen and brings no body: no page takes one.
pub(super) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    if !access.is_granted(request.uri().path(), request.headers()) {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"monitord\"")];
        return (StatusCode::UNAUTHORIZED, challenge, "a token is needed\n").into_response();
    }
    if has_body(request.headers()) {
        let farewell = [(header::CONNECTION, "close")];
        return (StatusCode::PAYLOAD_TOO_LARGE, farewell, "no page takes a body\n").into_response();
    }
    next.run(request).await
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Compares digests, so that the time it takes says nothing about the token, its length included.
fn is_same(token: &str, brought: &[u8]) -> bool {
    openssl::memcmp::eq(&sha256(token.as_bytes()), &sha256(brought))
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).map(|length| length.as_bytes() != b"0");
    length.unwrap_or(false) || headers.contains_key(header::TRANSFER_ENCODING)
}
