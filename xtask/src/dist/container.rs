//! What can be told of the container file without an engine to build it.

use anyhow::{Result, ensure};

/// What it may consist of.
const INSTRUCTIONS: &[&str] =
    &["FROM", "ARG", "RUN", "COPY", "ENV", "USER", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD"];

/// Fails with everything that is wrong with `text`.
pub(crate) fn check(text: &str) -> Result<()> {
    let faults = faults(&instructions(text));
    ensure!(faults.is_empty(), "the container file:\n  {}", faults.join("\n  "));
    Ok(())
}

/// Word and arguments of each instruction, with continued lines joined.
fn instructions(text: &str) -> Vec<(String, String)> {
    let whole = text.replace("\\\n", " ");
    let lines =
        whole.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once(char::is_whitespace).unwrap_or((line, "")))
        .map(|(word, rest)| (word.to_owned(), rest.trim().to_owned()))
        .collect()
}

fn faults(instructions: &[(String, String)]) -> Vec<String> {
    let mut faults: Vec<String> = instructions
        .iter()
        .filter(|(word, _)| !INSTRUCTIONS.contains(&word.as_str()))
        .map(|(word, _)| format!("{word} is not allowed; allowed is {}", INSTRUCTIONS.join(", ")))
        .collect();
    let last = instructions.iter().rposition(|(word, _)| word == "FROM");
    let image = &instructions[last.unwrap_or(0)..];
    let of =
        |wanted: &str| image.iter().find(|(word, _)| word == wanted).map(|(_, rest)| rest.as_str());
    if of("FROM") != Some("scratch") {
        faults
            .push("the image is not made from scratch, but from something with a shell".to_owned());
    }
    if image.iter().any(|(word, _)| word == "RUN") {
        faults.push("something is run in the image, where there is no shell".to_owned());
    }
    let is_number = |user: &str| user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0));
    match of("USER") {
        Some(user) if is_number(user) => {}
        user => {
            faults.push(format!("the user {user:?} is no number, or root: Kubernetes asks for one"))
        }
    }
    for word in ["ENTRYPOINT", "CMD", "VOLUME"] {
        let is_list = |rest: &str| serde_json::from_str::<Vec<String>>(rest).is_ok();
        if !of(word).is_some_and(is_list) {
            faults.push(format!("{word} is missing or no list: anything else is given to a shell"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = include_str!("../../../contrib/container/Containerfile");

    #[test]
    fn ours_is_in_order() {
        check(OURS).unwrap();
    }

    #[test]
    fn root_shells_and_other_foundations_are_noticed() {
        for (good, bad, word) in [
            ("USER 65532:65532", "USER root", "no number"),
            ("USER 65532:65532", "USER 0:0", "no number"),
            ("USER 65532:65532\n", "", "no number"),
            ("FROM scratch", "FROM debian:bookworm-slim", "scratch"),
            (r#"ENTRYPOINT ["/usr/bin/monitord"]"#, "ENTRYPOINT monitord", "ENTRYPOINT"),
            ("STOPSIGNAL SIGTERM", "RUN true", "is run"),
            ("STOPSIGNAL SIGTERM", "ADD some.tar /", "ADD"),
        ] {
            assert!(OURS.contains(good), "{good}");
            let error = check(&OURS.replace(good, bad)).unwrap_err().to_string();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
