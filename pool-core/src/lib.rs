//! What a pool of device sessions, the drivers behind it and the schedulers in front of it share.
//!
//! This crate holds traits and types, no behaviour that talks to anyone: it knows no SSH library,
//! no configuration file and no device prompt. It is meant to be small and to change slowly.
//!
//! # Terminology
//!
//! - [`Context`]: a cancellation token and an absolute deadline. Everything that can wait takes
//!   one, and is back by it.
//! - [`Transport`] moves bytes; a [`ProtocolDriver`] runs commands ([`Request`] in, [`Transcript`]
//!   out) on one logged-in session; a [`ProtocolFactory`] makes drivers.
//! - [`ConnectionPool`] lends sessions of one router as [`Lease`]s.
//! - [`Error`] says what went wrong ([`ErrorKind`]) and where ([`Phase`]), through every layer.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use pool_core::{ConnectionPool, Context, Error, Protocol, Request};
//! use tokio_util::sync::CancellationToken;
//!
//! async fn ping(pool: &dyn ConnectionPool, shutdown: &CancellationToken) -> Result<String, Error> {
//!     let ctx = Context::new(shutdown, Duration::from_secs(20));
//!     let mut lease = pool.get_with_context(&ctx, Protocol::Scrapli).await?;
//!     let request = Request::command("ping 198.51.100.1 repeat 5")?;
//!     let transcript = lease.execute(&ctx, &request).await?;
//!     Ok(transcript.output().to_owned())
//! }
//! ```

#![cfg_attr(
    any(test, feature = "test-util"),
    allow(clippy::disallowed_types, reason = "mockall's mocks hold a std Mutex")
)]

mod context;
mod phase;

mod error;
mod kind;

mod algorithms;
mod capability;
mod config;
mod credentials;
mod endpoint;
mod host_key;
mod jump;
mod platform;
mod terminal;

mod request;
mod transcript;

mod driver;
mod factory;
mod transport;

mod event;
mod lease;
mod pool;
mod stats;

#[cfg(any(test, feature = "test-util"))]
pub mod testing;

pub use algorithms::{AlgorithmLists, AlgorithmProfile};
pub use capability::{Capability, PlatformSupport};
pub use config::{ConfigProblem, ConnectionConfig};
pub use context::Context;
pub use credentials::{AgentSocket, AuthMethod, Credentials, PrivateKey, PrivateKeySource, Secret};
pub use driver::ProtocolDriver;
pub use endpoint::{Endpoint, InvalidHost, check_host};
pub use error::{Error, Result};
pub use event::{DiscardReason, EventSender, EventStream, PoolEvent, RebuildReason};
pub use factory::{ProtocolFactory, ProtocolFactoryExt};
pub use host_key::{Fingerprint, HostKeyPolicy, HostKeyProblem, InvalidFingerprint};
pub use jump::JumpHost;
pub use kind::ErrorKind;
pub use lease::{Disposition, Lease, LeaseHome, LeaseInfo, LeaseUse, SlotId};
pub use phase::{Phase, PhaseSpan, PhaseTrace};
pub use platform::{Platform, Protocol, UnknownProtocol};
pub use pool::{ConnectionPool, ConnectionPoolExt, WarmUpReport};
pub use request::{OUTPUT_BYTES_MAX_DEFAULT, Question, Request, Step};
pub use stats::PoolStats;
pub use terminal::TerminalConfig;
pub use transcript::{StepOutput, Transcript};
pub use transport::{Connector, Transport};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
