//! The scene of whoever comes from the predecessor: its configuration, its hosts in Zabbix, and
//! something that reports as it did.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use zabbix_lab::{Access, Api, Version, ZabbixLab};

use super::{PASSWORD, USER};
use crate::guest::{Guest, Network, pause};

/// Where the proxy of the documents takes values.
const PROXY: &str = "192.0.2.20:10051";
const PROGRAM: &str = include_str!("predecessor.sh");
const UNIT: &str = "[Service]\nExecStart=/usr/local/bin/predecessor\nRestart=always\n";
/// The lines, called by their far ends: the predecessor pinged the name of the host.
const GOOD: &str = "198.51.100.1";
pub(super) const LOSSY: &str = "198.51.100.2";
/// The percentage that the lossy one loses.
pub(super) const LOSS_PCT: u8 = 20;
/// How long the last values may take from a sender to the history.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What has been made for the page.
#[derive(Debug)]
pub(super) struct Predecessor {
    api: Api,
    /// The item of the loss of the line that loses packets.
    item: String,
}

impl Predecessor {
    /// Makes the hosts, and lets the guest's network lead to the proxy that monitors them.
    pub(super) fn make(zabbix: &ZabbixLab, network: &Network) -> Result<Self> {
        let access = zabbix.access();
        let api = Api::with_token(&access.api_url, Version::V6_0, Some(access.token.clone()));
        let proxy: SocketAddr = access.proxies[0].address.parse()?;
        network.lead(PROXY.parse()?, proxy)?;
        make_line(&api, access, GOOD)?;
        let item = make_line(&api, access, LOSSY)?;
        zabbix.reload()?;
        Ok(Self { api, item })
    }

    /// Puts its configuration into `guest`, and starts what reports.
    pub(super) fn move_in(zabbix: &ZabbixLab, guest: &Guest) -> Result<()> {
        guest.write("/root/svr.yml", &svr_yml(zabbix.access()))?;
        guest.write("/usr/local/bin/predecessor", PROGRAM)?;
        guest.write("/etc/systemd/system/predecessor.service", UNIT)?;
        guest.must("chmod 755 /usr/local/bin/predecessor && systemctl start predecessor")?;
        Ok(())
    }

    /// Whether Zabbix was told by one after the other, and by nobody else meanwhile: the predecessor
    /// calls the loss 0, monitord what it is, and after the way back it is 0 again.
    ///
    /// # Errors
    ///
    /// When it is not so a minute after the page was done.
    pub(super) fn judge(&self) -> Result<()> {
        let expected = ["0".to_owned(), LOSS_PCT.to_string(), "0".to_owned()];
        let mut told = Vec::new();
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            told = self.told()?;
            if told == expected {
                println!("== Zabbix was told {}", told.join(", then "));
                return Ok(());
            }
            pause(LOOK_EVERY);
        }
        let (wanted, told) = (expected.join(", then "), told.join(", then "));
        bail!("Zabbix was to be told a loss of {wanted}, and was told {told}")
    }

    /// The values in the order of their moments, equal ones in a row once.
    fn told(&self) -> Result<Vec<String>> {
        let query = json!({
            "output": ["clock", "ns", "value"], "itemids": [self.item], "history": 3,
        });
        let found = self.api.call("history.get", query)?;
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let number = |value: &Value, key: &str| text(value, key).parse::<u64>();
        let mut values = Vec::new();
        for value in found.as_array().context("a history is a list")? {
            let moment = (number(value, "clock")?, number(value, "ns")?);
            values.push((moment, text(value, "value")));
        }
        values.sort();
        let mut told: Vec<_> = values.into_iter().map(|(_, value)| value).collect();
        told.dedup();
        Ok(told)
    }
}

/// The configuration, as the predecessor took it.
fn svr_yml(access: &Access) -> String {
    let (username, password, proxy) = (&access.username, &access.password, &access.proxies[0].name);
    format!(
        "zabbix:\n  username: {username}\n  password: {password}\n  serverip: 192.0.2.10\n  \
         serverport: 80\n  proxyname: {proxy}\n  proxyip: 192.0.2.20\n  proxyport: 10051\n"
    )
}

/// Makes a host as the predecessor had them, and returns the id of the item of its loss.
fn make_line(api: &Api, access: &Access, name: &str) -> Result<String> {
    let macros: Vec<_> = [
        ("ID", name),
        ("CHECK_INTERVAL", "10"),
        ("ROUTER_IP", "192.0.2.1"),
        ("ROUTER_USERNAME", USER),
        ("ROUTER_PASSWORD", PASSWORD),
        ("ROUTER_PLATFORM", "cisco_iosxe"),
        ("ROUTER_PROTOCOL", "scrapli"),
    ]
    .into_iter()
    .map(|(name, value)| json!({ "macro": format!("{{$LINE_{name}}}"), "value": value }))
    .collect();
    let host = json!({
        "host": name,
        "groups": [{ "groupid": access.host_group }],
        "proxy_hostid": access.proxies[0].id,
        "tags": [{ "tag": "TempType", "value": "LINE" }],
        "macros": macros,
    });
    let made = api.call("host.create", host)?;
    let host = id(&made["hostids"][0])?;
    // Trapper items: a whole number, and a text.
    let item = |key: &str, kind: u8| json!({ "hostid": host, "name": key, "key_": key, "type": 2, "value_type": kind });
    let made = api.call("item.create", item("dedicatedLinePing", 3))?;
    api.call("item.create", item("dedicatedLineErrorDetail", 4))?;
    id(&made["itemids"][0])
}

fn id(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).context("Zabbix tells no id")
}
