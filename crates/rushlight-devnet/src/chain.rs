//! A chain: blocks made one after the other from a plan, commits signed when somebody asks.

use crate::app::{Store, Tx, results_hash, txs};
use crate::block::{Block, data_hash};
use crate::draw::{For, draw};
use crate::epochs::{Epoch, Epochs};
use crate::keys::derive;
use crate::plan::{ChainPlan, LastCommit, PlanError, Release};
use crate::priorities::Priorities;
use rushlight_core::base::{Hash, UnixTime};
use rushlight_core::chains::tendermint::types::{
    BlockId, Commit, CommitSig, Header, PartSetHeader, Signature, Validator, ValidatorSet, Version, Vote,
};
use rushlight_core::codec::protobuf::put_uint;
use rushlight_core::crypto::sha256;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most signed commits that a chain keeps; the lowest heights are forgotten first and signed again when asked for.
pub const COMMITS_CACHED_MAX: usize = 4_096;

/// Heights between priorities that are kept; those in between are computed again when asked for.
const PRIORITIES_EVERY: u64 = 256;

/// A chain, from its first block to its tip. The same plan gives the same bytes, however it is grown.
///
/// Memory: about 600 bytes per block, 200 bytes per member and change of the set, and the commits kept.
pub struct Chain {
    plan: ChainPlan,
    epochs: Epochs,
    consensus_hash: Hash,
    blocks: Vec<(Header, BlockId)>,
    store: Store,
    /// Those of the tip.
    priorities: Priorities,
    /// Those of every [`PRIORITIES_EVERY`]-th height from the first.
    priorities_kept: Vec<Priorities>,
    commits: Mutex<BTreeMap<u64, Arc<Commit>>>,
}

/// What a validator does at a height.
struct Ballot {
    choice: Choice,
    time: UnixTime,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Absent,
    Commit,
    Nil,
}

impl Chain {
    /// Returns the chain with its first block.
    /// # Errors
    /// [`PlanError`].
    pub fn new(plan: ChainPlan) -> Result<Self, PlanError> {
        plan.check()?;
        let epochs = Epochs::new(&plan);
        let first = epochs.at(&plan, plan.initial_height).ok_or(PlanError::Validators { got: 0 })?;
        let priorities = Priorities::first(&first.set);
        let mut chain = Self {
            consensus_hash: consensus_hash(plan.release),
            epochs,
            blocks: Vec::new(),
            store: Store::default(),
            priorities_kept: vec![priorities.clone()],
            priorities,
            commits: Mutex::new(BTreeMap::new()),
            plan,
        };
        chain.append();
        Ok(chain)
    }

    /// Makes all blocks up to `height`. Costs about 20 µs per block of 150 validators, with [`LastCommit::Full`] the
    /// signatures of a commit as well.
    pub fn grow_to(&mut self, height: u64) {
        while self.tip() < height {
            self.append();
        }
    }

    /// Returns the plan.
    pub fn plan(&self) -> &ChainPlan {
        &self.plan
    }

    /// Returns the height of the last block.
    pub fn tip(&self) -> u64 {
        self.plan.initial_height + self.blocks.len() as u64 - 1
    }

    /// Returns the header at `height`, or `None` if there is none yet.
    pub fn header(&self, height: u64) -> Option<&Header> {
        self.sealed(height).map(|(header, _)| header)
    }

    /// Returns the id of the block at `height`, or `None` if there is none yet.
    pub fn block_id(&self, height: u64) -> Option<BlockId> {
        self.sealed(height).map(|(_, id)| *id)
    }

    /// Returns the set that signs `height`; known up to the height after the tip.
    pub fn validators(&self, height: u64) -> Option<&Arc<ValidatorSet>> {
        self.epoch(height).map(|epoch| &epoch.set)
    }

    /// Returns the priorities of the set at `height` in its order, and the index of its proposer in round 0.
    /// Costs up to 256 steps of the round robin.
    pub fn priorities(&self, height: u64) -> Option<(Vec<i64>, usize)> {
        let behind = height.checked_sub(self.plan.initial_height)?;
        self.epoch(height)?;
        let kept = (behind / PRIORITIES_EVERY).min(self.priorities_kept.len() as u64 - 1);
        let mut at = kept * PRIORITIES_EVERY + self.plan.initial_height;
        let mut priorities = self.priorities_kept.get(usize::try_from(kept).ok()?)?.clone();
        while at < height {
            priorities = priorities.next(self.validators(at)?, self.validators(at + 1)?);
            at += 1;
        }
        Some((priorities.values, priorities.proposer))
    }

    /// Returns the transactions of the block at `height`, or `None` if there is no block yet.
    pub fn txs(&self, height: u64) -> Option<Vec<Tx>> {
        self.sealed(height).map(|_| txs(&self.plan, height))
    }

    /// Returns the application hash after the block at `height`.
    pub fn app_hash_after(&self, height: u64) -> Option<Vec<u8>> {
        self.sealed(height)?;
        let after = self.header(height + 1).map(|header| header.app_hash.clone());
        Some(after.unwrap_or_else(|| self.store.hash().0.to_vec()))
    }

    /// Returns the members that the block at `height` adds or gives another power, then those that it removes, with
    /// power 0. They take effect two heights later.
    pub fn validator_updates(&self, height: u64) -> Option<Vec<Validator>> {
        self.sealed(height)?;
        let (before, after) = (self.validators(height + 1)?, &self.epochs.at(&self.plan, height + 2)?.set);
        if before.hash() == after.hash() {
            return Some(Vec::new());
        }
        let changed = after
            .validators()
            .iter()
            .filter(|member| before.by_address(&member.address).is_none_or(|(_, old)| old.power != member.power));
        let removed = before.validators().iter().filter(|member| after.by_address(&member.address).is_none());
        let mut updates: Vec<_> = changed.cloned().collect();
        updates.extend(removed.cloned().map(|mut member| {
            member.power = 0;
            member
        }));
        Some(updates)
    }

    /// Returns the commit for the block at `height`, signed now or kept from before.
    pub fn commit(&self, height: u64) -> Option<Arc<Commit>> {
        let (header, id) = self.sealed(height)?;
        if let Some(commit) = self.cached(height) {
            return Some(commit);
        }
        let commit = Arc::new(sign_commit(&self.plan, self.epoch(height)?, header, *id));
        self.cache(height, &commit);
        Some(commit)
    }

    /// Returns the commit that node `node` saw for its last block: another choice of votes than the one that the next
    /// block will carry, as on real networks.
    pub fn seen_commit(&self, height: u64, node: u32) -> Option<Commit> {
        let mut commit = Commit::clone(&*self.commit(height)?);
        let set = self.validators(height)?;
        let signed: u64 = members_signed(&commit, set);
        let unseen = draw(self.plan.seed, For::SeenCommit, height, u64::from(node)) as usize % set.len();
        let power = set.validators().get(unseen).map_or(0, |member| member.power);
        if let Some(place @ CommitSig::Commit(_)) = commit.signatures.get_mut(unseen)
            && u128::from(signed - power) * 3 > u128::from(set.total_power()) * 2
        {
            *place = CommitSig::Absent;
        }
        Some(commit)
    }

    /// Returns the whole block at `height`.
    pub fn block(&self, height: u64) -> Option<Block> {
        let header = self.header(height)?.clone();
        let last_commit = if height == self.plan.initial_height { None } else { Some(self.commit(height - 1)?) };
        let txs = self.txs(height)?.iter().map(Tx::to_bytes).collect();
        Some(Block { txs, last_commit, header })
    }

    fn sealed(&self, height: u64) -> Option<&(Header, BlockId)> {
        let behind = height.checked_sub(self.plan.initial_height)?;
        self.blocks.get(usize::try_from(behind).ok()?)
    }

    fn epoch(&self, height: u64) -> Option<&Epoch> {
        let known = self.plan.initial_height..=self.tip() + 1;
        known.contains(&height).then(|| self.epochs.at(&self.plan, height)).flatten()
    }

    fn cached(&self, height: u64) -> Option<Arc<Commit>> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).get(&height).cloned()
    }

    fn cache(&self, height: u64, commit: &Arc<Commit>) {
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        commits.insert(height, commit.clone());
        if commits.len() > COMMITS_CACHED_MAX {
            commits.pop_first();
        }
    }

    fn append(&mut self) {
        let last = self.blocks.last();
        let height = last.map_or(self.plan.initial_height, |(header, _)| header.height + 1);
        self.epochs.grow_to(&self.plan, height + 2);
        let plan = &self.plan;
        let (Some(now), Some(next)) = (self.epochs.at(plan, height), self.epochs.at(plan, height + 1)) else { return };
        let last_height = height.saturating_sub(1);
        let last_txs = last.map_or_else(Vec::new, |_| txs(plan, last_height));
        let (time, last_commit, last_commit_hash) = match last {
            None => (plan.genesis_time, None, sha256(&[])),
            Some((last_header, last_id)) => {
                let Some(before) = self.epochs.at(plan, last_height) else { return };
                let ballots = ballots(plan, &before.set, last_height);
                let time = median_time(plan.release, &before.set, &ballots);
                match plan.last_commit {
                    LastCommit::Sparse => {
                        (time, None, derive("rushlight-devnet/last-commit/v1", plan.seed, last_height))
                    }
                    LastCommit::Full => {
                        let commit = self
                            .cached(last_height)
                            .unwrap_or_else(|| Arc::new(sign_commit(plan, before, last_header, *last_id)));
                        let hash = commit.hash();
                        (time, Some(commit), hash)
                    }
                }
            }
        };
        let block_txs = txs(plan, height);
        let tx_bytes: Vec<Vec<u8>> = block_txs.iter().map(Tx::to_bytes).collect();
        let priorities = match last {
            None => self.priorities.clone(),
            Some(_) => match self.epochs.at(plan, last_height) {
                Some(before) => self.priorities.next(&before.set, &now.set),
                None => return,
            },
        };
        let proposer = priorities.later_round(&now.set, round(plan, height)).proposer;
        let header = Header {
            version: Version { block: Header::BLOCK_PROTOCOL, app: plan.app_version },
            chain_id: plan.chain_id.clone(),
            height,
            time,
            last_block_id: last.map(|(_, id)| *id),
            last_commit_hash: Some(last_commit_hash),
            data_hash: Some(data_hash(&tx_bytes)),
            validators_hash: now.set.hash(),
            next_validators_hash: next.set.hash(),
            consensus_hash: Some(self.consensus_hash),
            app_hash: self.store.hash().0.to_vec(),
            last_results_hash: Some(results_hash(&last_txs)),
            evidence_hash: Some(sha256(&[])),
            proposer_address: now.set.validators().get(proposer).map(|member| member.address).unwrap_or_default(),
        };
        let id = match plan.last_commit {
            LastCommit::Full => Block { header: header.clone(), txs: tx_bytes, last_commit: last_commit.clone() }.id(),
            LastCommit::Sparse => {
                let hash = header.hash();
                BlockId { hash, parts: PartSetHeader { total: 1, hash: sha256(hash.as_bytes()) } }
            }
        };
        if let Some(commit) = last_commit {
            self.cache(last_height, &commit);
        }
        self.store.execute(&block_txs);
        if (height - self.plan.initial_height).is_multiple_of(PRIORITIES_EVERY) && !self.blocks.is_empty() {
            self.priorities_kept.push(priorities.clone());
        }
        self.priorities = priorities;
        self.blocks.push((header, id));
    }
}

fn members_signed(commit: &Commit, set: &ValidatorSet) -> u64 {
    let members = commit.signatures.iter().zip(set.validators());
    members.filter(|(place, _)| matches!(place, CommitSig::Commit(_))).map(|(_, member)| member.power).sum()
}

/// Returns the hash of the consensus parameters that headers cover: most bytes and gas of a block.
fn consensus_hash(release: Release) -> Hash {
    let mut out = Vec::new();
    put_uint(&mut out, 1, release.block_bytes_max());
    // No bound on gas: -1.
    put_uint(&mut out, 2, u64::MAX);
    sha256(&out)
}

/// Returns the round in which `height` was committed.
fn round(plan: &ChainPlan, height: u64) -> u32 {
    let drawn = draw(plan.seed, For::Round, height, 0);
    if drawn % 100 < u64::from(plan.late_round_percent) { 1 + ((drawn >> 32) % 3) as u32 } else { 0 }
}

/// Returns what each member of `set` does at `height`, in the order of the set. More than two thirds commit.
fn ballots(plan: &ChainPlan, set: &ValidatorSet, height: u64) -> Vec<Ballot> {
    let total = u128::from(set.total_power());
    let (absent, nil) = (u64::from(plan.absent_percent), u64::from(plan.nil_percent));
    let quarter = (plan.block_interval / 4).as_nanos() as u64;
    let earliest = plan.planned_time(height + 1).unix_nanos() - i128::from(quarter);
    let mut withheld = 0_u128;
    let ballot = |(index, power): (usize, u64)| {
        let index = index as u64;
        let drawn = draw(plan.seed, For::Vote, height, index) % 100;
        let mut choice = match drawn {
            drawn if drawn < absent => Choice::Absent,
            drawn if drawn < absent + nil => Choice::Nil,
            _ => Choice::Commit,
        };
        if choice != Choice::Commit {
            if (withheld + u128::from(power)) * 3 < total {
                withheld += u128::from(power);
            } else {
                choice = Choice::Commit;
            }
        }
        let late = draw(plan.seed, For::VoteTime, height, index) % (2 * quarter);
        Ballot { choice, time: UnixTime::from_unix_nanos(earliest + i128::from(late)) }
    };
    set.validators().iter().map(|member| member.power).enumerate().map(ballot).collect()
}

/// Returns the median of the votes' times, weighted by power: the next header's time.
///
/// Source: CometBFT specification, "BFT time"; 0.38 counts nil votes, 0.40 does not.
fn median_time(release: Release, set: &ValidatorSet, ballots: &[Ballot]) -> UnixTime {
    let counts = |ballot: &Ballot| match ballot.choice {
        Choice::Absent => false,
        Choice::Commit => true,
        Choice::Nil => release == Release::V0_38,
    };
    let members = ballots.iter().zip(set.validators()).filter(|(ballot, _)| counts(ballot));
    let mut times: Vec<(UnixTime, u64)> = members.map(|(ballot, member)| (ballot.time, member.power)).collect();
    times.sort_unstable();
    let mut left = times.iter().map(|(_, power)| power).sum::<u64>() / 2;
    for (time, power) in &times {
        if left <= *power {
            return *time;
        }
        left -= power;
    }
    times.last().map_or(UnixTime::EPOCH, |(time, _)| *time)
}

fn sign_commit(plan: &ChainPlan, epoch: &Epoch, header: &Header, block_id: BlockId) -> Commit {
    let empty = Commit { height: header.height, round: round(plan, header.height), block_id, signatures: Vec::new() };
    let sign_bytes = empty.sign_bytes(&plan.chain_id);
    let mut message = Vec::new();
    let votes = ballots(plan, &epoch.set, header.height);
    let members = votes.iter().zip(epoch.set.validators()).zip(&epoch.signers);
    let signatures = members
        .map(|((ballot, member), key)| {
            let unsigned = Vote {
                validator_address: member.address,
                timestamp: ballot.time,
                signature: Signature::from_bytes(&[]),
            };
            let mut place = match ballot.choice {
                Choice::Absent => return CommitSig::Absent,
                Choice::Commit => CommitSig::Commit(unsigned),
                Choice::Nil => CommitSig::Nil(unsigned),
            };
            message.clear();
            sign_bytes.put(&place, &mut message);
            if let CommitSig::Commit(vote) | CommitSig::Nil(vote) = &mut place {
                vote.signature = key.sign(&message);
            }
            place
        })
        .collect();
    Commit { signatures, ..empty }
}
