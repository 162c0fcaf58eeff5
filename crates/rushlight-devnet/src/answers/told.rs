//! What a node tells about each height: the chain's own values, or what its lie makes of them.

use super::Node;
use super::error::RpcError;
use super::params::Params;
use crate::lies::{LieKind, change_header, change_validators, forge_commit, spoil_signature};
use rushlight_core::chains::tendermint::types::{Commit, Header, ValidatorSet};
use std::sync::Arc;

impl Node<'_> {
    /// Returns the height that the node calls its last.
    pub(super) fn tip(&self) -> u64 {
        match self.lie.map(|lie| (lie.kind, lie.from)) {
            Some((LieKind::Stale, at)) => self.tip.min(at.max(self.chain.plan().initial_height)),
            _ => self.tip.min(self.chain.tip()),
        }
    }

    /// Returns the height that the node calls its first.
    pub(super) fn base(&self) -> u64 {
        let initial = self.chain.plan().initial_height;
        match self.lie.map(|lie| (lie.kind, lie.from)) {
            Some((LieKind::Pruned, at)) => at.clamp(initial, self.tip()),
            _ => initial,
        }
    }

    /// Returns the kind of lie told about a height.
    fn lie_about(&self, height: u64) -> Option<LieKind> {
        self.lie.filter(|lie| lie.is_about(height)).map(|lie| lie.kind)
    }

    /// Returns the height asked about, or the latest.
    pub(super) fn height(&self, params: &Params, latest: u64) -> Result<u64, RpcError> {
        let Some(asked) = params.number("height")? else { return Ok(latest) };
        let height = u64::try_from(asked).unwrap_or(0);
        if height == 0 {
            return Err(RpcError::internal(format!("height must be greater than 0, but got {asked}")));
        }
        if height > latest {
            let why = format!("height {height} must be less than or equal to the current blockchain height {latest}");
            return Err(RpcError::internal(why));
        }
        let base = self.base();
        if height < base {
            let why = format!("height {height} is not available, lowest height is {base}");
            return Err(RpcError::internal(why));
        }
        Ok(height)
    }

    /// Returns the header told for a height, or `None` where the node has none.
    pub(super) fn header_told(&self, height: u64) -> Option<Header> {
        let mut header = self.chain.header(height)?.clone();
        match self.lie_about(height) {
            Some(LieKind::Withheld) => return None,
            Some(LieKind::WrongHash | LieKind::ForgedHeader) => change_header(&mut header),
            _ => {}
        }
        Some(header)
    }

    /// Returns the commit told for a header.
    pub(super) fn commit_told(&self, header: &Header) -> Option<Arc<Commit>> {
        let height = header.height;
        let plan = self.chain.plan();
        let honest = |height| match height == self.tip() {
            true => self.chain.seen_commit(height, self.number).map(Arc::new),
            false => self.chain.commit(height),
        };
        match self.lie_about(height) {
            Some(LieKind::OtherCommit) => {
                honest(if height == plan.initial_height { (height + 1).min(self.tip()) } else { height - 1 })
            }
            Some(LieKind::ForgedSignature) => {
                let mut commit = Commit::clone(&*honest(height)?);
                spoil_signature(&mut commit);
                Some(Arc::new(commit))
            }
            Some(LieKind::ForgedHeader) => {
                let mut commit = Commit::clone(&*honest(height)?);
                forge_commit(header, &mut commit, self.chain.validators(height)?, plan.seed);
                Some(Arc::new(commit))
            }
            _ => honest(height),
        }
    }

    /// Returns the set told for a height, with priorities in its order.
    pub(super) fn validators_told(&self, height: u64) -> Option<(Arc<ValidatorSet>, Vec<i64>)> {
        let honest = |height| Some((self.chain.validators(height)?.clone(), self.chain.priorities(height)?.0));
        match self.lie_about(height) {
            Some(LieKind::Withheld) => None,
            Some(LieKind::WrongValidators) => {
                let (set, priorities) = honest(height)?;
                Some((Arc::new(change_validators(&set)), priorities))
            }
            Some(LieKind::OtherValidators) => honest(self.other_set_height(height)),
            _ => honest(height),
        }
    }

    /// Returns the nearest height with another set, below first; the height itself if the set never changes.
    fn other_set_height(&self, height: u64) -> u64 {
        let set_at = |height| self.chain.validators(height).map(|set| set.hash());
        let below = (self.chain.plan().initial_height..height).rev();
        let above = height + 1..=self.tip() + 1;
        below.chain(above).find(|other| set_at(*other) != set_at(height)).unwrap_or(height)
    }
}
