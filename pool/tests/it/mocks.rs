//! The pool against mockall's mocks: exactly which calls it makes.

use std::sync::Arc;

use mockall::Sequence;
use pool::Pool;
use pool_core::testing::{MockProtocolDriver, MockProtocolFactory};
use pool_core::{ConnectionPool, Protocol, Request, Transcript};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_session_is_made_used_twice_and_closed_once() {
    let mut order = Sequence::new();
    let mut driver = MockProtocolDriver::new();
    driver
        .expect_execute()
        .times(2)
        .in_sequence(&mut order)
        .returning(|_, _| Ok(Transcript::default()));
    driver.expect_close().once().in_sequence(&mut order).returning(|_| Ok(()));
    let mut factory = MockProtocolFactory::new();
    factory.expect_protocol().return_const(Protocol::Scrapli);
    factory
        .expect_create_with_context()
        .once()
        .withf(|ctx, config| ctx.remaining() == config.connect_timeout)
        .return_once(|_, _| Ok(Box::new(driver)));
    let pool = Pool::new("edge-1", config(2), vec![Arc::new(factory)]).unwrap();
    for _ in 0..2 {
        let mut lease = pool.get_with_context(&long(), Protocol::Scrapli).await.unwrap();
        lease.execute(&long(), &Request::command("ping").unwrap()).await.unwrap();
    }
    pool.close(&long()).await;
}
