use std::time::Duration;

use pool_core::Secret;

use crate::tls::TlsSettings;

/// Where an inventory in Zabbix is, and what of it is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiSettings {
    /// Where the API is. Of several, the first that is there.
    pub(crate) urls: Vec<String>,
    /// Who asks.
    pub(crate) login: ApiLogin,
    /// Whom to trust, where the way there is encrypted.
    pub(crate) tls: Option<TlsSettings>,
    /// How often it is asked.
    pub(crate) refresh: Duration,
    /// How long one call may take.
    pub(crate) timeout: Duration,
    /// What a host that is a line is tagged with.
    pub(crate) tag: Tag,
    /// Whose hosts are lines.
    pub(crate) scope: Scope,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiLogin {
    /// Whoever the token belongs to.
    Token(Secret),
    /// A user, in a session that is made again when it has expired.
    Password {
        /// The user's name.
        username: String,
        /// The user's password.
        password: Secret,
    },
}

/// Whose hosts are lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of the proxy with that name.
    Proxy(String),
    /// Those of the group of proxies with that name.
    ProxyGroup(String),
}

impl Default for Scope {
    fn default() -> Self {
        Self::Proxy(String::new())
    }
}

/// What a host that is a line is tagged with, itself or by a template. The value is equal to this,
/// and does not just have this in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// The tag.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
}

impl Default for Tag {
    fn default() -> Self {
        Self { name: "TempType".to_owned(), value: "LINE".to_owned() }
    }
}
