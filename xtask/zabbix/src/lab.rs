use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::certificates::{self, SenderTls};
use crate::layout::{LOCK, Layout};
use crate::process::{Server, give_away};
use crate::{Api, Version, daemons, database, frontend, packages, provision, say};

/// How to get at a lab's Zabbix.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    /// Its version.
    pub version: String,
    /// Where its API is.
    pub api_url: String,
    /// Its administrator.
    pub username: String,
    /// The administrator's password.
    pub password: String,
    /// A token of the administrator.
    pub token: String,
    /// The id of the group of hosts that is there for lines.
    pub host_group: String,
    /// Where the server takes values and serves proxies.
    pub server_address: String,
    /// Its proxies.
    pub proxies: Vec<Proxy>,
    /// The group of proxies, where there are any.
    pub proxy_group: Option<ProxyGroup>,
    /// Zabbix's own tool for sending values.
    pub sender: PathBuf,
    /// The database.
    pub database: String,
    /// How to speak to the proxies with certificates.
    pub sender_tls: SenderTls,
}

/// A proxy of a lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proxy {
    /// Its id in the API.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it takes values.
    pub address: String,
    /// Whether it belongs to the group of proxies.
    pub in_group: bool,
}

/// A group of proxies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProxyGroup {
    /// Its id in the API.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Access {
    /// The API, as the administrator.
    ///
    /// # Errors
    ///
    /// When a login fails.
    pub fn api(&self) -> Result<Api> {
        let version = self.version.parse().map_err(anyhow::Error::msg)?;
        Api::log_in(&self.api_url, version, &self.username, &self.password)
    }
}

/// A part that can be stopped and started by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// PostgreSQL.
    Database,
    /// The Zabbix server.
    Server,
    /// The web server, which is the API.
    Frontend,
    /// The proxy of that name.
    Proxy(String),
}

impl std::str::FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            database::NAME => Self::Database,
            daemons::SERVER => Self::Server,
            frontend::NAME => Self::Frontend,
            name if Version::V7_0.proxies().contains(&name) => Self::Proxy(name.to_owned()),
            _ => {
                let proxies = Version::V7_0.proxies().join(", ");
                return Err(format!("allowed is database, server, frontend, {proxies}"));
            }
        })
    }
}

/// A real Zabbix on loopback. It goes on when this is dropped.
#[derive(Debug)]
pub struct ZabbixLab {
    layout: Layout,
    access: Access,
}

impl ZabbixLab {
    /// Where a lab is when nothing else is said: a folder that `nobody` can get at, for each
    /// version and each working copy of the project.
    pub fn default_folder(version: Version) -> PathBuf {
        let copy = env!("CARGO_MANIFEST_DIR").bytes();
        let mark = copy.fold(0xcbf2_9ce4_8422_2325_u64, |mark, byte| {
            (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        std::env::temp_dir().join(format!("monitord-zabbix-{version}-{:08x}", mark >> 32))
    }

    /// Starts whatever of the lab in `folder` does not run, and waits until it is there.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::Unavailable) when there is no such Zabbix for this machine; anything
    /// else when it does not start.
    pub fn up(folder: &Path, version: Version) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {folder:?}"))?;
        let _lock = lock(folder)?;
        let layout = Layout::open_or_create(folder, version)?;
        for path in [layout.folder.clone(), layout.run(""), layout.log("")] {
            give_away(&path)?;
        }
        packages::provide(&layout)?;
        database::start(&layout)?;
        daemons::start_server(&layout)?;
        frontend::start(&layout)?;
        let earlier = remembered(&layout).map(|access| access.token);
        let sender_tls = certificates::provide(&layout)?;
        let access = provision::provision(&layout, sender_tls, earlier)?;
        fs::write(layout.folder.join(ACCESS), serde_json::to_string_pretty(&access)?)?;
        // After they are known to the server, which otherwise turns them away for a while.
        for place in 0..version.proxies().len() {
            daemons::start_proxy(&layout, place)?;
        }
        Ok(Self { layout, access })
    }

    /// The lab in `folder` that an earlier [`up`](Self::up) has made.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn open(folder: &Path) -> Result<Self> {
        let layout = Layout::open(folder)?.with_context(|| format!("no lab in {folder:?}"))?;
        let access = remembered(&layout).with_context(|| format!("{folder:?} was never up"))?;
        Ok(Self { layout, access })
    }

    /// Ends everything that runs of the lab in `folder`, in good order.
    ///
    /// # Errors
    ///
    /// When something does not end.
    pub fn down(folder: &Path) -> Result<()> {
        let Some(layout) = Layout::open(folder)? else {
            say(&format!("no lab in {folder:?}"));
            return Ok(());
        };
        let _lock = lock(folder)?;
        for (place, name) in layout.version.proxies().iter().enumerate() {
            daemons::proxy(&layout, name, place).stop()?;
        }
        daemons::server(&layout).stop()?;
        frontend::server(&layout).stop()?;
        database::server(&layout).stop()
    }

    /// As [`down`](Self::down), and deletes the folder.
    ///
    /// # Errors
    ///
    /// As `down`, and when the folder cannot be deleted.
    pub fn wipe(folder: &Path) -> Result<()> {
        Self::down(folder)?;
        if Layout::open(folder)?.is_some() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot delete {folder:?}"))?;
        }
        Ok(())
    }

    /// How to get at it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.layout.folder
    }

    /// Starts `part` unless it runs, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it does not start, or the lab has no such part.
    pub fn start(&self, part: &Part) -> Result<()> {
        match part {
            Part::Database => database::start(&self.layout),
            Part::Server => daemons::start_server(&self.layout),
            Part::Frontend => frontend::start(&self.layout),
            Part::Proxy(name) => daemons::start_proxy(&self.layout, self.place(name)?),
        }
    }

    /// Ends `part` in good order.
    ///
    /// # Errors
    ///
    /// When it does not end, or the lab has no such part.
    pub fn stop(&self, part: &Part) -> Result<()> {
        self.server(part)?.stop()
    }

    /// Kills `part`, which has no chance to write anything.
    ///
    /// # Errors
    ///
    /// When it does not end, or the lab has no such part.
    pub fn kill(&self, part: &Part) -> Result<()> {
        self.server(part)?.kill()
    }

    /// Has the server and the proxies that run look at once whether their configuration has changed,
    /// as they do by themselves every few seconds. They do that after this is back.
    ///
    /// # Errors
    ///
    /// When one of them cannot be told.
    pub fn reload(&self) -> Result<()> {
        daemons::reload(&self.layout)
    }

    fn server<'a>(&'a self, part: &'a Part) -> Result<Server<'a>> {
        Ok(match part {
            Part::Database => database::server(&self.layout),
            Part::Server => daemons::server(&self.layout),
            Part::Frontend => frontend::server(&self.layout),
            Part::Proxy(name) => daemons::proxy(&self.layout, name, self.place(name)?),
        })
    }

    fn place(&self, name: &str) -> Result<usize> {
        let proxies = self.layout.version.proxies();
        match proxies.iter().position(|known| *known == name) {
            Some(place) => Ok(place),
            None => bail!("there is no proxy {name}: there are {}", proxies.join(", ")),
        }
    }
}

const ACCESS: &str = "access.json";

fn remembered(layout: &Layout) -> Option<Access> {
    let text = fs::read_to_string(layout.folder.join(ACCESS)).ok()?;
    serde_json::from_str(&text).ok()
}

/// Held by one who starts or stops a lab, as long as that takes.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let file = File::create(&path).with_context(|| format!("cannot make {path:?}"))?;
    file.lock().with_context(|| format!("cannot lock {path:?}"))?;
    Ok(file)
}
