//! The section `http`: where the pages are, and who may see them.

use std::net::SocketAddr;

use pool_core::Secret;

use super::Surroundings;
use super::section::Section;
use super::sender::{contents, key_contents, secret};
use super::value::{boolean, socket_address};
use crate::tls::{OwnCertificate, TlsPart};
use crate::web::TlsServer;

/// The shortest token, in characters: one that is guessed is none.
const TOKEN_CHARS_MIN: usize = 16;

/// Where the pages are, and who may see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpSettings {
    /// Where they are served.
    pub(crate) listen: SocketAddr,
    /// What encrypts them, if anything does.
    pub(crate) tls: Option<OwnCertificate>,
    /// What whoever wants to see them must bring; nothing when absent.
    pub(crate) token: Option<Secret>,
}

/// Reads the section. Pages that others than this machine can reach are encrypted and ask for a
/// token, unless the operator has said in so many words that they need not.
pub(super) fn read(
    section: &mut Section<'_>,
    around: &Surroundings<'_>,
    warnings: &mut Vec<String>,
) -> Option<HttpSettings> {
    let listen = section.require("listen", socket_address);
    let tls = section.section("tls", |tls| read_tls(tls, around));
    let token = section.secret("token");
    if token.as_ref().is_some_and(|token| !is_token(token)) {
        let text = format!(
            "is no token: allowed are {TOKEN_CHARS_MIN} and more of the visible \
                            characters of ASCII"
        );
        section.complain("token", text);
    }
    let insecure = section.get("insecure", boolean).unwrap_or(false);
    let listen = listen?;
    let missing = match (section.was_given("tls"), section.was_given("token")) {
        (true, true) => "",
        (true, false) => "token",
        (false, true) => "tls",
        (false, false) => "tls and token",
    };
    if !listen.ip().is_loopback() && !missing.is_empty() {
        if insecure {
            warnings.push(format!(
                "http.listen is {listen}, which others can reach, without {missing}: insecure is \
                 true"
            ));
        } else {
            section.complain(
                "listen",
                format!(
                    "is {listen}, which others can reach: needed is {missing} beside it, or an \
                     address of this machine alone such as 127.0.0.1:{}, or insecure: true, if \
                     nobody can reach it who must not see the pages",
                    listen.port()
                ),
            );
        }
    }
    Some(HttpSettings { listen, tls: tls.flatten(), token })
}

fn read_tls(tls: &mut Section<'_>, around: &Surroundings<'_>) -> Option<OwnCertificate> {
    let chain = tls.require("cert", contents(around));
    let key = tls.require("key", key_contents(around));
    let own = OwnCertificate { chain: chain?, key: secret(key?) };
    if let Err((part, reason)) = TlsServer::new(&own) {
        let key = if part == TlsPart::OwnKey { "key" } else { "cert" };
        tls.complain(key, format!("cannot be used: {reason}"));
    }
    Some(own)
}

/// Whether it can stand in a header.
fn is_token(token: &Secret) -> bool {
    let text = token.expose();
    text.len() >= TOKEN_CHARS_MIN && text.bytes().all(|byte| byte.is_ascii_graphic())
}
