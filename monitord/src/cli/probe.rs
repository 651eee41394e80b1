//! One check without a configuration.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use pool_core::{Fingerprint, HostKeyPolicy};

use super::{DefinitionArgs, Format, LogArgs};
use crate::settings::HOST_KEY_POLICIES;

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The router.
    #[arg(value_name = "[USER@]HOST[:PORT]")]
    pub(crate) router: String,
    /// Its platform.
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: String,
    #[command(flatten)]
    pub(crate) definitions: DefinitionArgs,
    /// What to ping from it.
    #[arg(long, value_name = "IP")]
    pub(crate) target: String,
    /// How commands reach it: `ssh` (exec channel) or `scrapli` (interactive shell).
    #[arg(long, default_value = "scrapli")]
    pub(crate) protocol: String,
    /// The environment variable that holds the password.
    #[arg(long, value_name = "VAR")]
    pub(crate) password_env: Option<String>,
    /// A private key to log in with, tried before the password.
    #[arg(long, value_name = "FILE")]
    pub(crate) private_key: Option<PathBuf>,
    /// Log in with a key of the SSH agent at $SSH_AUTH_SOCK.
    #[arg(long)]
    pub(crate) agent: bool,
    /// What to do about the host key: `strict`, `accept-new`, `off`, or the fingerprint of the only
    /// key it may show, as `ssh-keygen -l` prints it.
    #[arg(long, value_name = "POLICY|SHA256:...", default_value = "accept-new",
          value_parser = HostKeyChoice::parse)]
    pub(crate) host_key: HostKeyChoice,
    /// Reach it through this host, and log in there with the same password, key or agent. Its host
    /// key is handled by the policy, or `accept-new` where a fingerprint is given for the router's.
    #[arg(long, value_name = "[USER@]HOST[:PORT]")]
    pub(crate) jump: Option<String>,
    /// Which algorithms may be negotiated.
    #[arg(long, value_name = "PROFILE", default_value = "modern",
          value_parser = PossibleValuesParser::new(["modern", "legacy"]))]
    pub(crate) algorithms: String,
    /// Where host keys are remembered, in place of the usual file.
    #[arg(long, value_name = "FILE")]
    pub(crate) known_hosts: Option<PathBuf>,
    /// How long login may take.
    #[arg(long, value_name = "TIME", default_value = "30s",
          value_parser = humantime::parse_duration)]
    pub(crate) connect_timeout: Duration,
    /// Packets to send.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) count: u32,
    /// Show all there is: whom the session met, with host key and algorithms, what was sent and
    /// received and when, and how the figures were read; secrets masked.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// What is to be done about a host key: by a policy, or by comparison with the one key allowed.
#[derive(Clone, Debug)]
pub(crate) enum HostKeyChoice {
    Policy(HostKeyPolicy),
    Pin(Fingerprint),
}

impl HostKeyChoice {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some((_, policy)) = HOST_KEY_POLICIES.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Policy(*policy));
        }
        let names: Vec<_> = HOST_KEY_POLICIES.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        Fingerprint::new(text)
            .map(Self::Pin)
            .map_err(|_| format!("allowed is {names}, or SHA256: and 43 characters of base64"))
    }
}
