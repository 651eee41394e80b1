use std::fmt;

use pool_core::{Credentials, Secret};

/// The secrets of a session, to be kept out of every text that leaves it.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Vec<Secret>);

impl Redactor {
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let secrets = [&credentials.password, &credentials.enable_password];
        let secrets = secrets.into_iter().flatten().filter(|secret| !secret.is_empty());
        Self(secrets.cloned().collect())
    }

    /// Keeps one more secret out of what is masked from now on.
    pub(crate) fn add(&mut self, secret: &Secret) {
        if !secret.is_empty() && !self.0.contains(secret) {
            self.0.push(secret.clone());
        }
    }

    /// For each of `bytes`, whether it is part of a secret.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<bool> {
        let mut found = vec![false; bytes.len()];
        for secret in self.0.iter().map(|secret| secret.expose().as_bytes()) {
            // Secrets are few and short, and this is done for people only.
            for (at, _) in bytes.windows(secret.len()).enumerate().filter(|(_, w)| *w == secret) {
                found[at..at + secret.len()].fill(true);
            }
        }
        found
    }

    /// How many bytes at the end of `bytes` may be the beginning of a secret.
    pub(crate) fn cut_at_end(&self, bytes: &[u8]) -> usize {
        let cut = |secret: &Secret| {
            let secret = secret.expose().as_bytes();
            (1..secret.len()).rev().find(|length| bytes.ends_with(&secret[..*length]))
        };
        self.0.iter().filter_map(cut).max().unwrap_or(0)
    }

    /// `text` with `***` in place of every secret.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "***"))
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_is_masked_and_nothing_else() {
        let mut credentials = Credentials::password("monitor", "one".to_owned());
        credentials.enable_password = Some(Secret::new("two"));
        let redactor = Redactor::of(&credentials);
        assert_eq!(redactor.mask("monitor one, two and one"), "monitor ***, *** and ***");
        assert!(!format!("{redactor:?}").contains("one"));
        let nothing = Redactor::of(&Credentials::password("monitor", String::new()));
        assert_eq!(nothing.mask("as it is"), "as it is");
    }
}
