//! A page of the documents, as something that can be done.

use std::fmt::Write;

use anyhow::{Result, bail, ensure};

/// What marks a block that is followed, on a line of its own before it.
const MARK: &str = "<!-- follow";
/// What marks a block of commands that is not.
const SKIP: &str = "<!-- not followed";
/// What names the scene of a page, on its first line.
const SCENE: &str = "<!-- scene:";
/// How long a block with `until` may be repeated.
const PATIENCE_S: u32 = 90;

/// What is there before a page is followed, beside a router and a Zabbix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// Nothing.
    Fresh,
    /// The predecessor, at work.
    Predecessor,
}

/// The scene that the first line of `text` names, or a fresh one.
///
/// # Errors
///
/// When there is no such scene.
pub(crate) fn scene(text: &str) -> Result<Scene> {
    let first = text.lines().next().unwrap_or_default().trim();
    let Some(name) = first.strip_prefix(SCENE) else { return Ok(Scene::Fresh) };
    match name.trim_end_matches("-->").trim() {
        "fresh" => Ok(Scene::Fresh),
        "predecessor" => Ok(Scene::Predecessor),
        other => bail!("line 1: there is no scene {other:?}: allowed is fresh, predecessor"),
    }
}

/// A block of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of the page with its first command.
    line: usize,
    commands: String,
    /// What its output has to contain; until it does, the block is repeated.
    until: Option<String>,
}

/// The blocks of `text` that are to be followed, in order.
///
/// # Errors
///
/// When there are none, and when commands are in a block that says neither that it is followed nor
/// that it is not: a reader would copy it all the same.
pub(crate) fn blocks(text: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            before = if line.trim().is_empty() { before } else { line.trim() };
            continue;
        };
        // What stands in a list is indented, and is copied without that.
        let indent = line.len() - line.trim_start().len();
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.trim_start().starts_with("```"))
            .map(|line| line.get(indent..).unwrap_or_default())
            .collect();
        if let Some(block) = block(number + 1, language, &body, before)? {
            blocks.push(block);
        }
        before = "";
    }
    ensure!(!blocks.is_empty(), "nothing is marked with {MARK:?}");
    Ok(blocks)
}

/// The block that begins at `line`, if it is to be followed. `before` is the line before it.
fn block(line: usize, language: &str, body: &[&str], before: &str) -> Result<Option<Block>> {
    let mark = before.strip_prefix(MARK).map(|rest| rest.trim_end_matches("-->").trim());
    let commands = match language {
        "sh" => body.join("\n"),
        "console" => after_prompts(body),
        _ if mark.is_some() => bail!("line {line}: {language:?} cannot be followed"),
        _ => return Ok(None),
    };
    let Some(mark) = mark else {
        ensure!(
            before.starts_with(SKIP),
            "line {line}: a block of commands, with neither {MARK:?} nor {SKIP:?} before it"
        );
        return Ok(None);
    };
    let until = mark.strip_prefix("until:").map(|text| text.trim().to_owned());
    ensure!(mark.is_empty() || until.is_some(), "line {line}: what does {mark:?} mean?");
    Ok(Some(Block { line: line + 1, commands, until }))
}

/// What stands behind the prompts, and the lines that go on where it ends with a backslash.
fn after_prompts(body: &[&str]) -> String {
    let mut commands = String::new();
    let mut goes_on = false;
    for line in body.iter().map(|line| line.trim_start()) {
        if let Some(command) = line.strip_prefix("$ ").or(goes_on.then_some(line)) {
            goes_on = command.ends_with('\\');
            commands.push_str(command);
            commands.push('\n');
        }
    }
    commands
}

/// One script of them all, because the later ones use what the earlier ones set.
pub(crate) fn script(page: &str, blocks: &[Block]) -> Result<String> {
    let mut script = String::from("set -euo pipefail\n");
    for Block { line, commands, until } in blocks {
        writeln!(script, "echo '== {page}:{line}'")?;
        let Some(wanted) = until else {
            writeln!(script, "{commands}")?;
            continue;
        };
        // It is repeated in this same shell, so that what it sets stays set. A command of it that
        // fails does not end the script: it may do better the next time.
        let wanted = quoted(wanted);
        write!(
            script,
            "followed=no
for followed_second in $(seq {PATIENCE_S}); do
{{
{commands}
}} > followed.txt 2>&1 || true
if grep -qF -- {wanted} followed.txt; then followed=yes; break; fi
sleep 1
done
cat followed.txt
if [ $followed = no ]; then echo '{page}:{line}: this was to show' {wanted}; exit 1; fi
"
        )?;
    }
    writeln!(script, "echo '== {page}: done'")?;
    Ok(script)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const PAGE: &str = "
Some text.

<!-- follow -->
```sh
name=world
```

<!-- follow until: hello world -->
```console
$ echo hello \\
    $name
hello world
```

1. In a list:

   <!-- follow -->
   ```sh
   cat <<'EOF'
   there
     and here
   EOF
   ```

<!-- not followed: it takes a router -->
```sh
false
```

```yaml
lines: []
```
";

    fn run(page: &str) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let script = script("page", &blocks(page).unwrap()).unwrap();
        let mut bash = Command::new("bash");
        let output = bash.arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn marked_blocks_are_run_in_one_shell_and_others_are_not() {
        let (is_good, printed) = run(PAGE);
        assert!(is_good, "{printed}");
        assert!(printed.contains("hello world\n") && printed.contains("page: done"), "{printed}");
        assert!(printed.contains("\nthere\n  and here\n"), "{printed}");
    }

    #[test]
    fn a_page_names_its_scene_on_its_first_line_and_nowhere_else() {
        assert_eq!(scene("<!-- scene: predecessor -->\n# Title\n").unwrap(), Scene::Predecessor);
        assert_eq!(scene("# Title\n<!-- scene: predecessor -->\n").unwrap(), Scene::Fresh);
        let error = scene("<!-- scene: elsewhere -->\n").unwrap_err().to_string();
        assert!(error.contains("allowed is fresh, predecessor"), "{error}");
    }

    #[test]
    fn a_command_that_fails_ends_it() {
        let (is_good, printed) = run("<!-- follow -->\n```sh\nfalse\n```\n");
        assert!(!is_good && !printed.contains("done"), "{printed}");
    }

    #[test]
    fn commands_that_nobody_decided_about_are_an_error() {
        for (page, words) in [
            ("```sh\ntrue\n```\n", "line 1: a block of commands"),
            ("<!-- follow -->\n```yaml\na: b\n```\n", "cannot be followed"),
            ("<!-- follow soon -->\n```sh\ntrue\n```\n", "soon"),
            ("no blocks", "nothing is marked"),
        ] {
            let error = blocks(page).unwrap_err().to_string();
            assert!(error.contains(words), "{page}: {error}");
        }
    }
}
