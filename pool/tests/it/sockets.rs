//! The pool over real sockets, as seen by the server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use pool::Pool;
use pool_core::{
    Capability, ConnectionConfig, ConnectionPool, Context, Error, Phase, PlatformSupport, Protocol,
    ProtocolDriver, ProtocolFactory, Request, Result, Transcript,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::support::*;

/// A server that greets the first clients and lets the others wait for good.
struct Server {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    async fn greeting(greeted: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, accepted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (open.clone(), accepted.clone());
        tokio::spawn(async move {
            let (open, accepted) = counts;
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                open.fetch_add(1, SeqCst);
                let greet = accepted.fetch_add(1, SeqCst) < greeted;
                tokio::spawn(serve(stream, greet, open.clone()));
            }
        });
        Self { address, open, accepted }
    }

    /// Waits until the server sees this many open connections.
    async fn sees(&self, open: usize) {
        let wait = async {
            while self.open.load(SeqCst) != open {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| {
            panic!("the server sees {} connections, not {open}", self.open.load(SeqCst))
        });
    }
}

async fn serve(mut stream: TcpStream, greet: bool, open: Arc<AtomicUsize>) {
    if greet {
        stream.write_all(b"!").await.unwrap();
    }
    // Until the client closes or cuts the connection.
    let mut buffer = [0; 64];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
    open.fetch_sub(1, SeqCst);
}

#[derive(Debug)]
struct SocketFactory {
    address: SocketAddr,
    capability: Capability,
}

fn failed(phase: Phase) -> impl Fn(io::Error) -> Error {
    move |error| Error::Disconnected { phase, message: error.to_string() }
}

#[async_trait]
impl ProtocolFactory for SocketFactory {
    fn protocol(&self) -> Protocol {
        Protocol::Ssh
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn create_with_context(
        &self,
        _ctx: &Context,
        _config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        let mut stream = TcpStream::connect(self.address).await.map_err(failed(Phase::Connect))?;
        stream.read_u8().await.map_err(failed(Phase::Banner))?;
        Ok(Box::new(Socket(stream)))
    }
}

#[derive(Debug)]
struct Socket(TcpStream);

#[async_trait]
impl ProtocolDriver for Socket {
    fn protocol(&self) -> Protocol {
        Protocol::Ssh
    }

    async fn execute(&mut self, _ctx: &Context, _request: &Request) -> Result<Transcript> {
        self.0.write_all(b"ping\n").await.map_err(failed(Phase::Write))?;
        Ok(Transcript::default())
    }

    async fn health_check(&mut self, _ctx: &Context) -> Result<()> {
        Ok(())
    }

    async fn close(mut self: Box<Self>, _ctx: &Context) -> Result<()> {
        self.0.shutdown().await.map_err(failed(Phase::Close))
    }
}

fn pool_over(server: &Server) -> Arc<Pool> {
    let capability =
        Capability { protocol: Protocol::Ssh, platforms: PlatformSupport::Any, interrupt: false };
    let factory = SocketFactory { address: server.address, capability };
    Pool::new("edge-1", config(3), vec![Arc::new(factory)]).unwrap()
}

#[tokio::test]
async fn dropping_the_pool_closes_every_socket_as_seen_by_the_server() {
    let server = Server::greeting(2).await;
    let pool = pool_over(&server);
    let (idle, held) = (get(&pool).await.unwrap(), get(&pool).await.unwrap());
    drop(idle);
    let also_held = get(&pool).await.unwrap();
    let waiter = queued(&pool).await;
    server.sees(3).await;
    drop(also_held);
    drop(waiter.await.unwrap().unwrap());
    assert_eq!((pool.stats().idle, pool.stats().creating), (1, 1));
    drop(pool);
    server.sees(1).await;
    drop(held);
    server.sees(0).await;
    assert_eq!(server.accepted.load(SeqCst), 3);
}

#[tokio::test]
async fn a_close_returns_when_the_server_has_seen_every_socket_closed() {
    let server = Server::greeting(3).await;
    let pool = pool_over(&server);
    drop([get(&pool).await.unwrap(), get(&pool).await.unwrap(), get(&pool).await.unwrap()]);
    server.sees(3).await;
    pool.close(&long()).await;
    assert!(pool.is_drained());
    server.sees(0).await;
}

#[tokio::test]
async fn a_runtime_that_goes_cuts_every_socket() {
    let server = Server::greeting(2).await;
    let address = server.address;
    let mut client = tokio::runtime::Builder::new_multi_thread();
    let client = client.enable_all().worker_threads(1).build().unwrap();
    let open = Server { address, open: server.open.clone(), accepted: server.accepted.clone() };
    let pool = client.spawn(async move {
        let pool = pool_over(&open);
        drop((get(&pool).await.unwrap(), get(&pool).await.unwrap()));
        pool
    });
    let pool = pool.await.unwrap();
    server.sees(2).await;
    client.shutdown_background();
    drop(pool);
    server.sees(0).await;
}
