//! The configuration, followed while the daemon runs.
//!
//! ```text
//! SIGHUP, `monitord reload`, ──► load ──► plan ──► prepare ──► inventory ──► apply ──► reconcile
//! a file, the time               all of   what     what can    whom the      cannot
//!                                it       differs  fail        keeper lets   fail
//!                                                              pass
//! ```
//!
//! Everything is read and checked before anything is changed, and everything that can fail is made
//! beside what runs (`Live::prepare`). Only then does it take the place of that. So a configuration
//! takes effect whole or not at all; what keeps one from taking effect is told where operators look
//! (`Reloads`), and what ran goes on.
//!
//! Who drives it is the [`Follower`](crate::inventory::Follower), because routers and lines are a
//! part of the configuration, and come from elsewhere too.

mod files;
mod live;
mod loaded;
mod plan;
mod servers;
mod state;

pub(crate) use files::FileWatch;
pub(crate) use live::{Live, Prepared, Running};
pub(crate) use loaded::{Load, Loaded, Origin, Start, no_definitions, told};
pub(crate) use plan::{Part, Plan};
pub(crate) use servers::{Listening, Servers};
pub(crate) use state::{Cause, ReloadState, Reloads};
