//! The licences of what the binary is made of, which ask to go where it goes.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;

use super::component::Component;

/// One text for all, in which each licence stands once, below those who have it word for word.
pub(crate) fn write(components: &[Component]) -> Result<String> {
    let mut text = String::from(
        "monitord is made of what is named here, under the licence that is named with it. The texts
of the licences follow; a few crates bring no text of it.\n\n",
    );
    let mut texts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for component in components {
        let Component { name, version, licence, .. } = component;
        writeln!(text, "{name} {version}: {licence}")?;
        for notice in &component.notices {
            texts.entry(notice).or_default().push(format!("{name} {version}"));
        }
    }
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (notice, owners) in texts {
        write!(text, "\n{}\n{}\n\n{notice}\n", "=".repeat(78), owners.join(", "))?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(name: &str, notice: &str) -> Component {
        Component {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: "MIT".to_owned(),
            purl: String::new(),
            cpe: None,
            notices: vec![notice.to_owned()],
        }
    }

    #[test]
    fn a_text_that_two_have_stands_once() {
        let text = write(&[component("one", "be kind"), component("two", "be kind")]).unwrap();
        assert_eq!(text.matches("be kind").count(), 1);
        assert!(text.contains("one 1.0.0, two 1.0.0"), "{text}");
        assert!(text.contains("two 1.0.0: MIT"), "{text}");
    }
}
