//! Recorded chains: specification, headers, authorship and finality from genesis to the last block.

use super::Files;
use super::files::unhex;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::crypto::blake2b::blake2b_256;
use serde_json::Value;

/// One recorded block.
struct Block {
    number: u64,
    hash: Hash,
    header: Vec<u8>,
}

pub fn run(files: &Files, report: &mut Report) {
    for folder in files.folders_with(&["spec-raw.json", "blocks.jsonl"]) {
        let name = format!("{folder}/blocks.jsonl");
        let blocks: Vec<Block> = files.json_lines(&name).iter().map(block).collect();
        headers(&name, &blocks, report);
    }
}

fn block(line: &Value) -> Block {
    let number = line["number"].as_u64().expect("a block has a number");
    let hash = Hash::from_slice(&unhex(&line["hash"])).expect("a hash has 32 bytes");
    Block { number, hash, header: unhex(&line["header_scale"]) }
}

fn headers(name: &str, blocks: &[Block], report: &mut Report) {
    let mut parent: Option<&Block> = None;
    for block in blocks {
        let number = block.number;
        report.equal(name, format_args!("hash of block {number}"), blake2b_256(&block.header), block.hash);
        if let Some(parent) = parent {
            report.equal(name, format_args!("parent of block {number}"), &block.header[..32], parent.hash.as_bytes());
        }
        parent = Some(block);
    }
}
