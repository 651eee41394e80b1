use russh::keys::PublicKey;
use russh::{MethodKind, MethodSet};

use crate::spec::Login;

/// The methods that a router offers.
pub(crate) fn methods(login: &Login) -> MethodSet {
    let mut methods = MethodSet::empty();
    if !login.public_keys.is_empty() {
        methods.push(MethodKind::PublicKey);
    }
    match login.password {
        Some(_) if login.keyboard_interactive => methods.push(MethodKind::KeyboardInteractive),
        Some(_) => methods.push(MethodKind::Password),
        None => {}
    }
    methods
}

/// Whether user and password are the router's. With keyboard-interactive it takes no password.
pub(crate) fn by_password(login: &Login, user: &str, password: &str) -> bool {
    !login.keyboard_interactive && user == login.user && Some(password) == login.password.as_deref()
}

/// Whether the answers are those to [`questions`].
pub(crate) fn by_answers(login: &Login, user: &str, answers: &[String]) -> bool {
    let expected: Vec<&str> =
        login.password.iter().chain(&login.code).map(String::as_str).collect();
    login.keyboard_interactive
        && login.password.is_some()
        && user == login.user
        && answers == expected
}

/// The questions of keyboard-interactive, in their order; no answer is to be echoed.
pub(crate) fn questions(login: &Login) -> &'static [&'static str] {
    if login.code.is_some() { &["Password: ", "Verification code: "] } else { &["Password: "] }
}

/// Whether this key may log in. A line that is no key lets nobody in.
pub(crate) fn by_key(login: &Login, user: &str, offered: &PublicKey) -> bool {
    user == login.user
        && login.public_keys.iter().any(|line| {
            PublicKey::from_openssh(line.trim())
                .is_ok_and(|known| known.key_data() == offered.key_data())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RouterSpec;

    fn answers(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn passwords_are_compared_whole() {
        let login = RouterSpec::new("r1", "linux").password("ann", "secret").login;
        assert!(by_password(&login, "ann", "secret"));
        assert!(!by_password(&login, "ann", "secre"));
        assert!(!by_password(&login, "bob", "secret"));
        assert!(!by_answers(&login, "ann", &answers(&["secret"])), "it was not asked");
        let login = RouterSpec::new("r1", "linux").without_password().login;
        assert!(!by_password(&login, "monitor", ""));
    }

    #[test]
    fn all_questions_have_to_be_answered() {
        let spec = RouterSpec::new("r1", "linux").password("ann", "secret");
        let login = spec.verification_code("123456").login;
        assert_eq!(questions(&login).len(), 2);
        assert!(by_answers(&login, "ann", &answers(&["secret", "123456"])));
        assert!(!by_answers(&login, "ann", &answers(&["secret"])));
        assert!(!by_password(&login, "ann", "secret"), "only keyboard-interactive");
    }
}
