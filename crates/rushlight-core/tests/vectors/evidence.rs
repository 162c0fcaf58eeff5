//! Evidence of attacks, as far as headers carry it: the header's hash over it.

use crate::answers::text_of;
use crate::report::Report;
use rushlight_core::chains::tendermint::types::evidence_hash;
use rushlight_core::codec::text;
use serde_json::Value;

pub fn run(name: &str, case: &Value, report: &mut Report) {
    if let Some(want) = case["header_evidence_hash"].as_str().filter(|hash| !hash.is_empty()) {
        let evidence = text::hex(text_of(&case["evidence_proto_hex"])).unwrap();
        report.equal(name, "evidence hash of the header", evidence_hash([evidence]).to_string(), want.to_string());
    }
}
