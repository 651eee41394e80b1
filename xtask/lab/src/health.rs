use std::sync::Arc;

use tokio::task::JoinSet;

use crate::flood::Voice;
use crate::router::Shared;
use crate::stream::Gate;
use crate::{Fault, Manner, Stage};

/// How a session fares on its router, which may fall sick at any stage.
pub(crate) struct Health {
    router: Arc<Shared>,
    gate: Gate,
    voice: Voice,
    chatters: bool,
}

impl Health {
    pub(crate) fn new(router: Arc<Shared>, gate: Gate) -> Self {
        Self { router, gate, voice: Voice::default(), chatters: false }
    }

    /// Where to give the session what it can speak unasked with.
    pub(crate) fn voice(&self) -> Voice {
        self.voice.clone()
    }

    /// Falls sick if that is what happens at this stage. Returns whether the answer is withheld:
    /// whoever floods must not give it, and of the others it would not leave the router.
    pub(crate) fn falls_sick(&mut self, stage: Stage, tasks: &mut JoinSet<()>) -> bool {
        match self.router.manner_at(stage) {
            None => return false,
            Some(Manner::Flood) => self.chatter(tasks),
            Some(manner) => self.gate.spoil(manner),
        }
        true
    }

    /// Falls sick behind the success of a login, if that is what happens.
    pub(crate) fn log_in(&mut self, tasks: &mut JoinSet<()>) {
        let manner = match self.router.manner_at(Stage::Disconnect) {
            None if self.router.has(Fault::CloseAfterAuth) => Manner::HalfClose,
            None => return,
            Some(Manner::Flood) => return self.chatter(tasks),
            Some(manner) => manner,
        };
        let gate = self.gate.clone();
        // The success is still to be written: behind it the router falls sick.
        let mark = gate.written() + 1;
        tasks.spawn(async move {
            gate.reached(mark).await;
            gate.spoil(manner);
        });
    }

    fn chatter(&mut self, tasks: &mut JoinSet<()>) {
        if !std::mem::replace(&mut self.chatters, true) {
            self.voice.chatter(tasks);
        }
    }
}
