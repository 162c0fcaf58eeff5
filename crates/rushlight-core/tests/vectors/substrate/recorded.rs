//! Recorded chains: specification, headers, authorship and finality from genesis to the last block.

use super::Files;
use super::files::unhex;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::authorship::GenesisConsensus;
use rushlight_core::chains::substrate::grandpa::{Authority, AuthoritySet, BlockId, JustificationRef, Proofs};
use rushlight_core::chains::substrate::header::grandpa::Log;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::chains::substrate::spec::Spec;
use rushlight_core::chains::substrate::state::{ChainState, FinalityError, ForcedChanges, Settings, Start};
use serde_json::Value;
use std::sync::Arc;

/// One recorded block.
pub struct Block {
    pub number: u64,
    pub hash: Hash,
    pub header: Vec<u8>,
    /// That of GRANDPA, where the node kept one.
    pub justification: Option<Vec<u8>>,
}

pub fn run(files: &Files, report: &mut Report) {
    for folder in files.folders_with(&["spec-raw.json", "blocks.jsonl"]) {
        let name = format!("{folder}/blocks.jsonl");
        let blocks = recorded(files, &folder);
        headers(&name, &blocks, report);
        if files.has(&format!("{folder}/consensus.json")) {
            let consensus = files.json(&format!("{folder}/consensus.json"));
            let sets = finality(&name, &blocks, genesis_set(&consensus["grandpa"]), report);
            let spec = String::from_utf8(files.bytes(&format!("{folder}/spec-raw.json"))).expect("JSON is text");
            let spec = Spec::from_json(&spec).expect("a recorded specification is readable");
            let consensus = GenesisConsensus::from_json(&consensus.to_string()).expect("a consensus file is readable");
            follow(&name, &blocks, &spec, consensus, report);
            for name in files.names(|name| name.starts_with(&format!("{folder}/authorities-"))) {
                answered_sets(&name, &files.json(&name), &sets, report);
            }
        }
    }
}

/// Returns the blocks of a recorded chain.
pub fn recorded(files: &Files, folder: &str) -> Vec<Block> {
    files.json_lines(&format!("{folder}/blocks.jsonl")).iter().map(block).collect()
}

fn block(line: &Value) -> Block {
    let number = line["number"].as_u64().expect("a block has a number");
    let hash = Hash::from_slice(&unhex(&line["hash"])).expect("a hash has 32 bytes");
    let justifications = line["justifications"].as_array().into_iter().flatten();
    let justification = justifications.filter(|entry| entry[0] == "FRNK").map(|entry| unhex(&entry[1])).next();
    Block { number, hash, header: unhex(&line["header_scale"]), justification }
}

fn headers(name: &str, blocks: &[Block], report: &mut Report) {
    let mut parent: Option<&Block> = None;
    for block in blocks {
        let header = match HeaderRef::decode(&block.header, NumberWidth::U32) {
            Ok(header) => header,
            Err(error) => {
                report.case(name, Err(format!("block {}: {error}", block.number)));
                continue;
            }
        };
        let number = block.number;
        report.equal(name, format_args!("number of block {number}"), header.number(), number);
        report.equal(name, format_args!("hash of block {number}"), header.hash(), block.hash);
        report.equal(name, format_args!("block {number} encoded again"), &header.to_header().encode(), &block.header);
        if let Some(parent) = parent {
            report.equal(name, format_args!("parent of block {number}"), header.parent_hash(), parent.hash);
        }
        parent = Some(block);
    }
}

pub fn genesis_set(grandpa: &Value) -> AuthoritySet {
    let list = grandpa["genesis_authorities"].as_array().expect("GRANDPA has authorities").iter();
    let authority = |entry: &Value| Authority {
        key: unhex(&entry["key"]).try_into().expect("a key has 32 bytes"),
        weight: entry["weight"].as_u64().expect("an authority has a weight"),
    };
    let id = grandpa["genesis_set_id"].as_u64().expect("the first set has a number");
    AuthoritySet::new(id, list.map(authority).collect()).expect("the first set can vote")
}

/// Verifies every justification with the set of its time, which the headers announce; returns the set behind each block.
fn finality(name: &str, blocks: &[Block], first: AuthoritySet, report: &mut Report) -> Vec<AuthoritySet> {
    let sets = sets_behind(blocks, first.clone());
    for (block, set) in blocks.iter().zip([&first].into_iter().chain(&sets)) {
        let number = block.number;
        if let Some(bytes) = &block.justification {
            report.case(name, finalizes(bytes, block, set).map_err(|why| format!("justification of {number}: {why}")));
            // Whoever takes the set of another time must not be convinced.
            let other = AuthoritySet::new(set.id() + 1, set.list().to_vec()).expect("the set can vote");
            let refused = finalizes(bytes, block, &other).is_err();
            report.equal(name, format_args!("justification of {number} refused for another set"), refused, true);
        }
    }
    sets
}

/// Returns the set that votes after each block.
pub fn sets_behind(blocks: &[Block], mut set: AuthoritySet) -> Vec<AuthoritySet> {
    let mut announced: Option<(u64, AuthoritySet)> = None;
    let mut sets = Vec::new();
    for block in blocks {
        let header = HeaderRef::decode(&block.header, NumberWidth::U32).expect("a recorded header");
        for log in header.grandpa_logs() {
            // A forced change counts imported blocks and a scheduled one finalized blocks, which is the same where forks are gone.
            if let Log::ScheduledChange(change) | Log::ForcedChange { change, .. } = log {
                let next = AuthoritySet::announced(set.id() + 1, &change.next_authorities).expect("a set can vote");
                announced = Some((block.number + change.delay, next));
            }
        }
        // The last block of the old set is still finalized by it.
        if let Some((_, next)) = announced.take_if(|(last, _)| *last <= block.number) {
            set = next;
        }
        sets.push(set.clone());
    }
    sets
}

/// Compares the sets that headers announced with what the runtime answered.
fn answered_sets(name: &str, answers: &Value, sets: &[AuthoritySet], report: &mut Report) {
    for answer in answers.as_array().into_iter().flatten() {
        let Some(set) = answer["n"].as_u64().and_then(|number| sets.get(number as usize)) else { continue };
        report.equal(
            name,
            format_args!("set {}", answer["n"]),
            set.encode_list(),
            unhex(&answer["grandpa_authorities"]),
        );
        report.equal(
            name,
            format_args!("set id {}", answer["n"]),
            &set.id().to_le_bytes()[..],
            &unhex(&answer["set_id"]),
        );
    }
}

/// Verifies a justification of `block` with `set`.
pub fn finalizes(justification: &[u8], block: &Block, set: &AuthoritySet) -> Result<(), String> {
    let justification = JustificationRef::decode(justification, NumberWidth::U32).map_err(|why| why.to_string())?;
    let mut proofs = Proofs::start(block.hash);
    let target = BlockId { hash: block.hash, number: block.number };
    proofs.push(&justification, target, set).map_err(|why| why.to_string())?;
    let (verified, refused) = proofs.verify_in_place();
    match refused {
        Some(refused) => Err(refused.error.to_string()),
        None if verified.len() == 1 && verified[0].block() == target && verified[0].set_id() == set.id() => Ok(()),
        None => Err(format!("{verified:?} is not what was asked for")),
    }
}

/// Follows the chain from genesis as a client does: every block is taken in, every justification finalizes, and the chain
/// comes back from its snapshot after each.
fn follow(name: &str, blocks: &[Block], spec: &Spec, consensus: GenesisConsensus, report: &mut Report) {
    // The recorded forced change comes with a change of all but one author, so that nobody is left to vouch for it.
    let rules = Arc::new(spec.rules.clone());
    let settings = Settings { consensus: consensus.config, rules, forced: ForcedChanges::Imported };
    let genesis = spec.genesis_header().expect("a recorded chain has its genesis");
    let set = consensus.grandpa.map(|grandpa| {
        let authority = |(key, weight): &([u8; 32], u64)| Authority { key: *key, weight: *weight };
        AuthoritySet::new(grandpa.set_id, grandpa.authorities.iter().map(authority).collect()).expect("it can vote")
    });
    let start = Start {
        genesis: genesis.hash(),
        width: spec.number_width,
        header: genesis.encode(),
        authorship: consensus.authorship,
        set,
        announced: Vec::new(),
    };
    let mut chain = ChainState::new(start, settings.clone()).expect("genesis is a start");
    let mut justified: Vec<&Block> = Vec::new();
    for block in &blocks[1..] {
        let number = block.number;
        match chain.import(&block.header, None) {
            Ok(imported) => report.equal(name, format_args!("block {number} is best"), imported.is_best, true),
            Err(error) => report.case(name, Err(format!("block {number} is not taken in: {error}"))),
        }
        justified.extend(block.justification.is_some().then_some(block));
        // Finality lags behind, so that there is something to finalize across.
        if number % 7 != 0 && number as usize + 1 < blocks.len() {
            continue;
        }
        for block in justified.drain(..) {
            report
                .case(name, finalize(&mut chain, block).map_err(|why| format!("finality of {}: {why}", block.number)));
            let snapshot = chain.to_snapshot();
            if [101, 411].contains(&block.number) && std::env::var_os("RUSHLIGHT_UPDATE").is_some() {
                record(name, &snapshot, &blocks[block.number as usize + 1..][..12]);
            }
            match ChainState::from_snapshot(&snapshot, chain.genesis(), chain.number_width(), settings.clone()) {
                Ok(again) => {
                    report.equal(
                        name,
                        "snapshot",
                        (again.to_snapshot(), again.finalized()),
                        (snapshot, chain.finalized()),
                    );
                }
                Err(error) => report.case(name, Err(format!("snapshot at {}: {error}", block.number))),
            }
        }
    }
    let last = blocks.iter().rev().find(|block| block.justification.is_some());
    report.equal(name, "last finalized block", Some(chain.finalized().number), last.map(|block| block.number));
}

/// Keeps a snapshot and the blocks behind it as a seed of the fuzz target of the chain state.
fn record(name: &str, snapshot: &[u8], blocks: &[Block]) {
    let mut seed = (snapshot.len() as u32).to_le_bytes().to_vec();
    seed.extend_from_slice(snapshot);
    for block in blocks {
        seed.extend_from_slice(&(block.header.len() as u16).to_le_bytes());
        seed.extend_from_slice(&block.header);
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/chain_state");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let name = format!("{}-{}", name.replace('/', "-").replace(".jsonl", ""), blocks[0].number);
    std::fs::write(folder.join(name), seed).expect("it can be written to");
}

fn finalize(chain: &mut ChainState, block: &Block) -> Result<(), String> {
    let justification = block.justification.as_ref().expect("only justified blocks come here");
    let justification = JustificationRef::decode(justification, chain.number_width()).map_err(|why| why.to_string())?;
    let set = chain.authority_set().expect("the chain has a set");
    let mut proofs = Proofs::start(chain.finalized().hash);
    let target = BlockId { hash: block.hash, number: block.number };
    proofs.push(&justification, target, set).map_err(|why| why.to_string())?;
    let (verified, refused) = proofs.verify_in_place();
    if let Some(refused) = refused {
        return Err(refused.error.to_string());
    }
    // A set that ends between is not to be jumped over.
    let expected = chain.next_set_change().filter(|change| *change < block.number);
    match (chain.finalize(&verified[0]), expected) {
        (Ok(_), None) if chain.finalized() == target => Ok(()),
        (Err(FinalityError::ChangeFirst { mandatory, .. }), Some(change)) if mandatory == change => Ok(()),
        (got, expected) => Err(format!("{got:?}, expected a set to end at {expected:?}")),
    }
}
