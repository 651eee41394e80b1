//! Simulated routers: real SSH servers on loopback, hundreds in one process, with faults on
//! demand at every stage.
//!
//! The SSH server is russh, another implementation than the client under test. A router has the
//! login text, prompt, echo, pager, error texts and `ping` of its platform; it is not meant to do
//! anything else, and it listens on nothing but 127.0.0.1.
//!
//! # Terminology
//! - *Router*: one listener with a name, a platform, a host key and counters.
//! - *Dialect*: what a platform's command line looks like; data and functions that print.
//! - *Fault*: what is wrong with a router, by the stage at which it shows.
//! - *Sickness*: a fault of the matrix of every stage and every manner.
//! - *Session*: one channel with a shell or one executed command.
//!
//! # Example
//! ```
//! use lab::{Fault, Lab, Ping, RouterSpec};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> anyhow::Result<()> {
//! let lab = Lab::start(vec![
//!     RouterSpec::new("edge-1", "cisco_iosxe").ping(Ping::lossy(20)),
//!     RouterSpec::new("edge-2", "huawei_vrp").fault(Fault::StallInKex),
//! ])
//! .await?;
//! let router = lab.router("edge-1");
//! println!("ssh monitor@{} ({})", router.address(), router.host_key_fingerprint());
//! router.set_fault(Some(Fault::StallMidOutput));
//! lab.stop().await;
//! # Ok(())
//! # }
//! ```

mod fault;
mod fleet;
mod lab;
mod ping;
mod router;
mod sickness;
mod spec;

mod bare;
mod channel;
mod clock;
mod command;
mod connection;
mod console;
mod counters;
mod dialect;
mod door;
mod editor;
mod flood;
mod health;
mod hostkey;
mod kexcut;
mod keyboard;
mod login;
mod output;
mod pinging;
mod raw;
mod session;
mod shell;
mod stream;
mod torrent;
mod user;

pub use bare::BareServer;
pub use dialect::platforms;
pub use fault::{Fault, UnknownFault};
pub use fleet::demo_fleet;
pub use lab::Lab;
pub use ping::Ping;
pub use router::LabRouter;
pub use sickness::{Manner, Sickness, Stage};
pub use spec::{DEFAULT_PASSWORD, DEFAULT_SHOW_LINES, DEFAULT_USER, HostKeyKind, RouterSpec};
pub use torrent::{Torrent, TorrentAt};
