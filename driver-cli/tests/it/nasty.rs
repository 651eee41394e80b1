//! A device that does everything at once that makes output hard to tell: it speaks in pieces of any
//! size with pauses anywhere, throws in log lines, paints its echo and its prompt in many ways, and
//! prints what looks like its prompt. What a command returns is exact, or an error; never somebody
//! else's, and never cut short.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use driver_cli::{CliFactory, CommandPolicy, Platforms};
use parking_lot::Mutex;
use pool_core::testing::MockConnector;
use pool_core::{
    ConnectionConfig, Context, Credentials, Endpoint, Error, ErrorKind, Phase, Platform,
    ProtocolFactory, Request, Transport,
};
use proptest::prelude::*;
use proptest::sample::select;

const PROMPT: &str = "R1#";
const LOGS: [&str; 3] = [
    "*Nov 22 08:00:00.123: %SYS-5-CONFIG_I: Configured from console by vty0",
    "%LINK-3-UPDOWN: Interface GigabitEthernet1, changed state to down",
    "000123: Nov 22 08:00:00: %OSPF-5-ADJCHG: Process 1, Nbr 192.0.2.1 on Gi1 from FULL to DOWN",
];
/// Lines of output that begin or end with the device's own prompt.
const PROMPT_LIKE: [&str; 3] = ["R1#show version", "R1#x", "x R1#"];
/// Longer than any answer here takes.
const TIMEOUT: Duration = Duration::from_secs(3600);

static PLATFORMS: LazyLock<Arc<Platforms>> = LazyLock::new(|| Arc::new(Platforms::builtin()));

/// How the device behaves for one command.
#[derive(Clone, Debug)]
struct Manner {
    echo: Echo,
    /// Log lines: before the echo, at which lines of the output, and behind the prompt.
    log_before: bool,
    logs_at: Vec<usize>,
    log_behind: bool,
    /// Whether the prompt is painted again behind a log line that came over it.
    repaints: bool,
    /// How many bytes each piece has, in turn, and the pause before each.
    pieces: Vec<usize>,
    pauses_ms: Vec<u64>,
    /// How many of the last lines of the output come only behind the prompt.
    late: usize,
}

#[derive(Clone, Copy, Debug)]
enum Echo {
    Plain,
    /// A carriage return where the line wraps.
    Wrapped,
    /// Each letter with a blank and back.
    Padded,
    /// Painted again behind the prompt.
    Repainted,
    /// On the next line, once more, behind the prompt.
    Repeated,
    /// With a line end where it wraps.
    Folded,
    /// With a log line in the middle.
    Interrupted,
}

impl Echo {
    const ALL: [Self; 7] = [
        Self::Plain,
        Self::Wrapped,
        Self::Padded,
        Self::Repainted,
        Self::Repeated,
        Self::Folded,
        Self::Interrupted,
    ];

    fn paint(self, line: &str) -> String {
        let (head, tail) = line.split_at(line.len() / 2);
        match self {
            Self::Plain => line.to_owned(),
            Self::Wrapped => format!("{head}\r{tail}"),
            Self::Padded => line.chars().map(|letter| format!("{letter} \x1b[1D")).collect(),
            Self::Repainted => format!("{head}\r\x1b[K{PROMPT}{line}"),
            Self::Repeated => format!("{line}\r\n{PROMPT}{line}"),
            Self::Folded => format!("{head}\r\n{tail}"),
            Self::Interrupted => format!("{head}\r\n{}\r\n{PROMPT}{line}", LOGS[0]),
        }
    }
}

/// What a device does about one command: what it prints, and in which manner.
#[derive(Clone, Debug)]
struct Answer {
    lines: Vec<String>,
    manner: Manner,
}

impl Answer {
    /// What is to be returned: the lines, with the log lines that came between them.
    fn expected(&self) -> String {
        let with_logs = self.lines.iter().enumerate().flat_map(|(at, line)| {
            let log = self.manner.logs_at.contains(&at).then(|| LOGS[at % LOGS.len()].to_owned());
            log.into_iter().chain([line.clone()])
        });
        with_logs.map(|line| format!("{line}\n")).collect()
    }

    /// All that is said to `command`, up to the next one, and where in it the prompt ends.
    fn speech(&self, command: &str) -> (String, usize) {
        let manner = &self.manner;
        let mut text = String::new();
        if manner.log_before {
            text += &format!("\r\n{}\r\n{PROMPT}", LOGS[1]);
        }
        text += &manner.echo.paint(command);
        text += "\r\n";
        let expected = self.expected();
        let lines: Vec<_> = expected.lines().collect();
        let (now, late) = lines.split_at(lines.len().saturating_sub(manner.late));
        now.iter().for_each(|line| text += &format!("{line}\r\n"));
        text += PROMPT;
        let end = text.len();
        if manner.log_behind {
            text += &format!("\r\n{}\r\n", LOGS[2]);
            if manner.repaints {
                text += PROMPT;
            }
        }
        if !late.is_empty() {
            late.iter().for_each(|line| text += &format!("{line}\r\n"));
            text += PROMPT;
        }
        (text, end)
    }
}

/// The device: answers what is typed, in order.
#[derive(Debug)]
struct Nasty {
    answers: VecDeque<Answer>,
    typed: String,
    /// What is still to be said, with the pause before each piece.
    speech: VecDeque<(Duration, Vec<u8>)>,
}

impl Nasty {
    fn new(answers: Vec<Answer>) -> Self {
        let greeting = (Duration::ZERO, format!("\r\nWelcome\r\n{PROMPT}").into_bytes());
        Self { answers: answers.into(), typed: String::new(), speech: [greeting].into() }
    }

    fn answer(&mut self, line: &str) {
        if line.is_empty() || line.starts_with("terminal") {
            let echo = format!("{line}\r\n{PROMPT}").into_bytes();
            self.speech.push_back((Duration::ZERO, echo));
            return;
        }
        let Some(answer) = self.answers.pop_front() else { return };
        let (speech, end) = answer.speech(line);
        let manner = answer.manner;
        let mut said = 0;
        let mut sizes = manner.pieces.iter().cycle();
        let mut pauses = manner.pauses_ms.iter().cycle();
        while said < speech.len() {
            let size = sizes.next().map_or(speech.len(), |size| *size).min(speech.len() - said);
            let pause = pauses.next().copied().unwrap_or(0);
            // A device that falls silent right behind its prompt has come to its end, for whoever
            // cannot look into it.
            let is_torn = said != end && speech[..said].ends_with(PROMPT);
            let pause = Duration::from_millis(if is_torn { 0 } else { pause });
            let piece = &speech.as_bytes()[said..said + size];
            said += size;
            self.speech.push_back((pause, piece.to_vec()));
        }
    }
}

#[async_trait]
impl Transport for Nasty {
    async fn read(&mut self, ctx: &Context, buffer: &mut BytesMut) -> pool_core::Result<usize> {
        let speech = &mut self.speech;
        ctx.run(Phase::Read, async {
            loop {
                let Some((pause, _)) = speech.front_mut() else { std::future::pending().await };
                if pause.is_zero() {
                    break;
                }
                // The pause passes even where the read is given up.
                let step = (*pause).min(Duration::from_millis(1));
                tokio::time::sleep(step).await;
                *pause -= step;
            }
            let (_, piece) = speech.pop_front().expect("there is one");
            buffer.extend_from_slice(&piece);
            Ok(piece.len())
        })
        .await
    }

    fn is_drained(&mut self) -> bool {
        self.speech.front().is_none_or(|(pause, _)| !pause.is_zero())
    }

    async fn write_all(&mut self, _: &Context, bytes: &[u8]) -> pool_core::Result<()> {
        self.typed += &String::from_utf8_lossy(bytes);
        while let Some((line, rest)) = self.typed.clone().split_once('\n') {
            self.typed = rest.to_owned();
            self.answer(line);
        }
        Ok(())
    }

    async fn close(self: Box<Self>, _: &Context) -> pool_core::Result<()> {
        Ok(())
    }
}

/// Runs one command for each answer; the results up to the first error that ends the session.
fn run(answers: &[Answer]) -> Vec<Result<String, Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let device = Mutex::new(Some(Nasty::new(answers.to_vec())));
        let mut connector = MockConnector::new();
        connector.expect_connect().returning(move |_, _| {
            Ok(Box::new(device.lock().take().expect("one login")) as Box<dyn Transport>)
        });
        let factory = CliFactory::new(Arc::new(connector), PLATFORMS.clone());
        let factory = factory.with_policy(CommandPolicy::Any);
        let credentials = Credentials::password("monitor", "hunter2".to_owned());
        let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
        let mut config = ConnectionConfig::new(endpoint, Platform::new("cisco_iosxe"), credentials);
        config.read_timeout = TIMEOUT;
        config.write_timeout = TIMEOUT;
        let ctx = Context::detached(TIMEOUT);
        let mut session = factory.create_with_context(&ctx, &config).await.unwrap();
        let mut results = Vec::new();
        for number in 0..answers.len() {
            let ctx = Context::detached(TIMEOUT);
            let request = Request::command(command(number)).unwrap();
            let result = session.execute(&ctx, &request).await;
            let is_over = result.as_ref().is_err_and(Error::breaks_connection);
            results.push(result.map(|transcript| transcript.output().to_owned()));
            if is_over {
                break;
            }
        }
        results
    })
}

/// `output` without prompts and log lines.
fn bare(output: &str) -> String {
    let output = LOGS.iter().fold(output.to_owned(), |output, log| output.replace(log, ""));
    output.replace(PROMPT, "").replace('\n', "")
}

fn command(number: usize) -> String {
    format!("ping 198.51.100.{number} repeat 5")
}

/// Lines of output, of which some look like a prompt, but not like this device's.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9 .,:%/=-]{0,40}[a-z0-9.]",
        select(vec!["!!!!!", "R2#show version", "#", "Success rate is 0 percent"])
            .prop_map(str::to_owned),
    ]
}

/// Lines among which this device's own prompt may stand, as in a collection of commands.
fn line_with_prompt() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => line(),
        1 => select(PROMPT_LIKE.to_vec()).prop_map(str::to_owned),
    ]
}

/// Manners without anything late. The pauses are short where the output may look like the prompt:
/// a device that falls silent for long behind its prompt has come to its end.
fn manner(pause_ms_max: u64) -> impl Strategy<Value = Manner> {
    let logs =
        (any::<bool>(), prop::collection::vec(0..6usize, 0..3), any::<bool>(), any::<bool>());
    let pieces = prop::collection::vec(1..90usize, 1..6);
    let pauses = prop::collection::vec(prop_oneof![Just(0), 0..=pause_ms_max], 1..6);
    (select(Echo::ALL.to_vec()), logs, pieces, pauses).prop_map(
        |(echo, (log_before, logs_at, log_behind, repaints), pieces, pauses_ms)| Manner {
            echo,
            log_before,
            logs_at,
            log_behind,
            repaints,
            pieces,
            pauses_ms,
            late: 0,
        },
    )
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    // One line at most that is a prompt of another level. Twice, each time with a silence behind it
    // in which RETURN is pressed, it would be one.
    let lines = (prop::collection::vec(line(), 0..8), prop::option::of(0..8usize));
    let lines = lines.prop_map(|(mut lines, at)| {
        at.into_iter().for_each(|at| lines.insert(at.min(lines.len()), "R1>".to_owned()));
        lines
    });
    let answer = (lines, manner(700)).prop_map(|(lines, manner)| Answer { lines, manner });
    prop::collection::vec(answer, 1..5)
}

/// Lines that came late behind a message, the last of them like a prompt of another level.
#[test]
fn a_late_line_like_another_levels_prompt_is_not_one_that_was_called_for() {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let plain = Manner {
        echo: Echo::Plain,
        log_before: false,
        logs_at: Vec::new(),
        log_behind: false,
        repaints: false,
        pieces: vec![1],
        pauses_ms: vec![0],
        late: 0,
    };
    let late = Manner {
        echo: Echo::Folded,
        log_before: true,
        logs_at: vec![3],
        log_behind: true,
        pieces: vec![16, 34],
        pauses_ms: vec![1],
        late: 2,
        ..plain.clone()
    };
    let silent = Answer { lines: Vec::new(), manner: plain };
    let refused = "Success rate is 0 percent";
    let nasty = Answer { lines: lines(&["!!!!!", refused, refused, "R1>"]), manner: late };
    let results = run(&[silent.clone(), silent.clone(), nasty, silent]);
    let kinds: Vec<_> = results.iter().map(|result| result.as_ref().map_err(Error::kind)).collect();
    let found_out = kinds[2..].contains(&Err(ErrorKind::Desynchronised));
    assert!(found_out, "{kinds:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// A device that keeps to the rules is understood, whatever it throws in.
    #[test]
    fn what_a_command_printed_is_returned_exactly(answers in answers()) {
        let results = run(&answers);
        for (answer, result) in answers.iter().zip(&results) {
            match result {
                Ok(output) => prop_assert_eq!(output, &answer.expected()),
                Err(error) => prop_assert!(false, "{error:?}"),
            }
        }
        prop_assert_eq!(results.len(), answers.len());
    }

    /// One whose answers come late is found out, at the latest with the next command.
    #[test]
    fn no_command_is_given_the_output_of_another(
        answers in answers(),
        late in (0..4usize, 1..5usize),
    ) {
        let mut answers = answers;
        let (which, lines) = late;
        let which = which % answers.len();
        answers[which].manner.late = lines;
        let results = run(&answers);
        for (number, (answer, result)) in answers.iter().zip(&results).enumerate() {
            let expected = answer.expected();
            match result {
                Ok(output) if number == which => {
                    // It is the only one that may miss something, as its prompt came too early. If
                    // the rest came in the same breath, the prompt is a part of it.
                    let all = bare(output) == bare(&expected);
                    prop_assert!(all || expected.starts_with(output.as_str()), "{output:?}");
                }
                Ok(output) if number < which => prop_assert_eq!(output, &expected),
                Ok(output) => {
                    // Nothing was late after all: it had no such lines.
                    prop_assert_eq!(output, &expected);
                    let late = results[which].as_ref().unwrap();
                    prop_assert_eq!(bare(late), bare(&answers[which].expected()));
                }
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Desynchronised, "{}", error),
            }
        }
    }

    /// Output with the device's own prompt in it is exact, or an error.
    #[test]
    fn output_that_looks_like_prompts_is_exact_or_an_error(
        lines in prop::collection::vec(line_with_prompt(), 1..12),
        manner in manner(40),
        rest in answers(),
    ) {
        let first = Answer { lines, manner };
        let answers: Vec<_> = [first].into_iter().chain(rest).collect();
        for (answer, result) in answers.iter().zip(run(&answers)) {
            if let Ok(output) = result {
                prop_assert_eq!(output, answer.expected());
            }
        }
    }
}
