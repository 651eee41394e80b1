//! What items of hosts have been told, read and never written.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Flexible, Id, NameOnly};
use super::client::{ApiError, Client};
use super::fetch::texts;
use super::settings::ApiSettings;

/// How many hosts one call asks for.
const HOSTS_BATCH: usize = 500;
/// How many values one call asks for: about a megabyte, which no frontend is too small for.
const VALUES_MAX: usize = 10_000;

/// An item of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The item's id.
    pub(crate) id: Id,
    /// The technical name of its host.
    pub(crate) host: String,
    /// Its key.
    pub(crate) key: String,
    /// What its values are, as Zabbix numbers it.
    pub(crate) kind: u8,
}

/// A value of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The item's id.
    pub(crate) item: Id,
    /// The value's moment, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The value.
    pub(crate) value: String,
}

/// Reads items and their values.
#[derive(Debug)]
pub(crate) struct History {
    client: Client,
}

impl History {
    /// The methods that it calls, beside those of logging in.
    pub(crate) const METHODS: [&str; 2] = ["item.get", "history.get"];

    /// One that has not connected yet.
    ///
    /// # Errors
    ///
    /// When an URL or the certificates cannot be used.
    pub(crate) fn new(settings: &ApiSettings) -> Result<Self, ApiError> {
        Ok(Self { client: Client::new(settings)? })
    }

    /// The items with these keys of those of the hosts that there are.
    ///
    /// # Errors
    ///
    /// When the API is away, refuses or cannot be understood.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped, the connection is closed.
    pub(crate) async fn items(
        &mut self,
        hosts: &[&str],
        keys: &[&str],
    ) -> Result<Vec<Item>, ApiError> {
        let mut items = Vec::new();
        for hosts in hosts.chunks(HOSTS_BATCH) {
            let params = json!({
                "output": ["itemid", "key_", "value_type"],
                "selectHosts": ["host"],
                "filter": { "host": hosts, "key_": keys },
            });
            let found: Vec<RawItem> = self.client.call("item.get", params).await?;
            items.extend(found.into_iter().filter_map(RawItem::into_item));
        }
        Ok(items)
    }

    /// The values of items of one kind from one second to another, both included, the oldest first.
    ///
    /// # Errors
    ///
    /// As [`items`](Self::items), and when there are too many values for one moment.
    ///
    /// # Cancel safety
    ///
    /// As [`items`](Self::items).
    pub(crate) async fn values(
        &mut self,
        kind: u8,
        items: &[Id],
        (mut from, till): (i64, i64),
    ) -> Result<Vec<Stored>, ApiError> {
        let (mut values, mut limit) = (Vec::new(), VALUES_MAX);
        loop {
            let asked = self.page(kind, items, (from, till), limit).await;
            let page = match asked {
                Err(ApiError::TooLarge(_)) if limit > 1 => {
                    limit /= 2;
                    continue;
                }
                page => page?,
            };
            let last = page.last().map(|value| value.clock);
            let Some(last) = last.filter(|_| page.len() >= limit) else {
                values.extend(page.into_iter().map(RawValue::into_value));
                return Ok(values);
            };
            if last == from {
                let text = format!("history.get: more than {limit} values of one second");
                return Err(ApiError::Malformed(text));
            }
            // The last second may go on: it is asked for again, whole.
            let whole = page.into_iter().filter(|value| value.clock < last);
            values.extend(whole.map(RawValue::into_value));
            from = last;
        }
    }

    async fn page(
        &mut self,
        kind: u8,
        items: &[Id],
        (from, till): (i64, i64),
        limit: usize,
    ) -> Result<Vec<RawValue>, ApiError> {
        let params = json!({
            "output": ["itemid", "clock", "ns", "value"],
            "history": kind,
            "itemids": texts(items),
            "time_from": from,
            "time_till": till,
            "sortfield": ["clock"],
            "sortorder": "ASC",
            "limit": limit,
        });
        self.client.call("history.get", params).await
    }
}

#[derive(Debug, Deserialize)]
struct RawItem {
    #[serde(rename = "itemid")]
    id: Id,
    key_: String,
    value_type: Flexible,
    #[serde(default)]
    hosts: Vec<NameOnly>,
}

impl RawItem {
    fn into_item(self) -> Option<Item> {
        let host = self.hosts.into_iter().next()?.name;
        Some(Item { id: self.id, host, key: self.key_, kind: self.value_type.0.parse().ok()? })
    }
}

#[derive(Debug, Deserialize)]
struct RawValue {
    #[serde(rename = "itemid")]
    item: Id,
    #[serde(deserialize_with = "number")]
    clock: i64,
    #[serde(deserialize_with = "number")]
    ns: i64,
    value: Value,
}

impl RawValue {
    fn into_value(self) -> Stored {
        let value = match self.value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let at_ms = self.clock.saturating_mul(1000).saturating_add(self.ns / 1_000_000);
        Stored { item: self.item, at_ms, value }
    }
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = Flexible::deserialize(deserializer)?;
    text.0.parse().map_err(|_| serde::de::Error::custom("not a number"))
}
