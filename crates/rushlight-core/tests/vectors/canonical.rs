//! Exact bytes: of headers, ids, votes, commit signatures and validators, as the Go library writes them.

use crate::answers::{hash_of, number, text_of};
use crate::chain::Chains;
use crate::report::Report;
use rushlight_core::codec::text;
use rushlight_core::trie::rfc6962::root;
use serde_json::Value;

fn hex(bytes: &[u8]) -> String {
    text::to_hex(bytes).to_lowercase()
}

pub fn run(name: &str, entries: &Value, chains: &Chains, report: &mut Report) {
    for entry in entries.as_array().into_iter().flatten() {
        let height = &entry["height"];
        let Some(block) = hash_of(&entry["hash"]).and_then(|hash| chains.block(&hash)) else {
            report.case(name, Err(format!("no recorded header has hash {}", entry["hash"])));
            continue;
        };
        let (header, commit) = (&block.header, &block.commit);
        let mut same = |what: &str, got: String, key: &Value| {
            report.equal(name, format!("{what} at {height}"), got, text_of(key).to_string());
        };
        same("header", hex(&header.to_protobuf()), &entry["header_proto"]);
        same("commit hash", commit.hash().to_string(), &entry["commit_hash"]);
        same("block id", hex(&commit.block_id.to_protobuf()), &entry["block_id_proto"]);
        same("validators hash", block.validators.hash().to_string(), &entry["validators_hash"]);
        let last = header.last_block_id.as_ref().map_or_else(
            rushlight_core::chains::tendermint::types::BlockId::nothing_to_protobuf,
            rushlight_core::chains::tendermint::types::BlockId::to_protobuf,
        );
        same("last block id", hex(&last), &entry["header_fields_proto"]["5_last_block_id"]);
        let sign_bytes = commit.sign_bytes(&header.chain_id);
        for vote in entry["votes"].as_array().into_iter().flatten() {
            let signature = &commit.signatures[usize::try_from(number(&vote["index"])).unwrap()];
            let mut message = Vec::new();
            sign_bytes.put(signature, &mut message);
            report.equal(name, format!("flag at {height}"), i128::from(signature.flag()), number(&vote["flag"]));
            let mut same = |what: &str, got: String, key: &Value| {
                report.equal(name, format!("{what} {} at {height}", vote["index"]), got, text_of(key).to_string());
            };
            same("sign bytes", hex(&message), &vote["sign_bytes"]);
            same("commit signature", hex(&signature.to_protobuf()), &vote["commit_sig_proto"]);
        }
        let mut leaves = Vec::new();
        for (member, want) in block.validators.validators().iter().zip(entry["validators"].as_array().unwrap()) {
            report.equal(name, "address", member.address.to_string(), text_of(&want["address"]).into());
            leaves.push(text::hex(text_of(&want["simple_validator_proto"])).unwrap());
        }
        // The set's hash is that over Go's leaves, so the leaves are the same bytes.
        report.equal(name, format!("root over the validators at {height}"), root(&leaves), block.validators.hash());
    }
}
