//! Limits of sessions: those of `connection`, and a router's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pool_core::{ConnectionConfig, Credentials, Endpoint, Error, Platform};

use super::section::Section;
use super::value::{duration_within, integer, word};
use super::{Environment, Surroundings, credentials, ssh};

/// The most threads that can be asked for: at 2 MiB of stack each, 2 GiB of address space.
const BLOCKING_THREADS_MAX: usize = 1024;

/// What all SSH sessions share.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        ssh::read(section, &mut config, around);
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
    let half_open = duration_within(Duration::from_secs(6)..=Duration::from_secs(3600));
    set(&mut config.half_open_timeout, section.get("half_open_timeout", half_open));
}

/// Notes what does not go together in `config`, as far as `section` is to blame.
pub(super) fn complain(section: &Section<'_>, config: &ConnectionConfig) {
    let Err(Error::InvalidConfig(problems)) = config.validate() else { return };
    let is_ours = |key: &str| section.had(key.split('.').next().unwrap_or(key));
    for problem in problems.iter().filter(|problem| is_ours(&problem.key)) {
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
