//! The bound: blocking calls of ssh2, one after another, on one thread, without a limit of time,
//! without a host key check, and without a look at errors beyond stopping.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};
use lab::{DEFAULT_PASSWORD, DEFAULT_USER};
use ssh2::{Channel, Session};

use super::usage::{Crowd, Stopwatch};
use super::{COMMAND, COMMANDS, Cell, LINES, LOGINS, PING, PROMPT, SESSIONS};

pub(super) fn measure(cell: Cell, router: SocketAddr) -> Result<Vec<f64>> {
    // What only the first one pays for.
    leave(&log_in(router)?)?;
    match cell {
        Cell::Logins => {
            let watch = Stopwatch::start();
            for _ in 0..LOGINS {
                leave(&log_in(router)?)?;
            }
            Ok(watch.per_round(LOGINS))
        }
        Cell::Exec => {
            let session = log_in(router)?;
            let watch = Stopwatch::start();
            for _ in 0..COMMANDS {
                let output = finish(start(&session, COMMAND)?)?;
                ensure!(output == "a\n", "the command answered {output:?}");
            }
            Ok(watch.per_round(COMMANDS))
        }
        Cell::Shell => in_a_shell(router),
        Cell::Crowd => crowd(router),
    }
}

fn log_in(router: SocketAddr) -> Result<Session> {
    let socket = TcpStream::connect(router)?;
    socket.set_nodelay(true)?;
    let mut session = Session::new()?;
    session.set_tcp_stream(socket);
    session.handshake()?;
    let methods = session.auth_methods(DEFAULT_USER)?;
    ensure!(methods.contains("password"), "the router offers {methods}");
    session.userauth_password(DEFAULT_USER, DEFAULT_PASSWORD)?;
    Ok(session)
}

fn leave(session: &Session) -> Result<()> {
    Ok(session.disconnect(None, "done", None)?)
}

fn start(session: &Session, command: &str) -> Result<Channel> {
    let mut channel = session.channel_session()?;
    channel.exec(command)?;
    Ok(channel)
}

fn finish(mut channel: Channel) -> Result<String> {
    let mut output = String::new();
    channel.read_to_string(&mut output)?;
    channel.stderr().read_to_string(&mut output)?;
    channel.close()?;
    channel.wait_close()?;
    let status = channel.exit_status()?;
    ensure!(status == 0, "the command ended with {status}");
    Ok(output)
}

fn in_a_shell(router: SocketAddr) -> Result<Vec<f64>> {
    let session = log_in(router)?;
    let mut channel = session.channel_session()?;
    channel.request_pty("vt100", None, Some((511, 1000, 0, 0)))?;
    channel.shell()?;
    let mut output = Vec::new();
    read_to_prompt(&mut channel, &mut output)?;
    let line = format!("{COMMAND}\n");
    let watch = Stopwatch::start();
    for _ in 0..LINES {
        channel.write_all(line.as_bytes())?;
        read_to_prompt(&mut channel, &mut output)?;
    }
    Ok(watch.per_round(LINES))
}

fn read_to_prompt(channel: &mut Channel, output: &mut Vec<u8>) -> Result<()> {
    output.clear();
    let mut chunk = [0; 8192];
    while !output.ends_with(PROMPT) {
        let count = channel.read(&mut chunk)?;
        ensure!(count > 0, "the shell has ended");
        output.extend_from_slice(&chunk[..count]);
    }
    Ok(())
}

fn crowd(router: SocketAddr) -> Result<Vec<f64>> {
    let mut crowd = Crowd::new(SESSIONS)?;
    let sessions: Vec<_> = (0..SESSIONS).map(|_| log_in(router)).collect::<Result<_>>()?;
    crowd.look()?;
    let channels: Vec<_> =
        sessions.iter().map(|session| start(session, PING)).collect::<Result<_>>()?;
    crowd.look()?;
    for channel in channels {
        finish(channel)?;
    }
    Ok(crowd.into_figures())
}
