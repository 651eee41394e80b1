use scheduler::InterfaceFigures;
use serde::Serialize;

/// What was seen of an interface as it stands in JSON. What the platform does not print is null.
#[derive(Debug, Serialize)]
pub(super) struct InterfaceView<'a> {
    name: &'a str,
    state: &'static str,
    in_errors: u64,
    out_errors: u64,
    in_drops: Option<u64>,
    out_drops: Option<u64>,
    crc_errors: Option<u64>,
}

impl InterfaceView<'_> {
    /// The state, for people.
    pub(super) fn state(&self) -> String {
        self.state.to_owned()
    }
}

impl<'a> From<&'a InterfaceFigures> for InterfaceView<'a> {
    fn from(figures: &'a InterfaceFigures) -> Self {
        let InterfaceFigures { in_errors, out_errors, in_drops, out_drops, crc_errors, .. } =
            *figures;
        let (name, state) = (figures.name.as_str(), figures.state.as_str());
        Self { name, state, in_errors, out_errors, in_drops, out_drops, crc_errors }
    }
}
