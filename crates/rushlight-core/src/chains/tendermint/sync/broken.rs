//! A work of ours panicked: the chain says so, holds it against nobody, and tries again later and with another provider.
//!
//! What panicked once panics again on the same input, and one provider may have found an input that does it. So the walk and
//! the adoption that were under way are given up together (an adoption whose dissent cannot be judged must not conclude),
//! the head stays what it is, and each further panic doubles the pause before the next attempt.

use crate::base::{Instant, Now, WorkId};
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::serve::prove::{Proof, Stage};
use crate::rpc::QueryError;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

/// How long nothing new is begun after a panic; each further one without a new head in between doubles it…
const PAUSE_AFTER_PANIC: Duration = Duration::from_secs(2);
/// …up to this.
const PAUSE_AFTER_PANIC_MAX: Duration = Duration::from_secs(600);

/// A work panicked, and no new head was adopted since.
#[derive(Debug)]
pub(crate) struct Broken {
    why: String,
    pause: Duration,
    until: Instant,
}

impl Broken {
    /// Returns what happened and what is done about it, in words.
    pub(crate) fn describe(&self, now: Instant) -> String {
        let Self { why, until, .. } = self;
        match until.since(now).as_secs() {
            0 => format!("{why}; it is being tried again"),
            seconds => format!("{why}; it is tried again in {seconds} s"),
        }
    }
}

impl TendermintChain {
    pub(crate) fn work_panicked(&mut self, work: WorkId, kind: &str, message: &str, now: Now) {
        let why = format!("a work of kind {kind} panicked ({message}); this is a bug, please report it");
        // It was for a client alone, who is told.
        if self.proof_panicked(work, &why, now) {
            return;
        }
        self.drop_walk();
        self.drop_cross_check();
        self.replace_primary(now.instant);
        let pause = self.broken.as_ref().map_or(PAUSE_AFTER_PANIC, |broken| broken.pause.saturating_mul(2));
        let pause = pause.min(PAUSE_AFTER_PANIC_MAX);
        let until = now.instant.after(pause);
        self.pause_until = Some(until);
        self.broken = Some(Broken { why, pause, until });
    }

    /// Answers those who wait for a proof whose work panicked; tells whether there was one.
    fn proof_panicked(&mut self, work: WorkId, why: &str, now: Now) -> bool {
        let is_waiting = |proof: &Proof| matches!(&proof.stage, Stage::Walk(walk) if walk.waits_for_work(work));
        let Some(place) = self.proofs.place_of(is_waiting) else { return false };
        let Some(proof) = self.proofs.proofs.remove(&place) else { return false };
        self.cancel_stage(proof.stage);
        self.answer_all(proof.queries, Err(QueryError::Internal { why: why.to_string() }));
        self.start_proofs(now);
        true
    }
}
