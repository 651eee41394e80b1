/// Columns of a terminal that nobody has said anything about.
const COLUMNS: usize = 80;

/// Who has logged in, and what stood behind a `+` of the name.
#[derive(Clone, Debug, Default)]
pub(crate) struct User {
    name: String,
    terminal: String,
}

impl User {
    /// Takes apart what the client calls itself. Only where the platform knows of the `+` does it
    /// end a name.
    pub(crate) fn new(text: &str, has_terminal: bool) -> Self {
        let (name, terminal) = match text.split_once('+') {
            Some(both) if has_terminal => both,
            _ => (text, ""),
        };
        Self { name: name.to_owned(), terminal: terminal.to_owned() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How wide the terminal is: the number in front of the `w`.
    pub(crate) fn columns(&self) -> usize {
        let before = self.terminal.split_once('w').map_or("", |(before, _)| before);
        let digits = before.trim_start_matches(|character: char| !character.is_ascii_digit());
        digits.parse().unwrap_or(COLUMNS)
    }

    /// Whether the terminal shows colours, and is asked what it can do.
    pub(crate) fn has_colours(&self) -> bool {
        !self.terminal.contains('c')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_stands_behind_the_name() {
        let user = User::new("ann+ct511w4098h", true);
        assert_eq!((user.name(), user.columns(), user.has_colours()), ("ann", 511, false));
        let user = User::new("ann", true);
        assert_eq!((user.name(), user.columns(), user.has_colours()), ("ann", 80, true));
        assert_eq!(User::new("ann+b", false).name(), "ann+b");
    }
}
