//! What a pool promises, on devices that hang, fail and panic.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy does not see")]

mod acquire;
mod broken;
mod caps;
mod creating;
mod deadline;
mod device;
mod events;
mod evict;
mod fleet;
mod handover;
mod health;
mod keepalive;
mod lifecycle;
mod lifetime;
mod matrix;
mod minimum;
mod mocks;
mod protocols;
mod rebuild;
mod rebuild_fleet;
mod sockets;
mod stress;
mod support;
mod totals;
mod warmup;
