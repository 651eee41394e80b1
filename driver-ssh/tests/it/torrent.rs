//! Servers that speak without a pause behind the login, and what they do to others on the same
//! thread.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use driver_ssh::{SshFactory, SshSettings};
use lab::{Torrent, TorrentAt};
use pool_core::{Context, ErrorKind, Phase, ProtocolFactory, Request};
use tokio_util::sync::CancellationToken;

use crate::cut::Cut;
use crate::rig::{Rig, config, lab_of, on_peers, patient};

/// Far more than a flood and a few commands take.
const THREAD_TIME_MAX: Duration = Duration::from_secs(40);

#[track_caller]
fn check(at: TorrentAt, phase: Phase) {
    for cut in Cut::ALL {
        let rig = Rig::new();
        let torrent = on_peers(Torrent::start(at)).unwrap();
        let peer = torrent.address();
        let config = config(peer);
        rig.run(cut.apply(phase, async |ctx: Context| {
            if at == TorrentAt::Pty {
                return rig.shell(&ctx, &config).await.map(drop);
            }
            let mut session = rig.exec(&ctx, &config).await?;
            session.execute(&ctx, &Request::command("hostname")?).await.map(drop)
        }));
        rig.assert_nothing_remains(peer);
    }
}

#[test]
fn an_encrypted_flood_in_place_of_a_terminal() {
    check(TorrentAt::Pty, Phase::Pty);
}

#[test]
fn an_encrypted_flood_in_place_of_the_start_of_a_command() {
    check(TorrentAt::Exec, Phase::Write);
}

#[test]
fn an_encrypted_flood_in_place_of_output() {
    check(TorrentAt::Output, Phase::Read);
}

#[test]
fn a_flood_leaves_its_turn_to_everybody_else_on_the_same_thread() {
    let torrent = on_peers(Torrent::start(TorrentAt::Output)).unwrap();
    let flood = config(torrent.address());
    let lab = lab_of(|spec| spec);
    let healthy = config(lab.router("r").address());
    let dir = tempfile::tempdir().unwrap();
    let factory = SshFactory::new(Arc::new(SshSettings::new(dir.path().join("known_hosts"))));
    // One thread for both. If the flood kept it, nothing on it could see that: somebody else does.
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(async {
            let mut flooded = factory.create_with_context(&patient(), &flood).await.unwrap();
            let mut session = factory.create_with_context(&patient(), &healthy).await.unwrap();
            let request = Request::command("hostname").unwrap();
            let cancel = CancellationToken::new();
            let (flood_ctx, ctx) = (Context::new(&cancel, THREAD_TIME_MAX), patient());
            let commands = async {
                for _ in 0..100 {
                    session.execute(&ctx, &request).await.unwrap();
                }
                cancel.cancel();
            };
            tokio::join!(flooded.execute(&flood_ctx, &request), commands).0.unwrap_err()
        });
        done.send(error).unwrap();
    });
    let error = result.recv_timeout(THREAD_TIME_MAX).expect("the flood has the thread");
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Cancelled, Some(Phase::Read)));
}
