use std::time::Duration;

use async_trait::async_trait;
use pool_core::{
    Context, Phase, Protocol, ProtocolDriver, Request, Result, StepOutput, Transcript,
};
use tokio::time::Instant;

use crate::CommandPolicy;
use crate::command::Command;
use crate::session::Session;

/// An interactive session on a device, at its prompt.
///
/// Made by [`CliFactory`](crate::CliFactory).
#[derive(Debug)]
pub struct CliDriver {
    session: Session,
    health_check_timeout: Duration,
    policy: CommandPolicy,
}

impl CliDriver {
    pub(crate) fn new(
        session: Session,
        health_check_timeout: Duration,
        policy: CommandPolicy,
    ) -> Self {
        Self { session, health_check_timeout, policy }
    }

    /// Refuses a request with a command that is not allowed, as a whole.
    fn require_allowed(&self, request: &Request) -> Result<()> {
        if self.policy == CommandPolicy::Any {
            return Ok(());
        }
        self.session.platform.allowed.check_request(request)
    }
}

#[async_trait]
impl ProtocolDriver for CliDriver {
    fn protocol(&self) -> Protocol {
        Protocol::Scrapli
    }

    /// Each step ends when the device shows its prompt again. Within the context, handing a
    /// command over is bounded by `write_timeout`, and its output by the step's timeout or
    /// `read_timeout`.
    ///
    /// A request with a command that is not allowed is `InvalidConfig`, before a byte of it is
    /// sent; the session stays good.
    async fn execute(&mut self, ctx: &Context, request: &Request) -> Result<Transcript> {
        self.require_allowed(request)?;
        let mut steps = Vec::with_capacity(request.steps().len());
        for step in request.steps() {
            let command = Command::of_request(step, request.output_bytes_max(), &self.session);
            let started = Instant::now();
            let output = self.session.run(ctx, &command).await?;
            let command = step.line().to_owned();
            let elapsed = started.elapsed();
            steps.push(StepOutput { command, output, elapsed, ..StepOutput::default() });
        }
        Ok(Transcript { steps })
    }

    /// Presses RETURN: the device must show its prompt again.
    async fn health_check(&mut self, ctx: &Context) -> Result<()> {
        let ctx = &ctx.capped(self.health_check_timeout);
        self.session.check(ctx, Phase::HealthCheck).await
    }

    async fn close(self: Box<Self>, ctx: &Context) -> Result<()> {
        self.session.close(ctx).await
    }
}
