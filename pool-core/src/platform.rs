use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a device's command line: `cisco_iosxe`, `huawei_vrp`, ...
///
/// Only a name. What a platform's prompts and commands look like is data that drivers and tasks
/// hold; two aliases of one platform are two names here, and are resolved by whoever holds the
/// data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform(Arc<str>);

impl Platform {
    /// A platform by its name.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(name.as_ref().into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Platform {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// How commands reach a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// `ssh`: each command on an SSH exec channel of its own (RFC 4254, section 6.5).
    Ssh,
    /// `scrapli`, also spelt `cli`: commands typed at the prompt of an interactive shell.
    Scrapli,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 2] = [Self::Ssh, Self::Scrapli];

    /// The name in configuration, inventory and outcomes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Scrapli => "scrapli",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no [`Protocol`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol {0:?}: allowed are ssh and scrapli (alias cli)")]
pub struct UnknownProtocol(pub String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "ssh" => Ok(Self::Ssh),
            "scrapli" | "cli" => Ok(Self::Scrapli),
            other => Err(UnknownProtocol(other.to_owned())),
        }
    }
}
