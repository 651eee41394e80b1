use std::path::PathBuf;
use std::sync::Arc;

use pool_core::{ConnectionConfig, Secret};
use tokio::time::Instant;

use super::entry::Direction;
use super::stream::{SessionLogSink, Stream};
use super::{SessionLog, title};
use crate::redact::Redactor;

/// Notes what is said on one session, wherever it is to be noted.
#[derive(Debug)]
pub(crate) struct Recorder {
    started: Instant,
    /// A log, and the session's place in it.
    log: Option<(SessionLog, usize)>,
    stream: Option<Stream>,
}

impl Recorder {
    /// One for a session of `config`, if somebody wants to know what is said.
    pub(crate) fn of(
        config: &ConnectionConfig,
        log: Option<&SessionLog>,
        file: Option<(Arc<dyn SessionLogSink>, PathBuf)>,
    ) -> Option<Self> {
        if log.is_none() && file.is_none() {
            return None;
        }
        let log = log.map(|log| (log.clone(), log.begin(config)));
        let secrets = || Redactor::of(&config.credentials);
        let stream = file.map(|(sink, path)| Stream::new(sink, path, title(config), secrets()));
        Some(Self { started: Instant::now(), log, stream })
    }

    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.add(Direction::Sent, bytes);
    }

    pub(crate) fn received(&mut self, bytes: &[u8]) {
        self.add(Direction::Received, bytes);
    }

    /// That the device has closed its side.
    pub(crate) fn closed(&mut self) {
        self.add(Direction::Received, b"");
    }

    /// Masks `secret` wherever it stands.
    pub(crate) fn hide(&mut self, secret: &Secret) {
        if let Some((log, place)) = &self.log {
            log.hide(*place, secret);
        }
        if let Some(stream) = &mut self.stream {
            stream.hide(secret);
        }
    }

    fn add(&mut self, direction: Direction, bytes: &[u8]) {
        let at = self.started.elapsed();
        if let Some((log, place)) = &self.log {
            log.add(*place, at, direction, bytes);
        }
        if let Some(stream) = &mut self.stream {
            stream.add(at, direction, bytes);
        }
    }
}
