use crate::{AlgorithmLists, AlgorithmProfile, Credentials, Endpoint, Fingerprint, HostKeyPolicy};

/// A host that a device is reached through, because there is no other way: a bastion. It only
/// passes bytes on; whatever is said to the device is encrypted for the device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JumpHost {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Who logs in to it.
    pub credentials: Credentials,
    /// What to do about its host key. Default: accept a new host's key and remember it.
    pub host_key: HostKeyPolicy,
    /// The only host keys it may show; when not empty, they decide in place of the policy.
    pub host_key_pins: Vec<Fingerprint>,
    /// Which algorithms may be negotiated with it. Default: modern ones.
    pub algorithms: AlgorithmProfile,
    /// Algorithms by name, over those of the profile.
    pub algorithm_lists: AlgorithmLists,
}

impl JumpHost {
    /// A jump host with the defaults that are documented on each field.
    pub fn new(endpoint: Endpoint, credentials: Credentials) -> Self {
        Self {
            endpoint,
            credentials,
            host_key: HostKeyPolicy::default(),
            host_key_pins: Vec::new(),
            algorithms: AlgorithmProfile::default(),
            algorithm_lists: AlgorithmLists::default(),
        }
    }
}
