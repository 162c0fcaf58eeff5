//! Answers of real nodes, read and written again: byte for byte what the node wrote.

use crate::answers::text_of;
use crate::report::Report;
use rushlight_core::chains::tendermint::decode::json as read;
use rushlight_core::chains::tendermint::encode::json as write;
use serde::Serialize;
use serde_json::{Value, json};

/// Compares every answer of a recording that is read and written by the core.
pub fn recording(name: &str, lines: &[Value], report: &mut Report) {
    for line in lines {
        let body = text_of(&line["body"]);
        let Some(result) = result_of(body) else { continue };
        let Some(got) = rewritten(text_of(&line["method"]), body.as_bytes()) else { continue };
        let what = format!("{} {} written again", line["method"], line["params"]);
        report.equal(name, what, got, Ok(result.to_string()));
    }
}

/// Returns the text of the member `result`, which Go writes last.
fn result_of(body: &str) -> Option<&str> {
    let (head, result) = body.split_once(r#","result":"#)?;
    head.starts_with('{').then(|| result.trim_end().strip_suffix('}')).flatten()
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

/// Returns an answer as the core writes it after it has read it; `None` for methods that it does not write whole.
fn rewritten(method: &str, body: &[u8]) -> Option<Result<String, String>> {
    macro_rules! read {
        ($answer:expr) => {
            match $answer {
                Ok(Ok(value)) => value,
                Ok(Err(error)) => return Some(Err(error.to_string())),
                Err(error) => return Some(Err(error.to_string())),
            }
        };
    }
    Some(Ok(match method {
        "header" => {
            // A node that does not have the height says null.
            if serde_json::from_slice::<Value>(body).ok()?["result"]["header"].is_null() {
                return None;
            }
            let header = read!(read::header_answer(body));
            format!(r#"{{"header":{}}}"#, text(&write::HeaderJson::from(&header)))
        }
        "commit" => {
            let (header, commit) = read!(read::commit_answer(body));
            let canonical = serde_json::from_slice::<Value>(body).ok()?["result"]["canonical"] == json!(true);
            text(&write::CommitResultJson::new(&header, &commit, canonical))
        }
        "validators" => {
            let page = read!(read::validators_answer(body));
            let members = page.validators.iter().zip(&page.priorities);
            let members = members.map(|(member, priority)| write::ValidatorJson::new(member, *priority)).collect();
            text(&write::ValidatorsResultJson::new(page.height, members, page.total))
        }
        "blockchain" => {
            let last = serde_json::from_slice::<Value>(body).ok()?["result"]["last_height"].as_str()?.parse().ok()?;
            let metas = read!(read::block_metas_answer(body));
            let written = metas
                .iter()
                .map(|meta| Some(write::BlockMetaJson::new(meta.id.as_ref()?, &meta.header, meta.size, meta.txs)));
            text(&write::BlockchainResultJson::new(last, written.collect::<Option<Vec<_>>>()?))
        }
        "consensus_params" => {
            let (height, params) = read!(read::consensus_params_answer(body));
            text(&write::ConsensusParamsResultJson::new(height, &params))
        }
        _ => return None,
    }))
}
