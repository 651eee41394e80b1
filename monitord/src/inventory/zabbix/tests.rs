//! The API client and the resolver against a scripted API.

mod api;
mod resolving;
mod script;
