//! The driver against peers on loopback: hostile ones that are written here byte by byte, and the
//! lab's simulated routers, which are real SSH servers of another make than our client.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod cut;
mod peer;
mod rig;

mod agent;
mod entrance;
mod exec;
mod handshake;
mod hostkey;
mod jump;
mod late_offer;
mod login;
mod login_log;
mod matrix;
mod refusal;
mod remains;
mod shell;
mod stages;
mod stats;
mod torrent;
mod unheard;
