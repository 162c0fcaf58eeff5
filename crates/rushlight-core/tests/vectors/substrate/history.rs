//! What is recorded of the chain that payloads are of, joined by its genesis hash: headers, who votes when, who authored.

use super::Files;
use super::files::{Message, unhex};
use super::finality;
use super::payloads::refused;
use super::recorded::{genesis_set, recorded, sets_behind};
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::authorship::{AuthorshipState, ConsensusConfig, GenesisConsensus};
use rushlight_core::chains::substrate::grandpa::AuthoritySet;
use rushlight_core::chains::substrate::header::grandpa::Log;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::codec::scale::Reader;
use serde_json::Value;
use std::collections::BTreeMap;

const WIDTH: NumberWidth = NumberWidth::U32;

/// Said of blocks above ones that were not recorded.
pub const UNREACHED: &str = "who authored the block is not told: one below it was not recorded";

/// What is known of a chain.
pub struct History {
    /// Every recorded header by its hash: those of the recording, of block responses and of announcements.
    headers: BTreeMap<Hash, Vec<u8>>,
    /// The sets that are over, by the last block that each votes on.
    over: BTreeMap<u64, AuthoritySet>,
    newest: AuthoritySet,
    config: ConsensusConfig,
    states: BTreeMap<Hash, AuthorshipState>,
}

/// Returns what is known of the chains whose payloads there are, by folder.
pub fn of_payloads(files: &Files, report: &mut Report) -> BTreeMap<String, History> {
    let mut found = BTreeMap::new();
    for folder in files.folders_with(&["requests.json"]) {
        match History::of(files, &folder, report) {
            Some(history) => {
                found.insert(folder, history);
            }
            None => report.differs("nothing is recorded of the chain that these payloads are of", folder),
        }
    }
    found
}

impl History {
    fn of(files: &Files, folder: &str, report: &mut Report) -> Option<Self> {
        let requests = files.json(&format!("{folder}/requests.json"));
        let genesis = Hash::from_slice(&unhex(&requests["genesis"]))?;
        let recording = files
            .folders_with(&["spec-raw.json", "blocks.jsonl", "consensus.json"])
            .into_iter()
            .find(|recording| recorded(files, recording).first().is_some_and(|block| block.hash == genesis));
        let mut headers = BTreeMap::new();
        let heard = heard(files, folder, &requests);
        let (consensus, over, newest) = match &recording {
            Some(recording) => {
                let blocks = recorded(files, recording);
                let consensus = files.json(&format!("{recording}/consensus.json"));
                let sets = sets_behind(&blocks, genesis_set(&consensus["grandpa"]));
                let ends = blocks.iter().zip(&sets).zip(sets.iter().skip(1));
                let ends = ends.filter(|((_, set), next)| set.id() != next.id());
                let over = ends.map(|((block, set), _)| (block.number + 1, set.clone())).collect();
                let proven = blocks.last()?.number;
                let (over, newest) = heard_sets(over, sets.last()?.clone(), proven, &heard);
                headers.extend(blocks.into_iter().map(|block| (block.hash, block.header)));
                (consensus, over, newest)
            }
            None => {
                let consensus = files.json(&finality::consensus_near(files, folder)?);
                let (before, last) = finality::way(files, folder)?;
                let over = before.into_iter().map(|(number, head)| (number, AuthoritySet::clone(head.set())));
                let proven = last.block().number;
                let (over, newest) = heard_sets(over.collect(), AuthoritySet::clone(last.set()), proven, &heard);
                (consensus, over, newest)
            }
        };
        headers.extend(heard.into_iter().map(|header| (hash_of(&header), header)));
        let GenesisConsensus { config, authorship, .. } =
            GenesisConsensus::from_json(&consensus.to_string()).expect("a consensus file is readable");
        let mut history = Self { headers, over, newest, config, states: BTreeMap::new() };
        history.author_from(genesis, authorship, folder, report);
        Some(history)
    }

    /// Verifies who authored every block that is reached from genesis, forks included.
    fn author_from(&mut self, genesis: Hash, first: AuthorshipState, folder: &str, report: &mut Report) {
        let name = format!("{folder}/requests.json");
        let mut by_number: Vec<(Hash, &Vec<u8>)> = self.headers.iter().map(|(hash, bytes)| (*hash, bytes)).collect();
        by_number.sort_by_key(|(_, bytes)| decode(bytes).number());
        self.states.insert(genesis, first);
        for (hash, bytes) in by_number {
            let header = decode(bytes);
            let Some(parent) = self.states.get(&header.parent_hash()) else { continue };
            match rushlight_core::chains::substrate::authorship::verify(parent, &header, &self.config, None) {
                Ok((_, state)) => {
                    self.states.insert(hash, state);
                }
                Err(error) => report.case(&name, Err(format!("author of block {}: {error}", header.number()))),
            }
        }
        report.equal(&name, "genesis has a state", self.states.contains_key(&genesis), true);
        println!("{folder}: authors of {} of {} headers are verified", self.states.len(), self.headers.len());
    }

    /// Returns the header with `hash`.
    pub fn header(&self, hash: &Hash) -> Option<HeaderRef<'_>> {
        self.headers.get(hash).map(|bytes| decode(bytes))
    }

    /// Returns the set that votes on block `number`.
    pub fn voters_of(&self, number: u64) -> &AuthoritySet {
        self.over.range(number..).next().map_or(&self.newest, |(_, set)| set)
    }

    /// Tells whether the author of this block was entitled to it, all blocks from genesis on considered; `None` where a block
    /// on the way was not recorded.
    pub fn is_authored(&self, header: &HeaderRef<'_>) -> Option<bool> {
        let is_reached = self.states.contains_key(&header.parent_hash()) || header.number() == 0;
        is_reached.then(|| self.states.contains_key(&header.hash()))
    }
}

fn decode(bytes: &[u8]) -> HeaderRef<'_> {
    HeaderRef::decode(bytes, WIDTH).expect("a recorded header")
}

fn hash_of(bytes: &[u8]) -> Hash {
    decode(bytes).hash()
}

/// Returns the headers that nodes sent: in block responses, in announcements, and those that the list names.
fn heard(files: &Files, folder: &str, requests: &Value) -> Vec<Vec<u8>> {
    let refused = refused(files, folder);
    let mut headers = Vec::new();
    for key in ["finalized_header_scale", "genesis_header_scale"] {
        headers.extend(requests[key].is_string().then(|| unhex(&requests[key])));
    }
    for request in requests["requests"].as_array().into_iter().flatten() {
        let response = format!("{folder}/{}.response.bin", request["name"].as_str().unwrap_or_default());
        let is_of_blocks = request["protocol"].as_str().unwrap_or_default().ends_with("/sync/2");
        if is_of_blocks && files.has(&response) && !refused.contains(&response) {
            let response = files.bytes(&response);
            let message = Message::read(&response).expect("a node writes protobuf");
            headers.extend(message.all(1).into_iter().filter_map(|block| {
                let block = Message::read(block).expect("a node writes protobuf");
                block.one(2).filter(|header| !header.is_empty()).map(<[u8]>::to_vec)
            }));
        }
    }
    headers.extend(announced(files, folder).into_iter().map(|(header, _)| header));
    headers
}

/// Returns what nodes announced: the header and what stands behind it.
pub fn announced(files: &Files, folder: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let name = format!("{folder}/events.jsonl");
    if !files.has(&name) {
        return Vec::new();
    }
    let split = |event: &Value| {
        let bytes = unhex(&event["data"]);
        let mut reader = Reader::new(&bytes);
        let header = HeaderRef::read(&mut reader, WIDTH).expect("a node announces headers").bytes().to_vec();
        (header, reader.rest().to_vec())
    };
    files.notifications(&name, "/block-announces/1").iter().map(split).collect()
}

/// Returns which sets are over, and the newest one, after the headers that were heard above block `proven`.
fn heard_sets(
    mut over: BTreeMap<u64, AuthoritySet>,
    mut newest: AuthoritySet,
    proven: u64,
    heard: &[Vec<u8>],
) -> (BTreeMap<u64, AuthoritySet>, AuthoritySet) {
    let above: BTreeMap<u64, HeaderRef<'_>> =
        heard.iter().map(|bytes| decode(bytes)).map(|header| (header.number(), header)).collect();
    for (number, header) in above.range(proven + 1..) {
        for log in header.grandpa_logs() {
            if let Log::ScheduledChange(change) = log {
                let next = AuthoritySet::announced(newest.id() + 1, &change.next_authorities).expect("a set can vote");
                over.insert(number + change.delay, std::mem::replace(&mut newest, next));
            }
        }
    }
    (over, newest)
}
