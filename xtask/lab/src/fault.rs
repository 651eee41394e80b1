use std::fmt;
use std::str::FromStr;

use crate::{Manner, Stage};

/// Declares the faults once: variant, name and meaning.
macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What is wrong with a router, by the stage at which it shows.
        ///
        /// A fault named `stall-…` freezes the connection for good: TCP still acknowledges, and
        /// nothing more leaves the router, not even an answer to a close.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Fault {
            /// Every fault, in the order in which a connection meets their stages.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name, in kebab case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

faults! {
    /// Nobody listens: the connect is answered by a reset.
    Refuse = "refuse",
    /// The connection is accepted and closed at once.
    CloseAfterAccept = "close-after-accept",
    /// The connection is accepted, and nothing is ever said.
    AcceptSilent = "accept-silent",
    /// The SSH identification comes one byte at a time and never ends.
    BannerDrip = "banner-drip",
    /// Lines of text before the SSH identification, without end and at full speed.
    BannerFlood = "banner-flood",
    /// Random bytes instead of the SSH protocol.
    Garbage = "garbage",
    /// Silence after the SSH identification.
    StallAfterBanner = "stall-after-banner",
    /// A real `SSH_MSG_KEXINIT`, then silence.
    StallInKex = "stall-in-kex",
    /// Another host key than the one that [`LabRouter::host_key_fingerprint`] tells.
    ///
    /// [`LabRouter::host_key_fingerprint`]: crate::LabRouter::host_key_fingerprint
    ChangedHostKey = "changed-host-key",
    /// Silence after the client has shown its credentials.
    StallInAuth = "stall-in-auth",
    /// All credentials are refused.
    AuthRefused = "auth-refused",
    /// The connection is closed after a successful login.
    CloseAfterAuth = "close-after-auth",
    /// Silence after the request to open a channel.
    StallAtChannelOpen = "stall-at-channel-open",
    /// Silence after the request for a terminal.
    StallAtPty = "stall-at-pty",
    /// Silence after the request for a shell, or for the execution of a command.
    StallAtShell = "stall-at-shell",
    /// The platform's text about too many sessions, then the end of the session.
    VtyLimit = "vty-limit",
    /// The login text, and never a prompt. A command to execute prints nothing.
    StallBeforePrompt = "stall-before-prompt",
    /// Each typed character is echoed late.
    SlowEcho = "slow-echo",
    /// The host name in the prompt is another one after each command.
    PromptChange = "prompt-change",
    /// The prompt comes before the end of a command's output, which follows a moment later, with
    /// one more prompt.
    LateTail = "late-tail",
    /// A ping tells of another target than the one that was asked for.
    OtherTarget = "other-target",
    /// Half of a command's output, then silence.
    StallMidOutput = "stall-mid-output",
    /// A command's output comes one byte at a time.
    DripOutput = "drip-output",
    /// A command's output never ends and comes at full speed.
    FloodOutput = "flood-output",
    /// Random bytes instead of a command's output, and no prompt after them.
    GarbageOutput = "garbage-output",
    /// Half of a command's output, then the connection is closed in good order (FIN).
    CloseMidOutput = "close-mid-output",
    /// Half of a command's output, then the connection is reset (RST).
    ResetMidOutput = "reset-mid-output",
}

impl Fault {
    /// How a router with this fault behaves in place of an answer at `stage`; `None` where it
    /// answers, or behaves as nothing but this fault does.
    pub(crate) fn manner_at(self, stage: Stage) -> Option<Manner> {
        Some(match (self, stage) {
            (Self::AcceptSilent, Stage::Banner)
            | (Self::StallAfterBanner, Stage::KeyExchange)
            | (Self::StallInKex, Stage::HostKey)
            | (Self::StallInAuth, Stage::Authentication)
            | (Self::StallAtChannelOpen, Stage::ChannelOpen)
            | (Self::StallAtPty, Stage::Pty)
            | (Self::StallAtShell, Stage::Shell | Stage::Exec)
            | (Self::StallBeforePrompt, Stage::FirstByte)
            | (Self::StallMidOutput, Stage::Reading) => Manner::Silent,
            (Self::BannerDrip, Stage::Banner) => Manner::Drip,
            (Self::BannerFlood, Stage::Banner) => Manner::Flood,
            (Self::Garbage, Stage::Banner) => Manner::Garbage,
            (Self::CloseMidOutput, Stage::Reading) => Manner::HalfClose,
            (Self::ResetMidOutput, Stage::Reading) => Manner::Reset,
            _ => return None,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no [`Fault`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(pub String);

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown fault {:?}: allowed are ", self.0)?;
        for (index, fault) in Fault::ALL.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownFault {}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|fault| fault.as_str() == name)
            .ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_back_from_its_name() {
        for fault in Fault::ALL {
            assert_eq!(fault.to_string().parse(), Ok(*fault));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_allowed_ones() {
        let error = "stall".parse::<Fault>().expect_err("no such fault");
        assert!(error.to_string().contains("unknown fault \"stall\""));
        assert!(error.to_string().contains("stall-mid-output"));
    }
}
