/// What a definition may put into its command. The unit is part of the name, because platforms
/// differ in it: `-t 2` is two seconds on one and two milliseconds on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Param {
    /// `{target}`: the far end.
    Target,
    /// `{count}`: packets to send.
    Count,
    /// `{timeout_s}`: time to wait for a reply, in seconds.
    TimeoutS,
    /// `{timeout_ms}`: the same in milliseconds.
    TimeoutMs,
    /// `{interval_ms}`: the definition's own pause between packets, in milliseconds.
    IntervalMs,
    /// `{size}`: bytes, as the platform counts them.
    Size,
    /// `{source}`: source address or interface.
    Source,
    /// `{source_address}`: the source, if it is an address.
    SourceAddress,
    /// `{source_interface}`: the source, if it is not an address.
    SourceInterface,
    /// `{vrf}`: VRF, VPN instance or routing instance.
    Vrf,
    /// `{dont_fragment}`: no text of its own; the part in brackets is there if it is asked for.
    DontFragment,
    /// `{dont_fragment_yes_no}`: `yes` or `no`.
    DontFragmentYesNo,
    /// `{dscp}`: the differentiated services code point, 0 to 63 (RFC 2474).
    Dscp,
    /// `{tos}`: the same as the whole type-of-service octet, four times the code point.
    Tos,
}

impl Param {
    const NAMES: [(&'static str, Self); 14] = [
        ("target", Self::Target),
        ("count", Self::Count),
        ("timeout_s", Self::TimeoutS),
        ("timeout_ms", Self::TimeoutMs),
        ("interval_ms", Self::IntervalMs),
        ("size", Self::Size),
        ("source", Self::Source),
        ("source_address", Self::SourceAddress),
        ("source_interface", Self::SourceInterface),
        ("vrf", Self::Vrf),
        ("dont_fragment", Self::DontFragment),
        ("dont_fragment_yes_no", Self::DontFragmentYesNo),
        ("dscp", Self::Dscp),
        ("tos", Self::Tos),
    ];

    fn named(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, param)| *param).ok_or_else(|| {
            let known: Vec<_> = Self::NAMES.iter().map(|(known, _)| *known).collect();
            format!("unknown parameter {{{name}}}: known are {}", known.join(", "))
        })
    }

    /// Whether every ping has a value for it.
    fn is_always_set(self) -> bool {
        matches!(
            self,
            Self::Target
                | Self::Count
                | Self::TimeoutS
                | Self::TimeoutMs
                | Self::IntervalMs
                | Self::DontFragmentYesNo
        )
    }
}

/// A command with parameters in braces, and in square brackets the parts that are left out when
/// their parameter is not set: `ping[ vrf {vrf}] {target} repeat {count}`. A parameter may have a
/// text of its own for that: `{size|56}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    pieces: Vec<Piece>,
    optional: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Param(Param, Option<String>),
}

impl Piece {
    /// Whether it always gives a text.
    fn is_always_set(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Param(param, instead) => param.is_always_set() || instead.is_some(),
        }
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let optional = rest.starts_with('[');
            let (inside, after) = if optional {
                rest[1..].split_once(']').ok_or("a [ is never closed")?
            } else {
                rest.split_at(rest.find('[').unwrap_or(rest.len()))
            };
            segments.push(Segment { pieces: pieces(inside)?, optional });
            rest = after;
        }
        let template = Self(segments);
        template.check()?;
        Ok(template)
    }

    fn check(&self) -> Result<(), String> {
        for segment in &self.0 {
            let always = segment.pieces.iter().all(Piece::is_always_set);
            if segment.optional && always {
                return Err("a part in [ ] has no parameter that can be absent".to_owned());
            }
            if !segment.optional && !always {
                return Err("a parameter that can be absent is not in [ ]".to_owned());
            }
        }
        Ok(())
    }

    /// Whether the parameter is anywhere in the command.
    pub(super) fn takes(&self, param: Param) -> bool {
        self.0.iter().flat_map(Segment::params).any(|taken| taken == param)
    }

    /// The command, with the values that `value` gives.
    pub(super) fn render(&self, value: impl Fn(Param) -> Option<String>) -> String {
        self.0.iter().filter_map(|segment| segment.render(&value)).collect()
    }
}

impl Segment {
    fn params(&self) -> impl Iterator<Item = Param> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Param(param, _) => Some(*param),
            Piece::Text(_) => None,
        })
    }

    /// The text, or nothing if one of its parameters has no value.
    fn render(&self, value: impl Fn(Param) -> Option<String>) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(fixed) => text.push_str(fixed),
                Piece::Param(param, instead) => {
                    text.push_str(&value(*param).or_else(|| instead.clone())?);
                }
            }
        }
        Some(text)
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("a { is never closed")?;
        pieces.push(Piece::Text(before.to_owned()));
        let (name, instead) = match name.split_once('|') {
            Some((name, instead)) => (name, Some(instead.to_owned())),
            None => (name, None),
        };
        pieces.push(Piece::Param(Param::named(name)?, instead));
        rest = after;
    }
    if rest.contains(['}', ']']) {
        return Err("a } or ] was never opened".to_owned());
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(param: Param) -> Option<String> {
        match param {
            Param::Target => Some("192.0.2.1".to_owned()),
            Param::Count => Some("5".to_owned()),
            Param::Vrf => Some("red".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn parts_without_a_value_are_left_out() {
        let template =
            Template::parse("ping[ vrf {vrf}] {target} repeat {count}[ size {size}]").unwrap();
        assert_eq!(template.render(value), "ping vrf red 192.0.2.1 repeat 5");
        assert!(template.takes(Param::Size) && !template.takes(Param::Source));
    }

    #[test]
    fn a_parameter_may_have_a_text_for_when_it_is_not_set() {
        let template = Template::parse("set size {size|56}").unwrap();
        assert_eq!(template.render(value), "set size 56");
        let template = Template::parse("ping {target}[ vrf {vrf|main}]");
        assert!(template.unwrap_err().contains("no parameter that can be absent"));
    }

    #[test]
    fn a_broken_template_says_why() {
        for (text, reason) in [
            ("ping {target", "never closed"),
            ("ping {target}[ vrf {vrf}", "never closed"),
            ("ping {target}]", "never opened"),
            ("ping {host}", "unknown parameter {host}"),
            ("ping {target} size {size}", "not in [ ]"),
            ("ping {target}[ repeat {count}]", "no parameter that can be absent"),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
