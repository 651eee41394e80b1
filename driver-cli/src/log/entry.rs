use std::time::Duration;

use super::PIECE_TIME;

/// Who spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Sent,
    Received,
}

impl Direction {
    pub(super) fn sign(self) -> char {
        match self {
            Self::Sent => '>',
            Self::Received => '<',
        }
    }
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Since the session began.
    pub(crate) at: Duration,
    pub(crate) direction: Direction,
    /// Nothing, where the device closed its side.
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    /// Whether what is said at `at` belongs to this entry.
    pub(super) fn takes(&self, at: Duration, direction: Direction) -> bool {
        let is_received = direction == Direction::Received && self.direction == direction;
        is_received && at.saturating_sub(self.at) < PIECE_TIME
    }
}
