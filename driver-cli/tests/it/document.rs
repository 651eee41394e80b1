//! "Add a platform in ten minutes", followed to the letter.

use std::sync::Arc;
use std::time::Duration;

use driver_cli::testing::replay;
use driver_cli::{CliFactory, Platforms};
use pool_core::testing::MockConnector;
use pool_core::{
    ConnectionConfig, Context, Credentials, Endpoint, Error, Platform, ProtocolFactory, Request,
    Secret, Transport,
};

const DOCUMENT: &str = include_str!("../../ADD-A-PLATFORM.md");

/// The first block of the document in the language `kind` that begins with `beginning`.
fn block(kind: &str, beginning: &str) -> &'static str {
    let fence = format!("```{kind}\n");
    let blocks = DOCUMENT.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.into_iter().find(|block| block.starts_with(beginning)).expect("the document has it")
}

#[tokio::test(start_paused = true)]
async fn the_documents_platform_runs_the_documents_session() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("acme_os.toml"), block("toml", "description")).unwrap();
    let platforms = Arc::new(Platforms::load(directory.path()).unwrap());
    assert!(platforms.get(&Platform::new("acme")).is_some(), "by its alias");

    let mut transport = Some(replay(block("text", "# acme_os")).unwrap());
    let mut connector = MockConnector::new();
    connector
        .expect_connect()
        .returning(move |_, _| Ok(Box::new(transport.take().unwrap()) as Box<dyn Transport>));
    let factory = CliFactory::new(Arc::new(connector), platforms);
    let mut credentials = Credentials::password("monitor", "***".to_owned());
    credentials.enable_password = Some(Secret::new("***"));
    let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
    let config = ConnectionConfig::new(endpoint, Platform::new("acme_os"), credentials);
    let ctx = Context::detached(Duration::from_secs(60));
    let mut session = factory.create_with_context(&ctx, &config).await.unwrap();

    let ping = Request::command("ping 198.51.100.1 times 3").unwrap();
    let transcript = session.execute(&ctx, &ping).await.unwrap();
    assert_eq!(transcript.output(), "3 sent, 2 came back\n");
    let unknown = Request::command("show times").unwrap();
    let error = session.execute(&ctx, &unknown).await.unwrap_err();
    let Error::Rejected { message, .. } = &error else { panic!("{error:?}") };
    assert_eq!(message, "?! no such thing: times");
    let written = Request::command("show log > flash").unwrap();
    let error = session.execute(&ctx, &written).await.unwrap_err();
    assert!(matches!(error, Error::InvalidConfig(_)), "{error:?}");
}

#[test]
fn the_documents_example_of_a_problem_is_what_is_told() {
    let text = block("toml", "description").replace("[\\w.-]+>$'", "[\\w.-]+>'");
    let error = Platforms::with_files([("platforms/acme_os", text)]).unwrap_err();
    assert_eq!(error.0[0].to_string(), block("text", "platforms/").trim_end());
}
