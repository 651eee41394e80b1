use std::fmt;
use std::str::FromStr;

/// Which Zabbix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 6.0 LTS, from Debian 12.
    V6_0,
    /// 7.0 LTS, from the backports of Debian 12, which may be gone some day.
    V7_0,
}

impl Version {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V6_0, Self::V7_0];

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V6_0 => "6.0",
            Self::V7_0 => "7.0",
        }
    }

    /// Where in Debian it is.
    pub(crate) fn suite(self) -> &'static str {
        match self {
            Self::V6_0 => "bookworm",
            Self::V7_0 => "bookworm-backports",
        }
    }

    /// The packages that hold it. `zabbix_sender` moved to a package of its own.
    pub(crate) fn packages(self) -> &'static [&'static str] {
        match self {
            Self::V6_0 => &[
                "zabbix-server-pgsql",
                "zabbix-proxy-sqlite3",
                "zabbix-frontend-php",
                "zabbix-agent",
            ],
            Self::V7_0 => &[
                "zabbix-server-pgsql",
                "zabbix-proxy-sqlite3",
                "zabbix-frontend-php",
                "zabbix-sender",
            ],
        }
    }

    /// Whether it has groups of proxies.
    pub fn has_proxy_groups(self) -> bool {
        self == Self::V7_0
    }

    /// The proxies of a lab, those of its group last.
    pub(crate) fn proxies(self) -> &'static [&'static str] {
        match self {
            Self::V6_0 => &["proxy-a", "proxy-b"],
            Self::V7_0 => &["proxy-a", "proxy-b", "member-a", "member-b"],
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|version| version.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no version of the lab: allowed is 6.0 or 7.0"))
    }
}
