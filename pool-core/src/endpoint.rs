use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The longest host name there is, in its textual form (RFC 1035, section 2.3.4).
const HOST_NAME_CHARS_MAX: usize = 253;
/// The longest label of a host name (RFC 1035, section 2.3.4).
const LABEL_CHARS_MAX: usize = 63;

/// Where a device listens: a host, by address or name, and a TCP port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// An endpoint, after checking that `host` is an address or a host name.
    ///
    /// # Errors
    ///
    /// [`InvalidHost`] when it is neither.
    pub fn new(host: impl Into<String>, port: u16) -> Result<Self, InvalidHost> {
        let host = host.into();
        check_host(&host)?;
        Ok(Self { host, port })
    }

    /// The host, as it was given.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    /// `host:port`, with an IPv6 address in brackets (RFC 3986, section 3.2.2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.parse::<Ipv6Addr>().is_ok() {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A text that was meant to be a host is neither an IP address nor a host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host:?} is not an IP address or a host name: {reason}")]
pub struct InvalidHost {
    /// The text.
    pub host: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Checks that `host` is an IPv4 or IPv6 address or a host name (RFC 1123, section 2.1, with the
/// underscore that is common in practice), and nothing else.
///
/// What passes is safe to place on a device's command line as one word: it has no blank, no line
/// break, no quote, no shell or CLI metacharacter, and does not begin with a dash.
///
/// # Errors
///
/// [`InvalidHost`] with the reason.
pub fn check_host(host: &str) -> Result<(), InvalidHost> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    match host_name_fault(host) {
        None => Ok(()),
        Some(reason) => Err(InvalidHost { host: host.to_owned(), reason }),
    }
}

fn host_name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > HOST_NAME_CHARS_MAX {
        return Some("it is longer than 253 characters");
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Some("it looks like an IPv4 address but is not one");
    }
    name.strip_suffix('.').unwrap_or(name).split('.').find_map(label_fault)
}

fn label_fault(label: &str) -> Option<&'static str> {
    if label.is_empty() {
        return Some("a part between dots is empty");
    }
    if label.len() > LABEL_CHARS_MAX {
        return Some("a part between dots is longer than 63 characters");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Some("a part between dots begins or ends with a dash");
    }
    if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Some("only letters, digits, dots, dashes and underscores are allowed");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_pass() {
        for host in ["192.0.2.1", "2001:db8::1", "edge-1", "edge-1.example.net.", "a_b.example"] {
            assert_eq!(check_host(host), Ok(()), "{host}");
        }
    }

    #[test]
    fn anything_that_could_be_more_than_one_word_is_refused() {
        for host in [
            "",
            "192.0.2.1; reload",
            "192.0.2.1\nreload",
            "a b",
            "-c",
            "a..b",
            "192.0.2.300",
            "192.0.2",
            "$(reboot)",
            "a|b",
            "a\0",
            "ho\u{308}st",
            "?",
            "fe80::1%eth0; x",
        ] {
            assert!(check_host(host).is_err(), "{host:?}");
        }
        assert!(check_host(&"a".repeat(254)).is_err());
    }

    #[test]
    fn ipv6_is_bracketed() {
        let endpoint = Endpoint::new("2001:db8::1", 22).unwrap();
        assert_eq!(endpoint.to_string(), "[2001:db8::1]:22");
    }
}
