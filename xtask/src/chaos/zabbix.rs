//! The real Zabbix, which is broken, mended, and asked in the end.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;
use zabbix_lab::{Api, Part, Version, ZabbixLab};

use super::account::{Says, Stored};
use super::pause;

const PING: &str = "dedicatedLinePing";
const DETAIL: &str = "dedicatedLineErrorDetail";
const TAG: &str = "TempType";
const TAG_VALUE: &str = "CHAOS";
/// Of every host, to find out whether the proxy knows it.
const KNOWN: &str = "test.known";
/// Zabbix's kinds of values.
const UNSIGNED: u8 = 3;
const TEXT: u8 = 4;
/// A proxy of the lab has a new host within seconds, if the machine is not very busy.
const KNOWN_TIMEOUT: Duration = Duration::from_secs(120);

/// The lab's Zabbix with a host for each line.
#[derive(Debug)]
pub(crate) struct Zabbix {
    lab: ZabbixLab,
    api: Api,
    /// The items, with their host and whether they hold a loss.
    items: Vec<(String, String, bool)>,
}

impl Zabbix {
    /// Starts it when it does not run, and makes the hosts anew, each with its name and what else it
    /// is to have.
    pub(crate) fn up(version: Version, hosts: &[(String, Value)]) -> Result<Self> {
        let lab = ZabbixLab::up(&ZabbixLab::default_folder(version), version)?;
        let api = lab.access().api()?;
        let mut zabbix = Self { lab, api, items: Vec::new() };
        zabbix.make_hosts(version, hosts)?;
        for (line, _) in hosts {
            zabbix.wait_until_known(line, true)?;
        }
        Ok(zabbix)
    }

    /// Where values go.
    pub(crate) fn address(&self) -> &str {
        &self.lab.access().proxies[0].address
    }

    /// Stops the proxy that takes the values, or starts it again.
    pub(super) fn set_proxy(&self, up: bool) -> Result<()> {
        let part = Part::Proxy(self.lab.access().proxies[0].name.clone());
        if up { self.lab.start(&part) } else { self.lab.stop(&part) }
    }

    /// Stops the server behind the proxy, or starts it again.
    pub(super) fn set_server(&self, up: bool) -> Result<()> {
        if up { self.lab.start(&Part::Server) } else { self.lab.stop(&Part::Server) }
    }

    /// Stops the web server, which is the API, or starts it again.
    pub(super) fn set_api(&self, up: bool) -> Result<()> {
        if up { self.lab.start(&Part::Frontend) } else { self.lab.stop(&Part::Frontend) }
    }

    /// What monitord needs to know to read its lines there.
    pub(super) fn inventory(&self) -> Value {
        let access = self.lab.access();
        json!({
            "api": {
                "url": access.api_url, "token": access.token, "refresh": "5s", "timeout": "5s",
                "tag": { "name": TAG, "value": TAG_VALUE },
            },
            "proxy_name": access.proxies[0].name,
        })
    }

    /// What makes a host a line.
    pub(super) fn tags() -> Value {
        json!([{ "tag": TAG, "value": TAG_VALUE }])
    }

    fn make_hosts(&mut self, version: Version, hosts: &[(String, Value)]) -> Result<()> {
        let lines: Vec<_> = hosts.iter().map(|(line, _)| line).collect();
        let query = json!({ "output": ["hostid"], "filter": { "host": lines } });
        let old: Vec<_> = rows(&self.api.call("host.get", query)?, "hostid");
        if !old.is_empty() {
            self.api.call("host.delete", json!(old))?;
            // Or it takes values for items that are gone, while the new ones wait for them.
            for line in &lines {
                self.wait_until_known(line, false)?;
            }
        }
        let access = self.lab.access();
        let by_proxy = match version {
            Version::V6_0 => json!({ "proxy_hostid": access.proxies[0].id }),
            Version::V7_0 => json!({ "monitored_by": 1, "proxyid": access.proxies[0].id }),
        };
        let host = |(line, more): &(String, Value)| {
            let mut host = by_proxy.clone();
            host["host"] = json!(line);
            host["groups"] = json!([{ "groupid": access.host_group }]);
            for (key, value) in more.as_object().into_iter().flatten() {
                host[key] = value.clone();
            }
            host
        };
        let hosts: Vec<_> = hosts.iter().map(host).collect();
        let made = self.api.call("host.create", json!(hosts))?;
        let ids = made["hostids"].as_array().context("hosts have ids")?;
        for (line, id) in lines.iter().zip(ids) {
            for (key, kind) in [(PING, UNSIGNED), (DETAIL, TEXT), (KNOWN, UNSIGNED)] {
                let item = json!({
                    "hostid": id, "name": key, "key_": key, "type": 2, "value_type": kind,
                    "history": "7d", "trends": "0",
                });
                let item = self.api.call("item.create", item)?;
                let id = item["itemids"][0].as_str().context("an item has an id")?.to_owned();
                if key != KNOWN {
                    self.items.push((id, (*line).clone(), key == PING));
                }
            }
        }
        Ok(())
    }

    /// Waits until the proxy knows a line's host, or does not.
    fn wait_until_known(&self, line: &str, wanted: bool) -> Result<()> {
        let end = Instant::now() + KNOWN_TIMEOUT;
        while self.is_known(line)? != wanted {
            let what = if wanted { "know" } else { "forget" };
            ensure!(Instant::now() < end, "the proxy does not come to {what} {line}");
            pause(Duration::from_millis(300))?;
        }
        Ok(())
    }

    fn is_known(&self, line: &str) -> Result<bool> {
        let (host, port) = self.address().rsplit_once(':').context("a port")?;
        let sent = Command::new(&self.lab.access().sender)
            .args(["-z", host, "-p", port, "-s", line, "-k", KNOWN, "-o", "1"])
            .output()?;
        Ok(String::from_utf8_lossy(&sent.stdout).contains("processed: 1; failed: 0"))
    }

    /// All values of all lines.
    pub(super) fn history(&self) -> Result<Vec<Stored>> {
        let mut stored = Vec::new();
        for (is_loss, kind) in [(true, UNSIGNED), (false, TEXT)] {
            let of_kind = self.items.iter().filter(|(_, _, loss)| *loss == is_loss);
            let ids: Vec<_> = of_kind.map(|(id, _, _)| id).collect();
            let query = json!({ "output": "extend", "itemids": ids, "history": kind });
            let values = self.api.call("history.get", query)?;
            for value in values.as_array().context("a list of values")? {
                stored.push(self.stored(value, is_loss).context("a value has a moment")?);
            }
        }
        Ok(stored)
    }

    fn stored(&self, value: &Value, is_loss: bool) -> Option<Stored> {
        let number = |key: &str| value[key].as_str()?.parse::<i64>().ok();
        let (_, line, _) = self.items.iter().find(|(id, _, _)| value["itemid"] == *id)?;
        let says =
            if is_loss { Says::Loss(value["value"].as_str()?.to_owned()) } else { Says::Error };
        let moment_ms = number("clock")? * 1000 + number("ns")? / 1_000_000;
        Some(Stored { line: line.clone(), moment_ms, says })
    }
}

fn rows(found: &Value, key: &str) -> Vec<String> {
    let rows = found.as_array().into_iter().flatten();
    rows.filter_map(|row| Some(row[key].as_str()?.to_owned())).collect()
}
