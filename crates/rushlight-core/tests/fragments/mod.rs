//! A generated chain of authority sets, with fragments that are signed when they are asked for.

#![allow(dead_code, reason = "each test that includes this uses a part of it")]

use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::{Authority, AuthoritySet, BlockId};
use rushlight_core::chains::substrate::header::{DigestItem, EngineId, Header};
use rushlight_core::chains::substrate::spec::Spec;
use rushlight_core::chains::substrate::spec::rules::BlockRules;
use rushlight_core::chains::substrate::warp::VerifiedHead;
use rushlight_core::codec::scale::{put_compact, put_uint};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the generated chain looks like.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Members of each set.
    pub authorities: u64,
    /// How many of them are new in each set.
    pub new: u64,
    /// How many of them vote.
    pub votes: u64,
    /// Blocks from one change of set to the next.
    pub blocks: u64,
    /// How many changes there are.
    pub changes: u64,
    /// Blocks that are final above the last change.
    pub above: u64,
    /// Whether headers announce an epoch of BABE too.
    pub babe: bool,
    /// Tells chains apart that are otherwise equal.
    pub fork: u8,
}

impl Plan {
    /// A small chain.
    pub const SMALL: Self =
        Self { authorities: 4, new: 1, votes: 3, blocks: 10, changes: 30, above: 5, babe: false, fork: 0 };
}

/// The chain.
#[derive(Debug)]
pub struct World {
    pub plan: Plan,
    keys: BTreeMap<u64, (SigningKey, [u8; 32])>,
    /// Hash of the block of each change, in order; they are made as far as they were asked for.
    hashes: Vec<Hash>,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        Self { plan, keys: BTreeMap::new(), hashes: Vec::new() }
    }

    /// Returns genesis.
    pub fn genesis(&mut self) -> VerifiedHead {
        let set = self.set(0);
        VerifiedHead::trusted(BlockId { hash: Hash([self.plan.fork; 32]), number: 0 }, set)
    }

    /// Returns the set with number `id`.
    pub fn set(&mut self, id: u64) -> AuthoritySet {
        let list = self.members(id).map(|key| Authority { key: self.key(key).1, weight: 1 }).collect();
        AuthoritySet::new(id, list).expect("the set can vote")
    }

    /// Returns the number of the newest finalized block.
    pub fn finalized(&self) -> u64 {
        self.plan.blocks * self.plan.changes + self.plan.above
    }

    /// Returns the header of change `index`, or behind the last one that of the newest finalized block.
    pub fn header(&mut self, index: u64) -> Header {
        let parent_hash = Hash([index.to_le_bytes()[0]; 32]);
        let state_root = Hash(std::array::from_fn(|n| index.to_le_bytes()[n % 8]));
        let mut header = Header {
            parent_hash,
            number: self.number(index),
            state_root,
            extrinsics_root: Hash([self.plan.fork; 32]),
            digest: vec![],
        };
        if index < self.plan.changes {
            let mut list = vec![];
            put_compact(&mut list, self.plan.authorities);
            for key in self.members(index + 1) {
                list.extend_from_slice(&self.key(key).1);
                put_uint(&mut list, 1, 8);
            }
            let item =
                |engine, kind: u8, tail: &[u8]| DigestItem::Consensus(engine, [&[kind][..], &list, tail].concat());
            if self.plan.babe {
                header.digest.push(item(EngineId::BABE, 1, &[7; 32]));
            }
            header.digest.push(item(EngineId::GRANDPA, 1, &[0; 4]));
        }
        header
    }

    /// Returns the block of change `index`.
    pub fn block(&mut self, index: u64) -> BlockId {
        while self.hashes.len() as u64 <= index {
            let hash = self.header(self.hashes.len() as u64).hash();
            self.hashes.push(hash);
        }
        BlockId { hash: self.hashes[index as usize], number: self.number(index) }
    }

    fn number(&self, index: u64) -> u64 {
        if index < self.plan.changes { (index + 1) * self.plan.blocks } else { self.finalized() }
    }

    /// Returns the fragment of change `index`, or of the newest finalized block.
    pub fn fragment(&mut self, index: u64) -> Vec<u8> {
        let header = self.header(index);
        self.justified(index, &header)
    }

    /// Returns a fragment of `header` with votes of the set before change `index`.
    pub fn justified(&mut self, index: u64, header: &Header) -> Vec<u8> {
        // Keys that no later set has are not needed any more.
        self.keys = self.keys.split_off(&(index * self.plan.new));
        let mut out = header.encode();
        let (hash, round) = (header.hash(), index + 1);
        let target = [hash.0.as_slice(), &(header.number as u32).to_le_bytes()].concat();
        out.extend_from_slice(&round.to_le_bytes());
        out.extend_from_slice(&target);
        put_compact(&mut out, self.plan.votes);
        let message = [&[1], &*target, &round.to_le_bytes(), &index.to_le_bytes()].concat();
        for key in self.members(index).take(self.plan.votes as usize) {
            let (secret, public) = self.key(key);
            out.extend_from_slice(&target);
            out.extend_from_slice(&<[u8; 64]>::from(secret.sign(&message)));
            out.extend_from_slice(public);
        }
        put_compact(&mut out, 0);
        out
    }

    /// Returns an honest answer from the block with number `from`: at most `fragments_max` of them.
    pub fn answer(&mut self, from: u64, fragments_max: u64) -> Vec<u8> {
        let first = from / self.plan.blocks;
        let all = (first..=self.plan.changes).filter(|index| *index < self.plan.changes || self.plan.above > 0);
        let all: Vec<u64> = all.collect();
        let sent = &all[..all.len().min(fragments_max as usize)];
        let fragments: Vec<_> = sent.iter().map(|index| self.fragment(*index)).collect();
        encode_answer(&fragments, sent.len() == all.len())
    }

    /// Returns the hash of an honest node's block at a height.
    pub fn hash_at(&mut self, height: u64) -> Hash {
        if height.is_multiple_of(self.plan.blocks) && height > 0 {
            return self.block(height / self.plan.blocks - 1).hash;
        }
        // Blocks between changes have no part in warping but for their names.
        Hash(std::array::from_fn(|n| if n < 8 { height.to_le_bytes()[n] } else { 0xee }))
    }

    /// Returns the number of the block with `hash`, if an honest node has it.
    pub fn number_of(&mut self, hash: Hash) -> Option<u64> {
        if hash == Hash([self.plan.fork; 32]) {
            return Some(0);
        }
        let bytes: [u8; 8] = hash.0[..8].try_into().expect("a hash is longer than a number");
        let between = u64::from_le_bytes(bytes);
        if between <= self.finalized() && self.hash_at(between) == hash {
            return Some(between);
        }
        (0..=self.plan.changes)
            .map(|index| self.block(index))
            .find(|block| block.hash == hash)
            .map(|block| block.number)
    }

    fn members(&self, set: u64) -> impl Iterator<Item = u64> + use<> {
        let first = set * self.plan.new;
        first..first + self.plan.authorities
    }

    fn key(&mut self, key: u64) -> &(SigningKey, [u8; 32]) {
        let fork = self.plan.fork;
        self.keys.entry(key).or_insert_with(|| {
            let mut seed = [fork; 32];
            seed[..8].copy_from_slice(&key.to_le_bytes());
            let secret = SigningKey::from(seed);
            (secret, VerificationKeyBytes::from(&secret).into())
        })
    }
}

/// Returns the answer that holds `fragments`.
pub fn encode_answer(fragments: &[Vec<u8>], finished: bool) -> Vec<u8> {
    let mut out = vec![];
    put_compact(&mut out, fragments.len() as u64);
    fragments.iter().for_each(|fragment| out.extend_from_slice(fragment));
    out.push(finished.into());
    out
}

/// Returns the rules of a specification with these `badBlocks` and `forkBlocks`.
pub fn block_rules(bad: &[Hash], forks: &[(u64, Hash)]) -> Arc<BlockRules> {
    let bad: Vec<String> = bad.iter().map(|hash| format!("\"{hash:#x}\"")).collect();
    let forks: Vec<String> = forks.iter().map(|(number, hash)| format!("[{number},\"{hash:#x}\"]")).collect();
    let genesis = "00".repeat(32);
    let spec = format!(
        r#"{{"name":"x","id":"x","bootNodes":[],"genesis":{{"stateRootHash":"0x{genesis}"}},"badBlocks":[{}],"forkBlocks":[{}]}}"#,
        bad.join(","),
        forks.join(",")
    );
    Arc::new(Spec::from_json(&spec).expect("the specification is one").rules)
}
