//! The lab as a client sees it, through the client side of the same SSH library.

mod client;
mod commands;
mod ending;
mod faults;
mod login;
mod shell;
