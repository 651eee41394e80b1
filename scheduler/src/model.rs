use std::fmt;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use pool_core::{ConnectionConfig, InvalidHost, Protocol, check_host};

use crate::Task;

/// The longest identifier of a line or router; Zabbix host names have at most 128 characters.
const NAME_CHARS_MAX: usize = 128;
/// The longest word of a command, such as a VRF name (32 on IOS, 31 on VRP).
const WORD_CHARS_MAX: usize = 64;

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks that `text` can be a name: 1 to 128 characters, none of them a control
            /// character.
            ///
            /// # Errors
            ///
            /// [`InvalidText`] with what is allowed.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidText> {
                name(text.as_ref()).map(Self)
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type! {
    /// The identity of a line. In Zabbix, the technical name of its host.
    LineId
}
name_type! {
    /// The identity of a router.
    RouterName
}

fn name(text: &str) -> Result<Arc<str>, InvalidText> {
    let chars = text.chars().count();
    if (1..=NAME_CHARS_MAX).contains(&chars) && !text.chars().any(char::is_control) {
        Ok(text.into())
    } else {
        Err(InvalidText {
            text: text.to_owned(),
            allowed: "1 to 128 characters without control characters",
        })
    }
}

/// A text that does not fit where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not allowed here: allowed is {allowed}")]
pub struct InvalidText {
    /// The text.
    pub text: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// A number or duration out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} is out of range: allowed is {allowed}")]
pub struct InvalidValue {
    /// The value.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// The far end of a line: an IP address or a host name, and nothing else, because it becomes part
/// of a device's command line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target(Arc<str>);

impl Target {
    /// Checks that `host` is an address or a host name.
    ///
    /// # Errors
    ///
    /// [`InvalidHost`] with the reason.
    pub fn new(host: impl AsRef<str>) -> Result<Self, InvalidHost> {
        check_host(host.as_ref())?;
        Ok(Self(host.as_ref().into()))
    }

    /// The target, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One word of a device's command line: a VRF, an interface, a source address. Letters, digits
/// and `. _ - : / @`, not beginning with a dash, at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Word(Arc<str>);

impl Word {
    /// Checks that `text` is one harmless word.
    ///
    /// # Errors
    ///
    /// [`InvalidText`] with what is allowed.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidText> {
        let text = text.as_ref();
        let harmless = |b: u8| b.is_ascii_alphanumeric() || b"._-:/@".contains(&b);
        let fits = (1..=WORD_CHARS_MAX).contains(&text.len());
        if fits && !text.starts_with('-') && text.bytes().all(harmless) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidText {
                text: text.to_owned(),
                allowed: "one word of at most 64 letters, digits and . _ - : / @, not beginning \
                          with a dash",
            })
        }
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Time between two checks of a line: 10 s to 24 h.
// In nanoseconds: half the room of a `Duration`, in every line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(NonZeroU64);

impl Interval {
    /// The shortest interval. A `ping` of five packets that all get lost takes ten seconds.
    pub const MIN: Duration = Duration::from_secs(10);
    /// The longest interval.
    pub const MAX: Duration = Duration::from_secs(86_400);
    /// The interval of a line that sets none.
    pub const DEFAULT: Self = Self(NonZeroU64::new(180_000_000_000).expect("it is not zero"));

    /// Checks the range.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] when it is shorter than 10 s or longer than 24 h.
    pub fn new(interval: Duration) -> Result<Self, InvalidValue> {
        let nanoseconds = u64::try_from(interval.as_nanos()).ok().and_then(NonZeroU64::new);
        nanoseconds
            .filter(|_| (Self::MIN..=Self::MAX).contains(&interval))
            .map(Self)
            .ok_or_else(|| InvalidValue { value: format!("{interval:?}"), allowed: "10s to 24h" })
    }

    /// The interval as a duration.
    pub fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0.get())
    }
}

/// How a line is pinged. Each platform renders these in its own words and units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingParams {
    /// Packets to send, 1 to 100. Default 5.
    pub count: u32,
    /// How long to wait for each reply, 1 s to 60 s in whole seconds, because that is what most
    /// platforms take. Default 2 s.
    pub timeout: Duration,
    /// Size in bytes, 36 to 18000; what it counts (payload or packet) is the platform's own.
    /// Absent: the platform's default.
    pub size: Option<u32>,
    /// Source address or interface.
    pub source: Option<Word>,
    /// VRF, VPN instance or routing instance.
    pub vrf: Option<Word>,
    /// Whether packets must not be fragmented. Default no.
    pub dont_fragment: bool,
    /// Differentiated services code point, 0 to 63 (RFC 2474). Absent: the platform's default.
    pub dscp: Option<u8>,
}

impl Default for PingParams {
    fn default() -> Self {
        Self {
            count: 5,
            timeout: Duration::from_secs(2),
            size: None,
            source: None,
            vrf: None,
            dont_fragment: false,
            dscp: None,
        }
    }
}

impl PingParams {
    /// How many packets can be sent.
    pub const COUNT: RangeInclusive<u32> = 1..=100;
    /// How many seconds can be waited for a reply.
    pub const TIMEOUT_S: RangeInclusive<u64> = 1..=60;
    /// Of how many bytes a packet can be.
    pub const SIZE: RangeInclusive<u32> = 36..=18_000;

    /// Checks the ranges that are documented on the fields.
    ///
    /// # Errors
    ///
    /// The name of each field that is out of range, with its [`InvalidValue`].
    pub fn validate(&self) -> Result<(), Vec<(&'static str, InvalidValue)>> {
        let mut problems = Vec::new();
        if !Self::COUNT.contains(&self.count) {
            let value = self.count.to_string();
            problems.push(("count", InvalidValue { value, allowed: "1 to 100" }));
        }
        let whole = self.timeout.subsec_nanos() == 0;
        if !whole || !Self::TIMEOUT_S.contains(&self.timeout.as_secs()) {
            let value = format!("{:?}", self.timeout);
            problems.push(("timeout", InvalidValue { value, allowed: "1s to 60s, whole seconds" }));
        }
        if let Some(size) = self.size.filter(|size| !Self::SIZE.contains(size)) {
            let value = size.to_string();
            problems.push(("size", InvalidValue { value, allowed: "36 to 18000 bytes" }));
        }
        if let Some(dscp) = self.dscp.filter(|dscp| *dscp > 63) {
            problems.push(("dscp", InvalidValue { value: dscp.to_string(), allowed: "0 to 63" }));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// A router: where lines are checked from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// Its identity.
    pub name: RouterName,
    /// How commands reach it.
    pub protocol: Protocol,
    /// How to connect to it, and its platform.
    pub connection: ConnectionConfig,
    /// How its lines are checked.
    pub rules: CheckRules,
}

/// How the lines of a router are checked, beyond what each of them says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckRules {
    /// Checks that may begin in a minute, [1 to 6000](Self::PER_MINUTE), evenly spread: after each
    /// the next one begins no sooner than that part of a minute later. Default: no limit.
    pub per_minute_max: Option<u32>,
    /// Whether a line that is known to be down is looked at with a single packet first, for one
    /// second. When that is not answered, it is the check: one sent, none received. When it is, the
    /// full check follows at once and is all that is reported. One due time in twenty is checked in
    /// full in any case, and so is whatever somebody asked for.
    ///
    /// Default: no, because it changes what the figures of a line that is down stand on. One packet
    /// of one that is lost is as much a loss of 100 % as five of five, but it says less: a line that
    /// loses four packets of five, or answers after more than a second, can look dead by it.
    pub first_look: bool,
}

impl CheckRules {
    /// What `per_minute_max` may be: more than a hundred a second no router is asked for.
    pub const PER_MINUTE: RangeInclusive<u32> = 1..=6000;

    /// Checks the ranges that are documented on the fields.
    ///
    /// # Errors
    ///
    /// The name of the field that is out of range, with its [`InvalidValue`].
    pub fn validate(&self) -> Result<(), (&'static str, InvalidValue)> {
        match self.per_minute_max {
            Some(max) if !Self::PER_MINUTE.contains(&max) => {
                let value = max.to_string();
                Err(("per_minute_max", InvalidValue { value, allowed: "1 to 6000" }))
            }
            _ => Ok(()),
        }
    }
}

/// A leased line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its identity.
    pub id: LineId,
    /// The router it is checked from.
    pub router: RouterName,
    /// Its far end.
    pub target: Target,
    /// Time between two checks.
    pub interval: Interval,
    /// What is run for it.
    pub task: Task,
}

/// Everything that is to be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The routers, by unique name.
    pub routers: Vec<Router>,
    /// The lines, by unique id, each on one of the routers.
    pub lines: Vec<Line>,
}
