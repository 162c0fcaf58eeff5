//! Adoption: a verified block is confirmed by witnesses, saved, and only then published as the head.

pub(crate) mod confirm;
pub(crate) mod follow;
pub(crate) mod kin;
pub(crate) mod known;
pub(crate) mod primary;
pub(crate) mod standing;
pub(crate) mod witness;

use crate::base::{Instant, Now, PeerId, SaveId};
use crate::chains::tendermint::spec::Mode;
use crate::chains::tendermint::sync::adopt::witness::CrossCheck;
use crate::chains::tendermint::sync::ask::{Failed, Got};
use crate::chains::tendermint::sync::walk::context::Desk;
use crate::chains::tendermint::sync::{PAUSE, TendermintChain};
use crate::chains::tendermint::sync::{VerifiedBlock, Walk};
use crate::chains::tendermint::verify::{self, VerifyError};
use crate::chains::{Action, ChainNotice, Head, Verdict};
use alloc::format;
use alloc::string::ToString;
use core::time::Duration;

/// After how long a snapshot that could not be saved is saved again.
const SAVE_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// A block on its way to become the head.
#[derive(Debug)]
pub struct Adoption {
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    CrossCheck(CrossCheck),
    Saving {
        save: SaveId,
        block: VerifiedBlock,
        witnesses: (u32, u32),
    },
    /// The disk refused; what it refused is tried again, nothing else is adopted meanwhile.
    SaveAgain {
        at: Instant,
        block: VerifiedBlock,
        witnesses: (u32, u32),
    },
}

impl Adoption {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::CrossCheck(check) => check.deadline(true),
            Stage::Saving { .. } => None,
            Stage::SaveAgain { at, .. } => Some(*at),
        }
    }

    /// Forgets what is asked for.
    pub(crate) fn cancel(self, desk: &mut Desk) {
        if let Stage::CrossCheck(mut check) = self.stage {
            check.cancel(desk);
        }
    }

    /// Returns the height to be adopted and, in words, what it waits for.
    pub(crate) fn describe(&self) -> (u64, &'static str) {
        match &self.stage {
            Stage::CrossCheck(check) => (check.block().height(), "witnesses to confirm it"),
            Stage::Saving { block, .. } => (block.height(), "it to be saved"),
            Stage::SaveAgain { block, .. } => (block.height(), "the disk, which refused to save it"),
        }
    }
}

/// Returns what is held against a provider whose block is not the checkpoint's.
///
/// Another hash may as well be the user's mistake: then every provider gives it, and none must be taken for a liar. When the block
/// has the hash that the user trusts and is of another chain, it is the user's mistake.
pub(crate) fn not_the_checkpoint(peer: PeerId, error: &VerifyError) -> Failed {
    match error {
        VerifyError::CheckpointHash { .. } => Failed::by(peer, Verdict::Refusing, error.to_string()),
        VerifyError::ChainId { got, want } => {
            let why =
                format!("the block with the checkpoint's hash is of chain {got:?}, not {want:?}; correct chain_id");
            Failed::by(peer, Verdict::Refusing, why)
        }
        _ => Failed::by(peer, Verdict::Lying, error.to_string()),
    }
}

impl TendermintChain {
    /// Adopts the checkpoint's own block, if it is what came: the user vouches for it, so no witness is asked.
    pub(crate) fn anchored(&mut self, got: Got, now: Now) {
        let (trust, chain_id) = (&self.spec.trust, &self.spec.chain_id);
        match got {
            Got::Block(peer, block) => match verify::anchor(chain_id, trust.height, trust.hash, None, (*block).clone())
            {
                Ok(block) => {
                    self.checkpoint_time = Some(block.time());
                    if let Err(error) = verify::is_trusted_at(&block, &self.desk.rules, self.desk.at) {
                        self.last_fault = Some((Failed::by(peer, Verdict::Refusing, error.to_string()), now.instant));
                        self.expire(block.height(), block.time().after(self.desk.rules.trusting_period));
                        return;
                    }
                    self.save_head(block, (0, 0));
                }
                Err(error) => {
                    // Whoever was quickest gave it, and not because it is the primary.
                    self.hold(&not_the_checkpoint(peer, &error), now.instant);
                    self.pause_until = Some(now.instant.after(PAUSE));
                }
            },
            Got::Failed(failed) => {
                self.fault(&failed, now.instant);
                self.pause_until = Some(now.instant.after(PAUSE));
            }
            _ => {}
        }
    }

    /// Starts to adopt the newest verified block, once it is worth it: at the target, and on long sequential walks in
    /// between, so that a crash loses little.
    pub(crate) fn start_adoption(&mut self, now: Now) {
        if self.adoption.is_some() {
            return;
        }
        let (Some(head), Some(walk)) = (&self.head, &self.walk) else { return };
        let block = walk.current();
        let is_reached = block.height() >= walk.target();
        let is_ahead = block.height() > head.height();
        if !is_ahead || !(is_reached || self.spec.mode == Mode::Sequential) {
            return;
        }
        let (block, head, primary) = (block.clone(), head.clone(), walk.provider());
        if is_reached {
            self.walk = None;
        }
        let check = CrossCheck::start(block, head, primary, now.instant);
        self.adoption = Some(Adoption { stage: Stage::CrossCheck(check) });
        self.invite_witnesses(now);
        self.confirm(now);
    }

    /// Gives up the adoption of a block that witnesses have not confirmed yet.
    pub(crate) fn drop_cross_check(&mut self) {
        match self.adoption.take() {
            Some(Adoption { stage: Stage::CrossCheck(mut check) }) => check.cancel(&mut self.desk),
            other => self.adoption = other,
        }
    }

    pub(crate) fn tick_adoption(&mut self, now: Now) {
        match self.adoption.as_mut().map(|adoption| &mut adoption.stage) {
            // What the disk refused is not adopted later by a clock that is behind; once that is right it goes on.
            Some(Stage::SaveAgain { at, .. })
                if now.instant >= *at && self.is_clock_behind && self.freeze.is_none() =>
            {
                *at = now.instant.after(SAVE_AGAIN_AFTER);
            }
            Some(Stage::SaveAgain { at, block, witnesses }) if now.instant >= *at => {
                let (block, witnesses) = (block.clone(), *witnesses);
                self.save_head(block, witnesses);
            }
            _ => {}
        }
    }

    /// Has the time saved at which trust in the head has ended: a restart with the clock set back must not bring it back.
    ///
    /// A block that was verified from that head is not adopted any more: a witness could no longer prove the contrary.
    pub(crate) fn save_expiry(&mut self) {
        self.late.cancel(&mut self.desk);
        if let Some(Adoption { stage: Stage::CrossCheck(check), .. }) = &mut self.adoption {
            check.cancel(&mut self.desk);
            self.adoption = None;
        }
        if self.adoption.is_none()
            && let Some(head) = self.head.clone()
        {
            self.save_head(head, self.head_witnesses);
        }
    }

    pub(crate) fn save_head(&mut self, block: VerifiedBlock, witnesses: (u32, u32)) {
        // The head that is replaced was confirmed and saved, so others may be proven from it.
        if let Some(head) = self.head.as_ref().filter(|head| head.height() < block.height()) {
            self.kept.keep(head, &self.desk.rules, self.desk.at);
        }
        let save = self.next_save();
        let snapshot = self.snapshot_of(&block, witnesses);
        self.backwards.dropping.append(&mut self.backwards.superseded);
        self.desk.actions.push_back(Action::Save(save, snapshot));
        self.adoption = Some(Adoption { stage: Stage::Saving { save, block, witnesses } });
    }

    pub(crate) fn saved(&mut self, id: SaveId, is_saved: bool, now: Now) {
        let Some(Adoption { stage: Stage::Saving { save, block, witnesses }, .. }) = &self.adoption else { return };
        if *save != id {
            return;
        }
        let (block, witnesses) = (block.clone(), *witnesses);
        if !is_saved {
            self.notice(ChainNotice::SaveFailed { height: block.height() });
            let at = now.instant.after(SAVE_AGAIN_AFTER);
            self.adoption = Some(Adoption { stage: Stage::SaveAgain { at, block, witnesses } });
            return;
        }
        self.adoption = None;
        self.drop_superseded();
        // The disk may have taken its time: trust that ended meanwhile makes no head. Saved it may stay; whoever reads it
        // back asks the clock again.
        if self.freeze.is_none() && verify::is_trusted_at(&block, &self.desk.rules, self.desk.at).is_err() {
            return;
        }
        let is_new = self.head.as_ref().is_none_or(|head| head.hash() != block.hash());
        let head = Head { height: block.height(), hash: block.hash(), time: Some(block.time()) };
        self.follow.adopted(self.head.as_ref(), &block, now.instant);
        self.head = Some(block);
        self.head_witnesses = witnesses;
        if is_new {
            self.last_fault = None;
            self.broken = None;
        }
        if is_new && self.freeze.is_none() {
            self.desk.actions.push_back(Action::Head(head));
        }
        if matches!(&self.walk, Some(Walk::Skipping(_))) {
            return;
        }
        self.follow.poll_soon(now.instant);
    }
}
