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

/// The group that packages give the service.
const SERVICE: &str = "monitord";
const ROOT: u32 = 0;

/// Who we are to the file system.
#[derive(Clone, Debug)]
struct Me {
    user: u32,
    groups: BTreeSet<u32>,
    /// The group of the service, which root looks after.
    service: Option<u32>,
}

impl Me {
    fn of_process() -> Self {
        let mut groups: BTreeSet<_> =
            getgroups().unwrap_or_default().into_iter().map(|group| group.as_raw()).collect();
        groups.insert(getegid().as_raw());
        let known = std::fs::read_to_string("/etc/group").unwrap_or_default();
        Self { user: geteuid().as_raw(), groups, service: group_id(&known, SERVICE) }
    }

    /// Whether the group is how we ourselves get at a file that is another's, which is how
    /// packages give a service its configuration: `root:monitord`, 0640.
    /// Root, who asks how it looks, is told the same.
    fn needs_group(&self, user: u32, group: u32) -> bool {
        let is_ours = user != self.user && self.groups.contains(&group);
        is_ours || (self.user == ROOT && user == ROOT && self.service == Some(group))
    }
}

/// The number of the group `name` in group(5).
fn group_id(known: &str, name: &str) -> Option<u32> {
    let mut groups = known.lines().map(|line| line.split(':'));
    groups.find_map(|mut fields| (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?)
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

    #[track_caller]
    fn check(bits: u32, user: u32, group: u32, expected: Option<&str>) {
        check_as(1000, bits, user, group, expected);
    }

    #[track_caller]
    fn check_as(me: u32, bits: u32, user: u32, group: u32, expected: Option<&str>) {
        let me = Me { user: me, groups: BTreeSet::from([me, 50]), service: Some(990) };
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
    fn root_is_told_the_same_of_the_services_files_as_the_service() {
        check_as(0, 0o640, 0, 990, None);
        check_as(0, 0o644, 0, 990, Some("everybody can read it (mode 0644): chmod o= /f"));
        check_as(0, 0o640, 0, 7, Some("its group can read it (mode 0640): chmod go= /f"));
        check_as(0, 0o640, 5, 990, Some("its group can read it (mode 0640): chmod go= /f"));
        check(0o640, 1000, 990, Some("its group can read it (mode 0640): chmod go= /f"));
        let known = "root:x:0:\nmonitord-ui:x:7:\nmonitord:x:990:a,b\nbad:x\n";
        assert_eq!(group_id(known, "monitord"), Some(990));
        assert_eq!((group_id(known, "bad"), group_id(known, "b")), (None, None));
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
