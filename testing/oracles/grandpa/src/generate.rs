//! Justifications, valid and broken, in the reference's own types.

use super::Dice;
use codec::Encode;
use finality_grandpa::{Commit, Message, Precommit, SignedPrecommit};
use sp_consensus_grandpa::{AuthorityId, GrandpaJustification, localized_payload};
use sp_core::{H256, Pair, ed25519};
use sp_runtime::Digest;
use sp_runtime::traits::{BlakeTwo256, Header as _};

pub type Header = sp_runtime::generic::Header<u32, BlakeTwo256>;

/// Hash and number of a block.
pub type Target = (H256, u32);

/// How many keys there are; a set has some of them, the others may vote all the same.
const KEYS: u64 = 10;

pub struct Case {
    pub set_id: u64,
    pub authorities: Vec<(AuthorityId, u64)>,
    round: u64,
    blocks: Vec<Header>,
    precommits: Vec<SignedPrecommit<H256, u32, sp_consensus_grandpa::AuthoritySignature, AuthorityId>>,
    votes_ancestries: Vec<Header>,
    /// A block of another number than its own, where the case tries that too.
    lie: Option<Target>,
}

fn pair(key: u64) -> ed25519::Pair {
    ed25519::Pair::from_seed(&[key as u8 + 1; 32])
}

fn weights(dice: &mut Dice, count: u64) -> Vec<u64> {
    let style = dice.below(12);
    let weight = |dice: &mut Dice| match style {
        0..5 => 1,
        5..9 => 1 + dice.below(10),
        9 => dice.below(3),
        10 => (dice.next() >> 4) + 1,
        _ => u64::MAX / (1 + dice.below(count + 1)),
    };
    (0..count).map(|_| weight(dice)).collect()
}

fn tree(dice: &mut Dice) -> Vec<Header> {
    let root = Header::new(
        dice.below(1_000) as u32 + 5,
        H256::from_low_u64_be(dice.next()),
        H256::zero(),
        H256::zero(),
        Digest::default(),
    );
    let mut blocks = vec![root];
    // Long chains, bushes and all between.
    let bushy = 1 + dice.below(4);
    for n in 0..dice.below(14) {
        let parent = if dice.below(4) < bushy { dice.below(blocks.len() as u64) as usize } else { blocks.len() - 1 };
        let parent = &blocks[parent];
        let state_root = H256::from_low_u64_be(n);
        blocks.push(Header::new(parent.number() + 1, state_root, state_root, parent.hash(), Digest::default()));
    }
    blocks
}

impl Case {
    pub fn draw(dice: &mut Dice) -> Self {
        let members = 1 + dice.below(KEYS - 1);
        let mut authorities: Vec<(AuthorityId, u64)> = weights(dice, members)
            .into_iter()
            .zip(0..)
            .map(|(weight, key)| (pair(key).public().into(), weight))
            .collect();
        if dice.one_in(20) {
            let twice = authorities[dice.below(members) as usize].clone();
            authorities.push(twice);
        }
        let (set_id, round) = (dice.below(3), dice.below(3));
        let blocks = tree(dice);
        let mut case =
            Self { set_id, authorities, round, blocks, precommits: vec![], votes_ancestries: vec![], lie: None };
        case.vote(dice, members);
        case.prove(dice);
        if dice.one_in(10) {
            let block = &case.blocks[dice.below(case.blocks.len() as u64) as usize];
            case.lie = Some((block.hash(), block.number() - 1 + 2 * dice.below(2) as u32));
        }
        case
    }

    fn vote(&mut self, dice: &mut Dice, members: u64) {
        let tip = dice.below(self.blocks.len() as u64) as usize;
        // All for one block, mostly for one block, or anywhere.
        let style = dice.below(4);
        let (lying, equivocating) = (dice.one_in(6), 1 + dice.below(8));
        let mut voters: Vec<u64> = (0..members).filter(|_| !dice.one_in(7)).collect();
        if dice.one_in(6) {
            voters.push(members + dice.below(KEYS - members));
        }
        let twice: Vec<u64> = voters.iter().copied().filter(|_| dice.one_in(2 * equivocating)).collect();
        voters.extend(twice);
        let thrice: Vec<u64> = voters.iter().copied().filter(|_| dice.one_in(20)).collect();
        voters.extend(thrice);
        if dice.one_in(2) {
            for n in (1..voters.len()).rev() {
                voters.swap(n, dice.below(n as u64 + 1) as usize);
            }
        }
        for key in voters {
            let at = match style {
                0 => tip,
                1 if !dice.one_in(4) => tip,
                _ => dice.below(self.blocks.len() as u64) as usize,
            };
            let block = &self.blocks[at];
            let mut target_number = *block.number();
            if lying && dice.one_in(3) {
                target_number = target_number - 2 + dice.below(5) as u32;
            }
            let precommit = Precommit { target_hash: block.hash(), target_number };
            let (round, set_id) = match dice.below(300) {
                0 => (self.round + 1, self.set_id),
                1 => (self.round, self.set_id + 1),
                2 => (self.round, self.set_id.saturating_sub(1)),
                _ => (self.round, self.set_id),
            };
            let payload = localized_payload(round, set_id, &Message::Precommit(precommit.clone()));
            let pair = pair(key);
            let mut signature = pair.sign(&payload);
            if dice.one_in(300) {
                signature.0[dice.below(64) as usize] ^= 1 << dice.below(8);
            }
            self.precommits.push(SignedPrecommit { precommit, signature: signature.into(), id: pair.public().into() });
        }
        if dice.one_in(10) && !self.precommits.is_empty() {
            let again = self.precommits[dice.below(self.precommits.len() as u64) as usize].clone();
            self.precommits.push(again);
        }
    }

    /// Adds the headers between the votes, mostly those that are wanted.
    fn prove(&mut self, dice: &mut Dice) {
        let lowest = self.precommits.iter().min_by_key(|vote| vote.precommit.target_number);
        let Some(base) = lowest.map(|vote| vote.precommit.target_hash) else { return };
        let find = |hash: H256| self.blocks.iter().find(|header| header.hash() == hash);
        let mut needed: Vec<Header> = vec![];
        for vote in &self.precommits {
            let mut at = vote.precommit.target_hash;
            while at != base {
                let Some(header) = find(at) else { break };
                if needed.contains(header) {
                    break;
                }
                needed.push(header.clone());
                at = *header.parent_hash();
            }
        }
        if dice.one_in(25) && !needed.is_empty() {
            needed.remove(dice.below(needed.len() as u64) as usize);
        }
        if dice.one_in(25) {
            needed.push(self.blocks[dice.below(self.blocks.len() as u64) as usize].clone());
        }
        if dice.one_in(3) {
            needed.reverse();
        }
        self.votes_ancestries = needed;
    }

    /// Returns every block for which the justification may claim to be.
    pub fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        self.blocks.iter().map(|header| (header.hash(), *header.number())).chain(self.lie)
    }

    pub fn encode(&self, (target_hash, target_number): Target) -> Vec<u8> {
        let commit = Commit { target_hash, target_number, precommits: self.precommits.clone() };
        let votes_ancestries = self.votes_ancestries.clone();
        GrandpaJustification::<Header> { round: self.round, commit, votes_ancestries }.encode()
    }
}
