//! The ping task, from outside: what it reads, on samples and on everything that can be rendered.

mod memory;
mod properties;
mod samples;
