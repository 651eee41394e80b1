//! Who else can get at what must stay ours.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{getegid, geteuid, getgroups};

use super::Settings;

const GROUP_READ: u32 = 0o040;
const GROUP_WRITE: u32 = 0o020;
const WORLD_READ: u32 = 0o004;
const WORLD_WRITE: u32 = 0o002;
/// On a directory: only the owner of a file may replace it.
const STICKY: u32 = 0o1000;

/// What is open to others, and how to shut it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exposure {
    /// Whether to everybody, and not to a group alone.
    pub(super) to_all: bool,
    text: String,
}

impl std::fmt::Display for Exposure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Who we are to the file system.
#[derive(Clone, Debug)]
struct Me {
    user: u32,
    groups: BTreeSet<u32>,
}

impl Me {
    fn of_process() -> Self {
        let mut groups: BTreeSet<_> =
            getgroups().unwrap_or_default().into_iter().map(|group| group.as_raw()).collect();
        groups.insert(getegid().as_raw());
        Self { user: geteuid().as_raw(), groups }
    }

    /// Whether the group is how we ourselves get at a file that is another's, which is how
    /// packages give a service its configuration: `root:monitord`, 0640.
    fn needs_group(&self, user: u32, group: u32) -> bool {
        user != self.user && self.groups.contains(&group)
    }
}

/// Who else can read the file at `path`; nobody when it cannot be looked at.
pub(super) fn readers(path: &Path) -> Option<Exposure> {
    let found = path.metadata().ok()?;
    let mode = Mode::of(&found);
    mode.exposure(&Me::of_process(), GROUP_READ, WORLD_READ, "read", path)
}

/// Who else can replace what stands at `path`, a directory.
pub(super) fn writers(path: &Path) -> Option<Exposure> {
    let found = path.metadata().ok()?;
    let mode = Mode::of(&found);
    if mode.bits & STICKY != 0 {
        return None;
    }
    mode.exposure(&Me::of_process(), GROUP_WRITE, WORLD_WRITE, "write to", path)
}

/// Warnings about directories that others can get at: whoever replaces a host key can have the
/// password, and outcomes name routers and lines.
pub(super) fn places(settings: &Settings) -> Vec<String> {
    let known_hosts = settings.ssh.known_hosts.parent().and_then(|directory| {
        let exposure = writers(directory)?;
        Some(format!("{}: host keys are in it, and {exposure}", directory.display()))
    });
    let socket = settings.control_socket.as_deref().and_then(Path::parent);
    let socket = socket.and_then(|directory| {
        let exposure = writers(directory)?;
        Some(format!("{}: the control socket is in it, and {exposure}", directory.display()))
    });
    let spool = settings.spool.directory.as_deref().and_then(|directory| {
        let exposure = readers(directory)?;
        Some(format!("{}: outcomes are in it, and {exposure}", directory.display()))
    });
    [known_hosts, socket, spool].into_iter().flatten().collect()
}

struct Mode {
    bits: u32,
    user: u32,
    group: u32,
}

impl Mode {
    fn of(found: &Metadata) -> Self {
        Self { bits: found.mode() & 0o7777, user: found.uid(), group: found.gid() }
    }

    fn exposure(
        &self,
        me: &Me,
        group_bit: u32,
        world_bit: u32,
        can: &str,
        path: &Path,
    ) -> Option<Exposure> {
        let to_all = self.bits & world_bit != 0;
        let to_group = self.bits & group_bit != 0 && !me.needs_group(self.user, self.group);
        if !to_all && !to_group {
            return None;
        }
        let who = if to_all { "everybody" } else { "its group" };
        let whose = if to_group { "go" } else { "o" };
        let (mode, path) = (self.bits, path.display());
        let text = format!("{who} can {can} it (mode {mode:04o}): chmod {whose}= {path}");
        Some(Exposure { to_all, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bits: u32, user: u32, group: u32, expected: Option<&str>) {
        let me = Me { user: 1000, groups: BTreeSet::from([1000, 50]) };
        let mode = Mode { bits, user, group };
        let found = mode.exposure(&me, GROUP_READ, WORLD_READ, "read", Path::new("/f"));
        assert_eq!(found.map(|found| found.text).as_deref(), expected, "{bits:o} {user} {group}");
    }

    #[test]
    fn a_group_may_read_what_we_could_not_read_otherwise() {
        check(0o600, 1000, 1000, None);
        check(0o640, 0, 50, None);
        check(0o640, 1000, 1000, Some("its group can read it (mode 0640): chmod go= /f"));
        check(0o640, 0, 7, Some("its group can read it (mode 0640): chmod go= /f"));
        check(0o644, 0, 50, Some("everybody can read it (mode 0644): chmod o= /f"));
        check(0o644, 1000, 50, Some("everybody can read it (mode 0644): chmod go= /f"));
    }

    #[test]
    fn a_directory_in_which_everybody_keeps_to_his_own_is_no_danger() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let open = |mode| {
            std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(mode)).unwrap();
            writers(folder.path())
        };
        assert_eq!(open(0o700), None);
        assert_eq!(open(0o1777), None);
        assert!(open(0o777).is_some_and(|exposure| exposure.to_all));
    }
}
