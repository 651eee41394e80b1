use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::output::Gone;

/// What Ctrl-C sends.
pub(crate) const CTRL_C: u8 = 0x03;

/// Bytes typed ahead that are kept while a command runs; more are lost, as with a terminal.
const TYPED_AHEAD_MAX: usize = 64 * 1024;

/// What the client types.
#[derive(Debug)]
pub(crate) struct Keyboard {
    packets: mpsc::Receiver<Bytes>,
    typed: VecDeque<u8>,
}

impl Keyboard {
    pub(crate) fn new(packets: mpsc::Receiver<Bytes>) -> Self {
        Self { packets, typed: VecDeque::new() }
    }

    /// The next byte.
    ///
    /// # Errors
    /// When nothing more will be typed.
    ///
    /// # Cancel safety
    /// Safe: no byte is lost.
    pub(crate) async fn key(&mut self) -> Result<u8, Gone> {
        loop {
            if let Some(byte) = self.typed.pop_front() {
                return Ok(byte);
            }
            self.fetch().await?;
        }
    }

    /// Whether bytes are waiting.
    pub(crate) fn has_typed_ahead(&self) -> bool {
        !self.typed.is_empty()
    }

    /// Waits for Ctrl-C. What was typed before it is forgotten, as a terminal flushes its input.
    ///
    /// # Errors
    /// When nothing more will be typed.
    ///
    /// # Cancel safety
    /// Safe: what is typed stays.
    pub(crate) async fn interrupted(&mut self) -> Result<(), Gone> {
        loop {
            if let Some(at) = self.typed.iter().position(|byte| *byte == CTRL_C) {
                self.typed.drain(..=at);
                return Ok(());
            }
            self.fetch().await?;
        }
    }

    async fn fetch(&mut self) -> Result<(), Gone> {
        let packet = self.packets.recv().await.ok_or(Gone)?;
        let room = TYPED_AHEAD_MAX - self.typed.len();
        self.typed.extend(packet.iter().take(room));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ctrl_c_is_found_and_what_follows_it_stays() {
        let (sender, packets) = mpsc::channel(4);
        let mut keyboard = Keyboard::new(packets);
        sender.send(Bytes::from_static(b"ab")).await.expect("room");
        assert_eq!(keyboard.key().await, Ok(b'a'));
        sender.send(Bytes::from_static(b"c\x03d")).await.expect("room");
        assert_eq!(keyboard.interrupted().await, Ok(()));
        assert_eq!(keyboard.key().await, Ok(b'd'));
        drop(sender);
        assert_eq!(keyboard.key().await, Err(Gone));
    }
}
