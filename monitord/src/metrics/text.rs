use std::collections::BTreeSet;

/// From OpenMetrics, which the client library writes, to Prometheus' text format 0.0.4, which
/// everything that scrapes understands.
///
/// They differ in little: in the old format a counter's `_total` is part of its name in the
/// comments too, and there are no units and no end mark.
pub(super) fn prometheus(open_metrics: &str) -> String {
    // The help stands before the type, so the types are looked up first.
    let counters: BTreeSet<&str> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        match comment(line) {
            Some((kind, name, rest)) if counters.contains(name) => {
                text.push_str(&format!("# {kind} {name}_total {rest}\n"));
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

fn comment(line: &str) -> Option<(&str, &str, &str)> {
    let (kind, rest) = line.strip_prefix("# ")?.split_once(' ')?;
    let (name, rest) = rest.split_once(' ')?;
    Some((kind, name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_in_full_and_nothing_else_changes() {
        let open_metrics = "# HELP a_seconds Time.\n# TYPE a_seconds histogram\n\
            a_seconds_sum 0.0\n# HELP b Count.\n# TYPE b counter\n# UNIT b bytes\n\
            b_total{x=\"# HELP b y\"} 1\n# EOF\n";
        let expected = "# HELP a_seconds Time.\n# TYPE a_seconds histogram\n\
            a_seconds_sum 0.0\n# HELP b_total Count.\n# TYPE b_total counter\n\
            b_total{x=\"# HELP b y\"} 1\n";
        assert_eq!(prometheus(open_metrics), expected);
    }
}
