//! SSH sessions over libssh2 that always come back by their deadline.
//!
//! Two ways to talk to a device: [`SshFactory`] makes sessions that run each command on an exec
//! channel of its own, and [`SshConnector`] opens interactive shells as plain bytes, for whoever
//! knows prompts. Both log in by public key, agent, password or keyboard-interactive, check host keys
//! against a `known_hosts` file, and offer the algorithms of the configured profile.
//!
//! # What it refuses
//!
//! - To wait without a limit: every call takes a [`Context`](pool_core::Context) and is back by
//!   its deadline, at whatever stage the peer stalls, floods or hangs up.
//! - To hold a thread while a peer thinks: sessions are parked on socket readiness. What is short is
//!   done on the runtime's own threads, none of which a peer can keep for more than milliseconds;
//!   threads apart are for files, long arithmetic and large amounts of data, and bounded.
//! - To use a session again after an operation on it was cut short.
//! - To know platforms, prompts or pools.
//!
//! # Peers that vanish
//!
//! A session whose peer is gone without a word, idle or waiting for an answer, fails with
//! `Disconnected` once `half_open_timeout` has passed: by keepalive probes of TCP while nothing is
//! under way (RFC 9293, section 3.8.4), and by the limit on data that nobody acknowledges
//! (RFC 5482). No keepalive messages of SSH are sent, because libssh2 does not tell whether one was
//! answered. A peer whose kernel answers and whose SSH server does not is found by the health check
//! of a session, which opens a channel, or asks for a prompt, under a deadline. Behind a jump host
//! TCP sees the jump host only, so that there the health check is what finds a device that is gone.
//!
//! None of that resets what routers count as idle on a line (such as `exec-timeout`), except for
//! the prompt that a driver of command lines asks for with RETURN: that is input. A router that
//! ends an idle session closes its connection, which the next use or health check finds.
//!
//! # Terminology
//!
//! - *Engine*: the ssh2 objects of one session, with one owner at a time.
//! - *Stretch*: one piece of work on an engine, up to the point where libssh2 would wait for the
//!   peer; on the thread that drives the session, or on one apart.
//! - *Valve*: hides the socket from libssh2, which ends a stretch that a peer would make long.
//! - *Parked*: a session between two stretches; nothing but a socket in the reactor.
//! - *Kill switch*: shuts the socket down, which makes any stretch return at once.
//!
//! # Example
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use driver_ssh::{SshFactory, SshSettings};
//! use pool_core::{ConnectionConfig, Context, ProtocolFactory, Request, Result};
//!
//! async fn uptime(config: &ConnectionConfig) -> Result<String> {
//!     let factory = SshFactory::new(Arc::new(SshSettings::new("known_hosts")));
//!     let ctx = Context::detached(Duration::from_secs(10));
//!     let mut session = factory.create_with_context(&ctx, config).await?;
//!     let transcript = session.execute(&ctx, &Request::command("uptime")?).await?;
//!     session.close(&ctx).await?;
//!     Ok(transcript.output().to_owned())
//! }
//! ```

mod settings;

mod channel;
mod command;
mod exec;
mod shell;

mod algorithms;
mod auth;
mod connect;
mod greeting;
mod handshake;
mod host_index;
mod hostkey;
mod known_hosts;
mod login;
mod login_log;
mod lookup;
mod peer;
mod race;
mod store;
mod tunnel;

mod alarm;
mod blocking;
mod burial;
mod drive;
mod engine;
mod error;
mod flow;
mod haul;
mod kill;
#[cfg(test)]
mod linear;
mod progress;
mod readiness;
mod reading;
mod server;
mod session;
mod socket;
mod stats;
mod stretch;
mod thread_clock;
mod valve;
mod watch;
mod work;

pub use algorithms::check_algorithms;
pub use exec::{SshFactory, SshSession};
pub use login_log::{AgreedAlgorithms, HostKeyVerdict, LoginLog, PeerFacts, ShownHostKey};
pub use server::ServerTexts;
pub use settings::SshSettings;
pub use shell::SshConnector;
pub use stats::{PhaseHistogram, SshStats};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
