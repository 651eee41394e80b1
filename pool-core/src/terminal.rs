use std::path::PathBuf;

/// What is peculiar to one device's command line, over what is known of its platform.
///
/// Texts only: what they mean is for the driver to say that types on command lines. Others take no
/// notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminalConfig {
    /// The encoding of text outside of ASCII, by its name. Default: the platform's.
    pub encoding: Option<String>,
    /// A pattern of the prompt at which commands are run. Default: the platform's.
    pub prompt: Option<String>,
    /// The file that what is said on the device's sessions is written to. Default: none.
    pub session_log: Option<PathBuf>,
}
