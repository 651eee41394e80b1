//! From the level a session begins at to the one it works at.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use pool_core::{Context, Error, Phase, Result, Secret};

use crate::PlatformDefinition;
use crate::channel::Heard;
use crate::platform::Transition;
use crate::prompt::Prompt;
use crate::session::Session;

/// How long a prompt or a question must stand before it is acted on.
const QUIET: Duration = Duration::from_millis(100);

/// Goes to a level to work at: with an enable password to the highest that can be reached, and
/// without one nowhere if the session is at such a level already, else to the lowest.
///
/// # Errors
///
/// In phase `Setup`; `Authentication` when the device refuses the password; `Unsupported` when
/// no way is known.
pub(crate) async fn reach(
    session: &mut Session,
    ctx: &Context,
    password: Option<&Secret>,
) -> Result<()> {
    let platform = session.platform.clone();
    let level = session.prompt.level.clone();
    let Some(path) = path(&platform, &level, password.is_some()) else {
        let what = format!("no way from level {level} to a level to work at is known");
        return Err(Error::Unsupported { what });
    };
    for transition in path {
        take(session, ctx, transition, password).await?;
    }
    Ok(())
}

/// The shortest way from `level` to the level to work at.
fn path<'a>(
    platform: &'a PlatformDefinition,
    level: &str,
    has_password: bool,
) -> Option<Vec<&'a Transition>> {
    let reachable = shortest_paths(platform, level, has_password);
    let mut to_work_at = platform.work_at.iter().filter_map(|name| reachable.get(name.as_str()));
    if has_password {
        return to_work_at.next_back().cloned();
    }
    if platform.work_at.iter().any(|name| name == level) {
        return Some(Vec::new());
    }
    to_work_at.next().cloned()
}

fn shortest_paths<'a>(
    platform: &'a PlatformDefinition,
    from: &str,
    has_password: bool,
) -> BTreeMap<String, Vec<&'a Transition>> {
    let mut paths = BTreeMap::from([(from.to_owned(), Vec::new())]);
    let mut open = VecDeque::from([from.to_owned()]);
    while let Some(level) = open.pop_front() {
        for way in &platform.transitions {
            let allowed = way.asks.is_none() || has_password;
            if way.from == level && allowed && !paths.contains_key(&way.to) {
                let mut path = paths[&level].clone();
                path.push(way);
                paths.insert(way.to.clone(), path);
                open.push_back(way.to.clone());
            }
        }
    }
    paths
}

async fn take(
    session: &mut Session,
    ctx: &Context,
    way: &Transition,
    password: Option<&Secret>,
) -> Result<()> {
    let ctx = &ctx.capped(session.read_timeout);
    session.settle(ctx, Phase::Setup).await?;
    session.in_step = false;
    session.enter_line(ctx, Phase::Setup, way.command.line()).await?;
    let result = arrive(session, ctx, way, password).await;
    let expected = format!("a prompt of level {}", way.to);
    let prompt = result.map_err(|error| session.channel.explain(error, expected))?;
    session.channel.screen.clear();
    session.prompt = prompt;
    session.in_step = true;
    Ok(())
}

/// Answers the question for the password, once, and waits for the prompt of the new level.
async fn arrive(
    session: &mut Session,
    ctx: &Context,
    way: &Transition,
    password: Option<&Secret>,
) -> Result<Prompt> {
    let mut password = password;
    loop {
        if session.channel.listen(ctx, Phase::Setup, QUIET).await? == Heard::Text {
            continue;
        }
        let line = session.channel.screen.line();
        if way.asks.as_ref().is_some_and(|asks| asks.is_match(line.trim_end())) {
            let secret = password.take().ok_or_else(|| refused(session))?;
            session.channel.screen.finish_line();
            let ending = session.platform.line_ending.as_str();
            let answer = format!("{}{ending}", secret.expose());
            session.channel.send(ctx, Phase::Setup, &answer).await?;
            continue;
        }
        match Prompt::find(&session.channel.screen, &session.platform) {
            Some(prompt) if prompt.level == way.to => return Ok(prompt),
            Some(prompt) if prompt.level == way.from => {
                session.in_step = true;
                return Err(refused(session));
            }
            _ => {}
        }
    }
}

/// That the device did not let us in, with its reason: the last line that is neither the prompt
/// nor the question.
fn refused(session: &Session) -> Error {
    let text = session.channel.screen.text();
    let reason = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let message = match reason {
        Some(reason) => format!("enable refused: {}", session.channel.masked(reason)),
        None => "enable refused".to_owned(),
    };
    Error::Authentication { username: session.username.clone(), message }
}

#[cfg(test)]
mod tests {
    use pool_core::Platform;

    use super::*;
    use crate::Platforms;

    #[track_caller]
    fn check(platform: &str, level: &str, has_password: bool, commands: Option<&[&str]>) {
        let platform = Platforms::builtin().get(&Platform::new(platform)).unwrap();
        let path = path(&platform, level, has_password);
        let lines: Option<Vec<_>> =
            path.map(|path| path.iter().map(|way| way.command.line()).collect());
        assert_eq!(lines.as_deref(), commands);
    }

    #[test]
    fn a_session_stays_where_it_can_work_unless_it_has_an_enable_password() {
        check("cisco_iosxe", "exec", false, Some(&[]));
        check("cisco_iosxe", "exec", true, Some(&["enable"]));
        check("cisco_iosxe", "privileged_exec", true, Some(&[]));
        check("huawei_vrp", "user_view", true, Some(&[]));
    }

    #[test]
    fn a_session_leaves_levels_where_it_cannot_work() {
        check("cisco_iosxe", "configuration", false, Some(&["end"]));
        check("juniper_junos", "shell", false, Some(&["cli"]));
        check("cisco_iosxr", "configuration", false, None);
    }
}
