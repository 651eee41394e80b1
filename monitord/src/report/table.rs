use std::fmt;

/// How wide a cell may be, in characters. A device's words can be long; the JSON has all of them.
const CELL_CHARS_MAX: usize = 100;

/// Rows under headers, in columns as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with nothing but its headers.
    pub(crate) fn new<const N: usize>(headers: [&str; N]) -> Self {
        Self { rows: vec![headers.map(str::to_owned).to_vec()] }
    }

    /// Adds a row. Control characters in it are shown as escapes: what a device says must not
    /// steer a terminal.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|cell| cut(&cell)).to_vec());
    }
}

/// `text` with its control characters as escapes, so that it steers no terminal.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { plain.extend(c.escape_default()) } else { plain.push(c) }
    }
    plain
}

fn cut(cell: &str) -> String {
    let mut plain = plain(&cell.chars().take(CELL_CHARS_MAX).collect::<String>());
    if cell.chars().nth(CELL_CHARS_MAX).is_some() {
        plain.push_str("...");
    }
    plain
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_a_device_cannot_steer_the_terminal() {
        let mut table = Table::new(["A", "BB"]);
        table.row(["long".to_owned(), "\u{1b}[31mx".to_owned()]);
        table.row(["s".to_owned(), String::new()]);
        assert_eq!(table.to_string(), "A     BB\nlong  \\u{1b}[31mx\ns\n");
    }
}
