//! The section `zabbix`: where to report to. The predecessor's flat keys are understood.

use std::time::Duration;

use super::Surroundings;
use super::address::TRAPPER_PORT;
use super::allowed::Allowed;
use super::section::Section;
use super::sender::{self, Sender};
use super::value::{boolean, duration_within, integer, parsed, word};
use crate::tls::TlsSettings;
use pool_core::Endpoint;

/// The longest item key that Zabbix stores.
const ITEM_KEY_CHARS_MAX: usize = 2048;
/// How often the heartbeat beats when nothing else is said.
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(60);
const HEARTBEAT_MIN: Duration = Duration::from_secs(10);
const HEARTBEAT_MAX: Duration = Duration::from_secs(3600);

/// Where and as what results are reported to Zabbix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ZabbixSettings {
    /// The server or proxy that takes the values.
    pub(crate) address: Endpoint,
    /// What encrypts the way there, if anything does.
    pub(crate) tls: Option<TlsSettings>,
    /// The items they are for.
    pub(crate) items: ItemKeys,
    /// How monitord says that it is alive, if it does.
    pub(crate) heartbeat: Option<Heartbeat>,
    /// Whether anything is reported at all.
    pub(crate) reports: bool,
    /// Whether the item of the figures becomes "not supported", with the reason, after a check that
    /// gave none.
    pub(crate) not_supported: bool,
}

/// An item that gets a value as long as monitord runs and reaches Zabbix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    /// The technical name of its host.
    pub(crate) host: String,
    /// Its key.
    pub(crate) key: String,
    /// How often it gets a value.
    pub(crate) interval: Duration,
}

/// The keys of the trapper items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemKeys {
    /// Gets the loss in percent, as a whole number, when a check was carried out.
    pub(crate) ping: String,
    /// Gets a status text otherwise.
    pub(crate) error_detail: String,
    /// Gets the loss in percent with its fraction, when a check was carried out.
    pub(crate) loss: Option<String>,
    /// Gets the shortest round-trip time in seconds, when there is one.
    pub(crate) rtt_min: Option<String>,
    /// Gets the mean round-trip time in seconds, when there is one.
    pub(crate) rtt_avg: Option<String>,
    /// Gets the longest round-trip time in seconds, when there is one.
    pub(crate) rtt_max: Option<String>,
    /// Gets how long the check took in seconds, when it was tried.
    pub(crate) duration: Option<String>,
    /// Gets `up`, `down` or `disabled`, when an interface was looked at.
    pub(crate) interface_state: Option<String>,
    /// Gets its count of errors on the way in.
    pub(crate) interface_in_errors: Option<String>,
    /// Gets its count of errors on the way out.
    pub(crate) interface_out_errors: Option<String>,
    /// Gets `ok` or what went wrong, after each check.
    pub(crate) status: Option<String>,
}

impl Default for ItemKeys {
    fn default() -> Self {
        Self {
            ping: "dedicatedLinePing".to_owned(),
            error_detail: "dedicatedLineErrorDetail".to_owned(),
            loss: None,
            rtt_min: None,
            rtt_avg: None,
            rtt_max: None,
            duration: None,
            interface_state: None,
            interface_in_errors: None,
            interface_out_errors: None,
            status: None,
        }
    }
}

/// Reads the section. Nothing is reported when it names no address.
pub(super) fn read(
    section: &mut Section<'_>,
    around: &Surroundings<'_>,
    warnings: &mut Vec<String>,
) -> Option<ZabbixSettings> {
    let items = section.section("items", read_items).unwrap_or_default();
    let heartbeat = section.section("heartbeat", read_heartbeat).flatten();
    let not_supported = section.get("not_supported", boolean).unwrap_or(false);
    let nested = section.section("sender", |sender| sender::read(sender, around));
    let has_both = nested.is_some() && section.has("proxyip");
    let flat = read_flat_address(section);
    if has_both {
        section.complain("proxyip", "stands beside sender.address: only one of them is allowed");
    }
    let Sender { address, tls } = nested.unwrap_or_default();
    let address = address.or(flat);
    let reports = section.get("report", boolean).unwrap_or(true);
    if !reports {
        warnings.push(format!(
            "{} is false: lines are checked, and nothing is reported to Zabbix",
            section.path_of("report")
        ));
    } else if address.is_none() {
        warnings.push(format!(
            "{} names no address: nothing is reported to Zabbix",
            section.path_of("sender")
        ));
    }
    Some(ZabbixSettings { address: address?, tls, items, heartbeat, reports, not_supported })
}

fn read_flat_address(section: &mut Section<'_>) -> Option<Endpoint> {
    let declared = section.has("proxyip");
    let port = section.get("proxyport", integer(1..=u16::MAX));
    if port.is_some() && !declared {
        section.complain("proxyport", "stands without proxyip: both or none are needed");
    }
    let endpoint = |host| Endpoint::new(host, port.unwrap_or(TRAPPER_PORT));
    section.get(
        "proxyip",
        parsed(endpoint, |e| format!("an IP address or a host name ({})", e.reason)),
    )
}

fn read_heartbeat(section: &mut Section<'_>) -> Option<Heartbeat> {
    let host = section.require("host", word);
    let key = section.require("key", key);
    let interval = section.get("interval", duration_within(HEARTBEAT_MIN..=HEARTBEAT_MAX));
    Some(Heartbeat { host: host?, key: key?, interval: interval.unwrap_or(HEARTBEAT_DEFAULT) })
}

fn key(value: &config::ValueKind) -> Result<String, Allowed> {
    let text = word(value)?;
    let fits = text.chars().count() <= ITEM_KEY_CHARS_MAX && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err("an item key of at most 2048 characters".into()) }
}

fn read_items(section: &mut Section<'_>) -> ItemKeys {
    let defaults = ItemKeys::default();
    let keys = ItemKeys {
        ping: section.get("ping", key).unwrap_or(defaults.ping),
        error_detail: section.get("error_detail", key).unwrap_or(defaults.error_detail),
        loss: section.get("loss", key),
        rtt_min: section.get("rtt_min", key),
        rtt_avg: section.get("rtt_avg", key),
        rtt_max: section.get("rtt_max", key),
        duration: section.get("duration", key),
        interface_state: section.get("interface_state", key),
        interface_in_errors: section.get("interface_in_errors", key),
        interface_out_errors: section.get("interface_out_errors", key),
        status: section.get("status", key),
    };
    complain_about_shared_keys(section, &keys);
    keys
}

/// An item takes values of one kind, and one of them for each moment.
fn complain_about_shared_keys(section: &Section<'_>, keys: &ItemKeys) {
    let named = [
        ("ping", Some(&keys.ping)),
        ("error_detail", Some(&keys.error_detail)),
        ("loss", keys.loss.as_ref()),
        ("rtt_min", keys.rtt_min.as_ref()),
        ("rtt_avg", keys.rtt_avg.as_ref()),
        ("rtt_max", keys.rtt_max.as_ref()),
        ("duration", keys.duration.as_ref()),
        ("interface_state", keys.interface_state.as_ref()),
        ("interface_in_errors", keys.interface_in_errors.as_ref()),
        ("interface_out_errors", keys.interface_out_errors.as_ref()),
        ("status", keys.status.as_ref()),
    ];
    for (index, (name, key)) in named.iter().enumerate() {
        let Some(key) = key else { continue };
        let other = named[..index].iter().find(|(_, other)| *other == Some(key));
        if let Some((other, _)) = other {
            let text = format!("is {key:?}: allowed is another key than that of {other}");
            section.complain(name, text);
        }
    }
}
