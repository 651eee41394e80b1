use std::fmt;

/// The kinds of [`Error`](crate::Error), without their details: what programs match on and metrics count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each kind is the variant of `Error` by the same name")]
pub enum ErrorKind {
    DeadlineExceeded,
    Cancelled,
    Resolve,
    Connect,
    Protocol,
    Disconnected,
    HostKey,
    Authentication,
    Busy,
    Rejected,
    Desynchronised,
    OutputLimit,
    Unsupported,
    InvalidConfig,
    Closed,
    Local,
}

impl ErrorKind {
    /// The stable name, as it stands in outcomes and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::Cancelled => "Cancelled",
            Self::Resolve => "Resolve",
            Self::Connect => "Connect",
            Self::Protocol => "Protocol",
            Self::Disconnected => "Disconnected",
            Self::HostKey => "HostKey",
            Self::Authentication => "Authentication",
            Self::Busy => "Busy",
            Self::Rejected => "Rejected",
            Self::Desynchronised => "Desynchronised",
            Self::OutputLimit => "OutputLimit",
            Self::Unsupported => "Unsupported",
            Self::InvalidConfig => "InvalidConfig",
            Self::Closed => "Closed",
            Self::Local => "Local",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
