//! The section `zabbix.sender`: where to report to, and what encrypts the way there.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use config::ValueKind;
use pool_core::{Endpoint, Secret};

use super::Surroundings;
use super::address::address;
use super::allowed::Allowed;
use super::credentials::{guarded, place};
use super::section::Section;
use super::value::{parsed, word};
use crate::tls::{OwnCertificate, TlsClient, TlsPart, TlsSettings};

/// The largest file of keys or certificates. All authorities of an operating system together
/// have about 250 KiB.
const BYTES_MAX: u64 = 1 << 20;

/// What the section says.
#[derive(Debug, Default)]
pub(super) struct Sender {
    pub(super) address: Option<Endpoint>,
    pub(super) tls: Option<TlsSettings>,
}

/// Reads the section. Keys and certificates are read from their files, and tried.
pub(super) fn read(section: &mut Section<'_>, around: &Surroundings<'_>) -> Sender {
    let address = section.require("address", parsed(|text| address(&text), str::to_owned));
    let identity = section.get("psk_identity", word);
    let files = Files {
        key: section.get("psk_file", key_contents(around)),
        authorities: section.get("ca_file", contents(around)),
        chain: section.get("cert_file", contents(around)),
        own_key: section.get("key_file", key_contents(around)),
    };
    let server_name = section.get("server_name", word);
    let tls = settings(section, identity, files, server_name);
    let tried = tls.as_ref().map(TlsClient::new);
    if let Some(Err((part, reason))) = tried {
        section.complain(key_of(part), format!("cannot be used: {reason}"));
    }
    Sender { address, tls }
}

struct Files {
    key: Option<Vec<u8>>,
    authorities: Option<Vec<u8>>,
    chain: Option<Vec<u8>>,
    own_key: Option<Vec<u8>>,
}

/// What the keys that are there add up to. Half a pair, or both ways at once, are errors: what is
/// meant to be encrypted is never sent in the clear.
fn settings(
    section: &Section<'_>,
    identity: Option<String>,
    files: Files,
    server_name: Option<String>,
) -> Option<TlsSettings> {
    let pair = |one: &'static str, other: &'static str| {
        if section.was_given(one) && !section.was_given(other) {
            section.complain(one, format!("stands without {other}: both or none are needed"));
        }
    };
    pair("psk_identity", "psk_file");
    pair("psk_file", "psk_identity");
    pair("cert_file", "key_file");
    pair("key_file", "cert_file");
    for key in ["cert_file", "key_file", "server_name"] {
        if section.was_given(key) && !section.was_given("ca_file") {
            section.complain(key, "stands without ca_file, which says whom to trust");
        }
    }
    if section.was_given("psk_identity") && section.was_given("ca_file") {
        section.complain(
            "psk_identity",
            "stands beside ca_file: allowed is a pre-shared key or certificates, not both",
        );
    }
    if let (Some(identity), Some(key)) = (identity, files.key) {
        return Some(TlsSettings::PreSharedKey { identity, key: secret(key) });
    }
    let own = files.chain.zip(files.own_key);
    let own = own.map(|(chain, key)| OwnCertificate { chain, key: secret(key) });
    Some(TlsSettings::Certificates { authorities: files.authorities?, own, server_name })
}

/// Text that is no text is no key either, which is said when it is tried.
pub(super) fn secret(bytes: Vec<u8>) -> Secret {
    Secret::new(String::from_utf8(bytes).unwrap_or_default())
}

fn key_of(part: TlsPart) -> &'static str {
    match part {
        TlsPart::Identity => "psk_identity",
        TlsPart::Key => "psk_file",
        TlsPart::Authorities => "ca_file",
        TlsPart::OwnChain => "cert_file",
        TlsPart::OwnKey => "key_file",
    }
}

/// The contents of the file of a key, which others must not be able to read.
pub(super) fn key_contents(
    around: &Surroundings<'_>,
) -> impl FnOnce(&ValueKind) -> Result<Vec<u8>, Allowed> {
    move |value| {
        let path = place(around)(value)?;
        let text = |exposure| format!("a file that others cannot read; {exposure}");
        guarded(&path, around).map_err(text)?;
        contents(around)(value)
    }
}

/// The contents of the file that a value names.
pub(super) fn contents(
    around: &Surroundings<'_>,
) -> impl FnOnce(&ValueKind) -> Result<Vec<u8>, Allowed> {
    move |value| {
        let path = place(around)(value)?;
        around.reader.files().note(&path);
        match bounded(&path) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err("a file of at most 1 MiB".into()),
            Err(error) => Err(format!("a file that can be read ({error})").into()),
        }
    }
}

/// The contents of a file of keys or certificates; nothing of one that is larger than any of them is.
pub(super) fn bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= BYTES_MAX).then_some(bytes))
}
