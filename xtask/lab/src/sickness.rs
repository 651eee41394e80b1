use std::fmt;

/// Declares an enum of names once: variant, name and meaning.
macro_rules! names {
    (
        $(#[doc = $about:literal])+ $kind:ident,
        $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $kind {
            /// All of them, in the order of their meaning.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name, in kebab case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// A stage of a connection: what the client waits for when the router falls sick.
    Stage,
    /// The SSH identification.
    Banner = "banner",
    /// The offer of algorithms, the first packet of the key exchange.
    KeyExchange = "key-exchange",
    /// The end of the key exchange, which shows the host key.
    HostKey = "host-key",
    /// The answer to the client's credentials.
    Authentication = "authentication",
    /// The answer to the request to open a channel.
    ChannelOpen = "channel-open",
    /// The answer to the request for a terminal.
    Pty = "pty",
    /// The answer to the request for a shell.
    Shell = "shell",
    /// The answer to the request to execute a command.
    Exec = "exec",
    /// The first byte of what a shell or a command prints.
    FirstByte = "first-byte",
    /// The second half of what a command prints.
    Reading = "reading",
    /// Room for more of what the client types, from the first typed byte on.
    Writing = "writing",
    /// The answer to the end of a channel.
    Close = "close",
    /// Nothing: the router falls sick behind the login, and the client takes its leave.
    Disconnect = "disconnect",
}

names! {
    /// How a sick router behaves in place of the answer.
    Manner,
    /// Nothing more leaves it. TCP still acknowledges.
    Silent = "silent",
    /// The answer comes one byte at a time.
    Drip = "drip",
    /// The connection ends by RST.
    Reset = "reset",
    /// Random bytes, again and again.
    Garbage = "garbage",
    /// It talks without end and never comes to the point: lines before the identification,
    /// packets without a meaning before there are keys, questions in place of the verdict on a
    /// login, output in place of the end of a command, and after that requests of its own, as
    /// many at once as the client answers.
    Flood = "flood",
    /// Nothing more than a FIN. What the client says is still taken.
    HalfClose = "half-close",
}

/// What is wrong with a router: where, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sickness {
    /// The answer that is not given.
    pub stage: Stage,
    /// What is done instead.
    pub manner: Manner,
}

impl Sickness {
    /// Every manner at every stage.
    pub fn all() -> impl Iterator<Item = Self> {
        Stage::ALL
            .iter()
            .flat_map(|&stage| Manner::ALL.iter().map(move |&manner| Self { stage, manner }))
    }
}

impl fmt::Display for Sickness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stage, self.manner)
    }
}
