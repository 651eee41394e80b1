//! A pool over a toy factory, whose sessions answer with the command they were given.
use async_trait::async_trait;
use pool::Pool;
use pool_core::*;
use std::{sync::Arc, time::Duration};

#[derive(Debug)]
struct Toy(Capability);

#[async_trait]
#[rustfmt::skip]
impl ProtocolFactory for Toy {
    fn protocol(&self) -> Protocol { self.0.protocol }
    fn capability(&self) -> &Capability { &self.0 }
    async fn create_with_context(&self, _: &Context, _: &ConnectionConfig) -> Result<Box<dyn ProtocolDriver>> {
        Ok(Box::new(Echo))
    }
}

#[derive(Debug)]
struct Echo;

#[async_trait]
#[rustfmt::skip]
impl ProtocolDriver for Echo {
    fn protocol(&self) -> Protocol { Protocol::Scrapli }
    async fn execute(&mut self, _: &Context, request: &Request) -> Result<Transcript> {
        let echo = |step: &Step| StepOutput { output: step.line().to_owned(), ..StepOutput::default() };
        Ok(Transcript { steps: request.steps().iter().map(echo).collect() })
    }
    async fn health_check(&mut self, _: &Context) -> Result<()> { Ok(()) }
    async fn close(self: Box<Self>, _: &Context) -> Result<()> { Ok(()) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (protocol, platforms) = (Protocol::Scrapli, PlatformSupport::Any);
    let toy = Arc::new(Toy(Capability { protocol, platforms, interrupt: false }));
    let endpoint = Endpoint::new("192.0.2.1", 22).expect("it is an address");
    let user = Credentials::password("monitor", "secret".to_owned());
    let pool = Pool::new("toy-1", ConnectionConfig::new(endpoint, "toy".into(), user), vec![toy])?;
    let ctx = Context::detached(Duration::from_secs(5));
    let mut lease = pool.get_with_context(&ctx, protocol).await?;
    let transcript = lease.execute(&ctx, &Request::command("show version")?).await?;
    assert_eq!(transcript.output(), "show version");
    drop(lease); // It is idle now, and would be lent again.
    pool.close(&ctx).await;
    Ok(())
}
