use std::any::Any;

use crate::engine::{Engine, Fault};

/// Work on an engine that was given away, whatever it brings.
///
/// What drives a session and what watches it is the same for all work, and there is one of each: a
/// login that ran through a copy of its own for every stage would find none of it in the
/// processor's caches.
pub(crate) struct Work(Box<dyn Advance>);

impl Work {
    pub(crate) fn new<T, W>(work: W) -> Self
    where
        T: Send + 'static,
        W: FnMut(&mut Engine) -> Result<T, Fault> + Send + 'static,
    {
        Self(Box::new(Job { work, done: None::<T> }))
    }

    /// Goes on with the work.
    ///
    /// # Errors
    ///
    /// Why it has not come to its end.
    pub(crate) fn advance(&mut self, engine: &mut Engine) -> Result<(), Fault> {
        self.0.advance(engine)
    }

    /// What it has brought, if it has come to its end and is work of that kind.
    pub(crate) fn done<T: 'static>(mut self) -> Option<T> {
        self.0.done().downcast_mut::<Option<T>>()?.take()
    }
}

trait Advance: Send {
    fn advance(&mut self, engine: &mut Engine) -> Result<(), Fault>;

    /// An `Option` of what the work brings.
    fn done(&mut self) -> &mut dyn Any;
}

struct Job<T, W> {
    work: W,
    done: Option<T>,
}

impl<T, W> Advance for Job<T, W>
where
    T: Send + 'static,
    W: FnMut(&mut Engine) -> Result<T, Fault> + Send,
{
    fn advance(&mut self, engine: &mut Engine) -> Result<(), Fault> {
        self.done = Some((self.work)(engine)?);
        Ok(())
    }

    fn done(&mut self) -> &mut dyn Any {
        &mut self.done
    }
}
