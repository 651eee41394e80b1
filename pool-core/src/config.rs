use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::{
    AlgorithmLists, AlgorithmProfile, Credentials, Endpoint, Error, Fingerprint, HostKeyPolicy,
    JumpHost, Platform, TerminalConfig,
};

/// The most sessions a router may be configured for. Even large routers have at most 100 VTYs
/// (IOS XR's default pool has 5, its largest 100), and they are not all for us.
const CONNECTIONS_MAX: usize = 100;
/// No stage of a session is worth waiting longer for.
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);
/// TCP's keepalive counts in whole seconds, and asks three times after a first silence.
const HALF_OPEN_TIMEOUT: RangeInclusive<Duration> = Duration::from_secs(6)..=TIMEOUT_MAX;

/// Whom to connect to, as whom, and within which limits: everything a factory needs to make a
/// session, and a pool to keep some.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionConfig {
    /// Where the device listens.
    pub endpoint: Endpoint,
    /// Whose command line it has.
    pub platform: Platform,
    /// Who logs in.
    pub credentials: Credentials,
    /// What to do about the device's host key. Default: accept a new host's key and remember it.
    pub host_key: HostKeyPolicy,
    /// The only host keys that the device may show; when not empty, they decide in place of the
    /// policy. Default: empty.
    pub host_key_pins: Vec<Fingerprint>,
    /// Which algorithms may be negotiated. Default: modern ones.
    pub algorithms: AlgorithmProfile,
    /// Algorithms by name, over those of the profile. Default: none.
    pub algorithm_lists: AlgorithmLists,
    /// The host to reach the device through. Default: none, it is reached directly.
    pub jump: Option<Arc<JumpHost>>,
    /// What is peculiar to the device's command line. Default: nothing.
    pub terminal: TerminalConfig,
    /// How long a peer that has vanished without a word may go unnoticed while a session is idle,
    /// and how long what was sent may stay unacknowledged. Default 60 s: less than the interval of
    /// a check, and more than a routing protocol takes to find another way.
    pub half_open_timeout: Duration,
    /// Everything until the first usable prompt. Default 30 s.
    pub connect_timeout: Duration,
    /// One command's output, unless the request says otherwise. Default 30 s.
    pub read_timeout: Duration,
    /// Handing one command to the device. Default 10 s.
    pub write_timeout: Duration,
    /// One health check of an idle session. Default 5 s.
    pub health_check_timeout: Duration,
    /// Sessions on the device at once, those still closing included. Default 2.
    pub max_connections: usize,
    /// Sessions to keep ready. Default 1.
    pub min_connections: usize,
    /// Attempts to make one session before whoever waits is told. Default 2.
    pub retry_max_attempts: u32,
    /// All those attempts together. Default 30 s.
    pub retry_timeout: Duration,
}

impl ConnectionConfig {
    /// A configuration with the defaults that are documented on each field.
    pub fn new(endpoint: Endpoint, platform: Platform, credentials: Credentials) -> Self {
        Self {
            endpoint,
            platform,
            credentials,
            host_key: HostKeyPolicy::default(),
            host_key_pins: Vec::new(),
            algorithms: AlgorithmProfile::default(),
            algorithm_lists: AlgorithmLists::default(),
            jump: None,
            terminal: TerminalConfig::default(),
            half_open_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            health_check_timeout: Duration::from_secs(5),
            max_connections: 2,
            min_connections: 1,
            retry_max_attempts: 2,
            retry_timeout: Duration::from_secs(30),
        }
    }

    /// Whether a session that was made by this is as good as one made by `other`: they differ, if at
    /// all, in what whoever keeps sessions goes by (how many, how often and for how long they are
    /// tried to make), and not in what is made.
    pub fn makes_the_same_sessions_as(&self, other: &Self) -> bool {
        // Named one by one, so that a field that is new is put in its place here.
        let Self {
            endpoint,
            platform,
            credentials,
            host_key,
            host_key_pins,
            algorithms,
            algorithm_lists,
            jump,
            terminal,
            half_open_timeout,
            read_timeout,
            write_timeout,
            health_check_timeout,
            connect_timeout: _,
            max_connections: _,
            min_connections: _,
            retry_max_attempts: _,
            retry_timeout: _,
        } = self;
        *endpoint == other.endpoint
            && *platform == other.platform
            && *credentials == other.credentials
            && *host_key == other.host_key
            && *host_key_pins == other.host_key_pins
            && *algorithms == other.algorithms
            && *algorithm_lists == other.algorithm_lists
            && *jump == other.jump
            && *terminal == other.terminal
            && *half_open_timeout == other.half_open_timeout
            && *read_timeout == other.read_timeout
            && *write_timeout == other.write_timeout
            && *health_check_timeout == other.health_check_timeout
    }

    /// Checks every field and reports all that is wrong at once.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] with one problem per field.
    pub fn validate(&self) -> Result<(), Error> {
        let timeouts = [
            ("connect_timeout", self.connect_timeout),
            ("read_timeout", self.read_timeout),
            ("write_timeout", self.write_timeout),
            ("health_check_timeout", self.health_check_timeout),
            ("retry_timeout", self.retry_timeout),
        ];
        let mut problems: Vec<_> =
            timeouts.into_iter().filter_map(|(key, value)| timeout_problem(key, value)).collect();
        let mut require = |holds: bool, key: &str, value: String, allowed: &str| {
            if !holds {
                problems.push(ConfigProblem::new(key, value, allowed));
            }
        };
        require(
            (1..=CONNECTIONS_MAX).contains(&self.max_connections),
            "max_connections",
            self.max_connections.to_string(),
            "1 to 100",
        );
        require(
            self.min_connections <= self.max_connections,
            "min_connections",
            self.min_connections.to_string(),
            "0 to max_connections",
        );
        require(
            (1..=10).contains(&self.retry_max_attempts),
            "retry_max_attempts",
            self.retry_max_attempts.to_string(),
            "1 to 10",
        );
        require(
            !self.credentials.username.is_empty(),
            "username",
            "\"\"".to_owned(),
            "a user name that is not empty",
        );
        require(
            HALF_OPEN_TIMEOUT.contains(&self.half_open_timeout),
            "half_open_timeout",
            format!("{:?}", self.half_open_timeout),
            "6s to 1h",
        );
        if let Some(jump) = &self.jump {
            require(
                !jump.credentials.username.is_empty(),
                "jump.username",
                "\"\"".to_owned(),
                "a user name that is not empty",
            );
            require(
                jump.endpoint != self.endpoint,
                "jump.host",
                jump.endpoint.to_string(),
                "another host than the device itself",
            );
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::InvalidConfig(problems)) }
    }
}

fn timeout_problem(key: &str, value: Duration) -> Option<ConfigProblem> {
    let allowed = Duration::from_millis(1)..=TIMEOUT_MAX;
    (!allowed.contains(&value)).then(|| ConfigProblem::new(key, format!("{value:?}"), "1ms to 1h"))
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key or field.
    pub key: String,
    /// Its value, as text. Never a secret.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

impl ConfigProblem {
    /// A problem with `key`.
    pub fn new(
        key: impl Into<String>,
        value: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), value: value.into(), allowed: allowed.into() }
    }

    pub(crate) fn join(problems: &[Self]) -> String {
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        texts.join("; ")
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}: allowed is {}", self.key, self.value, self.allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ConnectionConfig {
        ConnectionConfig::new(
            Endpoint::new("192.0.2.1", 22).unwrap(),
            Platform::new("linux"),
            Credentials::password("monitor", "x".to_owned()),
        )
    }

    #[test]
    fn defaults_are_valid() {
        config().validate().unwrap();
    }

    #[test]
    fn a_jump_host_is_somebody_else() {
        let itself = Arc::new(JumpHost::new(config().endpoint, Credentials::default()));
        let broken = ConnectionConfig { jump: Some(itself), ..config() };
        let Err(Error::InvalidConfig(problems)) = broken.validate() else { panic!("must fail") };
        let keys: Vec<_> = problems.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(keys, ["jump.username", "jump.host"]);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let broken = ConnectionConfig {
            connect_timeout: Duration::ZERO,
            max_connections: 0,
            retry_max_attempts: 99,
            credentials: Credentials::default(),
            ..config()
        };
        let Err(Error::InvalidConfig(problems)) = broken.validate() else { panic!("must fail") };
        let keys: Vec<_> = problems.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "connect_timeout",
                "max_connections",
                "min_connections",
                "retry_max_attempts",
                "username"
            ]
        );
    }
}
