use pool_core::{
    AlgorithmLists, AlgorithmProfile, ConnectionConfig, Credentials, Endpoint, Fingerprint,
    HostKeyPolicy, JumpHost,
};

/// Whom a session is with, and on which terms: the device, or the jump host on the way to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer<'a> {
    pub(crate) endpoint: &'a Endpoint,
    /// The jump host behind which that address is meant.
    pub(crate) behind: Option<&'a Endpoint>,
    pub(crate) credentials: &'a Credentials,
    pub(crate) host_key: HostKeyPolicy,
    pub(crate) host_key_pins: &'a [Fingerprint],
    pub(crate) algorithms: AlgorithmProfile,
    pub(crate) algorithm_lists: &'a AlgorithmLists,
}

impl<'a> From<&'a ConnectionConfig> for Peer<'a> {
    fn from(config: &'a ConnectionConfig) -> Self {
        Self {
            endpoint: &config.endpoint,
            behind: config.jump.as_ref().map(|jump| &jump.endpoint),
            credentials: &config.credentials,
            host_key: config.host_key,
            host_key_pins: &config.host_key_pins,
            algorithms: config.algorithms,
            algorithm_lists: &config.algorithm_lists,
        }
    }
}

impl<'a> From<&'a JumpHost> for Peer<'a> {
    fn from(jump: &'a JumpHost) -> Self {
        Self {
            endpoint: &jump.endpoint,
            behind: None,
            credentials: &jump.credentials,
            host_key: jump.host_key,
            host_key_pins: &jump.host_key_pins,
            algorithms: jump.algorithms,
            algorithm_lists: &jump.algorithm_lists,
        }
    }
}
