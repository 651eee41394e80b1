/// How lines are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Those first that need to be looked at, as the daemon tells them.
    #[default]
    Worst,
    Name,
    Router,
    Rtt,
}

impl Order {
    /// The next one.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Worst => Self::Name,
            Self::Name => Self::Router,
            Self::Router => Self::Rtt,
            Self::Rtt => Self::Worst,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Name => "by name",
            Self::Router => "by router",
            Self::Rtt => "by RTT",
        }
    }
}

/// What the operator wants to see.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) order: Order,
    /// Only what has this in its line, router, target or state.
    pub(super) filter: String,
    /// Whether the filter is being typed.
    pub(super) is_typing: bool,
    /// How many rows are scrolled away.
    pub(super) skipped: usize,
}
