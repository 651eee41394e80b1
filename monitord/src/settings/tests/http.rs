use super::*;

fn listening(more: &str) -> Result<Settings, String> {
    load_text(&format!("{GOOD}http: {{ listen: \"0.0.0.0:9180\"{more} }}\n"))
}

#[test]
fn pages_that_others_can_reach_are_encrypted_and_ask_for_a_token_or_are_consented_to() {
    let text = |missing: &str| {
        format!(
            "m.yaml: http.listen is 0.0.0.0:9180, which others can reach: needed is {missing} \
             beside it, or an address of this machine alone such as 127.0.0.1:9180, or insecure: \
             true, if nobody can reach it who must not see the pages"
        )
    };
    assert_eq!(listening("").unwrap_err(), text("tls and token"));
    assert_eq!(listening(", token: \"0123456789abcdef\"").unwrap_err(), text("tls"));
    let settings = listening(", insecure: true").unwrap();
    let warning = "http.listen is 0.0.0.0:9180, which others can reach, without tls and token: \
                   insecure is true";
    assert_eq!(settings.warnings, [warning]);
    let loopback = load_text(&format!("{GOOD}http: {{ listen: \"[::1]:9180\" }}\n")).unwrap();
    assert_eq!(loopback.warnings, Vec::<String>::new());
}

#[test]
fn a_token_that_can_be_guessed_or_cannot_be_sent_is_none() {
    for token in ["short", "0123456789 abcdef", "0123456789abcd\u{e9}f"] {
        let problem = load_text(&format!(
            "{GOOD}http: {{ listen: \"127.0.0.1:9180\", token: \"{token}\" }}\n"
        ));
        let problem = problem.unwrap_err();
        assert!(problem.starts_with("m.yaml: http.token is no token: "), "{problem}");
        assert!(!problem.contains(token), "{problem}");
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let folder = folder(
        "m.yaml",
        &format!(
            "{GOOD}http: {{ listen: \"127.0.0.1:0\", tls: {{ cert: x.pem, key: gone.pem }} }}\n"
        ),
    );
    write_secret(&folder.path().join("x.pem"), "none");
    let problems = load_in(&folder, "m.yaml", &Environment::default()).unwrap_err();
    assert!(
        problems.contains("http.tls.key is \"gone.pem\": allowed is a file that"),
        "{problems}"
    );
    write_secret(&folder.path().join("gone.pem"), "none");
    let problems = load_in(&folder, "m.yaml", &Environment::default()).unwrap_err();
    let text = "m.yaml: http.tls.cert cannot be used: there is no certificate in it, as PEM";
    assert_eq!(problems, text);
}
