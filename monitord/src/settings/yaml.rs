//! What a YAML file would become, before it does: the library that reads it recurses as deep as
//! the file does, and copies what an alias stands for, so that a page of text can use up the stack
//! or all memory.

use std::collections::HashMap;

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;

/// How deep values may stand within each other. Ours stand within four; the stack has room for
/// some thousands.
const DEPTH_MAX: usize = 64;
/// How many values a file may have, those that an alias stands for included. Ten thousand lines
/// with their routers have about 300,000.
const VALUES_MAX: usize = 1_000_000;

/// Looks through `text` without making anything of it. A text that is no YAML passes: whoever
/// reads it says so.
///
/// # Errors
///
/// What is too much, and in which line.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut parser = Parser::new_from_str(text);
    let mut sizes = HashMap::new();
    let mut open = Vec::new();
    let mut values: usize = 0;
    while let Ok((event, place)) = parser.next_token() {
        match event {
            Event::StreamEnd => break,
            Event::Alias(anchor) => values += sizes.get(&anchor).copied().unwrap_or(1),
            Event::Scalar(_, _, anchor, _) => {
                sizes.insert(anchor, 1);
                values += 1;
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                open.push((anchor, values));
                values += 1;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let begun = open.pop();
                sizes.extend(begun.map(|(anchor, before)| (anchor, values - before)));
            }
            _ => {}
        }
        if open.len() > DEPTH_MAX {
            return Err(format!("line {} is more than {DEPTH_MAX} levels deep", place.line()));
        }
        if values > VALUES_MAX {
            let line = place.line();
            return Err(format!("up to line {line} it has more than {VALUES_MAX} values"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_passes() {
        let text = "base: &base { a: 1, b: [x, y] }\nmore: [*base, *base]\n";
        for text in [text, "", "a: [", "a: *unknown", "a: &a [*a]", &"- x\n".repeat(10_000)] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn nothing_is_deeper_than_a_stack_bears() {
        let block: String = (0..5000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert_eq!(check(&block), Err("line 65 is more than 64 levels deep".to_owned()));
        assert!(check(&"[".repeat(100)).is_err());
    }

    #[test]
    fn aliases_count_for_what_they_stand_for() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let below = format!("*a{},", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert_eq!(check(&bomb), Err("up to line 6 it has more than 1000000 values".to_owned()));
    }
}
