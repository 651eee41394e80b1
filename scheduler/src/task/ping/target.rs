use std::net::IpAddr;

use crate::Target;

/// Whether the output speaks of the target that was asked for. Only addresses can be compared:
/// a device prints a name as it likes.
#[derive(Debug)]
pub(super) struct Mentions {
    asked: Option<IpAddr>,
    seen: bool,
    other: Option<String>,
}

impl Mentions {
    /// Nothing has been mentioned yet. Without a target, or with one that is a name, everything
    /// fits.
    pub(super) fn new(target: Option<&Target>) -> Self {
        let asked = target.and_then(|target| target.as_str().parse().ok());
        Self { asked, seen: false, other: None }
    }

    /// Notes that one line speaks of these names or addresses of one target.
    pub(super) fn note<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let Some(asked) = self.asked else { return };
        let mut addresses = names.filter_map(address).peekable();
        let Some(&first) = addresses.peek() else { return };
        if addresses.any(|address| address == asked) {
            self.seen = true;
        } else {
            self.other.get_or_insert_with(|| first.to_string());
        }
    }

    /// The target the output speaks of instead, if there is one.
    pub(super) fn other(&self) -> Option<&str> {
        self.other.as_deref()
    }

    /// Whether a line spoke of the target, or there is none to speak of.
    pub(super) fn fits(&self) -> bool {
        self.asked.is_none() || self.seen
    }
}

/// The address that a device printed, whichever way it writes it; its zone, which only addresses
/// of IPv6 have (RFC 4007), is left out.
fn address(text: &str) -> Option<IpAddr> {
    match text.split_once('%') {
        Some((address, _zone)) => address.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>) -> Mentions {
        let mut mentions = Mentions::new(Some(&Target::new(asked).unwrap()));
        mentions.note(names.into_iter());
        mentions
    }

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        assert!(mentions("2001:db8::1", ["2001:0DB8:0::0001"]).fits());
        assert!(mentions("fe80::1", ["FE80::1%GigabitEthernet0/0"]).fits());
        assert!(mentions("192.0.2.1", ["far.example", "192.0.2.1"]).fits());
    }

    #[test]
    fn another_address_is_named() {
        assert_eq!(mentions("192.0.2.1", ["192.0.2.11"]).other(), Some("192.0.2.11"));
    }

    #[test]
    fn a_name_says_nothing_either_way() {
        let mentions_name = mentions("192.0.2.1", ["far.example"]);
        assert!(!mentions_name.fits() && mentions_name.other().is_none());
        assert!(!mentions("192.0.2.1", ["192.0.2.1%LINK-3-UPDOWN:"]).fits());
        assert!(mentions("far.example", ["192.0.2.1"]).fits());
    }
}
