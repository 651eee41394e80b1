//! The interfaces that lines hang on: their state and error counters when they were last looked at.

use std::fmt;
use std::iter;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use scheduler::{InterfaceFigures, InterfaceState};

use super::encode::{counters, gauges};
use super::lines::{LineLabels, Lines};

#[derive(Clone, Debug, EncodeLabelSet)]
struct StateLabels {
    #[prometheus(flatten)]
    line: LineLabels,
    state: &'static str,
}

const STATES: [InterfaceState; 3] =
    [InterfaceState::Up, InterfaceState::Down, InterfaceState::Disabled];

/// The name of a counter, what it counts, and where it is.
type CounterOf = (&'static str, &'static str, fn(&InterfaceFigures) -> Option<u64>);

/// The device's own counts, which begin anew when it starts, as counters may.
const COUNTERS: [CounterOf; 5] = [
    (
        "monitord_line_interface_in_errors",
        "What came in and could not be used, as the router counts it",
        |figures| Some(figures.in_errors),
    ),
    (
        "monitord_line_interface_out_errors",
        "What could not be sent, as the router counts it",
        |figures| Some(figures.out_errors),
    ),
    (
        "monitord_line_interface_in_drops",
        "What came in and was dropped, where the router counts it",
        |figures| figures.in_drops,
    ),
    (
        "monitord_line_interface_out_drops",
        "What was to be sent and was dropped, where the router counts it",
        |figures| figures.out_drops,
    ),
    (
        "monitord_line_interface_crc_errors",
        "Frames with a wrong checksum, where the router counts them",
        |figures| figures.crc_errors,
    ),
];

/// Writes those of `lines` whose last check has seen an interface: an old figure never passes for a
/// new one.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, lines: &Lines) -> fmt::Result {
    let seen: Vec<_> = lines
        .iter()
        .filter_map(|(_, last)| {
            let outcome = last.as_ref()?;
            Some((LineLabels::of(outcome), outcome.result.interface()?))
        })
        .collect();
    gauges(
        encoder,
        "monitord_line_interface_state",
        "The interface that a line hangs on: 1 for the state that it is in, 0 for the others",
        seen.iter().flat_map(|(line, figures)| {
            let states = STATES.into_iter().zip(iter::repeat(figures.state));
            states.map(|(state, is)| {
                let labels = StateLabels { line: line.clone(), state: state.as_str() };
                (labels, usize::from(state == is))
            })
        }),
    )?;
    for (name, help, count) in COUNTERS {
        let rows = seen.iter().filter_map(|(line, figures)| Some((line.clone(), count(figures)?)));
        counters(encoder, name, help, rows)?;
    }
    Ok(())
}
