use scheduler::InterfaceFigures;
use serde::Serialize;

use super::Table;

/// What was seen of an interface as it stands in JSON. What the platform does not print is null.
#[derive(Debug, Serialize)]
pub(crate) struct InterfaceView<'a> {
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

/// The figures of an interface as a table.
pub(crate) fn interface_text(figures: &InterfaceFigures) -> String {
    let view = InterfaceView::from(figures);
    let mut table = Table::new([
        "INTERFACE",
        "STATE",
        "IN_ERRORS",
        "OUT_ERRORS",
        "IN_DROPS",
        "OUT_DROPS",
        "CRC",
    ]);
    let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |c| c.to_string());
    table.row([
        view.name.to_owned(),
        view.state(),
        view.in_errors.to_string(),
        view.out_errors.to_string(),
        count(view.in_drops),
        count(view.out_drops),
        count(view.crc_errors),
    ]);
    table.to_string()
}
