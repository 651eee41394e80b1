//! The API client and the resolver against a scripted API.

mod api;
mod history;
mod https;
mod record;
mod resolving;
mod script;
