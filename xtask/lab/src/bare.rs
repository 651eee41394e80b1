use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::server::{self, Config, Handler};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// An SSH server on loopback that is what its handlers make of it, and nothing of a router. It ends
/// with the value, and its connections by themselves.
#[derive(Debug)]
pub struct BareServer {
    address: SocketAddr,
    listener: JoinHandle<()>,
}

impl BareServer {
    /// Starts one, with a handler that `make` makes for each connection.
    ///
    /// # Errors
    ///
    /// When no port is free, or no host key can be made.
    pub async fn start<H>(make: impl Fn() -> H + Send + 'static) -> io::Result<Self>
    where
        H: Handler + Send + 'static,
    {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let pair = Ed25519Keypair::from_seed(&[7; 32]);
        let key = PrivateKey::new(KeypairData::from(pair), "test").map_err(io::Error::other)?;
        // Nobody guesses passwords here.
        let auth_rejection_time = Duration::ZERO;
        let config = Config { keys: vec![key], auth_rejection_time, ..Config::default() };
        let config = Arc::new(config);
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                // Whoever hangs up in the middle of it is gone.
                if let Ok(session) = server::run_stream(config.clone(), stream, make()).await {
                    tokio::spawn(session);
                }
            }
        });
        Ok(Self { address, listener })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
