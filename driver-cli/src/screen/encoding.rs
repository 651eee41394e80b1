use std::borrow::Cow;
use std::str::FromStr;

use serde::Deserialize;

/// How a device writes text that is not ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextEncoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB 18030, of which GBK and GB 2312 are parts: devices with Chinese descriptions.
    Gb18030,
}

impl FromStr for TextEncoding {
    type Err = &'static str;

    /// An encoding by its name; the error says which there are.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "utf-8" => Ok(Self::Utf8),
            "gb18030" => Ok(Self::Gb18030),
            _ => Err("utf-8, gb18030"),
        }
    }
}

impl TextEncoding {
    /// `text` as the device wants to hear it.
    pub(crate) fn encode(self, text: &str) -> Cow<'_, [u8]> {
        match self {
            Self::Utf8 => Cow::Borrowed(text.as_bytes()),
            Self::Gb18030 => encoding_rs::GB18030.encode(text).0,
        }
    }
}
