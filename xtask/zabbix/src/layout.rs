use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::Version;

/// Where ports are looked for: below those that the kernel gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..31_000;
/// Ports of one lab: database, server, frontend, and up to four proxies.
const PORTS_PER_LAB: u16 = 8;

/// The folder of a lab, and what it remembers.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) folder: PathBuf,
    pub(crate) version: Version,
    port_first: u16,
}

#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    version: String,
    port_first: u16,
}

impl Layout {
    /// Opens the folder of a lab, or makes one with ports that nobody listens on.
    pub(crate) fn open_or_create(folder: &Path, version: Version) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {folder:?}"))?;
        let folder = folder.canonicalize().with_context(|| format!("cannot open {folder:?}"))?;
        if let Some(layout) = Self::open(&folder)? {
            let found = layout.version;
            ensure!(found == version, "{folder:?} holds Zabbix {found}, not {version}");
            return Ok(layout);
        }
        let is_empty =
            fs::read_dir(&folder)?.all(|entry| entry.is_ok_and(|entry| entry.file_name() == LOCK));
        ensure!(is_empty, "{folder:?} is not empty and holds no lab: name another folder");
        let layout = Self { folder, version, port_first: free_ports()? };
        for name in ["conf", "log", "run"] {
            fs::create_dir_all(layout.folder.join(name))?;
        }
        let remembered = Remembered { version: version.to_string(), port_first: layout.port_first };
        fs::write(layout.folder.join(MEMORY), serde_json::to_string(&remembered)?)?;
        Ok(layout)
    }

    /// Opens the folder of a lab, if it is one.
    pub(crate) fn open(folder: &Path) -> Result<Option<Self>> {
        let Ok(text) = fs::read_to_string(folder.join(MEMORY)) else { return Ok(None) };
        let remembered: Remembered = serde_json::from_str(&text)
            .with_context(|| format!("cannot read {:?}", folder.join(MEMORY)))?;
        let Ok(version) = remembered.version.parse() else {
            bail!("{folder:?} holds Zabbix {}, which this lab does not know", remembered.version);
        };
        let folder = folder.canonicalize()?;
        Ok(Some(Self { folder, version, port_first: remembered.port_first }))
    }

    pub(crate) fn database_port(&self) -> u16 {
        self.port_first
    }

    pub(crate) fn server_port(&self) -> u16 {
        self.port_first + 1
    }

    pub(crate) fn frontend_port(&self) -> u16 {
        self.port_first + 2
    }

    /// The port of the proxy at `place` in [`Version::proxies`].
    pub(crate) fn proxy_port(&self, place: usize) -> u16 {
        let ports = self.port_first + 3..self.port_first + PORTS_PER_LAB;
        ports.into_iter().nth(place).expect("there are ports for every proxy")
    }

    /// What the packages hold.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    pub(crate) fn conf(&self, name: &str) -> PathBuf {
        self.folder.join("conf").join(name)
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join("log").join(name)
    }

    pub(crate) fn run(&self, name: &str) -> PathBuf {
        self.folder.join("run").join(name)
    }
}

const MEMORY: &str = "lab.json";
/// Held while a lab is started or stopped.
pub(crate) const LOCK: &str = "lock";

/// The first of as many ports in a row as a lab needs. Several labs that are made at the same
/// moment look in different places.
fn free_ports() -> Result<u16> {
    let blocks = usize::from((PORTS.end - PORTS.start) / PORTS_PER_LAB);
    let start = std::process::id() as usize;
    let mut firsts = PORTS.step_by(usize::from(PORTS_PER_LAB)).cycle().skip(start % blocks);
    let is_free = |first: &u16| {
        (*first..first + PORTS_PER_LAB).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
    };
    let found = firsts.by_ref().take(blocks).find(is_free);
    found.context("no free ports for a lab between 20000 and 31000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_keeps_its_ports_and_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let made = Layout::open_or_create(folder.path(), Version::V7_0).unwrap();
        let again = Layout::open_or_create(folder.path(), Version::V7_0).unwrap();
        assert_eq!(made.proxy_port(3), again.proxy_port(3));
        let refused = Layout::open_or_create(folder.path(), Version::V6_0).unwrap_err();
        assert!(refused.to_string().contains("holds Zabbix 7.0, not 6.0"), "{refused}");
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis"), "").unwrap();
        assert!(Layout::open_or_create(folder.path(), Version::V6_0).is_err());
        assert!(Layout::open(folder.path()).unwrap().is_none());
    }

    #[test]
    fn every_proxy_has_a_port() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::open_or_create(folder.path(), Version::V7_0).unwrap();
        let ports = 0..Version::V7_0.proxies().len();
        assert!(ports.map(|place| layout.proxy_port(place)).all(|port| PORTS.contains(&port)));
    }
}
