/// Which algorithms a session may negotiate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlgorithmProfile {
    /// Those that are considered safe today.
    #[default]
    Modern,
    /// Also those that old devices need: SHA-1 key exchange and MACs, `ssh-rsa`, `ssh-dss`, CBC
    /// ciphers, 3DES.
    Legacy,
}

impl AlgorithmProfile {
    /// The name in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Legacy => "legacy",
        }
    }
}

/// Algorithms by name (RFC 4253, section 7.1), in order of preference. Where a list is empty, that
/// of the profile counts. Which names there are is the driver's to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlgorithmLists {
    /// Key exchange, such as `diffie-hellman-group14-sha1`.
    pub kex: Vec<String>,
    /// How the device proves its host key, such as `ssh-rsa`.
    pub host_key: Vec<String>,
    /// Ciphers, in both directions, such as `aes128-cbc`.
    pub cipher: Vec<String>,
    /// Message authentication codes, in both directions, such as `hmac-sha1`.
    pub mac: Vec<String>,
}
