//! What counting the votes of one justification may cost.

use super::VerifyError;

/// The most steps for each vote, each block between votes and each voter of the set, together 1.3 for each byte of the
/// justification and 3.2 for each byte of the set's list. A step is a block, a node, a voter or 64 voters of a set looked
/// at, or a byte kept.
///
/// Votes that tell the numbers of their blocks truly, with less than a third of the weight equivocating, take three steps
/// for each of them. For others the reference's graph of votes is followed, which is quadratic in the number of different
/// blocks voted for: a third of 1,000 authorities may vote for a block each and lie about its number. Counting comes before
/// signatures are verified, and for warp fragments before the set itself is, so that without this bound the votes of
/// nobody could stop a client for minutes.
pub(super) const STEPS_PER_ITEM_MAX: u64 = 128;

/// Steps taken, and how many may be.
#[derive(Debug)]
pub(super) struct Steps {
    taken: u64,
    max: u64,
}

impl Steps {
    /// Returns what votes, blocks and voters, `items` in all, may cost.
    pub(super) fn of(items: usize) -> Self {
        Self { taken: 0, max: STEPS_PER_ITEM_MAX.saturating_mul(items as u64) }
    }

    /// Takes `steps` more; asked for before they are made.
    /// # Errors
    /// [`VerifyError::TooComplex`].
    pub(super) fn take(&mut self, steps: usize) -> Result<(), VerifyError> {
        self.taken = self.taken.saturating_add(steps as u64);
        if self.taken > self.max { Err(VerifyError::TooComplex { max: self.max }) } else { Ok(()) }
    }

    /// Returns how many steps were taken, and how many may be.
    #[cfg(test)]
    pub(super) fn taken(&self) -> (u64, u64) {
        (self.taken, self.max)
    }
}
