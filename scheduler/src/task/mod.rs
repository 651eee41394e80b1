//! What is run on a router, in terms of its platform.

pub(crate) mod ping;
