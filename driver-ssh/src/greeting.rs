use std::mem::MaybeUninit;

use crate::error::shown;
use crate::socket::Socket;

/// How much of what a peer says before its SSH banner is kept, in bytes: room for a line or two
/// such as "CLI session limit reached".
const TEXT_BYTES_MAX: usize = 512;
/// How much is looked at, in bytes. The largest key exchange offers have about 2 KiB.
const PEEK_BYTES_MAX: usize = 8192;
/// What each of the peer's lists is cut to, in bytes, before it gets into an error.
const LIST_BYTES_MAX: usize = 400;

const SSH_MSG_KEXINIT: u8 = 20;
const KEXINIT_COOKIE_BYTES: usize = 16;
/// Where a packet says what it is, behind its length and that of its padding.
const KIND_AT: usize = 5;

/// What a peer says before anything is encrypted, as far as it has come. libssh2 itself keeps
/// neither a device's reason for hanging up, nor the algorithms it offered.
#[derive(Debug, Default)]
pub(crate) struct Greeting {
    text: Vec<u8>,
    banner: BannerProgress,
    offer: Option<Offer>,
    /// Whether there was a byte before the banner that no text has.
    is_garbage: bool,
    /// Whether what has come behind the banner may be the beginning of an offer.
    may_offer: bool,
    /// How much was looked at, in bytes.
    len: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum BannerProgress {
    #[default]
    Awaited,
    /// Its first bytes are there, and its line end is not.
    Begun,
    Complete,
}

/// The algorithms that a peer offered, as comma-separated lists (RFC 4253, section 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) kex: String,
    pub(crate) host_key: String,
    pub(crate) cipher: String,
    pub(crate) mac: String,
}

impl Greeting {
    /// Looks at what has come in, without taking it.
    pub(crate) fn peek(socket: &Socket) -> Self {
        Self::read(socket.peek(&mut [MaybeUninit::uninit(); PEEK_BYTES_MAX]))
    }

    fn read(said: &[u8]) -> Self {
        let mut greeting = Self { len: said.len(), ..Self::default() };
        greeting.note(said);
        greeting
    }

    /// Whether it is worth waiting for more: banner and offer are not complete, and may become so.
    pub(crate) fn may_go_on(&self) -> bool {
        let is_open = if self.has_banner() {
            self.offer.is_none() && self.may_offer
        } else {
            !self.is_garbage
        };
        is_open && self.len < PEEK_BYTES_MAX
    }

    /// What the peer said in place of an SSH banner, if anything.
    pub(crate) fn text(&self) -> Option<String> {
        let text = shown(&self.text);
        (!text.is_empty()).then_some(text)
    }

    /// Whether the SSH banner has come.
    pub(crate) fn has_banner(&self) -> bool {
        self.banner == BannerProgress::Complete
    }

    /// The peer's algorithms, if its offer came in one piece.
    pub(crate) fn offer(&self) -> Option<&Offer> {
        self.offer.as_ref()
    }

    /// Looks for an offer that was not there yet, once the banner before it has been taken.
    pub(crate) fn look_for_offer(&mut self, socket: &Socket) {
        if self.has_banner() && self.offer.is_none() {
            self.offer = Offer::parse(socket.peek(&mut [MaybeUninit::uninit(); PEEK_BYTES_MAX]));
        }
    }

    fn note(&mut self, mut bytes: &[u8]) {
        while !self.has_banner() && !bytes.is_empty() {
            let line_end = bytes.iter().position(|&b| b == b'\n');
            let (line, rest) = bytes.split_at(line_end.map_or(bytes.len(), |at| at + 1));
            bytes = rest;
            if self.banner == BannerProgress::Begun || line.starts_with(b"SSH-") {
                let complete = line_end.is_some();
                self.banner =
                    if complete { BannerProgress::Complete } else { BannerProgress::Begun };
            } else {
                self.is_garbage |= line.contains(&0);
                let room = TEXT_BYTES_MAX - self.text.len();
                self.text.extend_from_slice(&line[..line.len().min(room)]);
            }
        }
        if self.has_banner() {
            self.may_offer = bytes.get(KIND_AT).is_none_or(|&kind| kind == SSH_MSG_KEXINIT);
            self.offer = Offer::parse(bytes);
        }
    }
}

impl Offer {
    /// Reads an unencrypted packet with a complete key exchange offer.
    fn parse(packet: &[u8]) -> Option<Self> {
        let (_length, rest) = packet.split_at_checked(4)?;
        let (&[_padding, kind], rest) = rest.split_first_chunk()?;
        if kind != SSH_MSG_KEXINIT {
            return None;
        }
        let (_cookie, mut rest) = rest.split_at_checked(KEXINIT_COOKIE_BYTES)?;
        let mut next = || {
            let (length, tail) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (list, tail) = tail.split_at_checked(length)?;
            rest = tail;
            let shown = &list[..list.len().min(LIST_BYTES_MAX)];
            // Nearly always it is text, and that is told much sooner.
            let text = str::from_utf8(shown).map(str::to_owned);
            Some(text.unwrap_or_else(|_| String::from_utf8_lossy(shown).into_owned()))
        };
        let (kex, host_key) = (next()?, next()?);
        let (_to_server, cipher) = (next()?, next()?);
        let (_to_server, mac) = (next()?, next()?);
        Some(Self { kex, host_key, cipher, mac })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::linear;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20),
        ) {
            let mut greeting = Greeting::default();
            for piece in &pieces {
                greeting.note(piece);
                prop_assert!(greeting.text.len() <= TEXT_BYTES_MAX);
            }
        }

        #[test]
        fn no_packet_makes_it_panic(
            lists in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..9),
            tail: [u8; 9],
        ) {
            let mut packet = packet(&[]);
            for list in &lists {
                packet.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
                packet.extend(list);
            }
            packet.extend(&tail);
            if let Some(offer) = Offer::parse(&packet) {
                // A byte that is no text is shown by three.
                prop_assert!(offer.mac.len() <= 3 * LIST_BYTES_MAX);
            }
        }

        #[test]
        fn lists_are_read_as_they_were_sent(lists in prop::array::uniform6("[a-z0-9@.,-]{0,99}")) {
            let [kex, host_key, _, cipher, _, mac] = lists.clone();
            let offer = Offer::parse(&packet(&lists.each_ref().map(String::as_str)));
            prop_assert_eq!(offer, Some(Offer { kex, host_key, cipher, mac }));
        }

        #[test]
        fn a_banner_is_found_wherever_it_is_cut(
            lines in "([a-zA-Z0-9 %]{0,40}\r\n){0,5}",
            cut in 0_usize..300,
        ) {
            let said = format!("{lines}SSH-2.0-x\r\n");
            let (head, tail) = said.as_bytes().split_at(cut.min(said.len()));
            let mut greeting = Greeting::default();
            greeting.note(head);
            let whole = greeting.has_banner();
            prop_assert_eq!(whole, tail.is_empty());
        }
    }

    fn packet(lists: &[&str]) -> Vec<u8> {
        let mut packet = vec![0, 0, 0, 0, 4, SSH_MSG_KEXINIT];
        packet.extend([7; KEXINIT_COOKIE_BYTES]);
        for list in lists {
            packet.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
            packet.extend(list.as_bytes());
        }
        packet
    }

    #[test]
    fn more_is_waited_for_while_it_may_make_a_difference() {
        let whole = [b"Welcome\nSSH-2.0-x\r\n", &packet(&LISTS)[..]].concat();
        for end in 0..whole.len() {
            assert!(Greeting::read(&whole[..end]).may_go_on(), "{end}");
        }
        assert!(!Greeting::read(&whole).may_go_on());
        // What is no offer, no banner, or no end of it.
        assert!(!Greeting::read(b"SSH-2.0-x\n\0\0\0\x14\x0a\x02\0\0").may_go_on());
        assert!(!Greeting::read(b"\xff\0\xfe\n").may_go_on());
        assert!(!Greeting::read(&[b'\n'; PEEK_BYTES_MAX]).may_go_on());
    }

    const LISTS: [&str; 6] = ["kex1,kex2", "ssh-rsa", "c1", "c2", "m1", "m2"];

    #[test]
    fn the_time_to_read_a_greeting_grows_with_its_length_only() {
        let read = |said: &[u8]| {
            let mut greeting = Greeting::default();
            greeting.note(said);
            (greeting.text(), greeting.offer)
        };
        for part in ["\n", "x", "no banner\r\n", "SSH-", "\u{1b}\0 "] {
            linear::check(|parts| part.repeat(parts).into_bytes(), read);
        }
        let offer =
            |parts| [b"SSH-2.0-x\n", &packet(&["a,".repeat(parts).as_str(); 6])[..]].concat();
        linear::check(offer, read);
        // As it is seen when it drips: each time what there is by then, up to a bound.
        linear::check(
            |parts| vec![b'x'; parts],
            |said| {
                let mut greeting = Greeting::default();
                said.iter().for_each(|byte| greeting.note(&[*byte]));
                greeting.text()
            },
        );
    }

    #[test]
    fn an_offer_is_read_with_the_banner_or_after_it() {
        let together = [b"SSH-2.0-x\r\n", &packet(&LISTS)[..]].concat();
        let mut greeting = Greeting::default();
        greeting.note(&together);
        let offer = greeting.offer().expect("an offer");
        assert_eq!((offer.kex.as_str(), offer.cipher.as_str()), ("kex1,kex2", "c2"));

        let mut greeting = Greeting::default();
        greeting.note(b"Welcome\r\nSSH-2.0-x\r\n");
        assert_eq!(greeting.offer(), None);
        greeting.note(&packet(&LISTS));
        assert_eq!(greeting.offer().map(|offer| offer.mac.as_str()), Some("m2"));
        assert_eq!(greeting.text().as_deref(), Some("Welcome"));
    }

    #[test]
    fn a_banner_is_complete_with_its_line_end() {
        let mut greeting = Greeting::default();
        for piece in [&b"SSH-2."[..], b"0-x", b"y\r"] {
            greeting.note(piece);
            assert!(!greeting.has_banner());
        }
        greeting.note(&[b"\n", &packet(&LISTS)[..]].concat());
        assert!(greeting.has_banner() && greeting.offer().is_some());
        assert_eq!(greeting.text(), None);
    }

    #[test]
    fn a_cut_or_wrong_packet_is_no_offer_and_no_panic() {
        let whole = packet(&LISTS);
        for end in 0..whole.len() {
            assert_eq!(Offer::parse(&whole[..end]), None);
        }
        let mut huge = packet(&[]);
        huge.extend([0xff; 8]);
        assert_eq!(Offer::parse(&huge), None);
    }

    #[test]
    fn text_before_the_banner_is_bounded_and_harmless() {
        let mut greeting = Greeting::default();
        for _ in 0..100 {
            greeting.note(b"% CLI session\x07\x1b limit reached\r\n");
        }
        let text = greeting.text().unwrap();
        assert!(text.starts_with("% CLI session limit reached"), "{text}");
        assert!(text.len() <= TEXT_BYTES_MAX && !text.contains(char::is_control));
    }
}
