//! A real router: FRR in one network namespace, a far end in another, and a line between them
//! that can be made to lose packets.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::must;

/// Names of the namespaces and of FRR's instance; with the process id and a number, so that neither
/// two runs of the tests meet, nor two tests.
pub(crate) struct FrrLine {
    near: String,
    far: String,
}

impl FrrLine {
    pub(crate) fn start() -> Self {
        static LINES: AtomicUsize = AtomicUsize::new(0);
        let id = format!("{}-{}", std::process::id(), LINES.fetch_add(1, Ordering::Relaxed));
        let line = Self { near: format!("mdn{id}"), far: format!("mdf{id}") };
        line.make_namespaces();
        line.start_zebra();
        line
    }

    /// What a login on the router gets instead of a shell.
    pub(crate) fn vtysh_command(&self) -> String {
        format!("/sbin/ip netns exec {0} /usr/bin/vtysh -N {0}", self.near)
    }

    /// The address at the other end of the line.
    pub(crate) fn far_end(&self) -> &'static str {
        "198.51.100.2"
    }

    /// An address on the line that nobody has.
    pub(crate) fn nobody(&self) -> &'static str {
        "198.51.100.77"
    }

    /// From now on every fourth echo request is lost on the way.
    pub(crate) fn lose_every_fourth_packet(&self) {
        let rules = "add table inet line\n\
             add chain inet line out { type filter hook output priority 0; }\n\
             add rule inet line out icmp type echo-request numgen inc mod 4 == 3 drop\n";
        self.near_exec("nft", &[rules]);
    }

    /// Adds as many routes to the router, and returns their prefixes.
    pub(crate) fn add_routes(&self, count: usize) -> Vec<String> {
        let prefixes: Vec<_> = (1..=count).map(|n| format!("2001:db8:{n:x}::/64")).collect();
        let file = format!("/var/run/frr/{}/routes", self.near);
        let batch = prefixes.iter().fold(String::new(), |mut batch, prefix| {
            writeln!(batch, "route add {prefix} dev line0").unwrap();
            batch
        });
        std::fs::write(&file, batch).unwrap();
        must("ip", &["-6", "-n", &self.near, "-batch", &file]);
        let show = ["netns", "exec", &self.near, "vtysh", "-N", &self.near, "-c"];
        for _ in 0..500 {
            let shown = must("ip", &[&show[..], &["show ipv6 route kernel"]].concat());
            if shown.lines().filter(|line| line.starts_with("K>*")).count() == count {
                return prefixes;
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        panic!("zebra does not take the routes over");
    }

    fn make_namespaces(&self) {
        let Self { near, far } = self;
        for namespace in [near, far] {
            must("ip", &["netns", "add", namespace]);
            must("ip", &["-n", namespace, "link", "set", "lo", "up"]);
        }
        let peer = ["peer", "name", "line0", "netns", far.as_str()];
        let pair = ["-n", near.as_str(), "link", "add", "line0", "type", "veth"];
        must("ip", &[pair.as_slice(), peer.as_slice()].concat());
        for (namespace, address) in [(near, "198.51.100.1/24"), (far, "198.51.100.2/24")] {
            must("ip", &["-n", namespace, "address", "add", address, "dev", "line0"]);
            must("ip", &["-n", namespace, "link", "set", "line0", "up"]);
        }
        // Without an answer to ARP a packet is lost, as on a line whose far end is down.
        let silent = ["neighbour", "add", self.nobody(), "lladdr", "02:00:00:00:00:77"];
        must("ip", &[&["-n", near], silent.as_slice(), &["dev", "line0"]].concat());
    }

    fn start_zebra(&self) {
        let near = &self.near;
        let folder = format!("/var/run/frr/{near}");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(format!("/etc/frr/{near}")).unwrap();
        must("chown", &["-R", "frr:frr", "/var/run/frr", &format!("/etc/frr/{near}")]);
        self.near_exec("/usr/lib/frr/zebra", &["-d", "-N", near, "-A", "127.0.0.1", "-P", "0"]);
        for _ in 0..500 {
            let answers = Command::new("ip")
                .args(["netns", "exec", near, "vtysh", "-N", near, "-c", "show version"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if answers.success() {
                return;
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        panic!("zebra does not answer");
    }

    fn near_exec(&self, program: &str, arguments: &[&str]) {
        let prefix = ["netns", "exec", self.near.as_str(), program];
        must("ip", &[prefix.as_slice(), arguments].concat());
    }
}

impl Drop for FrrLine {
    fn drop(&mut self) {
        let pid_file = format!("/var/run/frr/{}/zebra.pid", self.near);
        if let Ok(pid) = std::fs::read_to_string(pid_file) {
            Command::new("kill").arg(pid.trim()).status().ok();
        }
        for namespace in [&self.near, &self.far] {
            Command::new("ip").args(["netns", "delete", namespace]).status().ok();
        }
        std::fs::remove_dir_all(format!("/var/run/frr/{}", self.near)).ok();
        std::fs::remove_dir_all(format!("/etc/frr/{}", self.near)).ok();
    }
}
