//! The Debian package, installed, started, upgraded, removed and purged in a guest.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::payload::Payload;
use super::release::Release;
use super::write_deb;
use crate::guest::{Guest, Image, ensure_possible};

/// Everything in the guest but what is no file of a package: logs, caches, the books of dpkg and apt,
/// and what systemd keeps for itself.
const FIND: &str = "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp \
     -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt \
     -o -path /var/lib/systemd -o -path /root -o -path /var/tmp \\) -prune -o -print";
/// A configuration that can be started, with a marker in it.
const EDITED: &str = "# edited by the administrator
http: { listen: \"127.0.0.1:9180\" }
zabbix: { sender: { address: \"192.0.2.10:10051\" } }
routers:
  - { name: edge-1, host: 192.0.2.1, platform: cisco_iosxe, username: monitor, password: secret }
lines:
  - { id: L0001, router: edge-1, target: 198.51.100.1, interval: 10s }
";

/// Tests the package of `release`, and an upgrade to one of the next revision.
pub(crate) fn run(release: &Release, maintainer: &str) -> Result<()> {
    ensure_possible()?;
    let deb = release.deb()?;
    ensure!(deb.exists(), "{deb:?} is not there: `cargo xtask dist` makes it");
    let (next, next_deb) = next(release, maintainer)?;
    let image = Image::provide(&release.folder.join("guest"))?;
    let guest = Guest::boot(&image, None)?;
    guest.put(&deb, &format!("/root/{}.deb", release.revision))?;
    guest.put(&next_deb, &format!("/root/{}.deb", next.revision))?;
    let test = Test { guest: &guest, release, next: &next };
    let before = test.files()?;
    test.install()?;
    test.run_as_its_user()?;
    test.start()?;
    test.upgrade()?;
    test.remove()?;
    test.purge(&before)?;
    println!("dist test: {} and its upgrade are in order", release.debian_version());
    Ok(())
}

/// A package with the same binary, a higher version, and another configuration as it is shipped: so
/// that an upgrade has to choose between that one and the administrator's.
fn next(release: &Release, maintainer: &str) -> Result<(Release, PathBuf)> {
    let program = release.folder.join("monitord");
    let folder = release.folder.join("next");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {folder:?}"))?;
    let next = Release { revision: release.revision + 1, folder, ..release.clone() };
    let mut tree = Payload::of(&program, String::new())?.for_debian()?;
    tree.add_with_mode("etc/monitord/monitord.yaml", 0o640, "# as it is shipped next\nlines: []\n");
    let deb = write_deb(&next, tree, &program, maintainer)?;
    Ok((next, deb))
}

struct Test<'a> {
    guest: &'a Guest,
    release: &'a Release,
    next: &'a Release,
}

impl Test<'_> {
    fn files(&self) -> Result<BTreeSet<String>> {
        Ok(self.guest.must(FIND)?.lines().map(str::to_owned).collect())
    }

    /// Fails unless `command` prints exactly `wanted`.
    fn prints(&self, command: &str, wanted: &str) -> Result<()> {
        let printed = self.guest.run(command)?;
        let printed = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
        ensure!(printed == wanted, "{command}\nprints {printed:?}, and not {wanted:?}");
        Ok(())
    }

    fn install(&self) -> Result<()> {
        self.guest.must(&format!("apt-get install -y ./{}.deb", self.release.revision))?;
        let version = self.release.debian_version();
        self.prints(
            "dpkg-query -W -f '${Version} ${db:Status-Status}' monitord",
            &format!("{version} installed"),
        )?;
        self.prints("stat -c '%a %U:%G' /etc/monitord/monitord.yaml", "640 root:monitord")?;
        self.prints("getent passwd monitord | cut -d: -f7", "/usr/sbin/nologin")?;
        self.prints("systemctl is-enabled monitord", "disabled")?;
        self.prints("systemctl is-active monitord", "inactive")?;
        self.prints("dpkg --verify monitord", "")?;
        println!("install: ok, disabled until it is configured");
        let verified = self.guest.must("systemd-analyze verify monitord.service")?;
        let said: Vec<_> = verified.lines().filter(|line| !is_of_an_older_systemd(line)).collect();
        ensure!(said.is_empty(), "systemd-analyze verify says {said:?}");
        let offline =
            "systemd-analyze security --offline=true monitord.service 2> /dev/null | tail -n 1";
        println!("unit: ok; {}", self.guest.must(offline)?.trim().trim_start_matches("→ "));
        self.guest.must("man -w monitord monitord-run > /dev/null; bash -n /usr/share/bash-completion/completions/monitord")?;
        Ok(())
    }

    fn run_as_its_user(&self) -> Result<()> {
        let as_user = "runuser -u monitord --";
        self.prints(
            &format!("{as_user} monitord --version"),
            &format!("monitord {}", self.release.version),
        )?;
        // Without a line there is nothing to do, which has to be said and not to be tried.
        let empty = format!("{as_user} monitord validate --offline -c /etc/monitord/monitord.yaml");
        let said = self.guest.run(&empty)?;
        ensure!(said.status.code() == Some(78), "an empty configuration: {}", said.status);
        self.guest.must(&format!("cat > /etc/monitord/monitord.yaml <<'EOF'\n{EDITED}EOF"))?;
        self.guest.must(&empty)?;
        let other = self.guest.run("runuser -u nobody -- cat /etc/monitord/monitord.yaml")?;
        ensure!(!other.status.success(), "everybody can read the configuration");
        println!("its user: ok, and the configuration is for it alone");
        Ok(())
    }

    fn start(&self) -> Result<()> {
        self.guest.must("systemctl enable --now monitord")?;
        self.prints("systemctl is-active monitord", "active")?;
        self.prints("stat -c %U /proc/$(systemctl show -P MainPID monitord)", "monitord")?;
        self.guest.must("curl -fsS http://127.0.0.1:9180/healthz")?;
        self.guest.must("test -S /run/monitord/control.sock && test -d /var/lib/monitord/spool")?;
        println!("start: ok, under systemd, as monitord");
        Ok(())
    }

    fn upgrade(&self) -> Result<()> {
        let before = self.guest.must("systemctl show -P MainPID monitord")?;
        // What dpkg would ask about, is decided here: nobody is there to be asked.
        let keep = "-o Dpkg::Options::=--force-confold";
        self.guest.must(&format!("apt-get install -y {keep} ./{}.deb", self.next.revision))?;
        self.guest.must("test -e /etc/monitord/monitord.yaml.dpkg-dist")?;
        self.prints("dpkg-query -W -f '${Version}' monitord", &self.next.debian_version())?;
        self.prints("head -n 1 /etc/monitord/monitord.yaml", "# edited by the administrator")?;
        self.prints("stat -c '%a %U:%G' /etc/monitord/monitord.yaml", "640 root:monitord")?;
        self.prints("systemctl is-active monitord", "active")?;
        self.prints("systemctl is-enabled monitord", "enabled")?;
        let after = self.guest.must("systemctl show -P MainPID monitord")?;
        ensure!(before != after, "the old one still runs after the upgrade");
        println!("upgrade: ok, restarted, and the edited configuration is kept");
        Ok(())
    }

    fn remove(&self) -> Result<()> {
        self.guest.must("apt-get remove -y monitord")?;
        self.prints("ls -l /proc/*/exe | grep -c /usr/bin/monitord || true", "0")?;
        self.guest.must("test ! -e /usr/bin/monitord && test -d /var/lib/monitord/spool")?;
        self.prints("head -n 1 /etc/monitord/monitord.yaml", "# edited by the administrator")?;
        println!("remove: ok, stopped; configuration and spool are kept");
        Ok(())
    }

    fn purge(&self, before: &BTreeSet<String>) -> Result<()> {
        self.guest.must("apt-get purge -y monitord")?;
        let after = self.files()?;
        let left: Vec<_> = after.difference(before).collect();
        ensure!(left.is_empty(), "a purge leaves {left:?}");
        let gone: Vec<_> = before.difference(&after).collect();
        ensure!(gone.is_empty(), "a purge takes {gone:?} along");
        self.prints("getent passwd monitord; getent group monitord; true", "")?;
        self.guest.must("systemctl daemon-reload")?;
        self.prints("systemctl show -P LoadState monitord", "not-found")
            .context("after a purge")?;
        println!("purge: ok, nothing is left");
        Ok(())
    }
}

/// The type of a service that systemd 252 does not know yet. The unit names an older one before.
fn is_of_an_older_systemd(line: &str) -> bool {
    line.contains("notify-reload")
}
