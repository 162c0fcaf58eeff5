//! Recorded chains: specification, headers, authorship and finality from genesis to the last block.

use super::Files;
use super::files::unhex;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
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
