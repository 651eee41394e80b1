//! A session pool per router: fair, bounded by one deadline, safe to cancel.
//!
//! A [`Pool`] keeps a few logged-in sessions of one device and lends them, one caller at a time.
//! A [`Fleet`] keeps a pool for each of many devices. Both know devices only through
//! [`ProtocolFactory`](pool_core::ProtocolFactory): this crate speaks no protocol, reads no
//! configuration file, and never logs in by itself.
//!
//! Devices hang, at any stage, for minutes. The pool is built on that:
//!
//! # Deadlines
//!
//! A [`Context`](pool_core::Context) holds one deadline, and it bounds everything a caller waits
//! for: the queue, somebody else's login, its own. A context that has ended never starts a login;
//! it still gets a session that lies ready, so that a timeout of zero means "try".
//! Who runs into the deadline is told what was waited for: the latest failed login, or how far
//! the login has come that is under way, or that all sessions are in use.
//!
//! Logging in has its own bounds: each attempt `connect_timeout`, all attempts of a series
//! `retry_timeout`. Closing has one as well.
//!
//! # Fairness
//!
//! Callers are served strictly in the order in which they came. A session that comes back, or is
//! made, is handed to the oldest caller that waits for its protocol; a newcomer never passes a
//! queue. If the oldest caller of all waits for another protocol and every slot is taken, the
//! longest idle session is closed to make room for it.
//!
//! Logins are the pool's, not the callers': there are never more under way than callers to serve
//! or slots to fill. While they fail, there is one at a time, with a growing pause between them,
//! however many callers wait. An error that trying again cannot heal (a wrong password, a changed
//! host key) is given to all who wait, at once. One that might heal is given to them once the
//! attempts are used up, unless sessions in use may still serve them.
//!
//! After some such failures in a row, or one that cannot heal, a gate shuts: callers are told the
//! cause at once, until the time has come for one more attempt. Whoever comes while that one is
//! under way waits for its end. A failure shuts the gate again, for longer, up to half a minute,
//! or ten minutes for errors that trying again cannot heal. [`Pool::gate`] says how that stands.
//!
//! # Limits over many routers
//!
//! A fleet can have [limits](FleetLimits) on its sessions, on logins under way, and on logins per
//! second. Who waits for one is served in turn, router by router, and each router's own in the
//! order in which they came: while a router waits, no other is served twice before it. A router
//! that hangs in its logins keeps its permits for one `connect_timeout`, and then it is the turn
//! of the others.
//!
//! When the sessions are used up, the longest idle one of whichever router is closed for who
//! waits. One in use never is, and none is closed for a session that no caller waits for, such as
//! those that `min_connections` asks for: there, the limit comes first.
//!
//! What a limit holds up is not the router's fault. It takes nothing from `connect_timeout`, is no
//! failure, and shuts no gate; whoever runs into the own deadline meanwhile is told of the limit.
//! A session counts until its closing is done, here as well; so does one of a pool that was
//! retired because its configuration has changed, which the pool after it waits for.
//!
//! # Cancel safety
//!
//! Every future of this crate can be dropped at any await. A caller that gives up loses its place
//! in the queue and nothing else: the login that was made for it goes on, and its session is kept
//! for the next. Sessions are made, checked and closed in tasks of the pool, each with a guard that
//! gives its slot free when the task ends, in whatever way: done, failed, panicked, aborted, or
//! dropped with its runtime.
//!
//! A [`Lease`](pool_core::Lease) brings its session back when it is dropped, at once, on any
//! thread, inside a runtime or not. A session whose command was cut short is never lent again.
//!
//! # The life of a session
//!
//! ```text
//!                 somebody waits,
//!                 a slot is free
//!                        │
//!                        ▼   failed, timed out, panicked
//!                   ┌──────────┐ ───────────────────────────────► (slot free)
//!                   │ creating │                                       ▲
//!                   └──────────┘ ── made, but the pool is closed ──┐   │
//!                        │ made                                    │   │
//!      answers           ▼       room for another protocol,        ▼   │ done, or
//!  ┌──────────┐     ┌──────────┐ the pool closes            ┌─────────┐│ close_timeout
//!  │ checking │ ──► │   idle   │ ─────────────────────────► │ closing │┘
//!  └──────────┘ ◄── └──────────┘                            └─────────┘
//!    │   wanted after    │  ▲                                    ▲ ▲
//!    │   30 s or more    │  │ came back,                         │ │
//!    │                   │  │ every command ended                │ │
//!    │      handed to    ▼  │                                    │ │
//!    │      the oldest  ┌──────────┐  came back cut short, broken, │
//!    │      caller      │   lent   │  unwanted, or to a closed pool│
//!    │                  └──────────┘ ────────────────────────────┘ │
//!    └─────────────────────────────────────────────────────────────┘
//!                          does not answer
//! ```
//!
//! All five states count against `max_connections`: a session that is being closed still holds a
//! VTY line of the device. [`PoolStats`](pool_core::PoolStats) counts each. A caller keeps its
//! place in the queue when the session that was checked for it does not answer.
//!
//! A session that nobody has wanted for some minutes is closed, and one that was lost is replaced,
//! so that `min_connections` remain. One that was idle for two minutes is tested, so that a lost
//! one is replaced before anybody wants it; callers have the others meanwhile, and free slots. One
//! that is old, much used or failing is replaced by the [`RebuildPolicy`]: the new one is made
//! first where a slot is free, a few at a time, and each at an age of its own. A lease that does
//! not come back is reported with the line that took it, if that called [`Pool::acquire`].
//!
//! A fleet sees to all that with one task for all of its pools; a pool without a fleet has no task
//! while it is idle, and does it when [`Pool::sweep`] is called. [`PoolOptions`] holds every limit
//! in it. Sessions can also be [replaced](Pool::rebuild), over [all routers](Fleet::rebuild) too,
//! and [closed](Pool::evict) on demand, [kept](pool_core::Lease::into_driver) for good, and
//! [allowed](Pool::resize) in another number.
//!
//! # What a fleet knows
//!
//! [`Fleet::stats`] says what is where, pool by pool; [`Fleet::totals`] what has happened, by its
//! causes, in counts that never fall; [`Fleet::load`] how its limits are used; and
//! [`Fleet::gates`] which routers fail, since when, how often and why.
//!
//! # Legacy spellings
//!
//! Callers that have no context use [`ConnectionPoolExt`](pool_core::ConnectionPoolExt): its `get`
//! waits for `connect_timeout` at the most, and its `release` drops the lease. They are blanket
//! implementations over the calls above, and cannot be overridden, so that the deadline holds for
//! them too. `warm_up`, `close` and `events` are those of
//! [`ConnectionPool`](pool_core::ConnectionPool).
//!
//! # Inside
//!
//! `core` decides and does nothing: events in, actions out, the time as an argument. `shared`
//! holds it behind one short lock, never across an await, and carries its actions out; `create`,
//! `check`, `close` and `wake` are the pool's tasks, `wait` is a caller's side, and `alarm` the one
//! timer for the deadlines of all callers. `caps` is what the pools of a fleet have together, and
//! `fleet` those pools.
//!
//! A session that is handed on stays in the core's table: whoever waits is woken, and collects it.
//! If they have gone by then, their going has handed it to the next.
//!
//! # Examples
//!
//! `examples/toy.rs` is a pool over a toy factory, `examples/fleet.rs` a fleet of them.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use pool::Pool;
//! use pool_core::{ConnectionConfig, ConnectionPool, Context, Protocol, ProtocolFactory, Request};
//!
//! async fn version(
//!     config: ConnectionConfig,
//!     factory: Arc<dyn ProtocolFactory>,
//! ) -> pool_core::Result<String> {
//!     let pool = Pool::new("edge-1", config, vec![factory])?;
//!     let ctx = Context::detached(Duration::from_secs(20));
//!     let mut lease = pool.get_with_context(&ctx, Protocol::Scrapli).await?;
//!     let transcript = lease.execute(&ctx, &Request::command("show version")?).await?;
//!     Ok(transcript.output().to_owned())
//! }
//! ```

mod core;

mod caps;

mod alarm;
mod shared;

mod check;
mod close;
mod create;
mod wait;
mod wake;

mod fleet;
mod gate;
mod options;
mod pool;
mod rebuild;

pub use caps::FleetLimits;
pub use fleet::{
    Fleet, FleetLoad, FleetTotals, LoginTimes, RebuildOutcome, RebuildReport, RebuildScope,
    RouterGate, SessionRebuild, SkipReason,
};
pub use gate::GateState;
pub use options::{LendOrder, PoolOptions};
pub use pool::Pool;
pub use rebuild::{RebuildPolicy, RebuildStrategy};

/// The programs in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
