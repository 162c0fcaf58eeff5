//! What a file is, told by its content.

use flate2::read::GzDecoder;
use serde_json::Value;
use std::io::Read;

/// A file of a known kind.
pub struct Found {
    pub folder: String,
    pub file: String,
    pub kind: Kind,
}

/// The kinds of files that say something about headers.
pub enum Kind {
    /// A model-based trace: an initial block, then blocks with `now` and the verdict.
    Trace(Value),
    /// A call of a function of the Go library and what it returned.
    VerifyCase(Value),
    /// A commit and replacements of one signature each.
    KeyTypes(Value),
    /// Exact bytes of headers, votes and validators.
    Canonical(Value),
    /// A light block, also with header, commit and set at the root.
    LightBlock(Value),
    /// Requests and answers of a node, one per line.
    Recording(Vec<Value>),
    /// What the Go library says of each height of a recording.
    Verdicts(Value),
    /// Answers for several heights: commit, both sets, block.
    Blocks(Value),
    /// Transactions with their proofs.
    Transactions(Value),
    /// The evidence of an attack, in protobuf, and the header's hash over it.
    Evidence(Value),
    /// The answer of a node to one request.
    Answer(Value),
    /// A request.
    Request,
}

fn has(value: &Value, keys: &[&str]) -> bool {
    keys.iter().all(|key| value.get(key).is_some())
}

fn of_value(value: Value) -> Option<Kind> {
    let first = value.get(0).cloned().unwrap_or(Value::Null);
    Some(match &value {
        v if has(v, &["initial", "input"]) => Kind::Trace(value),
        v if has(v, &["function", "cases", "signed_header"]) => Kind::KeyTypes(value),
        v if has(v, &["function", "trusted", "untrusted"]) => Kind::VerifyCase(value),
        v if has(v, &["header", "commit", "validator_set"]) => {
            let signed = serde_json::json!({ "header": v["header"], "commit": v["commit"] });
            Kind::LightBlock(serde_json::json!({ "signed_header": signed, "validator_set": v["validator_set"] }))
        }
        v if has(v, &["signed_header", "validator_set"]) => Kind::LightBlock(value),
        v if has(v, &["evidence_proto_hex", "conflicting_height"]) => Kind::Evidence(value),
        v if has(v, &["jsonrpc", "method"]) => Kind::Request,
        v if has(v, &["jsonrpc"]) && (has(v, &["result"]) || has(v, &["error"])) => Kind::Answer(value),
        _ if has(&first, &["header_fields_proto", "commit_hash"]) => Kind::Canonical(value),
        _ if has(&first, &["hash", "flags", "furthest_jump"]) => Kind::Verdicts(value),
        _ if has(&first, &["commit", "validators", "next_validators"]) => Kind::Blocks(value),
        _ if has(&first, &["tx", "what", "height"]) => Kind::Transactions(value),
        _ => return None,
    })
}

/// Returns the kind of a file with this content, packed with gzip or not.
pub fn of(bytes: &[u8]) -> Option<Kind> {
    let mut unpacked = Vec::new();
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes).read_to_end(&mut unpacked).ok()?;
        &unpacked
    } else {
        bytes
    };
    if let Ok(value) = serde_json::from_slice(bytes) {
        // One line may also be a recording of one answer.
        return if is_recorded(&value) { Some(Kind::Recording(vec![value])) } else { of_value(value) };
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let lines: Option<Vec<Value>> = text.lines().map(|line| serde_json::from_str(line).ok()).collect();
    lines.filter(|lines| !lines.is_empty() && lines.iter().all(is_recorded)).map(Kind::Recording)
}

fn is_recorded(value: &Value) -> bool {
    has(value, &["method", "status", "body"])
}
