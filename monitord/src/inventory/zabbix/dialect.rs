use std::fmt;
use std::str::FromStr;

/// What the API of one version of Zabbix wants to be asked like. From 5.0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dialect {
    major: u32,
    minor: u32,
}

impl Dialect {
    /// The oldest version that is known.
    const OLDEST: Self = Self { major: 5, minor: 0 };

    fn since(self, major: u32, minor: u32) -> bool {
        self >= Self { major, minor }
    }

    /// Whether a session or token stands in the request itself, and not in a header. Versions from
    /// 6.4 take both, from 7.2 only the header.
    pub(super) fn auth_in_body(self) -> bool {
        !self.since(6, 4)
    }

    /// Whether there are tokens.
    pub(super) fn has_tokens(self) -> bool {
        self.since(5, 4)
    }

    /// Who logs in, in `user.login`.
    pub(super) fn login_user(self) -> &'static str {
        if self.since(5, 4) { "username" } else { "user" }
    }

    /// The name of a proxy, in `proxy.get`.
    pub(super) fn proxy_name(self) -> &'static str {
        if self.since(7, 0) { "name" } else { "host" }
    }

    /// The methods that are called once somebody has logged in.
    pub(crate) fn methods(self) -> Vec<&'static str> {
        let mut methods = vec!["host.get", "proxy.get", "template.get", "usermacro.get"];
        if self.has_proxy_groups() {
            methods.push("proxygroup.get");
        }
        methods
    }

    /// Whether proxies have groups.
    pub(super) fn has_proxy_groups(self) -> bool {
        self.since(7, 0)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A text that names no version, or one that is too old.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its version is {0:?}: needed is 5.0 or newer")]
pub(crate) struct UnknownVersion(String);

impl FromStr for Dialect {
    type Err = UnknownVersion;

    /// Reads a version such as `7.0.22` or `7.4.0rc1`.
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let shown = || UnknownVersion(text.chars().take(40).collect());
        let mut parts = text.split('.');
        let mut number = || {
            let part = parts.next()?;
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..digits].parse().ok()
        };
        let (Some(major), Some(minor)) = (number(), number()) else { return Err(shown()) };
        let dialect = Self { major, minor };
        if dialect >= Self::OLDEST { Ok(dialect) } else { Err(shown()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_ways() {
        let row = |text: &str| {
            let dialect: Dialect = text.parse().unwrap();
            (
                dialect.auth_in_body(),
                dialect.has_tokens(),
                dialect.login_user(),
                dialect.proxy_name(),
                dialect.has_proxy_groups(),
            )
        };
        assert_eq!(row("5.0.46"), (true, false, "user", "host", false));
        assert_eq!(row("5.4.12"), (true, true, "username", "host", false));
        assert_eq!(row("6.0.14"), (true, true, "username", "host", false));
        assert_eq!(row("6.2.9"), (true, true, "username", "host", false));
        assert_eq!(row("6.4.21"), (false, true, "username", "host", false));
        assert_eq!(row("7.0.9"), (false, true, "username", "name", true));
        assert_eq!(row("7.2.4"), (false, true, "username", "name", true));
        assert_eq!(row("7.4.0rc1"), (false, true, "username", "name", true));
        assert_eq!(row("10.0.0"), (false, true, "username", "name", true));
    }

    #[test]
    fn what_is_no_version_or_too_old_is_refused() {
        for text in ["", "seven", "7", "7.x", "4.4.10", "4294967296.0"] {
            let refused = text.parse::<Dialect>().unwrap_err().to_string();
            assert!(refused.contains("5.0 or newer"), "{refused}");
        }
    }
}
