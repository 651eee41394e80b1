//! The `known_hosts` format of OpenSSH (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), without
//! certificates. Pure text work; the file itself is `store`'s.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Everything a `known_hosts` file says about one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostRecord {
    /// The keys it may show.
    pub(crate) keys: Vec<KnownKey>,
    /// The keys nobody may show as this host any more.
    pub(crate) revoked: Vec<KnownKey>,
}

/// A public key: its type, such as `ssh-ed25519`, and its encoding (RFC 4253, section 6.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownKey {
    pub(crate) key_type: String,
    pub(crate) blob: Vec<u8>,
}

impl HostRecord {
    /// What `file` says about the host that is written there as `name`.
    ///
    /// Total: a line that cannot be read says nothing about anybody.
    pub(crate) fn find(file: &[u8], name: &str) -> Self {
        let mut record = Self::default();
        for line in file.split(|&b| b == b'\n') {
            record.note(line, name);
        }
        record
    }

    /// Adds what one line of a file says about the host.
    pub(crate) fn note(&mut self, line: &[u8], name: &str) {
        let Some(line) = Line::read(line) else { return };
        let keys = match line.marker {
            None => &mut self.keys,
            Some("@revoked") => &mut self.revoked,
            // A certificate authority signs host certificates, which libssh2 cannot check.
            Some(_) => return,
        };
        if names_match(line.names, name)
            && let Some(key) = line.key()
        {
            keys.push(key);
        }
    }

    /// The types of the keys it may show.
    pub(crate) fn key_types(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key.key_type.as_str()).collect()
    }
}

/// How a host is written in `known_hosts`: the bare name on SSH's own port, and `[name]:port` on
/// any other.
pub(crate) fn entry_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// The line that makes a host known, with its line end.
pub(crate) fn entry_line(name: &str, key: &KnownKey) -> String {
    format!("{name} {} {}\n", key.key_type, STANDARD.encode(&key.blob))
}

/// One line that says something.
pub(crate) struct Line<'a> {
    marker: Option<&'a str>,
    names: &'a str,
    blob: &'a str,
}

impl<'a> Line<'a> {
    /// `None` for what is empty, a comment, or not to be read.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let mut words = str::from_utf8(line).ok()?.split_ascii_whitespace();
        let first = words.next().filter(|word| !word.starts_with('#'))?;
        let marker = first.starts_with('@').then_some(first);
        let names = if marker.is_some() { words.next()? } else { first };
        let _key_type = words.next()?;
        Some(Self { marker, names, blob: words.next()? })
    }

    /// The names of the hosts it speaks of, if they are written out: without a marker, a pattern,
    /// an exclusion or a hash.
    pub(crate) fn plain_names(&self) -> Option<impl Iterator<Item = &'a str>> {
        let is_plain = self.marker.is_none() && !self.names.contains(['*', '?', '!', '|']);
        is_plain.then(|| self.names.split(','))
    }

    /// The key. Its type is taken from the encoded key, which is what gets compared.
    fn key(&self) -> Option<KnownKey> {
        KnownKey::from_blob(&STANDARD.decode(self.blob).ok()?)
    }
}

impl KnownKey {
    /// A key from its encoding, which begins with the name of its type.
    pub(crate) fn from_blob(blob: &[u8]) -> Option<Self> {
        let (length, rest) = blob.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let key_type = str::from_utf8(rest.get(..length)?).ok()?;
        let word = !key_type.is_empty() && key_type.bytes().all(|b| b.is_ascii_graphic());
        word.then(|| Self { key_type: key_type.to_owned(), blob: blob.to_vec() })
    }

    /// The fingerprint, as OpenSSH prints it.
    pub(crate) fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }
}

/// Whether a line's list of names means `name`. A name with `!` before it takes the line back.
fn names_match(names: &str, name: &str) -> bool {
    if names.starts_with('|') {
        return hashed_matches(names, name).unwrap_or(false);
    }
    let mut matched = false;
    for pattern in names.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if pattern_matches(pattern, name) => return false,
            None if pattern_matches(pattern, name) => matched = true,
            _ => {}
        }
    }
    matched
}

/// `|1|salt|hash`: the name's HMAC-SHA1 keyed with the salt, both in base64.
fn hashed_matches(names: &str, name: &str) -> Option<bool> {
    let (salt, hash) = names.strip_prefix("|1|")?.split_once('|')?;
    let salt = STANDARD.decode(salt).ok()?;
    let hash = STANDARD.decode(hash).ok()?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&salt).ok()?;
    mac.update(name.as_bytes());
    Some(mac.verify_slice(&hash).is_ok())
}

/// Matches `*` and `?`, ignoring case. Linear in the product of the lengths, without recursion:
/// after a mismatch only the latest `*` can still give.
fn pattern_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte.eq_ignore_ascii_case(&name[n]) => {
                p += 1;
                n += 1;
            }
            _ => match &mut star {
                Some((at, taken)) => {
                    *taken += 1;
                    (p, n) = (*at + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests;
