//! `monitord top`, where nobody watches, and on a terminal.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::sync::Arc;

use lab::{Lab, Ping, RouterSpec};
use parking_lot::Mutex;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};
use serde_json::json;

use crate::support::{Site, binary, send_signal};

/// What a program begins with that takes over the screen, and what gives it back, cursor and all.
const TAKEN: &str = "\u{1b}[?1049h";
const GIVEN_BACK: &str = "\u{1b}[?25h\u{1b}[?1049l";

#[tokio::test(flavor = "multi_thread")]
async fn top_shows_the_daemon_once_as_plain_text_when_it_is_piped() {
    let lossy = RouterSpec::new("lossy", "linux").ping(Ping::lossy(50));
    let lab = Lab::start(vec![RouterSpec::new("good", "linux"), lossy]).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["control"] = json!({ "socket": "control.sock" });
    let absent = site.run("top", &[]).await;
    assert_eq!(absent.code, Some(1), "{}", absent.everything());
    assert!(absent.stderr.contains("cannot reach the daemon"), "{}", absent.stderr);
    let daemon = site.start().await;
    daemon.wait_for("an outcome of each line", || daemon.outcomes().len() >= 2).await;
    let ended = site.run("top", &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.everything());
    assert!(!ended.stdout.contains(['\u{1b}', '\r']), "{}", ended.stdout);
    let rows: Vec<_> = ended.stdout.lines().collect();
    assert!(rows[1].starts_with("lines        2  up "), "{}", ended.stdout);
    let first = rows.iter().position(|row| row.starts_with("STATE ")).unwrap() + 1;
    assert!(rows[first].starts_with("degraded  lossy "), "the worst first: {}", ended.stdout);
    let filtered = site.run("top", &["--once", "--filter", "good"]).await;
    assert!(!filtered.stdout.contains("lossy"), "{}", filtered.stdout);
}

/// A terminal, and all that was written to it.
struct Screen {
    end: File,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Screen {
    fn new() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let ours = openpt(flags).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let end = File::from(ioctl_tiocgptpeer(&ours, flags).unwrap());
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&end, size).unwrap();
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        let (mut ours, sink) = (File::from(ours), seen.clone());
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // An error is the end: nobody has the other side any more.
            while let Ok(bytes @ 1..) = ours.read(&mut piece) {
                sink.lock().extend(&piece[..bytes]);
            }
        });
        Self { end, seen }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock()).into_owned()
    }

    fn mode(&self) -> Termios {
        tcgetattr(&self.end).unwrap()
    }

    fn stdio(&self) -> Stdio {
        self.end.try_clone().unwrap().into()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_top_the_terminal_is_given_back() {
    let lab = Lab::start(vec![RouterSpec::new("a", "linux")]).await.unwrap();
    let mut site = Site::of(&lab);
    site.config["control"] = json!({ "socket": "control.sock" });
    let daemon = site.start().await;
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let screen = Screen::new();
        let before = screen.mode();
        let mut top = binary();
        top.args(["top", "-c"]).arg(site.path());
        top.stdin(screen.stdio()).stdout(screen.stdio()).stderr(screen.stdio());
        let mut top = top.spawn().unwrap();
        daemon.wait_for("the screen", || screen.text().contains("lines        1  up ")).await;
        assert!(screen.text().starts_with(TAKEN), "{:?}", screen.text());
        assert!(!screen.mode().local_modes.contains(LocalModes::ICANON), "it is raw");
        send_signal(signal, top.id().unwrap());
        let ended = tokio::time::timeout(std::time::Duration::from_secs(60), top.wait()).await;
        assert_eq!(ended.unwrap().unwrap().code(), Some(code), "{signal}");
        daemon.wait_for("the end", || screen.text().ends_with(GIVEN_BACK)).await;
        assert_eq!(screen.mode().local_modes, before.local_modes, "{signal}");
        assert_eq!(screen.mode().input_modes, before.input_modes, "{signal}");
        assert_eq!(screen.mode().output_modes, before.output_modes, "{signal}");
    }
}
