use super::super::wish::Wish;
use super::LINES_PIPED_MAX;
use super::width::short;
use crate::report::plain;
use crate::status::{RouterView, Status};

/// The routers that need to be looked at, as many as there is room for, under their heads.
pub(super) fn routers(status: &Status, wish: &Wish, max: Option<usize>) -> Vec<String> {
    let filter = wish.filter.as_str();
    let fits = |router: &&RouterView| filter.is_empty() || router.router.contains(filter);
    let mut rows = vec![format!(
        "{:<20} {:<11} {:>4} {:>4} {:>4} {:>4} {:>5}  {}",
        "ROUTER", "STATE", "USE", "IDLE", "MAX", "WAIT", "LINES", "TROUBLE"
    )];
    let real = status.routers.iter().filter(|router| !router.address.is_empty());
    let shown = real.filter(fits).take(max.map_or(LINES_PIPED_MAX, |max| max.max(1)));
    rows.extend(shown.map(|router| {
        format!(
            "{:<20} {:<11} {:>4} {:>4} {:>4} {:>4} {:>5}  {}",
            short(&router.router, 20),
            router.state,
            router.in_use,
            router.idle,
            router.max,
            router.waiting,
            router.lines,
            trouble(router)
        )
    }));
    rows
}

fn trouble(router: &RouterView) -> String {
    match (router.gates.first(), &router.shortage) {
        (Some(gate), _) => plain(&gate.last_error),
        (None, Some(shortage)) => shortage.clone(),
        (None, None) => String::new(),
    }
}
