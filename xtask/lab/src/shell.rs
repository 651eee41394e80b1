use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::channel::Terminal;
use crate::console::{Console, Ending};
use crate::dialect::{AsksLogin, Level};
use crate::editor::{Editor, Typed};
use crate::output::{Gone, Output};
use crate::router::Shared;
use crate::user::User;
use crate::{Fault, Stage};

/// The exit status of a session that was not let in.
const REFUSED_STATUS: u32 = 1;

/// How often a router asks for a password.
const ENABLE_ATTEMPTS: usize = 3;

/// How long after the prompt comes what is late: the client has taken the prompt for the end.
const LATE_AFTER: Duration = Duration::from_millis(100);

/// An interactive session: login text, prompt, commands.
#[derive(Debug)]
pub(crate) struct Shell {
    console: Console,
    editor: Editor,
    /// Whether pasted text is to be marked, as bash asks terminals to.
    marks_paste: bool,
    user: User,
    level: Level,
    commands: u64,
}

impl Shell {
    pub(crate) fn new(
        router: Arc<Shared>,
        output: Output,
        typed: mpsc::Receiver<Bytes>,
        terminal: Option<Terminal>,
        user: User,
    ) -> Self {
        let marks_paste = router.dialect.pastes_bracketed
            && terminal.as_ref().is_some_and(|terminal| terminal.kind != "dumb");
        let level = match router.spec.login.enable_password {
            Some(_) => Level::User,
            None => Level::Enabled,
        };
        Self {
            level,
            editor: Editor::new(router.spec.cursor_echo),
            // Network devices echo even where no terminal was asked for.
            console: Console::new(router, output, typed, true, true, &user),
            marks_paste,
            user,
            commands: 0,
        }
    }

    /// Runs until the client leaves or says so.
    pub(crate) async fn run(mut self) {
        let ended = self.serve().await;
        tracing::trace!(?ended, "shell ended");
    }

    async fn serve(&mut self) -> Result<(), Gone> {
        let router = Arc::clone(&self.console.router);
        if router.has(Fault::VtyLimit) {
            return turn_away(&self.console).await;
        }
        let (host, user) = (&router.spec.name, &router.spec.login.user);
        let text = router.spec.banner.clone();
        let text = text.unwrap_or_else(|| router.dialect.login_text(host, user));
        self.console.print(&text).await?;
        if let Some(manner) = router.manner_at(Stage::FirstByte) {
            return self.console.output.fall_sick(manner).await;
        }
        for question in &router.spec.questions {
            self.console.print(question).await?;
            self.editor.line(&mut self.console, question).await?;
        }
        if let Some(asks) = &router.dialect.asks_login
            && !self.log_in(asks).await?
        {
            return self.console.output.end(REFUSED_STATUS, true).await;
        }
        loop {
            let prompt = self.prompt().await?;
            let typed = self.editor.line(&mut self.console, last_line(&prompt)).await?;
            if self.marks_paste {
                self.console.output.write(&b"\x1b[?2004l\r"[..]).await?;
            }
            let ending = match typed {
                Typed::Line(line) => {
                    self.commands += u64::from(!line.trim().is_empty());
                    self.console.run(&line, prompt.chars().count()).await?
                }
                Typed::Interrupt => Ending::Status(0),
                Typed::End => Ending::Quit,
            };
            match ending {
                Ending::Status(_) => {}
                Ending::Enable => self.enable().await?,
                Ending::Disable if router.spec.login.enable_password.is_some() => {
                    self.level = Level::User
                }
                Ending::Disable => {}
                Ending::Quit if router.dialect.quits_by_levels && self.level == Level::Enabled => {
                    self.level = Level::User;
                }
                Ending::Quit => {
                    if let Some(question) = &router.dialect.quit_asks {
                        self.console.print(question).await?;
                        self.editor.line(&mut self.console, last_line(question)).await?;
                    }
                    return self.console.output.end(0, router.dialect.hangs_up).await;
                }
            }
        }
    }

    /// Asks for user and password on the terminal, and tells whether they were given.
    async fn log_in(&mut self, asks: &AsksLogin) -> Result<bool, Gone> {
        let router = Arc::clone(&self.console.router);
        let login = &router.spec.login;
        for _ in 0..ENABLE_ATTEMPTS {
            self.console.print(&asks.user).await?;
            let user = self.editor.line(&mut self.console, &asks.user).await?;
            self.console.print(&asks.password).await?;
            let password = self.editor.secret(&mut self.console, "*").await?;
            if let (Typed::Line(user), Typed::Line(password)) = (user, password)
                && user == login.user
                && Some(&password) == login.password.as_ref()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks for the password of the enabled level, unless that is reached already.
    async fn enable(&mut self) -> Result<(), Gone> {
        let router = Arc::clone(&self.console.router);
        for _ in 0..ENABLE_ATTEMPTS {
            if self.level == Level::Enabled {
                return Ok(());
            }
            self.console.print("Password: ").await?;
            match self.editor.secret(&mut self.console, "").await? {
                Typed::Line(password)
                    if Some(&password) == router.spec.login.enable_password.as_ref() =>
                {
                    self.level = Level::Enabled;
                }
                Typed::Line(_) => {}
                Typed::Interrupt | Typed::End => return Ok(()),
            }
        }
        if self.level == Level::Enabled {
            Ok(())
        } else {
            self.console.print("% Bad secrets\n\n").await
        }
    }

    /// Prints the prompt and what comes behind it, and tells the prompt.
    async fn prompt(&mut self) -> Result<String, Gone> {
        let router = Arc::clone(&self.console.router);
        let mut host = router.spec.name.clone();
        if router.has(Fault::PromptChange) && self.commands > 0 {
            host = format!("{host}-{}", self.commands);
        }
        let prompt = router.dialect.prompt(self.level, &host, &router.spec.login.user);
        self.print_prompt(&prompt).await?;
        if let Some(log_line) = self.console.log_line.take() {
            self.console.print(&format!("{log_line}\n")).await?;
        }
        if let Some(late) = self.console.late.take() {
            tokio::time::sleep(LATE_AFTER).await;
            self.console.print(&late).await?;
            self.print_prompt(&prompt).await?;
        }
        Ok(prompt)
    }

    async fn print_prompt(&mut self, prompt: &str) -> Result<(), Gone> {
        if self.marks_paste {
            self.console.output.write(&b"\x1b[?2004h"[..]).await?;
        }
        if !self.console.router.dialect.terminal_in_username {
            return self.console.print(prompt).await;
        }
        let (colour, plain) =
            if self.user.has_colours() { ("\x1b[35m", "\x1b[m") } else { ("", "") };
        let painted = format!("\r\r\r\r{prompt}\x1b[K\r{colour}{prompt}{plain}");
        self.console.output.write(painted.into_bytes()).await
    }
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or(text)
}

/// Runs one command without prompt and echo, and ends the session.
pub(crate) async fn execute(
    router: Arc<Shared>,
    output: Output,
    typed: mpsc::Receiver<Bytes>,
    terminal: Option<Terminal>,
    command: String,
) {
    let user = User::default();
    let console = Console::new(router, output, typed, terminal.is_some(), false, &user);
    let ended = execute_on(console, &command).await;
    tracing::trace!(?ended, "executed");
}

async fn execute_on(mut console: Console, command: &str) -> Result<(), Gone> {
    let router = Arc::clone(&console.router);
    if router.has(Fault::VtyLimit) {
        return turn_away(&console).await;
    }
    if let Some(manner) = router.manner_at(Stage::FirstByte) {
        return console.output.fall_sick(manner).await;
    }
    let prompt = router.dialect.prompt(Level::Enabled, &router.spec.name, &router.spec.login.user);
    let status = match console.run(command, prompt.chars().count()).await? {
        Ending::Status(status) => status,
        Ending::Enable | Ending::Disable | Ending::Quit => 0,
    };
    if let Some(late) = console.late.take() {
        console.print(&late).await?;
    }
    console.output.end(status, router.spec.exec_once).await
}

/// There are too many sessions already.
async fn turn_away(console: &Console) -> Result<(), Gone> {
    console.print(&console.router.dialect.session_limit).await?;
    console.output.end(REFUSED_STATUS, true).await
}
