//! The network of a guest: nothing but addresses of documentation, each of which leads to a server
//! on the loopback of this machine.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::os::fd::AsFd;

use crate::run::run;

/// A network namespace. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Network {
    name: String,
}

impl Network {
    /// An empty one.
    pub(crate) fn new() -> Result<Self> {
        let network = Self { name: format!("monitord-{}", std::process::id()) };
        run(Command::new("ip").args(["netns", "add", &network.name]))?;
        network.ip(&["link", "set", "lo", "up"])?;
        Ok(network)
    }

    /// Lets connections to `address` end at `server`, which is on this machine.
    pub(crate) fn lead(&self, address: SocketAddr, server: SocketAddr) -> Result<()> {
        // Several servers may be at one address.
        self.ip(&["address", "replace", &format!("{}/32", address.ip()), "dev", "lo"])?;
        let listener = self.listen(address)?;
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || relay(&client, server));
            }
        });
        Ok(())
    }

    /// A listener of this process that is in there: a socket stays where it was made.
    fn listen(&self, address: SocketAddr) -> Result<TcpListener> {
        let path = PathBuf::from("/run/netns").join(&self.name);
        let made = thread::spawn(move || -> Result<TcpListener> {
            let namespace = File::open(&path).with_context(|| format!("cannot open {path:?}"))?;
            // It takes this thread alone, which ends with it.
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .context("cannot enter the network of the guest")?;
            TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))
        });
        made.join().map_err(|_| anyhow!("a listener panicked"))?
    }

    fn ip(&self, arguments: &[&str]) -> Result<()> {
        run(Command::new("ip").args(["-n", &self.name]).args(arguments))
    }

    /// What makes systemd-nspawn use it.
    pub(crate) fn argument(&self) -> String {
        format!("--network-namespace-path=/run/netns/{}", self.name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "delete", &self.name]).status().ok();
    }
}

/// Carries bytes both ways until both sides have ended.
fn relay(client: &TcpStream, server: SocketAddr) {
    // A server that is away looks like one: the client's connection ends.
    let Ok(server) = TcpStream::connect(server) else { return };
    thread::scope(|scope| {
        scope.spawn(|| carry(client, &server));
        carry(&server, client);
    });
}

fn carry(mut from: &TcpStream, mut to: &TcpStream) {
    std::io::copy(&mut from, &mut to).ok();
    to.shutdown(std::net::Shutdown::Write).ok();
}
