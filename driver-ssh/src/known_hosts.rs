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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn is_known(file: &str, name: &str) -> bool {
        !HostRecord::find(file.as_bytes(), name).keys.is_empty()
    }

    #[test]
    fn plain_names_and_lists_are_found() {
        let file = format!("# a comment\n\nedge-1,192.0.2.1 ssh-ed25519 {KEY} someone\r\n");
        assert!(is_known(&file, "edge-1"));
        assert!(is_known(&file, "192.0.2.1"));
        assert!(!is_known(&file, "edge-10"));
        assert!(!is_known(&file, "[192.0.2.1]:2222"));
        assert_eq!(HostRecord::find(file.as_bytes(), "edge-1").key_types(), ["ssh-ed25519"]);
    }

    #[test]
    fn the_port_is_part_of_the_name_unless_it_is_22() {
        assert_eq!(entry_name("Edge-1", 22), "edge-1");
        assert_eq!(entry_name("2001:db8::1", 22), "2001:db8::1");
        assert_eq!(entry_name("2001:db8::1", 2222), "[2001:db8::1]:2222");
        let file = format!("[edge-1]:2222 ssh-ed25519 {KEY}");
        assert!(is_known(&file, "[edge-1]:2222"));
        assert!(!is_known(&file, "edge-1"));
    }

    /// The lines are what `ssh-keygen -H` of OpenSSH 9.2 made of the names.
    #[test]
    fn hashed_names_are_found() {
        let file = format!(
            "|1|CEaR4YjW8YqJP8DBDSwzrLuqtEs=|O8whrsjq+uXefEEXwaXidaJEmjY= ssh-ed25519 {KEY}\n\
             |1|A8Asnjn5YAqh76Qjpf1gr41N/d0=|jz+I7Ag2h4wHKrdWX7cF4G5gEqE= ssh-ed25519 {KEY}\n"
        );
        assert!(is_known(&file, "router.example.net"));
        assert!(is_known(&file, "[192.0.2.1]:2222"));
        assert!(!is_known(&file, "router.example.org"));
        assert!(!is_known(&file, "192.0.2.1"));
    }

    #[test]
    fn wildcards_and_exclusions_are_honoured() {
        let file = format!("*.example.net,!bad.example.net,10.0.?.1 ssh-ed25519 {KEY}");
        for (name, known) in [
            ("a.example.net", true),
            ("A.EXAMPLE.NET", true),
            ("a.b.example.net", true),
            ("bad.example.net", false),
            ("example.net", false),
            ("10.0.7.1", true),
            ("10.0.77.1", false),
        ] {
            assert_eq!(is_known(&file, name), known, "{name}");
        }
    }

    #[test]
    fn markers_mean_what_they_say() {
        let file = format!(
            "@revoked * ssh-ed25519 {KEY}\n@cert-authority * ssh-ed25519 {KEY}\n@new * x {KEY}\n"
        );
        let record = HostRecord::find(file.as_bytes(), "edge-1");
        assert_eq!((record.keys.len(), record.revoked.len()), (0, 1));
    }

    #[test]
    fn lines_that_cannot_be_read_are_passed_over() {
        let good = format!("edge-1 ssh-ed25519 {KEY}");
        let file = [
            b"edge-1\nedge-1 ssh-rsa\nedge-1 ssh-rsa !!!\nedge-1 ssh-rsa AAAA\n".as_slice(),
            b"|1|x|y ssh-rsa AAAA\n|2|a|b c d\n\xff\xfe edge-1\n",
            good.as_bytes(),
        ]
        .concat();
        assert_eq!(HostRecord::find(&file, "edge-1").keys.len(), 1);
    }

    #[test]
    fn what_is_written_is_found_again() {
        let key = KnownKey::from_blob(&STANDARD.decode(KEY).unwrap()).unwrap();
        let file = entry_line("[2001:db8::1]:2222", &key);
        assert_eq!(HostRecord::find(file.as_bytes(), "[2001:db8::1]:2222").keys, [key]);
    }

    proptest! {
        #[test]
        fn no_file_makes_it_panic(file: Vec<u8>, name: String) {
            HostRecord::find(&file, &name);
        }

        #[test]
        fn no_line_makes_it_panic(file in r"[|@#!*?, \n\t=a-zA-Z0-9+/\[\]:.-]{0,200}", name in "[a-z.*]{0,20}") {
            HostRecord::find(file.as_bytes(), &name);
        }

        #[test]
        fn whatever_is_written_is_found_again(
            host in "[a-zA-Z0-9.:-]{1,60}",
            port: u16,
            key in prop::collection::vec(any::<u8>(), 0..600),
            before in r"[|@#!*?, \n\ta-zA-Z0-9+/=\[\]:.-]{0,200}",
        ) {
            let blob = [&11_u32.to_be_bytes()[..], b"ssh-ed25519", &key].concat();
            let key = KnownKey::from_blob(&blob).unwrap();
            let name = entry_name(&host, port);
            let file = format!("{before}\n{}", entry_line(&name, &key));
            prop_assert!(HostRecord::find(file.as_bytes(), &name).keys.contains(&key));
        }

        #[test]
        fn no_encoding_of_a_key_makes_it_panic(blob: Vec<u8>) {
            if let Some(key) = KnownKey::from_blob(&blob) {
                prop_assert!(key.blob == blob && !key.key_type.is_empty());
            }
        }

        #[test]
        fn a_pattern_without_wildcards_matches_itself_only(a in "[a-c]{0,4}", b in "[a-c]{0,4}") {
            prop_assert_eq!(pattern_matches(&a, &b), a == b);
        }

        #[test]
        fn a_star_takes_anything(a in "[a-c]{0,4}", b in "[a-c]{0,6}", c in "[a-c]{0,4}") {
            let pattern = format!("{a}*{c}");
            let name = format!("{a}{b}{c}");
            prop_assert!(pattern_matches(&pattern, &name));
        }
    }
}
