use std::num::{NonZeroU32, NonZeroUsize};

/// What all pools of a fleet may have together. Without a limit, each router's `max_connections`
/// is the only one.
///
/// What a limit holds up is not the router's fault: it never counts as a failed login, and the
/// time spent waiting for it is not taken from `connect_timeout`. It is taken from the caller's
/// own deadline.
///
/// ```
/// use std::num::{NonZeroU32, NonZeroUsize};
///
/// let limits = pool::FleetLimits {
///     sessions_max: NonZeroUsize::new(500),
///     logins_in_flight_max: NonZeroUsize::new(20),
///     logins_per_second: NonZeroU32::new(10),
/// };
/// # assert_ne!(limits, pool::FleetLimits::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FleetLimits {
    /// Sessions over all routers, those being made and those being closed included. Each takes a
    /// socket and some hundred kilobytes here. When they are used up, the session that has been
    /// idle for longest, of whichever router, is closed for who waits; sessions in use never are.
    ///
    /// Default: none.
    pub sessions_max: Option<NonZeroUsize>,
    /// Logins under way at once. An AAA server that gets more than it can work off answers none
    /// of them in time.
    ///
    /// Default: none.
    pub logins_in_flight_max: Option<NonZeroUsize>,
    /// Logins begun per second. They are spread evenly: after each, the next begins no earlier
    /// than a second divided by this later, so that there is no burst at the start.
    ///
    /// Default: none.
    pub logins_per_second: Option<NonZeroU32>,
}
