//! Votes over trees, as justifications and as commit messages. Nothing is signed: signatures are not what is judged.

use super::Dice;
use finality_grandpa::{Commit, Precommit, SignedPrecommit};
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::BlockId;
use rushlight_core::chains::substrate::header::Header;
use rushlight_core::codec::scale::put_compact;
use std::collections::{BTreeMap, BTreeSet};

pub type Key = [u8; 32];
pub type Vote = SignedPrecommit<[u8; 32], u32, [u8; 64], Key>;

pub struct Case {
    pub set_id: u64,
    pub voted_set_id: u64,
    pub authorities: Vec<(Key, u64)>,
    pub blocks: Vec<Header>,
    pub hashes: Vec<[u8; 32]>,
    pub votes: Vec<Vote>,
    /// Places of the headers that go with the votes.
    pub ancestry: Vec<usize>,
    pub is_lying: bool,
    pub equivocates: bool,
}

/// Bounds of members and blocks.
const SIZES: [(u64, u64); 3] = [(9, 14), (60, 80), (300, 500)];

fn key(n: u64) -> Key {
    let mut key = [0x5a; 32];
    key[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    key
}

fn tree(dice: &mut Dice, len: u64) -> Vec<Header> {
    let zero = Hash([0; 32]);
    let root = Header {
        parent_hash: Hash([7; 32]),
        number: 5 + dice.below(1_000),
        state_root: zero,
        extrinsics_root: zero,
        digest: vec![],
    };
    let mut blocks = vec![root];
    let mut hashes = vec![blocks[0].hash()];
    // From one path, over paths with forks, to bushes.
    let forks = [0, 1, 5, 30, 100][dice.below(5) as usize];
    for n in 1..len {
        let parent = if dice.below(100) < forks { dice.below(n) } else { n - 1 } as usize;
        let mut state_root = [0; 32];
        state_root[..8].copy_from_slice(&n.to_le_bytes());
        let number = blocks[parent].number + 1;
        let header = Header { parent_hash: hashes[parent], number, state_root: Hash(state_root), ..blocks[0].clone() };
        hashes.push(header.hash());
        blocks.push(header);
    }
    blocks
}

impl Case {
    pub fn draw(dice: &mut Dice) -> Self {
        let (members_max, blocks_max) = SIZES[[0, 0, 0, 0, 1, 1, 1, 2][dice.below(8) as usize]];
        let members = 1 + dice.below(members_max);
        let weights = dice.below(4);
        let mut weight = || match weights {
            0 | 1 => 1,
            2 => 1 + dice.below(10),
            _ => dice.below(1 << 40),
        };
        let authorities = (0..members).map(|n| (key(n), weight())).collect();
        let len = 1 + dice.below(blocks_max);
        let blocks = tree(dice, len);
        let hashes = blocks.iter().map(|header| header.hash().0).collect();
        let set_id = dice.below(3);
        let voted_set_id = if dice.one_in(40) { set_id + 1 } else { set_id };
        let (is_lying, equivocates) = (dice.one_in(3), dice.one_in(3));
        let (votes, ancestry) = (vec![], vec![]);
        let mut case =
            Self { set_id, voted_set_id, authorities, blocks, hashes, votes, ancestry, is_lying, equivocates };
        case.vote(dice);
        case.prove(dice);
        case
    }

    fn vote(&mut self, dice: &mut Dice) {
        let (members, len) = (self.authorities.len() as u64, self.blocks.len() as u64);
        let mut voters: Vec<u64> = (0..members).filter(|_| !dice.one_in(9)).collect();
        if dice.one_in(6) {
            voters.push(members + dice.below(3));
        }
        if self.equivocates {
            let every = 1 + dice.below(8);
            let again: Vec<u64> = voters.iter().copied().filter(|_| dice.one_in(every)).collect();
            voters.extend(again);
        }
        if dice.one_in(2) {
            (1..voters.len()).rev().for_each(|n| voters.swap(n, dice.below(n as u64 + 1) as usize));
        }
        // Anywhere, near the last blocks, mostly for one, or all for one.
        let (style, tip, near) = (dice.below(5), dice.below(len), 1 + dice.below(8));
        let lies = 1 + dice.below(40);
        for voter in voters {
            let at = match style {
                0 | 1 => dice.below(len),
                2 => len - 1 - dice.below(near.min(len)),
                3 if dice.one_in(5) => dice.below(len),
                _ => tip,
            } as usize;
            let mut target_number = self.blocks[at].number as u32;
            if self.is_lying && dice.one_in(lies) {
                let apart = 2 + dice.below(10) as u32;
                target_number = target_number.saturating_sub(apart / 2) + dice.below(apart.into()) as u32;
            }
            // Some sign the same vote in two ways.
            let signature = [u8::from(dice.one_in(20)); 64];
            let precommit = Precommit { target_hash: self.hashes[at], target_number };
            self.votes.push(SignedPrecommit { precommit, signature, id: key(voter) });
        }
    }

    /// Chooses the headers between the votes, mostly those that are wanted.
    fn prove(&mut self, dice: &mut Dice) {
        let Some(lowest) = self.votes.iter().map(|vote| &vote.precommit).min_by_key(|vote| vote.target_number) else {
            return;
        };
        let place: BTreeMap<[u8; 32], usize> = self.hashes.iter().copied().zip(0..).collect();
        let base = place[&lowest.target_hash];
        let mut needed = BTreeSet::new();
        for vote in &self.votes {
            let mut at = place[&vote.precommit.target_hash];
            while at != base && needed.insert(at) {
                let Some(parent) = place.get(&self.blocks[at].parent_hash.0) else { break };
                at = *parent;
            }
        }
        self.ancestry = needed.into_iter().collect();
        if dice.one_in(25) && !self.ancestry.is_empty() {
            self.ancestry.remove(dice.below(self.ancestry.len() as u64) as usize);
        }
        if dice.one_in(25) {
            self.ancestry.push(dice.below(self.blocks.len() as u64) as usize);
        }
    }

    /// Returns a block of the tree.
    pub fn any_block(&self, dice: &mut Dice) -> BlockId {
        let at = dice.below(self.blocks.len() as u64) as usize;
        BlockId { hash: Hash(self.hashes[at]), number: self.blocks[at].number }
    }

    /// Returns the parent of each block that `known` picks.
    pub fn parents(&self, known: impl Iterator<Item = usize>) -> BTreeMap<[u8; 32], [u8; 32]> {
        known.map(|at| (self.hashes[at], self.blocks[at].parent_hash.0)).collect()
    }

    pub fn commit(&self, target: BlockId) -> Commit<[u8; 32], u32, [u8; 64], Key> {
        let target_number = target.number as u32;
        Commit { target_hash: target.hash.0, target_number, precommits: self.votes.clone() }
    }

    pub fn justification(&self, target: BlockId) -> Vec<u8> {
        let mut out = 1_u64.to_le_bytes().to_vec();
        put_block(&mut out, target.hash.0, target.number as u32);
        put_compact(&mut out, self.votes.len() as u64);
        for SignedPrecommit { precommit, signature, id } in &self.votes {
            put_block(&mut out, precommit.target_hash, precommit.target_number);
            out.extend_from_slice(signature);
            out.extend_from_slice(id);
        }
        put_compact(&mut out, self.ancestry.len() as u64);
        self.ancestry.iter().for_each(|at| out.extend_from_slice(&self.blocks[*at].encode()));
        out
    }

    pub fn message(&self, target: BlockId) -> Vec<u8> {
        let mut out = [&[1][..], &1_u64.to_le_bytes(), &self.voted_set_id.to_le_bytes()].concat();
        put_block(&mut out, target.hash.0, target.number as u32);
        put_compact(&mut out, self.votes.len() as u64);
        self.votes
            .iter()
            .for_each(|vote| put_block(&mut out, vote.precommit.target_hash, vote.precommit.target_number));
        put_compact(&mut out, self.votes.len() as u64);
        for vote in &self.votes {
            out.extend_from_slice(&vote.signature);
            out.extend_from_slice(&vote.id);
        }
        out
    }
}

fn put_block(out: &mut Vec<u8>, hash: [u8; 32], number: u32) {
    out.extend_from_slice(&hash);
    out.extend_from_slice(&number.to_le_bytes());
}
