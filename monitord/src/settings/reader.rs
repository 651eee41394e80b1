use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use pool_core::Secret;

use super::declared::{Declarations, Declared};
use super::exposure::readers;
use super::files::Files;
use super::problem::Problem;
use super::secret::{Secrets, is_literal};
use super::source::FLAG;

/// What a load of the settings shares: where secrets come from, and the problems so far.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    secrets: Secrets<'a>,
    problems: RefCell<Vec<Problem>>,
    /// Where secrets stand themselves.
    literals: RefCell<BTreeSet<String>>,
    /// What is not wrong, but not as it should be either.
    warnings: RefCell<Vec<String>>,
    /// What is looked for, when that is what is asked, and not what is there.
    declarations: Option<RefCell<Declarations>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(secrets: Secrets<'a>) -> Self {
        Self {
            secrets,
            problems: RefCell::default(),
            literals: RefCell::default(),
            warnings: RefCell::default(),
            declarations: None,
        }
    }

    /// A reader that finds nothing, and notes every key that is looked for: what a configuration
    /// may have is what the loader asks it for.
    pub(super) fn declaring(secrets: Secrets<'a>) -> Self {
        Self { declarations: Some(RefCell::default()), ..Self::new(secrets) }
    }

    /// Every key that was looked for, in that order; none unless the reader was made for it.
    pub(super) fn into_declared(self) -> Vec<Declared> {
        self.declarations.map(RefCell::into_inner).unwrap_or_default().into_keys()
    }

    /// Where secrets come from.
    pub(super) fn secrets(&self) -> &Secrets<'a> {
        &self.secrets
    }

    /// Notes what is not wrong, but not as it should be either.
    pub(super) fn warn(&self, warning: String) {
        self.warnings.borrow_mut().push(warning);
    }

    /// What was noted, and which files have secrets in them that others can read.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.borrow().clone();
        for source in self.literals.borrow().iter() {
            if source == FLAG {
                let text = "a secret is on the command line, where everybody on this machine can \
                            see it: name a variable or a file instead";
                warnings.push(format!("{source}: {text}"));
            } else if let Some(exposure) = readers(Path::new(source)) {
                warnings.push(format!("{source}: secrets are in it, and {exposure}"));
            }
        }
        warnings.extend(self.secrets.exposed());
        warnings
    }

    /// Whether what is looked for is noted, and nothing found.
    pub(super) fn is_declaring(&self) -> bool {
        self.declarations.is_some()
    }

    /// Notes that a key is looked for, if that is what is asked.
    pub(super) fn declare(&self, declared: Declared) {
        if let Some(declarations) = &self.declarations {
            declarations.borrow_mut().add(declared);
        }
    }

    /// The secret that `text` is or points to, which stands in `source`.
    ///
    /// # Errors
    ///
    /// What is wrong, to be read after the key; never with the secret in it.
    pub(super) fn secret(&self, source: &str, text: &str) -> Result<Secret, String> {
        if is_literal(text) {
            self.literals.borrow_mut().insert(source.to_owned());
        }
        self.secrets.resolve(text)
    }

    /// Where the load notes what it reads.
    pub(super) fn files(&self) -> &Files {
        self.secrets.files()
    }

    /// Notes a problem, unless one with the same key of the same source is noted already: the
    /// first to see it was closest to it.
    pub(super) fn report(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        if !problems.iter().any(|known| known.is_about_the_same(&problem)) {
            problems.push(problem);
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}
