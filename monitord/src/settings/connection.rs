//! Limits of sessions: those of `connection`, and a router's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pool_core::{
    AlgorithmProfile, ConnectionConfig, Credentials, Endpoint, Error, HostKeyPolicy, Platform,
};

use super::section::Section;
use super::value::{duration_within, integer, one_of, word};
use super::{Environment, Surroundings, credentials};

/// The most threads that can be asked for: at 2 MiB of stack each, 2 GiB of address space.
const BLOCKING_THREADS_MAX: usize = 1024;

/// The names of the host key policies.
pub(crate) const HOST_KEY_POLICIES: &[(&str, HostKeyPolicy)] = &[
    ("strict", HostKeyPolicy::Strict),
    ("accept-new", HostKeyPolicy::AcceptNew),
    ("off", HostKeyPolicy::Off),
];
/// The names of the algorithm profiles.
pub(crate) const ALGORITHMS: &[(&str, AlgorithmProfile)] =
    &[("modern", AlgorithmProfile::Modern), ("legacy", AlgorithmProfile::Legacy)];

/// What all SSH sessions share.
#[derive(Clone, Debug)]
pub(crate) struct SshLimits {
    /// Where host keys are remembered.
    pub(crate) known_hosts: PathBuf,
    /// How many threads may be busy with blocking SSH calls; the driver's default when absent.
    pub(crate) blocking_threads_max: Option<usize>,
}

/// Reads the section `connection`.
pub(super) fn read_defaults<'a>(
    root: &mut Section<'a>,
    around: &Surroundings<'a>,
) -> (ConnectionConfig, SshLimits) {
    let mut config = blank();
    let mut ssh = SshLimits {
        known_hosts: default_known_hosts(around.environment),
        blocking_threads_max: None,
    };
    root.section("connection", |section| {
        read_limits(section, &mut config);
        credentials::read_ways(section, &mut config.credentials, around);
        if let Some(path) = section.get("known_hosts", word) {
            ssh.known_hosts = around.directory.join(path);
        }
        ssh.blocking_threads_max =
            section.get("blocking_threads_max", integer(1..=BLOCKING_THREADS_MAX));
        complain(section, &config);
    });
    (config, ssh)
}

/// Reads the keys that `connection` and a router have in common. What is absent stays as it is.
pub(super) fn read_limits(section: &mut Section<'_>, config: &mut ConnectionConfig) {
    let timeouts = [
        ("connect_timeout", &mut config.connect_timeout),
        ("read_timeout", &mut config.read_timeout),
        ("write_timeout", &mut config.write_timeout),
        ("health_check_timeout", &mut config.health_check_timeout),
        ("retry_timeout", &mut config.retry_timeout),
    ];
    let range = || duration_within(Duration::from_millis(1)..=Duration::from_secs(3600));
    for (key, timeout) in timeouts {
        set(timeout, section.get(key, range()));
    }
    set(&mut config.max_connections, section.get("max_connections", integer(1..=100)));
    set(&mut config.min_connections, section.get("min_connections", integer(0..=100)));
    set(&mut config.retry_max_attempts, section.get("retry_max_attempts", integer(1..=10)));
    set(&mut config.host_key, section.get("host_key", one_of(HOST_KEY_POLICIES)));
    set(&mut config.algorithms, section.get("algorithms", one_of(ALGORITHMS)));
}

/// Notes what does not go together in `config`, as far as `section` is to blame.
pub(super) fn complain(section: &Section<'_>, config: &ConnectionConfig) {
    let Err(Error::InvalidConfig(problems)) = config.validate() else { return };
    for problem in problems.iter().filter(|problem| section.had(&problem.key)) {
        let text = format!("is {}: allowed is {}", problem.value, problem.allowed);
        section.complain(&problem.key, text);
    }
}

/// Where host keys are remembered when nothing is configured: the state directory that systemd
/// made for the service, or else the user's, or else the system's.
pub(crate) fn default_known_hosts(environment: &Environment) -> PathBuf {
    let under = |variable: &str, rest: &str| {
        let value = environment.get(variable).filter(|value| value.starts_with('/'))?;
        // systemd separates several directories with colons; the first is ours.
        value.split(':').next().map(|directory| Path::new(directory).join(rest))
    };
    under("STATE_DIRECTORY", "known_hosts")
        .or_else(|| under("XDG_STATE_HOME", "monitord/known_hosts"))
        .or_else(|| under("HOME", ".local/state/monitord/known_hosts"))
        .unwrap_or_else(|| PathBuf::from("/var/lib/monitord/known_hosts"))
}

/// The defaults, for nobody in particular: whoever uses them sets endpoint, platform and
/// credentials.
fn blank() -> ConnectionConfig {
    let endpoint = Endpoint::new("localhost", 22).expect("localhost is a host name");
    let nobody = Credentials { username: "-".to_owned(), ..Credentials::default() };
    ConnectionConfig::new(endpoint, Platform::new(""), nobody)
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_types_print() {
        assert!(HOST_KEY_POLICIES.iter().all(|(name, policy)| *name == policy.as_str()));
        assert!(ALGORITHMS.iter().all(|(name, profile)| *name == profile.as_str()));
    }

    #[test]
    fn host_keys_are_remembered_where_the_service_or_the_user_keeps_state() {
        let check = |environment: Environment, expected: &str| {
            assert_eq!(default_known_hosts(&environment), Path::new(expected));
        };
        let home = ("HOME", "/home/u");
        check(
            Environment::from([("STATE_DIRECTORY", "/var/lib/m:/x"), home]),
            "/var/lib/m/known_hosts",
        );
        check(
            Environment::from([("XDG_STATE_HOME", "/state"), home]),
            "/state/monitord/known_hosts",
        );
        check(Environment::from([home]), "/home/u/.local/state/monitord/known_hosts");
        check(Environment::default(), "/var/lib/monitord/known_hosts");
    }
}
