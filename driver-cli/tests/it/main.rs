//! What the driver does, told by scripts of what a device says and waits for.
//!
//! Time is paused: a wait takes no time, and every duration is exact.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod command;
mod desync;
mod device;
mod dialogue;
mod document;
mod ending;
mod failure;
mod guard;
mod log;
mod login;
mod nasty;
mod privilege;
mod terminal;
mod vendors;
