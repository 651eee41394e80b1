//! Who may see the pages changes, and what they are encrypted with, while they stay where they are.

use lab::{Lab, RouterSpec};
use serde_json::json;

use super::{reload, site};
use crate::endpoint::{make_certificate, page, shown_certificate};
use crate::pages::get;
use crate::support::{Daemon, Site};

const OLD: &str = "the-token-of-yesterday";
const NEW: &str = "the-token-of-today";

/// Status of a page for whoever brings this token.
async fn status_with(daemon: &Daemon, token: &str) -> String {
    page(daemon, "GET", "/status", &format!("Authorization: Bearer {token}\r\n")).await.0
}

async fn expect_change(site: &Site) {
    let changed = reload(site).await;
    assert_eq!(changed.stdout, "changed: http\n", "{}", changed.everything());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tokens_and_certificates_take_effect_at_the_same_address() {
    let lab = Lab::start(vec![RouterSpec::new("a", "linux")]).await.unwrap();
    let mut site = site(&lab);
    let first = make_certificate(&site);
    let token = site.path().with_file_name("token");
    std::fs::write(&token, OLD).unwrap();
    site.config["http"] = json!({
        "listen": "127.0.0.1:0", "token": "file:token",
        "tls": { "cert": "cert.pem", "key": "key.pem" },
    });
    let daemon = site.start().await;
    assert_eq!(status_with(&daemon, OLD).await, "200");
    assert_eq!(shown_certificate(&daemon).await, first);

    // The configuration is the same to the letter; what it points to is not.
    std::fs::write(&token, NEW).unwrap();
    expect_change(&site).await;
    assert_eq!(status_with(&daemon, OLD).await, "401");
    assert_eq!(status_with(&daemon, NEW).await, "200");
    let second = make_certificate(&site);
    assert_ne!(first, second);
    expect_change(&site).await;
    assert_eq!(shown_certificate(&daemon).await, second);

    // A key of another certificate, as it is between two steps of a renewal: nothing is taken over,
    // not even the token.
    let certificate = site.path().with_file_name("cert.pem");
    let kept = std::fs::read(&certificate).unwrap();
    make_certificate(&site);
    std::fs::write(&certificate, kept).unwrap();
    std::fs::write(&token, OLD).unwrap();
    let refused = reload(&site).await;
    assert_eq!(refused.code, Some(78), "{}", refused.everything());
    assert!(refused.stderr.contains("http.tls"), "{}", refused.stderr);
    assert_eq!(shown_certificate(&daemon).await, second);
    assert_eq!(status_with(&daemon, NEW).await, "200");
    assert_eq!(status_with(&daemon, OLD).await, "401");

    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    expect_change(&site).await;
    assert_eq!(get(daemon.http(), "/status").await.0, 200, "in the clear, to everybody here");
}
