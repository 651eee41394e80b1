use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::control::{Control, Server};
use crate::settings::HttpSettings;
use crate::web::{self, Access, Pages};

/// What others can connect to: the pages, and the control socket. Cheap to clone; what is open stays
/// open until it is closed or replaced, or the last clone is gone.
#[derive(Clone, Debug)]
pub(crate) struct Servers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pages: Pages,
    server: Arc<Server>,
    shutdown: CancellationToken,
    // A blocking lock, held to put something in place and never across an await.
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// Who serves, and the same socket once more, for those who serve there after that.
    web: Option<(AbortOnDropHandle<()>, StdListener)>,
    control: Option<Control>,
}

impl Servers {
    /// Nothing is open yet. What is asked is answered by `pages` and `server`.
    pub(crate) fn new(pages: Pages, server: Arc<Server>, shutdown: CancellationToken) -> Self {
        Self(Arc::new(Shared { pages, server, shutdown, open: Mutex::default() }))
    }

    /// Listens for those who want pages: at the socket that is open, where only who may see them
    /// differs from what was `before`.
    ///
    /// # Errors
    ///
    /// As [`Listening::open`].
    pub(crate) async fn listen(
        &self,
        before: Option<&HttpSettings>,
        http: &HttpSettings,
    ) -> Result<Listening> {
        if before.is_some_and(|before| before.listen == http.listen) {
            let open = self.0.open.lock().web.as_ref().map(|(_, socket)| socket.try_clone());
            if let Some(socket) = open {
                let access = Access::new(http)?;
                return Listening::at(socket, access).context("http.listen");
            }
        }
        Listening::open(http).await.context("http.listen")
    }

    /// Serves pages to those who connect to `listener` from now on, and no others. Who is being
    /// served is served to the end.
    pub(crate) fn serve_pages(&self, listening: Option<Listening>) {
        let Shared { pages, shutdown, open, .. } = &*self.0;
        let web = listening.map(|Listening { listener, socket, access }| {
            let task = web::serve(listener, access, pages.clone(), shutdown.clone());
            (AbortOnDropHandle::new(task), socket)
        });
        open.lock().web = web;
    }

    /// Opens a control socket beside the one that is open.
    ///
    /// # Errors
    ///
    /// As [`Control::open`].
    pub(crate) async fn open_control(&self, path: &Path) -> Result<Control> {
        Control::open(path, self.0.server.clone()).await
    }

    /// Answers at `control` from now on, and nowhere else.
    pub(crate) fn serve_control(&self, control: Option<Control>) {
        // The old one is removed from the disk by this, outside the lock.
        let old = std::mem::replace(&mut self.0.open.lock().control, control);
        drop(old);
    }
}

/// A socket at which pages are to be served, and to whom.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    /// The same once more, for those who serve there after that.
    socket: StdListener,
    access: Access,
}

impl Listening {
    /// Listens for those who want pages.
    ///
    /// # Errors
    ///
    /// When nobody may listen there, or somebody does, and when the certificate cannot be used.
    pub(crate) async fn open(http: &HttpSettings) -> Result<Self> {
        let access = Access::new(http)?;
        let address = http.listen;
        let socket = TcpListener::bind(address).await.and_then(TcpListener::into_std);
        Self::at(socket, access).with_context(|| format!("cannot listen on {address}"))
    }

    /// At a socket that is there. All that can fail does so here, not when pages are to be served.
    fn at(socket: io::Result<StdListener>, access: Access) -> io::Result<Self> {
        let socket = socket?;
        let listener = TcpListener::from_std(socket.try_clone()?)?;
        Ok(Self { listener, socket, access })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }
}
