use pool_core::testing::{Act, ScriptedTransport};
use pool_core::{Credentials, Platform};

use super::*;
use crate::channel::Channel;
use crate::redact::Redactor;
use crate::screen::LOOKED_AT;
use crate::{Platforms, TextEncoding};

const PIECE_BYTES: usize = 1000;

/// How many characters are looked at for each piece of an output of `pieces`, made of `line`
/// over and over.
async fn work_per_piece(line: &str, pieces: usize) -> usize {
    let output = line.repeat(PIECE_BYTES * pieces / line.len()) + "\r\nR1#";
    let acts = [Act::say(output), Act::Hang];
    let transport = ScriptedTransport::new(acts).in_pieces_of(PIECE_BYTES);
    let redactor = Redactor::of(&Credentials::default());
    let channel = Channel::new(Box::new(transport), TextEncoding::Utf8, redactor, None);
    let mut session = Session {
        channel,
        platform: Platforms::builtin().get(&Platform::new("cisco_iosxe")).unwrap(),
        prompt: Prompt { text: "R1#".into(), level: "privileged_exec".into(), varies: false },
        username: "monitor".into(),
        read_timeout: Duration::from_secs(60),
        write_timeout: Duration::from_secs(60),
        in_step: true,
        spare_prompts: None,
    };
    let limits = Limits {
        phase: Phase::Read,
        timeout: Duration::from_secs(60),
        interrupt_after: None,
        bytes_max: usize::MAX,
        questions: Vec::new(),
    };
    LOOKED_AT.set(0);
    let ctx = Context::detached(Duration::from_secs(60));
    Collect::new(&mut session, limits).run(&ctx).await.unwrap();
    LOOKED_AT.get() / pieces
}

#[tokio::test(start_paused = true)]
async fn the_prompt_is_searched_at_the_end_however_much_stands_above_it() {
    let lines = ["0123456789 abcdef\r\n", "\r\n", "R1#show version\r\n", "R1#\r\n"];
    // And one line without an end, of which the beginning is the prompt.
    for line in lines.into_iter().chain(["R1#x", " ", "x"]) {
        for pieces in [50, 1000] {
            let work = work_per_piece(line, pieces).await;
            assert!(work <= PIECE_BYTES, "{work} for each piece of {pieces} of {line:?}");
        }
    }
}
