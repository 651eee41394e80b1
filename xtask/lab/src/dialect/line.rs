/// A command line as the device sees it.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    /// The words, each with its offset in bytes.
    words: Vec<(usize, &'a str)>,
    /// Characters on the terminal in front of the command: devices point below the wrong word.
    prompt_width: usize,
}

impl<'a> Line<'a> {
    pub(crate) fn new(text: &'a str, prompt_width: usize) -> Self {
        let start = text.as_ptr().addr();
        let words =
            text.split_whitespace().map(|word| (word.as_ptr().addr() - start, word)).collect();
        Self { text, words, prompt_width }
    }

    pub(crate) fn words(&self) -> Vec<&'a str> {
        self.words.iter().map(|(_, word)| *word).collect()
    }

    /// A line with a caret below the word of this index, or behind the end; `shift` moves it, as
    /// some devices indent.
    pub(crate) fn caret(&self, word: usize, shift: usize) -> String {
        let offset = self.words.get(word).map_or(self.text.len(), |(offset, _)| *offset);
        format!("{}^\n", " ".repeat(self.prompt_width + offset + shift))
    }
}

/// What a device prints instead of doing as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Lines ended by `\n`.
    pub(crate) text: String,
    /// What an executed command ends with.
    pub(crate) exit_status: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_word() {
        let line = Line::new("ping 192.0.2.1  bogus 3", 5);
        assert_eq!(line.caret(2, 0), format!("{}^\n", " ".repeat(5 + 16)));
        assert_eq!(line.caret(9, 0), format!("{}^\n", " ".repeat(5 + 23)));
        assert_eq!(line.words(), ["ping", "192.0.2.1", "bogus", "3"]);
    }
}
