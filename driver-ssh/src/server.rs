use ssh2::Session;

/// How much of each text is kept, in characters: banners are a screenful of law at most.
const TEXT_CHARS_MAX: usize = 4096;

/// What a server says about itself on the way in. It is the peer's text: anything may be in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTexts {
    /// How it identifies itself (RFC 4253, section 4.2), such as `SSH-2.0-Cisco-1.25`.
    pub identification: String,
    /// What it shows before authentication (RFC 4252, section 5.4), if anything. At most 4096
    /// characters of it.
    pub banner: Option<String>,
}

impl ServerTexts {
    /// What `session` has been told, once it is logged in.
    pub(crate) fn of(session: &Session) -> Self {
        let bounded = |text: &str| match text.char_indices().nth(TEXT_CHARS_MAX) {
            Some((end, _)) => text[..end].to_owned(),
            None => text.to_owned(),
        };
        let identification = session.banner_bytes().map(String::from_utf8_lossy);
        // libssh2 calls it an error when there is none.
        let banner = session.userauth_banner().ok().flatten();
        Self {
            identification: bounded(&identification.unwrap_or_default()),
            banner: banner.map(bounded).filter(|text| !text.is_empty()),
        }
    }
}
