//! The running daemon, spoken to by the one user who may open its socket.
//!
//! One request a connection: a JSON object on one line, and one on a line as the answer. Requests
//! are bounded in size, in number and in time.

mod client;
mod message;
mod server;

pub(crate) use client::ask;
pub(crate) use message::{Answer, Checked, LogChange, LogException, LogLevels, Request};
pub(crate) use server::{Control, Server};
