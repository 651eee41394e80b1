//! How a host is recognised, what may be negotiated with it, and through whom it is reached.

use std::sync::Arc;

use config::ValueKind;
use driver_ssh::check_algorithms;
use pool_core::{
    AlgorithmLists, AlgorithmProfile, ConnectionConfig, Endpoint, Error, Fingerprint,
    HostKeyPolicy, JumpHost,
};

use super::allowed::{Allowed, Form};
use super::section::{Given, Section};
use super::value::{integer, list_of, one_of, parsed, word};
use super::{Surroundings, credentials};

/// The names of the host key policies.
pub(crate) const HOST_KEY_POLICIES: &[(&str, HostKeyPolicy)] = &[
    ("strict", HostKeyPolicy::Strict),
    ("accept-new", HostKeyPolicy::AcceptNew),
    ("off", HostKeyPolicy::Off),
];
/// The names of the algorithm profiles.
pub(crate) const ALGORITHMS: &[(&str, AlgorithmProfile)] =
    &[("modern", AlgorithmProfile::Modern), ("legacy", AlgorithmProfile::Legacy)];
/// What a pinned fingerprint looks like.
const FINGERPRINT: &str = "SHA256: and 43 characters of base64, as ssh-keygen -l prints it";

/// Reads the keys that `connection` and a router have in common. What is absent stays as it is.
pub(super) fn read<'a>(
    section: &mut Section<'a>,
    config: &mut ConnectionConfig,
    around: &Surroundings<'a>,
) {
    let terms = Terms {
        host_key: &mut config.host_key,
        pins: &mut config.host_key_pins,
        profile: &mut config.algorithms,
        lists: &mut config.algorithm_lists,
    };
    terms.read(section);
    let defaults = config.clone();
    match section.section_or("jump", |jump| read_jump(jump, &defaults, around), none) {
        Some(Given::Section(jump)) => config.jump = jump.map(Arc::new),
        Some(Given::Value(())) => config.jump = None,
        None => {}
    }
}

fn none(value: &ValueKind) -> Result<(), Allowed> {
    match value {
        ValueKind::Boolean(false) => Ok(()),
        ValueKind::String(text) if text == "false" => Ok(()),
        _ => {
            Err(Allowed::new(Form::Boolean, "a section with host and username, or false for none"))
        }
    }
}

fn read_jump<'a>(
    section: &mut Section<'a>,
    defaults: &ConnectionConfig,
    around: &Surroundings<'a>,
) -> Option<JumpHost> {
    let port = section.get("port", integer(1..=u16::MAX)).unwrap_or(22);
    let host = parsed(
        |host| Endpoint::new(host, port),
        |e| format!("an IP address or a host name ({})", e.reason),
    );
    let endpoint = section.require("host", host);
    let credentials = credentials::read(section, &defaults.credentials, around);
    let (mut host_key, mut pins) = (HostKeyPolicy::default(), Vec::new());
    let (mut profile, mut lists) = (AlgorithmProfile::default(), AlgorithmLists::default());
    let terms = Terms {
        host_key: &mut host_key,
        pins: &mut pins,
        profile: &mut profile,
        lists: &mut lists,
    };
    terms.read(section);
    let mut jump = JumpHost::new(endpoint?, credentials?);
    (jump.host_key, jump.host_key_pins) = (host_key, pins);
    (jump.algorithms, jump.algorithm_lists) = (profile, lists);
    Some(jump)
}

/// The terms of a session, of a router or of a jump host.
struct Terms<'t> {
    host_key: &'t mut HostKeyPolicy,
    pins: &'t mut Vec<Fingerprint>,
    profile: &'t mut AlgorithmProfile,
    lists: &'t mut AlgorithmLists,
}

impl Terms<'_> {
    fn read(self, section: &mut Section<'_>) {
        match section.get("host_key", host_key) {
            Some(HostKeys::Policy(policy)) => {
                (*self.host_key, *self.pins) = (policy, Vec::new());
            }
            Some(HostKeys::Pinned(pins)) => *self.pins = pins,
            None => {}
        }
        let read = |section: &mut Section<'_>| {
            (section.get("profile", one_of(ALGORITHMS)), read_lists(section))
        };
        match section.section_or("algorithms", read, one_of(ALGORITHMS)) {
            Some(Given::Section((profile, lists))) => {
                *self.profile = profile.unwrap_or(*self.profile);
                *self.lists = lists;
            }
            Some(Given::Value(profile)) => {
                (*self.profile, *self.lists) = (profile, AlgorithmLists::default());
            }
            None => {}
        }
    }
}

enum HostKeys {
    Policy(HostKeyPolicy),
    Pinned(Vec<Fingerprint>),
}

fn host_key(value: &ValueKind) -> Result<HostKeys, Allowed> {
    let is_pin = match value {
        ValueKind::Array(_) => true,
        ValueKind::String(text) => text.contains(':'),
        _ => false,
    };
    if is_pin {
        let one = |value: &ValueKind| {
            parsed(|text| Fingerprint::new(&text), |_| FINGERPRINT.to_owned())(value)
        };
        return list_of(one)(value).map(HostKeys::Pinned);
    }
    let policy = one_of(HOST_KEY_POLICIES)(value);
    policy.map(HostKeys::Policy).map_err(|names| {
        let text = format!("{names}, or {FINGERPRINT}");
        let pins = Form::List(Box::new(Form::Text));
        Allowed::new(Form::Either(vec![names.into_form(), Form::Text, pins]), text)
    })
}

fn read_lists(section: &mut Section<'_>) -> AlgorithmLists {
    let mut list = |key| section.get(key, list_of(word)).unwrap_or_default();
    let lists = AlgorithmLists {
        kex: list("kex"),
        host_key: list("host_key"),
        cipher: list("cipher"),
        mac: list("mac"),
    };
    match check_algorithms(&lists) {
        Err(Error::InvalidConfig(problems)) => {
            for problem in problems {
                let text = format!("names {}: known are {}", problem.value, problem.allowed);
                section.complain(&problem.key, text);
            }
            AlgorithmLists::default()
        }
        // The SSH library cannot be asked now; a session will say so.
        Ok(()) | Err(_) => lists,
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
}
