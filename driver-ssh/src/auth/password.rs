use pool_core::Secret;
use ssh2::{KeyboardInteractivePrompt, Prompt};

use super::reply::{Reply, reply};
use crate::engine::{Engine, Fault};

/// How many rounds of questions a peer gets answers to. Real ones ask once, some twice.
const PROMPT_ROUNDS_MAX: usize = 4;

/// Work that logs in by the `password` method (RFC 4252, section 8).
pub(super) fn by_password(
    username: String,
    password: Secret,
) -> impl FnMut(&mut Engine) -> Result<Reply, Fault> + Send + 'static {
    move |engine| {
        let result = engine.session().userauth_password(&username, password.expose());
        reply(engine, result)
    }
}

/// Work that logs in by answering questions (RFC 4256).
pub(super) fn by_questions(
    username: String,
    password: Secret,
) -> impl FnMut(&mut Engine) -> Result<Reply, Fault> + Send + 'static {
    let mut answers = Answers { password, rounds: 0 };
    move |engine| {
        let result = engine.session().userauth_keyboard_interactive(&username, &mut answers);
        reply(engine, result)
    }
}

/// Answers what looks like a question for the password, and nothing else.
struct Answers {
    password: Secret,
    rounds: usize,
}

impl KeyboardInteractivePrompt for Answers {
    fn prompt<'a>(&mut self, _: &str, _: &str, prompts: &[Prompt<'a>]) -> Vec<String> {
        self.rounds += 1;
        let exhausted = self.rounds > PROMPT_ROUNDS_MAX;
        let answer = |prompt: &Prompt<'_>| {
            let wanted = !exhausted && asks_for_password(&prompt.text, prompt.echo);
            if wanted { self.password.expose().to_owned() } else { String::new() }
        };
        prompts.iter().map(answer).collect()
    }
}

fn asks_for_password(text: &str, echo: bool) -> bool {
    let text = text.to_lowercase();
    // A device that wants the password changed asks for a new one.
    (!echo || text.contains("password")) && !text.contains("new password")
}
