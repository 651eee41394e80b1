//! The binary, end to end, against simulated routers and a trapper on loopback.

mod leaks;
mod pages;
mod scenario;
mod secrets;
mod stop;
mod support;
mod trapper;
mod usage;
