use super::allowed::Form;

/// A key that the configuration may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Where it stands: `connection.connect_timeout`, `routers[].name`.
    pub(crate) path: String,
    /// What stands there.
    pub(crate) form: Form,
    /// Whether its section cannot be without it.
    pub(crate) is_required: bool,
}

/// The keys that a load of the settings has looked for.
#[derive(Debug, Default)]
pub(super) struct Declarations(Vec<Declared>);

impl Declarations {
    /// Notes a key. One that is looked for in two forms may have either.
    pub(super) fn add(&mut self, declared: Declared) {
        let Some(known) = self.0.iter_mut().find(|known| known.path == declared.path) else {
            self.0.push(declared);
            return;
        };
        known.is_required |= declared.is_required;
        if known.form != declared.form {
            let mut forms = match known.form.clone() {
                Form::Either(forms) => forms,
                form => vec![form],
            };
            if !forms.contains(&declared.form) {
                forms.push(declared.form);
            }
            known.form = Form::Either(forms);
        }
    }

    pub(super) fn into_keys(self) -> Vec<Declared> {
        self.0
    }
}
