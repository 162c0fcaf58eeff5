//! What is saved of a chain: how it goes on from a snapshot, and what goes into the next one.

use crate::base::{Now, TrustClock, UnixTime};
use crate::chains::tendermint::snapshot::{Freeze, Snapshot, SnapshotError};
use crate::chains::tendermint::spec::Spec;
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::adopt::confirm::LateChecks;
use crate::chains::tendermint::sync::adopt::follow::Follow;
use crate::chains::tendermint::sync::adopt::known::Known;
use crate::chains::tendermint::sync::adopt::primary::PassedOver;
use crate::chains::tendermint::sync::adopt::standing::Standings;
use crate::chains::tendermint::sync::adopt::witness::Conflict;
use crate::chains::tendermint::sync::below::Backwards;
use crate::chains::tendermint::sync::serve::cometbft::Calls;
use crate::chains::tendermint::sync::serve::kept::Kept;
use crate::chains::tendermint::sync::serve::prove::Proofs;
use crate::chains::tendermint::sync::walk::context::Desk;
use crate::chains::tendermint::verify::{JudgedAt, VerifiedBlock};
use crate::chains::{Action, ChainNotice, Fact};
use crate::crypto::sha256;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

impl TendermintChain {
    /// Returns the chain that `spec` describes, at the head that `saved` holds.
    ///
    /// When the snapshot was made from another checkpoint than `spec` has now, the user has decided anew whom to trust,
    /// and the sync starts from the new checkpoint and by the clock of now: one that once ran years ahead would refuse every
    /// checkpoint else. The snapshot is replaced once the new one is saved; it is kept as a blob, which the new one names, and
    /// the operator is told. One that is frozen is not replaced: whoever can have the user change the checkpoint could wipe
    /// out the evidence of an attack.
    /// # Errors
    /// [`SnapshotError`] if `saved` is not a snapshot of this chain; [`SnapshotError::Frozen`] if it is frozen, and `spec` has
    /// another checkpoint.
    pub fn open(spec: Spec, saved: Option<&[u8]>, now: Now) -> Result<Self, SnapshotError> {
        let read = saved.map(|bytes| Snapshot::decode(&spec.chain_id, bytes)).transpose()?;
        let is_replaced = read.as_ref().is_some_and(|read| read.trust != spec.trust);
        let (saved, replaced) = if is_replaced { (None, read.zip(saved)) } else { (read, None) };
        if let Some(Freeze { ours, theirs, .. }) = replaced.as_ref().and_then(|(replaced, _)| replaced.freeze.as_ref())
        {
            let (height, ours, theirs) = (ours.header.height, ours.header.hash(), theirs.header.hash());
            return Err(SnapshotError::Frozen { height, ours, theirs });
        }
        let times = saved.as_ref().map(|saved| (saved.highest_wall, saved.latest));
        let (highest_wall, latest) = times.unwrap_or((UnixTime::EPOCH, UnixTime::EPOCH));
        let mut clock = TrustClock::new(highest_wall, latest);
        clock.observe(now);
        let mut chain = Self {
            desk: Desk::new(spec.rules, JudgedAt::by_clock(&clock, now)),
            spec,
            clock,
            peers: BTreeMap::new(),
            known: Known::default(),
            primary: None,
            passed_over: PassedOver::default(),
            head: None,
            head_witnesses: (0, 0),
            checkpoint_time: None,
            anchoring: None,
            walk: None,
            adoption: None,
            late: LateChecks::default(),
            standings: Standings::default(),
            kept: Kept::default(),
            proofs: Proofs::default(),
            calls: Calls::default(),
            backwards: Backwards::default(),
            follow: Follow::default(),
            freeze: None,
            is_expired: None,
            is_clock_behind: false,
            pause_until: None,
            broken: None,
            last_fault: None,
            next_save: 0,
            former: None,
        };
        if let Some((replaced, bytes)) = replaced {
            chain.set_aside(&replaced, bytes);
        }
        if let Some(saved) = saved {
            chain.head = Some(saved.head);
            chain.kept = Kept::resume(saved.kept);
            chain.head_witnesses = saved.witnesses;
            chain.checkpoint_time = saved.checkpoint_time;
            chain.freeze = saved.freeze;
            chain.backwards = Backwards::resume(saved.history);
            chain.former = saved.former;
        }
        Ok(chain)
    }

    /// Keeps a snapshot that is to be replaced by one from another checkpoint, and says so.
    fn set_aside(&mut self, replaced: &Snapshot, bytes: &[u8]) {
        let kept = sha256(bytes);
        self.former = Some(kept);
        self.desk.actions.push_back(Action::Put(kept, bytes.to_vec()));
        let (from, to, head) = (replaced.trust.height, self.spec.trust.height, replaced.head.height());
        self.notice(ChainNotice::CheckpointChanged { from, to, head, kept });
    }

    /// Stops the chain for good, and has both headers saved.
    pub(crate) fn freeze(&mut self, conflict: &Conflict) {
        let Conflict { ours, ours_from, theirs, theirs_from } = conflict;
        let freeze = Freeze {
            ours: Arc::new(ours.block().clone()),
            theirs: Arc::new(theirs.block().clone()),
            primary: ours_from.map_or_else(String::new, |peer| self.known.origin(peer)),
            witness: self.known.origin(*theirs_from),
        };
        let mut evidence = vec![
            ("ours", Fact::Hash(ours.hash())),
            ("ours_from", Fact::Text(freeze.primary.clone())),
            ("theirs", Fact::Hash(theirs.hash())),
            ("theirs_from", Fact::Text(freeze.witness.clone())),
        ];
        evidence.extend(self.served_since(ours.height()).map(|height| ("served_to", Fact::Height(height))));
        let notice = ChainNotice::Frozen { height: ours.height(), evidence };
        self.freeze = Some(freeze);
        self.late.cancel(&mut self.desk);
        if let Some(adoption) = self.adoption.take() {
            adoption.cancel(&mut self.desk);
        }
        self.drop_walk();
        // The evidence is on its way to the disk before anybody is told of it.
        if let Some(head) = self.head.clone() {
            self.save_head(head, self.head_witnesses);
        }
        self.notice(notice);
        self.refuse_proofs();
        self.refuse_calls();
    }

    /// Returns the height up to which heads were served from a header at `height` on, if there are such heads.
    pub(crate) fn served_since(&self, height: u64) -> Option<u64> {
        self.head.as_ref().map(VerifiedBlock::height).filter(|head| *head >= height)
    }

    pub(crate) fn snapshot_of(&self, head: &VerifiedBlock, witnesses: (u32, u32)) -> Vec<u8> {
        // A head that was kept stays the head when the later one is not adopted after all: refused by the disk, frozen, expired.
        let kept = self.kept.blocks().iter().filter(|block| block.height() < head.height()).cloned().collect();
        let snapshot = Snapshot {
            trust: self.spec.trust.clone(),
            highest_wall: self.clock.highest_wall(),
            latest: self.clock.latest(),
            head: head.clone(),
            kept,
            checkpoint_time: self.checkpoint_time,
            witnesses,
            freeze: self.freeze.clone(),
            history: self.backwards.history().cloned(),
            former: self.former,
        };
        snapshot.encode()
    }
}
