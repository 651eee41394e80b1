//! The binary against a real Zabbix, beside simulated routers: hosts are made through its API and
//! read as lines, and outcomes arrive as values.
//!
//! Starts the Zabbix itself (see `cargo xtask zabbix`), and leaves it running for the next time.
//! Needs Debian 12, and root the first time. Where 7.0 cannot be had, its tests say so and end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

mod compare;
mod delivery;
mod follow;
mod group;
mod inventory;
mod login;
mod rig;
mod role;
#[expect(dead_code, reason = "the other tests of the binary use more of it")]
#[path = "../it/support.rs"]
mod support;
mod template;
mod tls;
mod zabbix;
