//! Prompt-aware command line sessions over any [`Transport`](pool_core::Transport), with
//! platforms as data.
//!
//! A network device's command line is made for people: it greets, asks, echoes, pages, wraps,
//! and prints log lines when it likes. This crate types commands there and returns what they
//! printed, and nothing else: no echo, no prompt, no terminal control.
//!
//! It does not connect to anything: a [`Connector`](pool_core::Connector) does. It knows no
//! command besides those in the definitions of its platforms, and does not interpret output
//! beyond telling a refusal from an answer.
//!
//! # Terminology
//!
//! - A **platform** is a kind of command line, described by a [`PlatformDefinition`].
//! - A **level** is a mode of it, told by its prompt.
//! - The **screen** ([`Screen`]) is what a terminal would show of the bytes received.
//! - The **learnt prompt** is the text of this device's prompt, as seen twice at login.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use driver_cli::{CliFactory, Platforms};
//! use pool_core::{Connector, Platform, ProtocolFactory};
//!
//! fn factory(connector: Arc<dyn Connector>) -> CliFactory {
//!     let platforms = Arc::new(Platforms::builtin());
//!     let factory = CliFactory::new(connector, platforms);
//!     assert!(factory.capability().supports(&Platform::new("cisco_iosxe")));
//!     factory
//! }
//! ```

mod platform;

mod echo;
mod output;
mod prompt;
mod screen;
mod unasked;

mod log;

mod channel;
mod collect;
mod command;
mod login;
mod pager;
mod privilege;
mod redact;
mod session;

mod driver;
mod factory;
mod guard;

#[cfg(feature = "test-util")]
pub mod testing;

pub use driver::CliDriver;
pub use factory::{CliFactory, CommandPolicy};
pub use guard::GuardedFactory;
pub use log::{SessionLog, SessionLogSink};
pub use platform::{
    DefinitionFile, DefinitionProblem, InvalidDefinitions, PlatformDefinition, Platforms,
    check_prompt,
};
pub use screen::{Screen, TextEncoding};
