//! Many proofs of finality with one batch of signatures.
//!
//! First every rule that needs no signature is checked, proof by proof. Then one batch of signatures is verified for all
//! of them, elsewhere. A block is called final only when its own signatures and all those before hold.
//!
//! So a proof may be judged with a set that an earlier proof of the same batch announces and that is itself unproven: one
//! batch over many sets is what makes a warp sync fast. It costs no more than reading the bytes that brought both, up to a
//! constant (`STEPS_PER_ITEM_MAX` in `steps.rs`), so that waiting for the earlier batch would save nothing from a liar.

use super::rules::{self, Unsigned};
use super::{AuthoritySet, BlockId, CommitMessage, JustificationRef, VerifyError};
use crate::base::Hash;
use crate::crypto::batch::SignatureBatch;
use crate::work::{Done, Ticket, Work};
use alloc::vec::Vec;

/// A block that a set of authorities finalized. Only [`SealedProofs::release`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedFinality {
    block: BlockId,
    round: u64,
    set_id: u64,
    set_digest: Hash,
}

impl VerifiedFinality {
    /// Returns the finalized block.
    pub fn block(&self) -> BlockId {
        self.block
    }

    /// Returns the round of the votes.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// Returns the number of the set that voted.
    pub fn set_id(&self) -> u64 {
        self.set_id
    }

    /// Returns the digest of the set that voted, [`AuthoritySet::digest`]: anybody can make a set of any number.
    pub fn set_digest(&self) -> Hash {
        self.set_digest
    }
}

/// Proofs that satisfy every rule but the signatures.
#[derive(Debug)]
pub struct Proofs {
    from: Hash,
    batch: SignatureBatch,
    unsigned: Vec<Unsigned>,
}

/// Proofs whose signatures are being verified elsewhere.
#[derive(Debug)]
pub struct SealedProofs {
    ticket: Ticket<SignatureBatch>,
    unsigned: Vec<Unsigned>,
}

/// The proof that is refused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its place, counted from 0.
    pub index: usize,
    /// The broken rule.
    pub error: VerifyError,
}

impl Proofs {
    /// Returns no proofs; they will be judged from the trusted block with hash `from`.
    pub fn start(from: Hash) -> Self {
        Self { from, batch: SignatureBatch::new(), unsigned: Vec::new() }
    }

    /// Returns how many proofs there are.
    pub fn len(&self) -> usize {
        self.unsigned.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.unsigned.is_empty()
    }

    /// Returns the memory that the signatures hold, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.batch.size_bytes()
    }

    /// Adds a justification of `target` by `set`.
    /// # Errors
    /// [`VerifyError`]; nothing is added.
    pub fn push(
        &mut self,
        justification: &JustificationRef<'_>,
        target: BlockId,
        set: &AuthoritySet,
    ) -> Result<(), VerifyError> {
        let BlockId { hash: got, number: got_number } = justification.target();
        if justification.target() != target {
            let (want, want_number) = (target.hash, target.number);
            return Err(VerifyError::Target { got, got_number, want, want_number });
        }
        self.unsigned.push(rules::justification(justification, set, &mut self.batch)?);
        Ok(())
    }

    /// Adds a commit by `set`; `parent_of` gives the parents of blocks that are known.
    ///
    /// [`VerifyError::NotDescendant`] may then mean that blocks are missing here, and is held against nobody. The
    /// number of the block is what the votes say; the caller compares it with its own.
    /// # Errors
    /// [`VerifyError`]; nothing is added.
    pub fn push_commit(
        &mut self,
        message: &CommitMessage<'_>,
        set: &AuthoritySet,
        parent_of: &dyn Fn(&Hash) -> Option<Hash>,
    ) -> Result<(), VerifyError> {
        self.unsigned.push(rules::commit(message, set, parent_of, &mut self.batch)?);
        Ok(())
    }

    /// Returns the work of verifying all signatures, and what is released when they hold.
    pub fn seal(self) -> (Work, SealedProofs) {
        let (work, ticket) = Work::new(self.from, self.batch);
        (work, SealedProofs { ticket, unsigned: self.unsigned })
    }

    /// Verifies all signatures here and now.
    pub fn verify_in_place(self) -> (Vec<VerifiedFinality>, Option<Refused>) {
        let (work, sealed) = self.seal();
        sealed.release(work.run())
    }
}

impl SealedProofs {
    /// Returns the blocks that are final, in order, up to the first proof with a bad signature, and that one.
    pub fn release(self, done: Done) -> (Vec<VerifiedFinality>, Option<Refused>) {
        let bad = match self.ticket.redeem(done) {
            Ok(verdict) => verdict.outcome().err(),
            Err(error) => return (Vec::new(), Some(Refused { index: 0, error: error.into() })),
        };
        // The bad signature is the first one, so all groups before it hold.
        let good = bad.map_or(self.unsigned.len(), |bad| bad.group);
        let finality = |proof: Unsigned| {
            let Unsigned { block, round, set_id, set_digest } = proof;
            VerifiedFinality { block, round, set_id, set_digest }
        };
        let verified = self.unsigned.into_iter().take(good).map(finality).collect();
        let refused = bad.map(|bad| {
            let error = VerifyError::BadSignature { index: bad.item, why: bad.why };
            Refused { index: bad.group, error }
        });
        (verified, refused)
    }
}
