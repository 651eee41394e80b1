use std::time::Duration;

use bytes::BytesMut;
use pool_core::{Context, Error, ErrorKind, Phase, Result, Secret, Transport};

use crate::log::Recorder;
use crate::redact::Redactor;
use crate::{Screen, TextEncoding};

/// How much of what a device said last goes into an error.
const LAST_WORDS_CHARS: usize = 200;
/// How much room for what is received is kept from one piece of output to the next, in bytes, when
/// there is no more in a piece than that.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// A transport, and the screen that shows what comes from it.
#[derive(Debug)]
pub(crate) struct Channel {
    transport: Box<dyn Transport>,
    received: BytesMut,
    encoding: TextEncoding,
    pub(crate) screen: Screen,
    redactor: Redactor,
    recorder: Option<Recorder>,
}

/// What a device did while we listened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It said something, which is on the screen now.
    Text,
    /// It said nothing for as long as we listened.
    Silence,
}

impl Channel {
    pub(crate) fn new(
        transport: Box<dyn Transport>,
        encoding: TextEncoding,
        redactor: Redactor,
        recorder: Option<Recorder>,
    ) -> Self {
        let screen = Screen::with_encoding(encoding);
        Self { transport, received: BytesMut::new(), encoding, screen, redactor, recorder }
    }

    /// Listens until the device says something, or for `silence`.
    ///
    /// # Errors
    ///
    /// In `phase`: the context ended, or the device closed its side (with its last words).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as reading from a transport is.
    pub(crate) async fn listen(
        &mut self,
        ctx: &Context,
        phase: Phase,
        silence: Duration,
    ) -> Result<Heard> {
        let heard = self.overhear(ctx, phase, silence).await?;
        if heard == Heard::Text {
            self.show(|bytes, screen| screen.feed(bytes));
        }
        Ok(heard)
    }

    /// As [`listen`](Self::listen), and leaves it to the caller to [show](Self::show) what was heard.
    pub(crate) async fn overhear(
        &mut self,
        ctx: &Context,
        phase: Phase,
        silence: Duration,
    ) -> Result<Heard> {
        ctx.check(phase)?;
        ctx.enter(phase);
        // The transport notes its own phase; a trace of ours shows the one it serves.
        let quiet = ctx.capped(silence).untraced();
        match self.transport.read(&quiet, &mut self.received).await {
            Ok(0) => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.closed();
                }
                Err(self.disconnected(phase, ""))
            }
            Ok(_) => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.received(&self.received);
                }
                Ok(Heard::Text)
            }
            Err(error) if error.kind() == ErrorKind::DeadlineExceeded => {
                ctx.check(phase).map(|()| Heard::Silence)
            }
            Err(error) => Err(self.in_phase(error, phase)),
        }
    }

    /// Has `show` put the bytes that were heard last on the screen. Their room is kept for what comes
    /// next, unless it is large and they are few: a session may be idle for long behind them.
    pub(crate) fn show<T>(&mut self, show: impl FnOnce(&[u8], &mut Screen) -> T) -> T {
        let shown = show(&self.received, &mut self.screen);
        if self.received.len() < KEPT_BYTES_MAX && self.received.capacity() > KEPT_BYTES_MAX {
            self.received = BytesMut::new();
        }
        self.received.clear();
        shown
    }

    /// Whether the device has certainly said nothing that has not been heard. Never waits.
    pub(crate) fn is_drained(&mut self) -> bool {
        self.transport.is_drained()
    }

    /// Whether what was heard last was all that the device had said by then.
    pub(crate) fn was_drained(&mut self) -> bool {
        self.transport.was_drained()
    }

    /// Sends `text`.
    ///
    /// # Errors
    ///
    /// In `phase`: the context ended, or the device closed its side.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe, as writing to a transport is not.
    pub(crate) async fn send(&mut self, ctx: &Context, phase: Phase, text: &str) -> Result<()> {
        ctx.enter(phase);
        let quiet = ctx.clone().untraced();
        let bytes = self.encoding.encode(text);
        if let Some(recorder) = &mut self.recorder {
            recorder.sent(&bytes);
        }
        let sent = self.transport.write_all(&quiet, &bytes).await;
        sent.map_err(|error| self.in_phase(error, phase))
    }

    /// Keeps `secret` out of every text that leaves the session from now on.
    pub(crate) fn hide(&mut self, secret: &Secret) {
        self.redactor.add(secret);
        if let Some(recorder) = &mut self.recorder {
            recorder.hide(secret);
        }
    }

    /// Closes the transport.
    pub(crate) async fn close(self, ctx: &Context) -> Result<()> {
        self.transport.close(ctx).await
    }

    /// The last of what is shown, with secrets masked.
    pub(crate) fn last_words(&self) -> String {
        self.last_words_of(&self.screen.tail(LAST_WORDS_CHARS * 4))
    }

    fn last_words_of(&self, text: &str) -> String {
        // Masked before it is cut, so that no half of a secret is left.
        let masked = self.redactor.mask(text);
        let masked = masked.trim();
        let start = masked.char_indices().rev().nth(LAST_WORDS_CHARS - 1).map_or(0, |(at, _)| at);
        masked[start..].to_owned()
    }

    /// `text` with secrets masked.
    pub(crate) fn masked(&self, text: &str) -> String {
        self.redactor.mask(text)
    }

    /// That the device is out of step: it should have said `expected`.
    pub(crate) fn desynchronised(&self, phase: Phase, expected: impl Into<String>) -> Error {
        let expected = self.redactor.mask(&expected.into());
        Error::Desynchronised { phase, expected, received: self.last_words() }
    }

    /// As [`desynchronised`](Self::desynchronised), because of `text`, which is not shown any more.
    pub(crate) fn desynchronised_by(
        &self,
        phase: Phase,
        expected: impl Into<String>,
        text: &str,
    ) -> Error {
        let expected = self.redactor.mask(&expected.into());
        Error::Desynchronised { phase, expected, received: self.last_words_of(text) }
    }

    /// A passed deadline, with what was waited for and what came instead. Other errors are
    /// returned as they are.
    pub(crate) fn explain(&self, error: Error, expected: impl Into<String>) -> Error {
        let phase = error.phase().unwrap_or(Phase::Read);
        error.with_last(Some(self.desynchronised(phase, expected)))
    }

    fn disconnected(&self, phase: Phase, said: &str) -> Error {
        let words = self.last_words();
        let message = match (said, words.as_str()) {
            (said, "") => said.to_owned(),
            ("", words) => format!("its last words: {words:?}"),
            (said, words) => format!("{said}; its last words: {words:?}"),
        };
        Error::Disconnected { phase, message }
    }

    fn in_phase(&self, error: Error, phase: Phase) -> Error {
        match error {
            Error::DeadlineExceeded { elapsed, last, .. } => {
                Error::DeadlineExceeded { phase, elapsed, last }
            }
            Error::Cancelled { .. } => Error::Cancelled { phase },
            Error::Disconnected { message, .. } => self.disconnected(phase, &message),
            other => other,
        }
    }
}
