//! An authority of the lab's own, and certificates of it: one that all proxies show, and one for a
//! sender of values.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;
use crate::process::{finish, give_away};
use crate::say;

/// Longer than any lab lives.
const DAYS: &str = "3650";
const AUTHORITY: &str = "authority";
const PROXY: &str = "proxy";
const SENDER: &str = "sender";

/// What a sender needs to encrypt with certificates. All files are PEM.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SenderTls {
    /// Who has issued the proxies' certificate, and the sender's.
    pub authority: PathBuf,
    /// The sender's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Whom it names, as a host in Zabbix asks for it.
    pub subject: String,
}

/// Makes what is missing.
pub(crate) fn provide(layout: &Layout) -> Result<SenderTls> {
    let made = SenderTls {
        authority: file(layout, AUTHORITY, "pem"),
        certificate: file(layout, SENDER, "pem"),
        key: file(layout, SENDER, "key"),
        subject: format!("CN={SENDER}"),
    };
    // The last one that is made: with it all are there.
    if file(layout, SENDER, "done").exists() {
        return Ok(made);
    }
    say("making certificates");
    make(layout, AUTHORITY, None)?;
    make(layout, PROXY, Some("subjectAltName=IP:127.0.0.1"))?;
    make(layout, SENDER, Some("extendedKeyUsage=clientAuth"))?;
    fs::write(file(layout, SENDER, "done"), "")?;
    Ok(made)
}

/// The lines of a proxy's configuration with which it can be spoken to with certificates. Whether
/// it must be is each host's own setting, as with pre-shared keys.
pub(crate) fn of_proxy(layout: &Layout) -> [(&'static str, String); 5] {
    let shown = |name, kind| file(layout, name, kind).display().to_string();
    [
        // To the server.
        ("TLSConnect", "unencrypted".to_owned()),
        ("TLSAccept", "unencrypted,psk,cert".to_owned()),
        ("TLSCAFile", shown(AUTHORITY, "pem")),
        ("TLSCertFile", shown(PROXY, "pem")),
        ("TLSKeyFile", shown(PROXY, "key")),
    ]
}

/// A certificate of `name`: of the authority when there is something to say in it, of itself
/// otherwise.
fn make(layout: &Layout, name: &str, extension: Option<&str>) -> Result<()> {
    let mut openssl = Command::new("openssl");
    // Debian's Zabbix has no ciphers for keys of any other kind.
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        DAYS,
        "-subj",
        &format!("/CN={name}"),
    ]);
    let (certificate, key) = (file(layout, name, "pem"), file(layout, name, "key"));
    openssl.arg("-out").arg(&certificate).arg("-keyout").arg(&key);
    if let Some(extension) = extension {
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-addext", extension]);
        openssl.arg("-CA").arg(file(layout, AUTHORITY, "pem"));
        openssl.arg("-CAkey").arg(file(layout, AUTHORITY, "key"));
    }
    finish(&mut openssl, "make a certificate")?;
    give_away(&certificate)?;
    give_away(&key)
}

fn file(layout: &Layout, name: &str, kind: &str) -> PathBuf {
    layout.conf(&format!("tls-{name}.{kind}"))
}
