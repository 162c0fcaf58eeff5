//! What the tests share: asking a node over its JSON answers, as a client would.
#![allow(dead_code, reason = "each test target uses a part")]

use rushlight_core::chains::tendermint::decode::json;
use rushlight_core::chains::tendermint::types::{LightBlock, ValidatorSet};
use rushlight_devnet::{Chain, ChainPlan, Node, Request};
use std::path::PathBuf;
use std::sync::Arc;

/// Returns a chain of a plan, grown to a height.
pub fn chain(plan: ChainPlan, tip: u64) -> Chain {
    let mut chain = Chain::new(plan).unwrap();
    chain.grow_to(tip);
    chain
}

/// Returns an honest node at the tip of a chain.
pub fn honest(chain: &Chain) -> Node<'_> {
    Node { chain, tip: chain.tip(), lie: None, number: 0 }
}

/// Returns the body of an answer over URI.
pub fn get(node: &Node<'_>, uri: &str) -> Vec<u8> {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    node.answer(Request::Get { path, query }).body
}

/// Reads the light block at a height from a node's answers; the error is that of the first step that failed.
pub fn light_block(node: &Node<'_>, height: u64) -> Result<LightBlock, String> {
    let answer = json::commit_answer(&get(node, &format!("/commit?height={height}"))).map_err(|e| e.to_string())?;
    let (header, commit) = answer.map_err(|e| format!("{e:?}"))?;
    let mut members = Vec::new();
    for page in 1.. {
        let uri = format!("/validators?height={height}&page={page}&per_page=100");
        let answer = json::validators_answer(&get(node, &uri)).map_err(|e| e.to_string())?;
        let answer = answer.map_err(|e| format!("{e:?}"))?;
        assert_eq!(answer.height, height);
        members.extend(answer.validators);
        if members.len() >= answer.total {
            break;
        }
    }
    let validators = ValidatorSet::from_sorted(members).map_err(|e| e.to_string())?;
    Ok(LightBlock { header, commit, validators: Arc::new(validators) })
}

/// Returns the folder of recorded data, or `None` with a loud line.
pub fn vectors() -> Option<PathBuf> {
    let folder = match std::env::var_os("RUSHLIGHT_VECTORS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
    };
    if folder.join("tendermint").is_dir() {
        return Some(folder.join("tendermint"));
    }
    eprintln!("SKIPPED: no recorded data in {}; set RUSHLIGHT_VECTORS", folder.display());
    None
}
