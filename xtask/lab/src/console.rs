use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::command::{Answer, understand};
use crate::dialect::{Line, PingCommand};
use crate::flood::garbage;
use crate::keyboard::{CTRL_C, Keyboard};
use crate::output::{Gone, Output};
use crate::pinging::{Pinging, PlannedPing};
use crate::router::Shared;
use crate::user::User;
use crate::{Fault, Manner, Stage, clock};

/// Lines of a page.
const PAGE_LINES: usize = 23;

/// Time between two bytes of dripping output.
const DRIP_PAUSE: Duration = Duration::from_millis(100);

/// Random bytes instead of an output.
const GARBAGE_BYTES: usize = 4096;

/// Lines per write of a flood.
const FLOOD_LINES: usize = 128;

/// Runs commands and prints what they print, on a terminal or without one.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) router: Arc<Shared>,
    pub(crate) output: Output,
    pub(crate) keyboard: Keyboard,
    /// How a line ends here.
    newline: &'static str,
    /// Errors go to the error stream.
    errors_apart: bool,
    paging: bool,
    logging: bool,
    timestamps: bool,
    /// The options of the session's pings.
    presets: PingCommand,
    /// Where lines are cut, on platforms that cut them.
    columns: Option<usize>,
    /// What lands behind the next prompt.
    pub(crate) log_line: Option<String>,
    /// What of an output comes only behind the next prompt.
    pub(crate) late: Option<String>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Status(u32),
    /// It asks for the enabled level.
    Enable,
    /// It gives the enabled level up.
    Disable,
    /// It was the one that ends the session.
    Quit,
}

impl Console {
    pub(crate) fn new(
        router: Arc<Shared>,
        output: Output,
        typed: mpsc::Receiver<Bytes>,
        on_terminal: bool,
        interactive: bool,
        user: &User,
    ) -> Self {
        let dialect = router.dialect;
        Self {
            presets: dialect.ping.defaults(),
            columns: (interactive && dialect.terminal_in_username).then(|| user.columns()),
            newline: match (on_terminal, dialect.unix) {
                (true, _) => &dialect.newline,
                (false, true) => "\n",
                (false, false) => "\r\n",
            },
            errors_apart: dialect.unix && !on_terminal,
            paging: interactive,
            timestamps: dialect.timestamps_off.is_some(),
            logging: router.spec.syslog_after_prompt,
            log_line: None,
            late: None,
            keyboard: Keyboard::new(typed),
            output,
            router,
        }
    }

    /// Prints a text whose lines end with `\n`, whatever faults are on.
    pub(crate) async fn print(&self, text: &str) -> Result<(), Gone> {
        if text.is_empty() { Ok(()) } else { self.output.write(self.with_newlines(text)).await }
    }

    /// Runs one command; `prompt_width` characters stand in front of it.
    pub(crate) async fn run(&mut self, command: &str, prompt_width: usize) -> Result<Ending, Gone> {
        let router = Arc::clone(&self.router);
        let line = Line::new(command, prompt_width);
        let answer = understand(router.dialect, &router.spec, &line, &self.presets);
        if !line.words().is_empty() {
            router.counters.command();
            if self.timestamps {
                self.print(&format!("{}\n", clock::output_time())).await?;
            }
        }
        match answer {
            Answer::Nothing => {}
            Answer::PagingOff => self.paging = false,
            Answer::LoggingOff => self.logging = false,
            Answer::TimestampsOff => self.timestamps = false,
            Answer::Preset(presets) => self.presets = presets,
            Answer::Enable => return Ok(Ending::Enable),
            Answer::Disable => return Ok(Ending::Disable),
            Answer::Quit => return Ok(Ending::Quit),
            Answer::Text(text) => {
                self.spoil().await?;
                self.show(&text).await?;
            }
            Answer::Refused(refusal) => {
                self.spoil().await?;
                if self.errors_apart {
                    self.output.write_error(self.with_newlines(&refusal.text)).await?;
                } else {
                    self.print_output(&refusal.text).await?;
                }
                return Ok(Ending::Status(refusal.exit_status));
            }
            Answer::Ping(plan) => {
                self.spoil().await?;
                let is_other = router.has(Fault::OtherTarget);
                let plan = if is_other { plan.of_another_target() } else { plan };
                return self.ping(plan).await.map(Ending::Status);
            }
        }
        Ok(Ending::Status(0))
    }

    async fn ping(&mut self, plan: PlannedPing) -> Result<u32, Gone> {
        let mut pinging = Pinging::new(self.router.dialect, plan);
        let mut cut = false;
        self.print_output(&pinging.header()).await?;
        while let Some(packet) = pinging.next_packet() {
            if self.interrupted_within(packet.takes).await {
                if self.router.dialect.unix {
                    self.print("^C").await?;
                }
                break;
            }
            self.print_output(&packet.text).await?;
            if !cut && pinging.is_half_way() {
                cut = true;
                self.cut().await?;
            }
        }
        self.print_end(&pinging.summary()).await?;
        if self.logging {
            self.log_line = Some(pinging.log_line(&self.router.spec.name));
        }
        Ok(pinging.exit_status())
    }

    /// Waits so long, or until Ctrl-C is typed.
    async fn interrupted_within(&mut self, time: Duration) -> bool {
        tokio::select! {
            biased;
            interrupted = self.keyboard.interrupted() => match interrupted {
                Ok(()) => true,
                // Nothing more will be typed; the command runs on.
                Err(Gone) => {
                    tokio::time::sleep(time).await;
                    false
                }
            },
            () = tokio::time::sleep(time) => false,
        }
    }

    /// Prints a long text: half of it if that is the fault, page by page if there is a pager.
    async fn show(&mut self, text: &str) -> Result<(), Gone> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (first, second) = lines.split_at(lines.len() / 2);
        if self.router.manner_at(Stage::Reading).is_some() {
            self.print_output(&first.concat()).await?;
            self.cut().await?;
            return self.print_output(&second.concat()).await;
        }
        if self.router.has(Fault::LateTail) {
            self.print_output(&first.concat()).await?;
            return self.print_end(&second.concat()).await;
        }
        if !self.paging || self.router.dialect.pager.is_none() {
            return self.print_output(text).await;
        }
        self.show_pages(&lines).await
    }

    async fn show_pages(&mut self, lines: &[&str]) -> Result<(), Gone> {
        let Some(pager) = &self.router.dialect.pager else { return Ok(()) };
        let (mut shown, mut room) = (0, PAGE_LINES);
        loop {
            let end = (shown + room).min(lines.len());
            self.print_output(&lines[shown..end].concat()).await?;
            shown = end;
            if shown == lines.len() {
                return Ok(());
            }
            self.print(&pager.text).await?;
            room = loop {
                match self.keyboard.key().await? {
                    b' ' => break PAGE_LINES,
                    b'\r' | b'\n' => break 1,
                    b'q' | b'Q' | CTRL_C => break 0,
                    _ => {}
                }
            };
            self.output.write(pager.erase.as_bytes()).await?;
            if room == 0 {
                return Ok(());
            }
        }
    }

    /// The end of what a command prints, unless it comes late.
    async fn print_end(&mut self, text: &str) -> Result<(), Gone> {
        if self.router.has(Fault::LateTail) {
            self.late = Some(text.to_owned());
            return Ok(());
        }
        self.print_output(text).await
    }

    /// What a command prints, dripping if that is the fault.
    async fn print_output(&self, text: &str) -> Result<(), Gone> {
        let text = &self.cut_lines(text);
        if !self.router.has(Fault::DripOutput) {
            return self.print(text).await;
        }
        for byte in self.with_newlines(text) {
            self.output.write(vec![byte]).await?;
            tokio::time::sleep(DRIP_PAUSE).await;
        }
        Ok(())
    }

    /// Prints something else instead of the output if that is the fault; then does not return.
    async fn spoil(&self) -> Result<(), Gone> {
        match self.router.fault() {
            Some(Fault::GarbageOutput) => {
                self.output.write(garbage(GARBAGE_BYTES)).await?;
                std::future::pending().await
            }
            Some(Fault::FloodOutput) => self.flood().await,
            _ => Ok(()),
        }
    }

    /// The end of an output of which half is printed, if the router falls sick there; then does
    /// not return.
    async fn cut(&self) -> Result<(), Gone> {
        match self.router.manner_at(Stage::Reading) {
            None => Ok(()),
            Some(Manner::Flood) => self.flood().await,
            Some(manner) => {
                // In this order: whoever finds it counted finds it silent, if that is its manner.
                let counted = async { self.router.counters.stall() };
                tokio::join!(biased; self.output.fall_sick(manner), counted).0
            }
        }
    }

    /// Output without end.
    async fn flood(&self) -> Result<(), Gone> {
        let lines = self.with_newlines(&"This output does not end.\n".repeat(FLOOD_LINES));
        loop {
            self.output.write(lines.clone()).await?;
        }
    }

    /// `text` as far as the terminal is wide, on platforms that cut lines there.
    fn cut_lines(&self, text: &str) -> String {
        let Some(columns) = self.columns else { return text.to_owned() };
        let cut = |line: &str| {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            format!("{}{end}", line.chars().take(columns).collect::<String>())
        };
        text.split_inclusive('\n').map(cut).collect()
    }

    fn with_newlines(&self, text: &str) -> Vec<u8> {
        text.replace('\n', self.newline).into_bytes()
    }
}
