//! Makes the committed corpus from recorded answers of real nodes and from Rushlight's own encoders:
//! `cargo run --no-default-features --manifest-path fuzz/Cargo.toml --bin make-corpus -- VECTORS`, where VECTORS is the folder
//! that has `tendermint/cometbft-0.38` and `tendermint/cometbft-0.40`.

use flate2::read::GzDecoder;
use rushlight_core::bundle::Checkpoint;
use rushlight_core::chains::tendermint::decode::json;
use rushlight_core::chains::tendermint::snapshot::{Freeze, History, Snapshot};
use rushlight_core::chains::tendermint::spec::Trust;
use rushlight_core::chains::tendermint::sync::KEPT_BLOCKS_MAX;
use rushlight_core::chains::tendermint::types::{LightBlock, ValidatorSet};
use rushlight_core::chains::tendermint::verify::VerifiedBlock;
use rushlight_core::chains::tendermint::{NAME, bundle, verify};
use serde_json::{Value, json};
use std::fs::{File, create_dir_all, write};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Recordings and the heights taken from them.
const RECORDINGS: &[(&str, &[u64])] = &[
    ("tendermint/cometbft-0.38/seven/chain.jsonl.gz", &[2, 3, 20, 60]),
    ("tendermint/cometbft-0.40/mixed/chain.jsonl.gz", &[2, 3]),
];

/// JSON-RPC by operations; see the target for their letters. `|` stands for the byte 0xFF.
const RPC: &[(&str, &str)] = &[
    ("one-call", r#"J0|T0{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}|A0|L0"#),
    ("exchange", r#"X1|T1{"jsonrpc":"2.0","id":"a","method":"rushlight_checkpoint","params":{}}|A1"#),
    (
        "batch",
        r#"J0|T0[{"jsonrpc":"2.0","id":1,"method":"rushlight_status"},{"jsonrpc":"2.0","method":"rushlight_status"},{"jsonrpc":"2.0","id":null,"method":"nothing"},7]|A0|A0|E0no provider"#,
    ),
    (
        "subscription",
        r#"J2|T2{"jsonrpc":"2.0","id":1,"method":"rushlight_subscribeHead"}|A2|H2|H2|D2xxxxxxxxxxxx|T2{"jsonrpc":"2.0","id":2,"method":"rushlight_unsubscribeHead","params":[1]}|A2"#,
    ),
    ("routes", "X0|G0/livez|X1|G1/readyz|R1|X2|G2/|X3|G3/status"),
    (
        "control",
        r#"C3|T3{"jsonrpc":"2.0","id":9223372036854775808,"method":"rushlight_shutdown","params":[]}|A3|O3|L3"#,
    ),
    (
        "prove",
        r#"J0|T0{"jsonrpc":"2.0","id":1.5,"method":"rushlight_prove","params":{"height":12}}|E0above the head|T0{"jsonrpc":"1.0"}|T0[]|T0{"|T0"#,
    ),
    (
        "leave-early",
        r#"J0|T0{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}|L0|J0|A0|T0{"jsonrpc":"2.0","id":1,"method":"rushlight_methods"}|A0"#,
    ),
];

/// Descriptions of chains.
const DESCRIPTIONS: &[(&str, &str)] = &[
    (
        "by-hash",
        r#"{"family":"tendermint","chain_id":"c-1","providers":["http://a:1","https://b.example/rpc"],"trust":{"height":1,"hash":"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB"},"trusting_period":"168h"}"#,
    ),
    (
        "everything",
        r#"{"family":"tendermint","chain_id":"c-1","providers":["http://127.0.0.1:26657","http://[::1]:2","http://b"],"trust":{"height":9223372036854775807,"hash":"abababababababababababababababababababababababababababababababab"},"trusting_period":"24h","trust_level":"2/3","max_clock_drift":"10s","mode":"sequential","witnesses_min":2}"#,
    ),
    (
        "bad-address",
        r#"{"family":"tendermint","chain_id":"c-1","providers":["ftp://a"],"trust":{"height":1,"hash":"ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB"},"trusting_period":"168h","witnesses_min":0}"#,
    ),
];

/// A block and the validator set of the height after it.
type Basis = (LightBlock, ValidatorSet);
type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let vectors = PathBuf::from(std::env::args().nth(1).ok_or("usage: make-corpus VECTORS")?);
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in rushlight_fuzz::TARGETS {
        create_dir_all(corpus.join(target.name))?;
    }
    for (recording, heights) in RECORDINGS {
        let name = recording.split('/').skip(1).take(2).collect::<Vec<_>>().join("-");
        let blocks = light_blocks(&vectors.join(recording), heights, &corpus, &name)?;
        proofs(&blocks, &corpus, &name)?;
    }
    for (name, text) in DESCRIPTIONS {
        write(corpus.join("chain_description").join(name), text)?;
    }
    for (name, operations) in RPC {
        let bytes: Vec<u8> = operations.bytes().map(|byte| if byte == b'|' { 0xFF } else { byte }).collect();
        write(corpus.join("rpc").join(name), bytes)?;
    }
    Ok(())
}

/// Writes answers and light blocks of `heights` and returns the blocks.
fn light_blocks(recording: &Path, heights: &[u64], corpus: &Path, name: &str) -> Result<Vec<Basis>, Failed> {
    let mut blocks = Vec::new();
    let mut block = None;
    let mut commit = Value::Null;
    let mut status_kept = false;
    for line in BufReader::new(GzDecoder::new(File::open(recording)?)).lines() {
        let exchange: Value = serde_json::from_str(&line?)?;
        let (method, body) = (exchange["method"].as_str().unwrap_or(""), exchange["body"].as_str().unwrap_or(""));
        let height = exchange["params"]["height"].as_str().and_then(|h| h.parse().ok()).unwrap_or(0);
        let is_first_page = exchange["params"]["per_page"] != "3";
        if method == "status" && !status_kept {
            status_kept = true;
            write(corpus.join("light_block_json").join(format!("{name}-status")), body)?;
        }
        // The set of the next height is what a skip from a block rests on.
        if method == "validators"
            && is_first_page
            && block.as_ref().is_some_and(|b: &LightBlock| b.header.height + 1 == height)
        {
            let validators: Value = serde_json::from_str(body)?;
            let set = json!({ "validators": validators["result"]["validators"] }).to_string();
            blocks.extend(
                block.take().map(|block| Ok::<_, Failed>((block, json::validator_set(set.as_bytes())?))).transpose()?,
            );
        }
        if !heights.contains(&height) {
            continue;
        }
        if height == heights[0] && matches!(method, "commit" | "validators" | "header") && is_first_page {
            write(corpus.join("light_block_json").join(format!("{name}-{method}-{height}")), body)?;
        }
        match method {
            "commit" => commit = serde_json::from_str(body)?,
            "validators" if is_first_page => {
                let validators: Value = serde_json::from_str(body)?;
                let text = json!({
                    "signed_header": commit["result"]["signed_header"],
                    "validator_set": { "validators": validators["result"]["validators"] },
                })
                .to_string();
                let read = json::light_block(text.as_bytes())?;
                write(corpus.join("light_block_json").join(format!("{name}-block-{height}")), &text)?;
                write(corpus.join("light_block_protobuf").join(format!("{name}-{height}")), read.to_protobuf())?;
                block = Some(read);
            }
            _ => {}
        }
    }
    Ok(blocks)
}

/// Writes the checkpoint of each block, and a bundle from the first to the last.
fn proofs(blocks: &[Basis], corpus: &Path, name: &str) -> Result<(), Failed> {
    let mut verified = Vec::new();
    let mut first = None;
    for (block, next_set) in blocks {
        let header = &block.header;
        let checkpoint = Checkpoint {
            family: NAME,
            chain_id: header.chain_id.clone(),
            height: header.height,
            hash: header.hash(),
            anchor: bundle::anchor(header.time),
        };
        write(corpus.join("checkpoint").join(format!("{name}-{}", header.height)), checkpoint.to_text()?)?;
        let at = verify::JudgedAt::at(header.time);
        let next = match verified.last() {
            None => verify::anchor(&checkpoint.chain_id, header.height, checkpoint.hash, None, block.clone())?,
            Some(trusted) => verify::skipping(trusted, Arc::new(block.clone()), &verify::Rules::default(), at)?,
        };
        verified.push(next.with_next_validators(Arc::new(next_set.clone()))?);
        let first = first.get_or_insert(checkpoint);
        let file = format!("{name}-{}", verified.len());
        let snapshot = snapshot(first, &verified, block);
        write(corpus.join("snapshot").join(&file), snapshot.encode())?;
        write(corpus.join("bundle").join(file), bundle::encode(first, &verified)?)?;
    }
    Ok(())
}

/// Returns a snapshot with everything in it that one may have.
fn snapshot(checkpoint: &Checkpoint, verified: &[VerifiedBlock], block: &LightBlock) -> Snapshot {
    let head = verified[verified.len() - 1].clone();
    let is_frozen = verified.len() > 1;
    Snapshot {
        trust: Trust { height: checkpoint.height, hash: checkpoint.hash },
        highest_wall: head.time(),
        latest: head.time(),
        checkpoint_time: Some(verified[0].time()),
        witnesses: (1, 2),
        freeze: is_frozen.then(|| Freeze {
            ours: Arc::new(block.clone()),
            theirs: Arc::new(verified[0].block().clone()),
            primary: "http://127.0.0.1:26657".to_string(),
            witness: "https://rpc.example".to_string(),
        }),
        history: Some(History { top: checkpoint.height, count: 1, chunks: vec![checkpoint.hash] }),
        kept: verified[..verified.len() - 1].iter().take(KEPT_BLOCKS_MAX).cloned().collect(),
        former: is_frozen.then_some(checkpoint.hash),
        head,
    }
}
