//! What a node answered over JSON-RPC about a recorded chain: proofs of finality, which blocks are justified, proofs of
//! storage.

use super::Files;
use super::files::unhex;
use super::recorded::{Block, finalizes, genesis_set, recorded, sets_behind};
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::AuthoritySet;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::codec::scale::{Reader, ScaleError};
use rushlight_core::trie::patricia16::VerifiedProof;
use serde_json::Value;
use std::collections::BTreeMap;

const WIDTH: NumberWidth = NumberWidth::U32;

pub fn run(files: &Files, report: &mut Report) {
    let mut chains = BTreeMap::new();
    for folder in files.folders_with(&["spec-raw.json", "blocks.jsonl", "consensus.json"]) {
        let blocks = recorded(files, &folder);
        let first = genesis_set(&files.json(&format!("{folder}/consensus.json"))["grandpa"]);
        let sets = [vec![first.clone()], sets_behind(&blocks, first)].concat();
        for name in files.names(|name| name.starts_with(&format!("{folder}/grandpa-proveFinality"))) {
            for answer in list(&files.json(&name)) {
                let above = answer["n"].as_u64().expect("a number of a block");
                let outcome = if answer["proof"].is_string() {
                    finality_proof(above, &unhex(&answer["proof"]), &blocks, &sets)
                } else {
                    // Nothing above the block is final.
                    is_unproven(above, &blocks)
                };
                report.case(&name, outcome.map_err(|why| format!("finality of {above}: {why}")));
            }
        }
        for name in files.names(|name| name.starts_with(&format!("{folder}/justified-blocks"))) {
            let got =
                blocks.iter().filter(|block| block.justification.is_some()).map(|block| Value::from(block.number));
            report.equal(
                &name,
                "justified blocks",
                &Value::from_iter(got),
                &files.json(&name)["blocks_with_justification"],
            );
        }
        chains.insert(blocks[0].hash, (blocks, sets));
    }
    for name in files.names(|name| name.ends_with("rpc/legacy.jsonl")) {
        transcript(&name, &files.json_lines(&name), &chains, report);
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A proof that a block is final: a justified block above it, and the headers between, from the one behind the block.
/// Source: `sc-consensus-grandpa`, `finality_proof.rs`, `FinalityProof`.
fn finality_proof(above: u64, bytes: &[u8], blocks: &[Block], sets: &[AuthoritySet]) -> Result<(), String> {
    let mut reader = Reader::new(bytes);
    let scale = |error: ScaleError| error.to_string();
    let hash = Hash(*reader.array().map_err(scale)?);
    let justification = reader.byte_string(1 << 20).map_err(scale)?.to_vec();
    let count = reader.length(1 << 16, 97).map_err(scale)?;
    let headers: Result<Vec<_>, _> = (0..count).map(|_| HeaderRef::read(&mut reader, WIDTH)).collect();
    let headers = headers.map_err(|error| error.to_string())?;
    reader.finish().map_err(scale)?;

    let target = blocks.iter().find(|block| block.hash == hash).ok_or("it is of a block that was not recorded")?;
    let set = sets.get(usize::try_from(target.number).expect("a small number")).ok_or("nobody votes on it")?;
    finalizes(&justification, target, set)?;
    let mut below =
        blocks.get(usize::try_from(above).expect("a small number")).ok_or("the block was not recorded")?.hash;
    for header in &headers {
        if header.parent_hash() != below {
            return Err(format!("header {} does not stand on {below:#x}", header.number()));
        }
        below = header.hash();
    }
    if below == hash { Ok(()) } else { Err(format!("the headers lead to {below:#x}, the votes are for {hash:#x}")) }
}

fn is_unproven(above: u64, blocks: &[Block]) -> Result<(), String> {
    let last = blocks.iter().rev().find(|block| block.justification.is_some()).map_or(0, |block| block.number);
    if above > last { Ok(()) } else { Err(format!("{last} is justified, and there is no proof")) }
}

/// Whatever a transcript answers about blocks of a recorded chain and proves: finality and values.
fn transcript(
    name: &str,
    lines: &[Value],
    chains: &BTreeMap<Hash, (Vec<Block>, Vec<AuthoritySet>)>,
    report: &mut Report,
) {
    let mut asked: BTreeMap<String, (String, Value)> = BTreeMap::new();
    let mut proven = 0;
    for line in lines {
        let Some(Ok(message)) = line["text"].as_str().map(serde_json::from_str::<Value>) else { continue };
        let id = message["id"].to_string();
        if line["dir"] == "out" {
            let method = message["method"].as_str().unwrap_or_default().to_string();
            asked.insert(id, (method, message["params"].clone()));
            continue;
        }
        let (Some((method, params)), result) = (asked.remove(&id), &message["result"]) else { continue };
        let outcome = match method.as_str() {
            "grandpa_proveFinality" if result.is_string() => {
                let number = params[0].as_u64().expect("a number of a block");
                let of = |(blocks, sets): &(Vec<Block>, Vec<AuthoritySet>)| {
                    finality_proof(number, &unhex(result), blocks, sets)
                };
                chains.values().map(of).find(Result::is_ok).unwrap_or(Err(format!("finality of {number}")))
            }
            "state_getReadProof" if result["proof"].is_array() => {
                let at = Hash::from_slice(&unhex(&result["at"])).expect("a hash has 32 bytes");
                let block = chains.values().flat_map(|(blocks, _)| blocks).find(|block| block.hash == at);
                let Some(block) = block else {
                    report.differs("the block of the answer was not recorded", format!("{name}: {method} at {at:#x}"));
                    continue;
                };
                let root = HeaderRef::decode(&block.header, WIDTH).expect("a recorded header").state_root();
                let nodes: Vec<Vec<u8>> = list(&result["proof"]).iter().map(unhex).collect();
                let proof = VerifiedProof::from_nodes(root, nodes.iter().map(Vec::as_slice));
                proof.map(drop).map_err(|error| error.to_string())
            }
            _ => continue,
        };
        proven += 1;
        report.case(name, outcome);
    }
    println!("{name}: {proven} proofs among the answers");
}
