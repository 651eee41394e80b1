use std::fmt;
use std::time::Duration;

/// What a value may be: as a text for whoever wrote something else, and as a form for whoever
/// describes the configuration.
///
/// A function that reads a value fails with it, so that what is described is what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    text: String,
    form: Form,
}

/// The form of a value, as the schema and the reference describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A text that is not empty. What else it must be is said in words.
    Text,
    /// A text or where to get one from, not to be seen by others.
    Secret,
    /// A whole number from one to the other.
    Integer {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A number from 0 to 1.
    Ratio,
    /// True or false.
    Boolean,
    /// A duration from one to the other.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// A size in bytes from one to the other.
    Size {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// One of these names.
    Name(Vec<String>),
    /// A list of values of this form, or a text of them with commas between.
    List(Box<Form>),
    /// Any of these forms.
    Either(Vec<Form>),
    /// Keys of their own.
    Section,
    /// A list of sections.
    Sections,
}

impl Allowed {
    pub(super) fn new(form: Form, text: impl Into<String>) -> Self {
        Self { text: text.into(), form }
    }

    /// The form, for whoever describes it.
    pub(super) fn into_form(self) -> Form {
        self.form
    }

    /// The same in words, with another form.
    pub(super) fn of(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The same form, in other words.
    pub(super) fn said(self, text: impl FnOnce(&str) -> String) -> Self {
        Self { text: text(&self.text), form: self.form }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text about which more can be said in words only.
impl From<String> for Allowed {
    fn from(text: String) -> Self {
        Self::new(Form::Text, text)
    }
}

impl From<&str> for Allowed {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}
