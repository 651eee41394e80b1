//! Whatever answers in place of a Zabbix proxy, its frame is read within its bounds, and what is in it
//! is an account, a redirect, or an error of a line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tokio::runtime::Builder;

#[path = "../../monitord/src/settings/address.rs"]
#[allow(dead_code, unreachable_pub)]
mod address;
#[path = "../../monitord/src/sink/zabbix/frame.rs"]
mod frame;
#[path = "../../monitord/src/sink/zabbix/reply.rs"]
mod reply;

/// Where `reply` looks for it.
mod settings {
    pub(crate) use super::address::address as trapper_address;
}

/// What a frame may hold, and the longest error.
const REPLY_BYTES_MAX: usize = 64 * 1024;
const ERROR_BYTES_MAX: usize = 3000;

fuzz_target!(|bytes: &[u8]| {
    let runtime = Builder::new_current_thread().build().expect("nothing is needed for it");
    let read = |mut bytes: &[u8]| runtime.block_on(frame::read(&mut bytes));
    if let Ok(payload) = read(bytes) {
        assert!(payload.len() <= REPLY_BYTES_MAX, "{}", payload.len());
        answer(&payload);
    }
    answer(bytes);
    let sent = read(&frame::encode(bytes)).expect("what is written can be read");
    assert_eq!(sent, bytes);
});

fn answer(payload: &[u8]) {
    match reply::Answer::read(payload) {
        Ok(reply::Answer::Account(reply)) => {
            let all = reply.processed.checked_add(reply.failed);
            assert_eq!(reply.accounts_for(reply.total), all == Some(reply.total));
        }
        Ok(_) => {}
        Err(reason) => assert!(reason.len() <= ERROR_BYTES_MAX, "{}", reason.len()),
    }
}
