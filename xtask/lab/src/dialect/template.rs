//! Texts of a dialect, with gaps for what differs from one time to the next.

use serde::Deserialize;

use super::number::Form;

/// A text with gaps: `{name}`, `{name:form}` with a form of a number, `{name:>5}` or `{name:<5}`
/// with a width, or both (`{rtt:.3>9}`). What stands in `[ ]` is left out where one of its gaps has
/// no value; `\[` and `\{` are the characters themselves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Gap(Gap),
    Maybe(Vec<Piece>),
}

#[derive(Clone, Debug)]
struct Gap {
    name: String,
    form: Option<Form>,
    /// To the right where it is true.
    width: Option<(bool, usize)>,
}

/// What a gap is filled with.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Number(f64),
}

impl Template {
    /// The text, with gaps filled by `value`.
    ///
    /// # Panics
    /// When a gap outside of brackets has no value: the table is wrong.
    pub(super) fn fill(&self, value: &dyn Fn(&str) -> Option<Value>) -> String {
        fill(&self.0, value).unwrap_or_else(|name| panic!("nothing known for {{{name}}}: {self:?}"))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn fill(pieces: &[Piece], value: &dyn Fn(&str) -> Option<Value>) -> Result<String, String> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Gap(gap) => {
                let value = value(&gap.name).ok_or_else(|| gap.name.clone())?;
                text.push_str(&gap.write(value));
            }
            Piece::Maybe(pieces) => text.push_str(&fill(pieces, value).unwrap_or_default()),
        }
    }
    Ok(text)
}

impl Gap {
    fn write(&self, value: Value) -> String {
        let text = match value {
            Value::Text(text) => text,
            Value::Number(number) => self.form.unwrap_or_default().write(number),
        };
        match self.width {
            None => text,
            Some((true, width)) => format!("{text:>width$}"),
            Some((false, width)) => format!("{text:<width$}"),
        }
    }

    fn read(text: &str) -> Result<Self, String> {
        let (name, how) = text.split_once(':').unwrap_or((text, ""));
        let at = how.find(['<', '>']).unwrap_or(how.len());
        let (form, width) = how.split_at(at);
        let form = if form.is_empty() { None } else { Some(form.parse()?) };
        let width = match width.split_at_checked(1) {
            None => None,
            Some((side, width)) => {
                let width = width.parse().map_err(|_| format!("{text:?}: no width"))?;
                Some((side == ">", width))
            }
        };
        Ok(Self { name: name.to_owned(), form, width })
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut left = text.as_str();
        let pieces = read(&mut left, false)?;
        if left.is_empty() { Ok(Self(pieces)) } else { Err(format!("a ] too much in {text:?}")) }
    }
}

/// Reads pieces up to the end, or up to the bracket that closes them.
fn read(left: &mut &str, in_brackets: bool) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let end = |text: &mut String, pieces: &mut Vec<Piece>| {
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(text)));
        }
    };
    while let Some(character) = left.chars().next() {
        *left = &left[character.len_utf8()..];
        match character {
            '\\' => {
                let mut rest = left.chars();
                text.extend(rest.next());
                *left = rest.as_str();
            }
            '{' => {
                let (gap, rest) = left.split_once('}').ok_or("a { without its }")?;
                end(&mut text, &mut pieces);
                pieces.push(Piece::Gap(Gap::read(gap)?));
                *left = rest;
            }
            '[' => {
                end(&mut text, &mut pieces);
                pieces.push(Piece::Maybe(read(left, true)?));
            }
            ']' if in_brackets => {
                end(&mut text, &mut pieces);
                return Ok(pieces);
            }
            ']' => {
                *left = "]";
                break;
            }
            other => text.push(other),
        }
    }
    end(&mut text, &mut pieces);
    if in_brackets { Err("a [ without its ]".to_owned()) } else { Ok(pieces) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        let template = Template::try_from(template.to_owned()).expect("a template");
        template.fill(&|name| match name {
            "host" => Some(Value::Text("r1".to_owned())),
            "rtt" => Some(Value::Number(2.5)),
            _ => None,
        })
    }

    #[test]
    fn gaps_are_filled_and_brackets_left_out() {
        assert_eq!(filled("{host}:[ from {source}] {rtt:.3} ms"), "r1: 2.500 ms");
        assert_eq!(
            filled("[{host} ]{rtt:0}|{host:>4}|{host:<4}|{rtt:.1>5}|"),
            "r1 2|  r1|r1  |  2.5|"
        );
        assert_eq!(filled("\\[{host}\\] \\{x}"), "[r1] {x}");
    }

    #[test]
    fn a_text_that_is_no_template_is_refused() {
        for text in ["{host", "[x", "x]", "{rtt:nonsense}", "{rtt:>wide}"] {
            assert!(Template::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
