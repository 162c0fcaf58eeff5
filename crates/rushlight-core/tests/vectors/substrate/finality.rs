//! Warp proofs of real nodes: each is verified from the sets of its chain.

use super::Files;
use super::files::unhex;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::{Authority, AuthoritySet, BlockId};
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::chains::substrate::warp::{FragmentStream, VerifiedHead, WarpError, verify_proof};
use rushlight_core::codec::scale::put_compact;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const WIDTH: NumberWidth = NumberWidth::U32;

pub fn run(files: &Files, report: &mut Report) {
    for folder in files.folders_with(&["warp-from-genesis.response.bin", "requests.json"]) {
        if let Some(genesis) = genesis(files, &folder) {
            proofs(files, &folder, &genesis, report);
        }
    }
}

/// Returns the set of the chain whose payloads `folder` holds, before its first block.
fn genesis(files: &Files, folder: &str) -> Option<VerifiedHead> {
    let hash = Hash::from_slice(&unhex(&files.json(&format!("{folder}/requests.json"))["genesis"]))?;
    // The chain stands in the folder above, or beside it where several folders are of one chain.
    let above: Vec<&str> = folder.split('/').collect();
    let mut candidates = (1..above.len()).rev().map(|len| above[..len].join("/"));
    let consensus = candidates.find_map(|parent| {
        let name = [format!("{parent}/consensus.json"), format!("{parent}/chain/consensus.json")];
        name.into_iter().find(|name| files.has(name))
    })?;
    let grandpa = files.json(&consensus)["grandpa"].clone();
    let authority = |of: &Value| Authority {
        key: unhex(&of["key"]).try_into().expect("a key has 32 bytes"),
        weight: of["weight"].as_u64().expect("a weight"),
    };
    let list = grandpa["genesis_authorities"].as_array().expect("authorities").iter().map(authority).collect();
    let id = grandpa["genesis_set_id"].as_u64().expect("a set id");
    Some(VerifiedHead::trusted(BlockId { hash, number: 0 }, AuthoritySet::new(id, list).expect("the set can vote")))
}

/// Returns the fragments of an answer.
fn fragments(answer: &[u8]) -> Result<(Vec<Vec<u8>>, bool), WarpError> {
    let mut stream = FragmentStream::new(WIDTH);
    stream.receive(answer)?;
    let mut found = vec![];
    loop {
        match stream.end()? {
            Ok(fragment) => found.push(fragment.bytes().to_vec()),
            Err(finished) => return Ok((found, finished)),
        }
    }
}

fn encode(fragments: &[Vec<u8>], finished: bool) -> Vec<u8> {
    let mut out = vec![];
    put_compact(&mut out, fragments.len() as u64);
    fragments.iter().for_each(|fragment| out.extend_from_slice(fragment));
    out.push(finished.into());
    out
}

fn proofs(files: &Files, folder: &str, genesis: &VerifiedHead, report: &mut Report) {
    let whole = format!("{folder}/warp-from-genesis.response.bin");
    let expect = format!("{folder}/expect.json");
    let refused: BTreeSet<String> = if files.has(&expect) {
        let listed = files.json(&expect)["refuse"].as_array().cloned().unwrap_or_default();
        listed.iter().filter_map(|entry| Some(format!("{folder}/{}", entry["file"].as_str()?))).collect()
    } else {
        BTreeSet::new()
    };
    let (all, _) = match fragments(&files.bytes(&whole)) {
        Ok(all) => all,
        Err(error) => return report.case(&whole, Err(error.to_string())),
    };
    // Who votes on each block that is proven from genesis, learnt fragment by fragment.
    let mut before: BTreeMap<u64, VerifiedHead> = BTreeMap::new();
    let mut head = genesis.clone();
    for (index, fragment) in all.iter().enumerate() {
        let number = number_of(fragment);
        before.insert(number, head.clone());
        match verify_proof(&head, &encode(core::slice::from_ref(fragment), true), WIDTH) {
            Ok((next, _)) => head = next,
            Err(error) => return report.case(&whole, Err(format!("fragment {index}: {error}"))),
        }
        report.case(&whole, Ok(()));
    }
    let at_once = verify_proof(genesis, &files.bytes(&whole), WIDTH);
    let same = at_once.as_ref().is_ok_and(|(last, finished)| *finished && last.block() == head.block());
    report.case(&whole, if same { Ok(()) } else { Err(format!("in one go: {:?}", at_once.err())) });
    for name in files.names(|name| name.starts_with(&format!("{folder}/warp-from-"))) {
        if name == whole || !name.ends_with(".response.bin") {
            continue;
        }
        let answer = files.bytes(&name);
        let verdict = fragments(&answer).and_then(|(found, _)| {
            let first = found.first().map(|fragment| number_of(fragment)).ok_or(WarpError::Empty)?;
            let from = before.range(first..).next().map_or(&head, |(_, before)| before);
            verify_proof(from, &answer, WIDTH).map(|(last, _)| last.block().number)
        });
        let outcome = match (verdict, refused.contains(&name)) {
            (Ok(_), false) | (Err(_), true) => Ok(()),
            (Ok(number), true) => Err(format!("accepted up to {number}, to be refused")),
            (Err(error), false) => Err(error.to_string()),
        };
        report.case(&name, outcome);
    }
}

fn number_of(fragment: &[u8]) -> u64 {
    let mut reader = rushlight_core::codec::scale::Reader::new(fragment);
    HeaderRef::read(&mut reader, WIDTH).expect("the stream has read it").number()
}
