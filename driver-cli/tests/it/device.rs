//! A device that plays a script, and the way to a session on it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use driver_cli::{CliFactory, CommandPolicy, Platforms, SessionLog, SessionLogSink};
use parking_lot::Mutex;
use pool_core::testing::{Act, ScriptedTransport};
use pool_core::{
    ConnectionConfig, Connector, Context, Credentials, Endpoint, Error, Platform, ProtocolDriver,
    ProtocolFactory, Request, Result, Secret, Step, TerminalConfig, Transport,
};

pub(crate) const PROMPT: &str = "R1#";

/// A device that is to be logged in to once.
#[derive(Debug)]
pub(crate) struct Device {
    platform: &'static str,
    acts: Vec<Act>,
    piece_bytes: usize,
    enable_password: Option<&'static str>,
    connect_timeout: Duration,
    policy: CommandPolicy,
    log: SessionLog,
    terminal: TerminalConfig,
    sink: Arc<Pieces>,
    written: Arc<Mutex<Vec<u8>>>,
    closed: Arc<Mutex<bool>>,
    username: Arc<Mutex<String>>,
    unasked: Unasked,
}

/// What the device says while nobody listens: some texts, and `None` for hanging up.
type Unasked = Arc<Mutex<VecDeque<Option<Vec<u8>>>>>;

/// The definitions, compiled once for all tests.
static PLATFORMS: LazyLock<Arc<Platforms>> =
    LazyLock::new(|| Arc::new(Platforms::with_files(files()).unwrap()));

fn files() -> [(&'static str, &'static str); 2] {
    [("mute_os", MUTE_OS), ("huawei_gb", HUAWEI_GB)]
}

/// A Huawei device whose administrators write Chinese.
const HUAWEI_GB: &str = r"
inherits = 'huawei_vrp'
[cli]
encoding = 'gb18030'
";

/// A platform that does not echo.
const MUTE_OS: &str = r"
[cli]
echo = 'ignore'
line_ending = 'crlf'
work_at = ['exec']
[cli.levels.exec]
prompt = '^mute>$'
";

impl Device {
    /// A device that says only what it is told to.
    pub(crate) fn silent(platform: &'static str) -> Self {
        Self {
            platform,
            acts: Vec::new(),
            piece_bytes: usize::MAX,
            enable_password: None,
            connect_timeout: Duration::from_secs(30),
            policy: CommandPolicy::Any,
            log: SessionLog::new(),
            terminal: TerminalConfig::default(),
            sink: Arc::default(),
            written: Arc::default(),
            closed: Arc::default(),
            username: Arc::default(),
            unasked: Arc::default(),
        }
    }

    /// An IOS device that has been logged in to and prepared.
    pub(crate) fn ready() -> Self {
        Self::silent("cisco_iosxe").greets("\r\nWelcome\r\n", PROMPT).takes_setup(PROMPT)
    }

    pub(crate) fn says(self, text: impl AsRef<[u8]>) -> Self {
        self.act(Act::say(text.as_ref()))
    }

    pub(crate) fn hears(self, text: impl AsRef<[u8]>) -> Self {
        self.act(Act::expect(text.as_ref()))
    }

    pub(crate) fn thinks(self, time: Duration) -> Self {
        self.act(Act::Think(time))
    }

    pub(crate) fn hangs_up(self) -> Self {
        self.act(Act::Close)
    }

    fn act(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }

    /// Says `banner` and the prompt, and the prompt again after RETURN.
    pub(crate) fn greets(self, banner: &str, prompt: &str) -> Self {
        self.says(format!("{banner}{prompt}")).hears("\n").says(format!("\r\n{prompt}"))
    }

    /// Echoes `command`, and answers `output` and the prompt.
    pub(crate) fn answers(self, command: &str, output: &str, prompt: &str) -> Self {
        self.echoes(command).says(format!("{output}{prompt}"))
    }

    /// Echoes `command` and the line end of RETURN.
    pub(crate) fn echoes(self, command: &str) -> Self {
        self.hears(command).says(command).hears("\n").says("\r\n")
    }

    /// Takes the commands that prepare an IOS session.
    pub(crate) fn takes_setup(self, prompt: &str) -> Self {
        self.answers("terminal width 512", "", prompt).answers("terminal length 0", "", prompt)
    }

    pub(crate) fn in_pieces_of(self, bytes: usize) -> Self {
        Self { piece_bytes: bytes, ..self }
    }

    pub(crate) fn with_enable_password(self, password: &'static str) -> Self {
        Self { enable_password: Some(password), ..self }
    }

    /// Runs only the commands that the platform's definition lists.
    pub(crate) fn with_listed_commands_only(self) -> Self {
        Self { policy: CommandPolicy::Listed, ..self }
    }

    pub(crate) fn logging_to(self, log: SessionLog) -> Self {
        Self { log, ..self }
    }

    /// With what is peculiar to this one.
    pub(crate) fn with_terminal(self, terminal: TerminalConfig) -> Self {
        Self { terminal, ..self }
    }

    /// Where pieces of its log go, if its terminal names a file for them.
    pub(crate) fn sink(&self) -> Arc<Pieces> {
        self.sink.clone()
    }

    pub(crate) fn within(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Logs in, and falls silent for good after the last act.
    pub(crate) async fn log_in(self) -> Result<Session> {
        let ctx = Context::detached(self.connect_timeout);
        self.log_in_under(&ctx).await.0
    }

    /// As `log_in`, under a context; returns also everything that was typed, and whether the
    /// transport was closed in good order.
    pub(crate) async fn log_in_under(self, ctx: &Context) -> (Result<Session>, String, bool) {
        let mut credentials = Credentials::password("monitor", "hunter2".to_owned());
        credentials.enable_password = self.enable_password.map(Secret::new);
        let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
        let mut config = ConnectionConfig::new(endpoint, Platform::new(self.platform), credentials);
        config.terminal = self.terminal.clone();
        let sink = self.sink.clone();
        let written = self.written.clone();
        let closed = self.closed.clone();
        let unasked = self.unasked.clone();
        let username = self.username.clone();
        let policy = self.policy;
        let log = self.log.clone();
        let factory = CliFactory::new(Arc::new(self), PLATFORMS.clone());
        let factory = factory.with_policy(policy).logging_to(log).writing_to(sink);
        let driver = factory.create_with_context(ctx, &config).await;
        let typed = String::from_utf8_lossy(&written.lock()).into_owned();
        let session = driver.map(|driver| Session {
            driver,
            written,
            closed: closed.clone(),
            username,
            unasked,
        });
        let closed = *closed.lock();
        (session, typed, closed)
    }
}

/// The pieces of logs, with the file that each belongs into.
#[derive(Debug, Default)]
pub(crate) struct Pieces(Mutex<Vec<(PathBuf, String)>>);

impl Pieces {
    pub(crate) fn all(&self) -> Vec<(PathBuf, String)> {
        self.0.lock().clone()
    }
}

impl SessionLogSink for Pieces {
    fn take(&self, path: &Path, piece: String) {
        self.0.lock().push((path.to_owned(), piece));
    }
}

#[async_trait]
impl Connector for Device {
    async fn connect(&self, _: &Context, config: &ConnectionConfig) -> Result<Box<dyn Transport>> {
        self.username.lock().clone_from(&config.credentials.username);
        let acts = self.acts.iter().cloned().chain([Act::Hang]);
        let inner = ScriptedTransport::new(acts).in_pieces_of(self.piece_bytes);
        let written = self.written.clone();
        let closed = self.closed.clone();
        Ok(Box::new(Wire { inner, written, closed, unasked: self.unasked.clone() }))
    }
}

/// A scripted transport that tells what was written to it and how it ended.
#[derive(Debug)]
struct Wire {
    inner: ScriptedTransport,
    written: Arc<Mutex<Vec<u8>>>,
    closed: Arc<Mutex<bool>>,
    unasked: Unasked,
}

#[async_trait]
impl Transport for Wire {
    async fn read(&mut self, ctx: &Context, buffer: &mut bytes::BytesMut) -> Result<usize> {
        match self.unasked.lock().pop_front() {
            Some(Some(text)) => {
                buffer.extend_from_slice(&text);
                return Ok(text.len());
            }
            Some(None) => return Ok(0),
            None => {}
        }
        self.inner.read(ctx, buffer).await
    }

    fn is_drained(&mut self) -> bool {
        self.unasked.lock().is_empty() && self.inner.is_drained()
    }

    fn was_drained(&mut self) -> bool {
        self.unasked.lock().is_empty() && self.inner.was_drained()
    }

    async fn write_all(&mut self, ctx: &Context, bytes: &[u8]) -> Result<()> {
        self.written.lock().extend_from_slice(bytes);
        self.inner.write_all(ctx, bytes).await
    }

    async fn close(self: Box<Self>, _: &Context) -> Result<()> {
        *self.closed.lock() = true;
        Ok(())
    }
}

/// A session on a device.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) driver: Box<dyn ProtocolDriver>,
    written: Arc<Mutex<Vec<u8>>>,
    closed: Arc<Mutex<bool>>,
    username: Arc<Mutex<String>>,
    unasked: Unasked,
}

impl Session {
    /// As whom it was logged in.
    pub(crate) fn username(&self) -> String {
        self.username.lock().clone()
    }

    /// The device says something while no command runs.
    pub(crate) fn meanwhile_says(&self, text: &str) {
        self.unasked.lock().push_back(Some(text.as_bytes().to_vec()));
    }

    /// The device hangs up while no command runs.
    pub(crate) fn meanwhile_hangs_up(&self) {
        self.unasked.lock().push_back(None);
    }

    /// Everything that was typed so far.
    pub(crate) fn typed(&self) -> String {
        String::from_utf8(self.written.lock().clone()).unwrap()
    }

    /// Runs one command within a minute.
    pub(crate) async fn run(&mut self, command: &str) -> Result<String> {
        self.run_step(Step::command(command)?).await
    }

    pub(crate) async fn run_step(&mut self, step: Step) -> Result<String> {
        self.run_request(&Context::detached(Duration::from_secs(60)), &Request::new(step)).await
    }

    pub(crate) async fn run_request(&mut self, ctx: &Context, request: &Request) -> Result<String> {
        let transcript = self.driver.execute(ctx, request).await?;
        Ok(transcript.output().to_owned())
    }

    /// Closes the session; returns everything that was typed.
    pub(crate) async fn close(self) -> String {
        self.driver.close(&Context::detached(Duration::from_secs(5))).await.unwrap();
        assert!(*self.closed.lock(), "the transport was closed in good order");
        String::from_utf8(self.written.lock().clone()).unwrap()
    }
}

/// What is told below a deadline: the text that was waited for, and what came instead.
#[track_caller]
pub(crate) fn waited_for(error: &Error) -> (String, String) {
    let Error::DeadlineExceeded { last: Some(last), .. } = error else { panic!("{error:?}") };
    let Error::Desynchronised { expected, received, .. } = &**last else { panic!("{last:?}") };
    (expected.clone(), received.clone())
}
