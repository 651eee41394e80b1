//! Who logs in to routers where the macros of a host do not say: secret macros cannot be read.

use pool_core::{AgentSocket, AuthMethod, Credentials, Endpoint, PrivateKey, Secret};

use super::macros::MacroValue;

/// A text in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_lowercase())
    }

    /// Whether all of `text` is like this. Case does not matter.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let Some((head, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut left) = text.strip_prefix(head) else { return false };
        let mut parts: Vec<_> = rest.split('*').collect();
        let tail = parts.pop().unwrap_or_default();
        for part in parts {
            match left.find(part) {
                Some(at) => left = &left[at + part.len()..],
                None => return false,
            }
        }
        left.ends_with(tail)
    }
}

/// An entry of `credentials`: for whom it is, and what it gives. An empty list is for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    /// The routers, by address or name, with or without the port.
    pub(crate) routers: Vec<Pattern>,
    /// The users who log in.
    pub(crate) users: Vec<Pattern>,
    /// Where in a vault the macro says that the password is.
    pub(crate) vault: Vec<Pattern>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) enable_password: Option<Secret>,
    pub(crate) private_key: Option<PrivateKey>,
    pub(crate) agent: Option<AgentSocket>,
    pub(crate) auth_order: Option<Vec<AuthMethod>>,
}

/// What the macros of a host say about a login.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) router: &'a Endpoint,
    pub(super) username: Option<&'a str>,
    pub(super) password: Option<&'a MacroValue>,
    pub(super) enable_password: Option<&'a MacroValue>,
}

impl Login {
    fn is_for(&self, router: &Endpoint, username: Option<&str>, vault: Option<&str>) -> bool {
        let with_port = router.to_string();
        let is_any = |patterns: &[Pattern], texts: &[&str]| {
            patterns.is_empty() || patterns.iter().any(|p| texts.iter().any(|text| p.matches(text)))
        };
        is_any(&self.routers, &[router.host(), &with_port])
            && is_any(&self.users, username.as_slice())
            && is_any(&self.vault, vault.as_slice())
    }
}

impl Wanted<'_> {
    /// The entries that are for this router, for `user` and for the place of a secret in a vault.
    fn fitting<'l>(
        &self,
        logins: &'l [Login],
        user: Option<&str>,
        secret: Option<&MacroValue>,
    ) -> impl Iterator<Item = &'l Login> {
        let vault = secret.and_then(MacroValue::vault);
        logins.iter().filter(move |login| login.is_for(self.router, user, vault))
    }

    /// Who logs in: what the macro says, or else an entry.
    fn user(&self, logins: &[Login]) -> Option<String> {
        let named = self.username.map(str::to_owned);
        let from_entry =
            || self.fitting(logins, None, self.password).find_map(|login| login.username.clone());
        named.or_else(from_entry)
    }

    /// What the entries have in place of the password and of the enable password, whatever the
    /// macros say.
    pub(super) fn in_entries(&self, logins: &[Login]) -> (Option<Secret>, Option<Secret>) {
        let user = self.user(logins);
        let mut passwords = self.fitting(logins, user.as_deref(), self.password);
        let mut enables = self.fitting(logins, user.as_deref(), self.enable_password);
        (
            passwords.find_map(|login| login.password.clone()),
            enables.find_map(|login| login.enable_password.clone()),
        )
    }
}

/// The secret that a macro says, or `in_entries` where one may stand in for it.
fn secret(value: Option<&MacroValue>, in_entries: Option<Secret>) -> Option<Secret> {
    match value.and_then(MacroValue::text) {
        Some(text) => Some(Secret::new(text)),
        None => in_entries.filter(|_| value.is_none_or(MacroValue::may_be_filled)),
    }
}

/// Who logs in: what the macros say, and of what they do not say, what the first of `logins` that
/// is for this router gives. `base` holds what all routers share.
///
/// # Errors
///
/// What is missing, without a secret in it.
pub(super) fn credentials(
    wanted: &Wanted<'_>,
    logins: &[Login],
    base: &Credentials,
) -> Result<Credentials, String> {
    let Wanted { password, enable_password, .. } = wanted;
    let Some(named) = wanted.user(logins) else {
        return Err(
            "{$LINE_ROUTER_USERNAME} is missing, and no entry of credentials has one".into()
        );
    };
    let mut credentials = base.clone();
    let (password_in_entries, enable_in_entries) = wanted.in_entries(logins);
    credentials.password = secret(*password, password_in_entries);
    credentials.enable_password = secret(*enable_password, enable_in_entries);
    let first = || wanted.fitting(logins, Some(&named), *password);
    credentials.private_key = first().find_map(|login| login.private_key.clone());
    credentials.agent = first().find_map(|login| login.agent.clone()).or(credentials.agent);
    if let Some(order) = first().find_map(|login| login.auth_order.clone()) {
        credentials.auth_order = order;
    }
    if credentials.enable_password.is_none()
        && let Some(unread) = enable_password.and_then(MacroValue::unread)
    {
        return Err(missing("{$LINE_ROUTER_ENABLE_PASSWORD}", &unread, *enable_password));
    }
    let has_way = credentials.password.is_some()
        || credentials.private_key.is_some()
        || credentials.agent.is_some();
    if !has_way {
        let is = password.and_then(MacroValue::unread).unwrap_or_else(|| "missing".to_owned());
        return Err(missing("{$LINE_ROUTER_PASSWORD}", &is, *password));
    }
    credentials.username = named;
    Ok(credentials)
}

fn missing(name: &str, is: &str, value: Option<&MacroValue>) -> String {
    if value.is_none_or(MacroValue::may_be_filled) {
        format!("{name} is {is}, and no entry of credentials has it")
    } else {
        format!("{name} is {is}, and was not that of an entry of credentials")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint::new("192.0.2.1", 22).unwrap()
    }

    fn login() -> Login {
        Login {
            routers: Vec::new(),
            users: Vec::new(),
            vault: Vec::new(),
            username: None,
            password: Some(Secret::new("from-file")),
            enable_password: None,
            private_key: None,
            agent: None,
            auth_order: None,
        }
    }

    #[track_caller]
    fn check(
        username: Option<&str>,
        password: Option<MacroValue>,
        logins: &[Login],
    ) -> Result<(String, String), String> {
        let router = &endpoint();
        let wanted =
            Wanted { router, username, password: password.as_ref(), enable_password: None };
        let found = credentials(&wanted, logins, &Credentials::default())?;
        Ok((found.username, found.password.unwrap_or_default().expose().to_owned()))
    }

    #[test]
    fn a_pattern_is_like_all_of_a_text() {
        for (pattern, text, expected) in [
            ("192.0.2.*", "192.0.2.7", true),
            ("192.0.2.*", "192.0.20.7", false),
            ("*", "", true),
            ("edge-*.Example", "EDGE-1.example", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*bc", "abcb", false),
            ("aa*aa", "aaa", false),
            ("192.0.2.1", "192.0.2.11", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_readable_macro_needs_no_entry() {
        let found = check(Some("m"), Some(MacroValue::Text("plain".into())), &[login()]);
        assert_eq!(found, Ok(("m".to_owned(), "plain".to_owned())));
    }

    #[test]
    fn what_cannot_be_read_comes_from_the_first_entry_that_fits() {
        let other = Login { routers: vec![Pattern::new("198.51.100.*")], ..login() };
        let of_user = Login {
            users: vec![Pattern::new("m")],
            password: Some(Secret::new("of-user")),
            ..login()
        };
        let found = check(Some("m"), Some(MacroValue::Secret), &[other.clone(), of_user, login()]);
        assert_eq!(found, Ok(("m".to_owned(), "of-user".to_owned())));
        let found = check(Some("m"), Some(MacroValue::Secret), &[other]);
        assert_eq!(
            found.unwrap_err(),
            "{$LINE_ROUTER_PASSWORD} is a secret macro, and no entry of credentials has it"
        );
    }

    #[test]
    fn an_entry_can_be_for_a_place_in_a_vault() {
        let of_vault = Login { vault: vec![Pattern::new("secret/a:*")], ..login() };
        let at = |path: &str| Some(MacroValue::Vault(path.to_owned()));
        assert!(check(Some("m"), at("secret/a:password"), std::slice::from_ref(&of_vault)).is_ok());
        let error = check(Some("m"), at("secret/b:password"), &[of_vault]).unwrap_err();
        assert!(error.contains("a Vault macro (secret/b:password)"), "{error}");
    }

    #[test]
    fn a_user_can_come_from_an_entry_too() {
        let with_user = Login { username: Some("svc".to_owned()), ..login() };
        assert_eq!(check(None, None, &[with_user]), Ok(("svc".into(), "from-file".into())));
        let error = check(None, None, &[login()]).unwrap_err();
        assert!(error.starts_with("{$LINE_ROUTER_USERNAME} is missing"), "{error}");
    }

    #[test]
    fn no_secret_is_printed() {
        assert!(!format!("{:?}", login()).contains("from-file"));
        assert!(!format!("{:?}", MacroValue::Text("hunter2".into())).contains("hunter2"));
    }
}
