//! What the API answers, as far as it is of use here.

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::macros::MacroValue;

/// The id of an object. Ids are numbers that stand as texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) u64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Flexible::deserialize(deserializer)?;
        text.0.parse().map(Self).map_err(|_| D::Error::custom("not an id"))
    }
}

/// A text, or a number as one: versions differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flexible(pub(crate) String);

impl<'de> Deserialize<'de> for Flexible {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Number(u64),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Text(text) => text,
            Either::Number(number) => number.to_string(),
        }))
    }
}

/// A macro of a host or a template, or a global one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Macro {
    pub(crate) name: String,
    pub(crate) value: MacroValue,
}

impl<'de> Deserialize<'de> for Macro {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            #[serde(rename = "macro")]
            name: String,
            #[serde(default)]
            value: Option<String>,
            /// Absent before 5.0, where all are texts.
            #[serde(rename = "type", default)]
            kind: Option<Flexible>,
        }
        let Raw { name, value, kind } = Raw::deserialize(deserializer)?;
        let value = match (kind.as_ref().map_or("0", |kind| &kind.0), value) {
            ("2", Some(place)) => MacroValue::Vault(place),
            ("0", Some(text)) => MacroValue::Text(text),
            // A secret has no value; neither has anything else that cannot be read.
            _ => MacroValue::Secret,
        };
        Ok(Self { name, value })
    }
}

/// A template that is linked to a host or another template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Parent {
    #[serde(rename = "templateid")]
    pub(crate) id: Id,
}

/// A host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Host {
    /// Its technical name.
    #[serde(rename = "host")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) macros: Vec<Macro>,
    #[serde(rename = "parentTemplates", default)]
    pub(crate) parents: Vec<Parent>,
    /// The member of a group of proxies that monitors it at the moment; "0" when there is none.
    #[serde(rename = "assigned_proxyid", default)]
    pub(crate) assigned_proxy: Option<Id>,
}

/// What is left of a host that cannot be read.
#[derive(Debug, Deserialize)]
pub(crate) struct NameOnly {
    #[serde(rename = "host")]
    pub(crate) name: String,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Template {
    #[serde(rename = "templateid")]
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) macros: Vec<Macro>,
    #[serde(rename = "parentTemplates", default)]
    pub(crate) parents: Vec<Parent>,
}

/// A host, of which only the id was asked for.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct HostId {
    #[serde(rename = "hostid")]
    pub(crate) id: Id,
}

/// A proxy, of which only the id was asked for.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct ProxyId {
    #[serde(rename = "proxyid")]
    pub(crate) id: Id,
}

/// A member of a group of proxies, and where it takes values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ProxyAddress {
    #[serde(rename = "proxyid")]
    pub(crate) id: Id,
    #[serde(default)]
    pub(crate) local_address: String,
    #[serde(default)]
    pub(crate) local_port: String,
}

/// A group of proxies, of which only the id was asked for.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct ProxyGroupId {
    #[serde(rename = "proxy_groupid")]
    pub(crate) id: Id,
}

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) data: String,
}

/// What a list holds that could be read, one by one, and what could not.
pub(crate) type Lenient<'a> = Vec<&'a serde_json::value::RawValue>;

/// Any answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<'a> {
    #[serde(borrow, default)]
    pub(crate) result: Option<&'a serde_json::value::RawValue>,
    #[serde(default)]
    pub(crate) error: Option<Refusal>,
    #[serde(default, rename = "jsonrpc")]
    pub(crate) _jsonrpc: IgnoredAny,
}
