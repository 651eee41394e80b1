/// How far to the right the cursor can be moved: twice as wide as our terminals. Sequences that move
/// it or change what is on the line work up to here only, so that their cost is bounded however long
/// a line is.
const COLUMNS_MAX: usize = 1024;

/// The line the cursor is on. Every character takes one cell; what is wide or combining on a
/// real terminal is not told apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    cells: Vec<char>,
    cursor: usize,
}

impl Line {
    pub(super) fn cells(&self) -> &[char] {
        &self.cells
    }

    /// Whether nothing has happened on the line.
    pub(super) fn is_fresh(&self) -> bool {
        self.cells.is_empty() && self.cursor == 0
    }

    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.cursor = 0;
    }

    /// Removes everything from cell `length` on.
    pub(super) fn truncate(&mut self, length: usize) {
        self.cells.truncate(length);
        self.cursor = self.cursor.min(length);
    }

    pub(super) fn print(&mut self, character: char) {
        self.pad();
        match self.cells.get_mut(self.cursor) {
            Some(cell) => *cell = character,
            None => self.cells.push(character),
        }
        self.cursor += 1;
    }

    /// As `print` for each byte of printable ASCII.
    pub(super) fn print_ascii(&mut self, bytes: &[u8]) {
        self.pad();
        let over = bytes.len().min(self.cells.len() - self.cursor);
        let (over, beyond) = bytes.split_at(over);
        for (cell, byte) in self.cells[self.cursor..].iter_mut().zip(over) {
            *cell = char::from(*byte);
        }
        self.cells.extend(beyond.iter().map(|byte| char::from(*byte)));
        self.cursor += bytes.len();
    }

    /// Fills the gap that a cursor moved beyond the end has left.
    fn pad(&mut self) {
        if self.cursor > self.cells.len() {
            self.cells.resize(self.cursor, ' ');
        }
    }

    pub(super) fn carriage_return(&mut self) {
        self.cursor = 0;
    }

    pub(super) fn left(&mut self, cells: usize) {
        self.cursor = self.cursor.saturating_sub(cells);
    }

    pub(super) fn right(&mut self, cells: usize) {
        self.move_to(self.cursor.saturating_add(cells));
    }

    pub(super) fn move_to(&mut self, column: usize) {
        self.cursor = column.min(self.cells.len().max(COLUMNS_MAX));
    }

    pub(super) fn erase_to_end(&mut self) {
        self.cells.truncate(self.cursor);
    }

    pub(super) fn erase_from_start(&mut self) {
        self.blank(0, self.cursor.saturating_add(1));
    }

    pub(super) fn erase_all(&mut self) {
        self.cells.clear();
    }

    pub(super) fn erase(&mut self, cells: usize) {
        self.blank(self.cursor, self.cursor.saturating_add(cells));
    }

    fn blank(&mut self, from: usize, to: usize) {
        let to = to.min(self.cells.len()).min(COLUMNS_MAX);
        if from < to {
            self.cells[from..to].fill(' ');
        }
    }

    pub(super) fn delete(&mut self, cells: usize) {
        let end = self.cursor.saturating_add(cells).min(self.cells.len());
        if self.cursor < end && self.cells.len() <= COLUMNS_MAX {
            self.cells.drain(self.cursor..end);
        }
    }

    pub(super) fn insert(&mut self, cells: usize) {
        let room = COLUMNS_MAX.saturating_sub(self.cells.len());
        if self.cursor < self.cells.len() {
            let blanks = std::iter::repeat_n(' ', cells.min(room));
            self.cells.splice(self.cursor..self.cursor, blanks);
        }
    }
}
