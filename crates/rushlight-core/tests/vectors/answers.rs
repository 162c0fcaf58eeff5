//! Answers of real nodes: every header in them has the hash that stands beside it, every commit the hash that the next
//! header carries, every transaction the place that its proof says.

use crate::kind::{Found, Kind};
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::tendermint::decode::json;
use rushlight_core::chains::tendermint::types::{Commit, Header, TxResult, consensus_hash, data_hash, results_hash};
use rushlight_core::codec::text;
use rushlight_core::crypto::sha256;
use rushlight_core::trie::rfc6962::Proof;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

pub fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn number(value: &Value) -> i128 {
    value.as_i64().map(i128::from).or_else(|| text_of(value).parse().ok()).unwrap_or(-1)
}

pub fn hash_of(value: &Value) -> Option<Hash> {
    text::hex_array(text_of(value)).ok().map(Hash)
}

pub fn header_of(value: &Value) -> Result<Header, String> {
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": { "header": value } });
    json::header_answer(&bytes(&answer)).map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// What a group of answers says, to be compared with each other.
#[derive(Default)]
struct Seen {
    headers: BTreeMap<Hash, Header>,
    /// Canonical commits.
    commits: Vec<(String, Commit)>,
    /// Transactions with proofs: name, height, root, transaction, proof.
    proofs: Vec<(String, i128, Value)>,
    /// Hashes that some header must have: name, what, height of the header, hash.
    roots: Vec<(String, &'static str, i128, Hash)>,
}

impl Seen {
    /// Takes in everything that `value` holds, at any depth.
    fn walk(&mut self, name: &str, value: &Value, report: &mut Report) {
        match value {
            Value::Array(all) => all.iter().for_each(|value| self.walk(name, value, report)),
            Value::Object(members) => {
                self.object(name, value, report);
                members.values().for_each(|value| self.walk(name, value, report));
            }
            _ => {}
        }
    }

    fn object(&mut self, name: &str, value: &Value, report: &mut Report) {
        if value["signed_header"]["header"].is_object() && value["signed_header"]["commit"].is_object() {
            self.signed_header(name, value, report);
        }
        if value["header"]["validators_hash"].is_string() {
            let want = hash_of(&value["block_id"]["hash"]).or_else(|| hash_of(&value["commit"]["block_id"]["hash"]));
            self.header(name, &value["header"], want, report);
        }
        if value["block"]["header"].is_object() && value["block"]["data"].is_object() {
            let want = hash_of(&value["block_id"]["hash"]);
            self.block(name, &value["block"], want, report);
        }
        if value["proof"]["proof"]["total"].is_string() && value["tx"].is_string() {
            self.proofs.push((name.to_string(), number(&value["height"]), value.clone()));
        }
        if value.get("txs_results").is_some() {
            let results: Vec<TxResult> = value["txs_results"].as_array().into_iter().flatten().map(tx_result).collect();
            let hash = results_hash(&results);
            self.roots.push((name.to_string(), "last_results_hash", number(&value["height"]) + 1, hash));
        }
        let block = &value["consensus_params"]["block"];
        if block.is_object() && value["block_height"].is_string() {
            let bound = |name: &str| i64::try_from(number(&block[name])).unwrap();
            let hash = consensus_hash(bound("max_bytes"), bound("max_gas"));
            self.roots.push((name.to_string(), "consensus_hash", number(&value["block_height"]), hash));
        }
    }

    fn header(&mut self, name: &str, value: &Value, want: Option<Hash>, report: &mut Report) -> Option<Header> {
        match header_of(value) {
            Ok(header) => {
                let hash = header.hash();
                if let Some(want) = want {
                    report.equal(name, format!("hash of header {}", header.height), hash, want);
                }
                self.headers.insert(hash, header.clone());
                Some(header)
            }
            Err(error) => {
                report.case(name, Err(format!("header is refused: {error}")));
                None
            }
        }
    }

    fn signed_header(&mut self, name: &str, value: &Value, report: &mut Report) {
        match json::signed_header_value(&bytes(&value["signed_header"])) {
            Ok((header, commit)) => {
                report.equal(name, format!("hash at {}", header.height), header.hash(), commit.block_id.hash);
                if value["canonical"] == Value::Bool(true) {
                    self.commits.push((name.to_string(), commit));
                }
            }
            Err(error) => report.case(name, Err(format!("signed header is refused: {error}"))),
        }
    }

    fn block(&mut self, name: &str, block: &Value, want: Option<Hash>, report: &mut Report) {
        let Some(header) = self.header(name, &block["header"], want, report) else { return };
        let txs = block["data"]["txs"].as_array().cloned().unwrap_or_default();
        let txs = txs.iter().map(|tx| text::base64(text_of(tx)).unwrap());
        report.equal(name, format!("data hash of block {}", header.height), Some(data_hash(txs)), header.data_hash);
        let last = &block["last_commit"];
        if last["signatures"].as_array().is_some_and(|all| !all.is_empty()) {
            let signed = json!({ "header": block["header"], "commit": last });
            match json::signed_header_value(&bytes(&signed)) {
                Ok((_, commit)) => {
                    let what = format!("last_commit_hash of block {}", header.height);
                    report.equal(name, what, Some(commit.hash()), header.last_commit_hash);
                }
                Err(error) => report.case(name, Err(format!("last commit is refused: {error}"))),
            }
        }
    }

    /// Compares commits with the next headers, and proofs with the headers of their heights.
    fn finish(self, report: &mut Report) {
        for (name, commit) in &self.commits {
            let next = self.headers.values().find(|next| next.last_block_id == Some(commit.block_id));
            if let Some(next) = next {
                let what = format!("hash of the canonical commit at {}", commit.height);
                report.equal(name, what, Some(commit.hash()), next.last_commit_hash);
            }
        }
        for (name, what, height, hash) in self.roots {
            let field = |header: &Header| match what {
                "consensus_hash" => header.consensus_hash,
                _ => header.last_results_hash,
            };
            // At some heights liars signed headers too; the one of the chain is among them.
            let at_height = self.headers.values().filter(|header| i128::from(header.height) == height);
            let got: Vec<Option<Hash>> = at_height.map(field).collect();
            if !got.is_empty() {
                let holds = got.contains(&Some(hash));
                let why = || format!("{what} of header {height} is {hash}, the header has {got:?}");
                report.case(&name, if holds { Ok(()) } else { Err(why()) });
            }
        }
        for (name, height, value) in &self.proofs {
            let at_height = |header: &&Header| i128::from(header.height) == *height;
            let roots: Vec<Option<Hash>> =
                self.headers.values().filter(at_height).map(|header| header.data_hash).collect();
            report.case(name, check_proof(value, &roots));
        }
    }
}

fn tx_result(value: &Value) -> TxResult {
    let gas = |name: &str| i64::try_from(number(&value[name])).unwrap();
    TxResult {
        code: u32::try_from(number(&value["code"])).unwrap(),
        output: text::base64(text_of(&value["data"])).unwrap(),
        gas_wanted: gas("gas_wanted"),
        gas_used: gas("gas_used"),
    }
}

/// Checks a transaction's proof; `roots` are the data hashes of the headers known at its height.
fn check_proof(value: &Value, roots: &[Option<Hash>]) -> Result<(), String> {
    let (proof, tx) = (&value["proof"], text::base64(text_of(&value["tx"])).map_err(|error| error.to_string())?);
    let hash =
        |value: &Value| text::base64_array(text_of(value)).map(Hash).map_err(|error| format!("aunt {value}: {error}"));
    let aunts = proof["proof"]["aunts"].as_array().ok_or("no aunts")?.iter().map(hash).collect::<Result<_, _>>()?;
    let unsigned = |value: &Value| u64::try_from(number(value)).map_err(|_| format!("{value} is no number"));
    let proof_of_tx =
        Proof { total: unsigned(&proof["proof"]["total"])?, index: unsigned(&proof["proof"]["index"])?, aunts };
    let want = hash_of(&proof["root_hash"]).ok_or("no root")?;
    let leaf = sha256(&tx);
    if Some(leaf) != hash_of(&value["hash"]) {
        return Err(format!("transaction has hash {leaf}, the answer says {}", value["hash"]));
    }
    proof_of_tx.verify(&leaf.0, &want).map_err(|error| error.to_string())?;
    if !roots.is_empty() && !roots.contains(&Some(want)) {
        return Err(format!("proof is to root {want}, the headers of its height have {roots:?}"));
    }
    let swapped = Proof { index: proof_of_tx.index + 1, ..proof_of_tx };
    match swapped.verify(&leaf.0, &want) {
        Err(_) => Ok(()),
        Ok(()) => Err("the same proof holds at another index".to_string()),
    }
}

/// The decoder of an answer to `method`: an answer is taken, an error is told apart.
fn decoded(method: &str, body: &[u8]) -> Option<Result<bool, String>> {
    let told = |answered: Result<bool, rushlight_core::chains::tendermint::decode::DecodeError>| {
        answered.map_err(|error| error.to_string())
    };
    Some(match method {
        "commit" => told(json::commit_answer(body).map(|answered| answered.is_ok())),
        "validators" => told(json::validators_answer(body).map(|answered| answered.is_ok())),
        "header" => told(json::header_answer(body).map(|answered| answered.is_ok())),
        "status" => told(json::status_answer(body).map(|answered| answered.is_ok())),
        _ => return None,
    })
}

/// Checks every answer of a recording.
pub fn recording(name: &str, lines: &[Value], report: &mut Report) {
    let mut seen = Seen::default();
    for line in lines {
        let Ok(body) = serde_json::from_str::<Value>(text_of(&line["body"])) else { continue };
        let answered = decoded(text_of(&line["method"]), text_of(&line["body"]).as_bytes());
        if let Some(got) = answered.filter(|_| body.is_object()) {
            let what = format!("answer to {} {}", line["method"], line["params"]);
            report.equal(name, what, got, Ok(body.get("error").is_none()));
        }
        seen.walk(name, &body, report);
    }
    seen.finish(report);
}

/// Checks the single answers of a folder, and transactions against the blocks recorded beside them.
pub fn fixtures(folder: &str, found: &[Found], report: &mut Report) {
    let mut seen = Seen::default();
    for found in found {
        let name = format!("{folder}/{}", found.file);
        match &found.kind {
            Kind::Answer(answer) => {
                let result = &answer["result"];
                let method = match found.file.split(['_', '.']).next() {
                    Some("commit") if result["signed_header"].is_object() => "commit",
                    Some("status") => "status",
                    _ => "",
                };
                if let Some(got) = decoded(method, &bytes(answer)) {
                    report.equal(&name, "answer", got, Ok(answer.get("error").is_none()));
                }
                seen.walk(&name, answer, report);
            }
            Kind::Blocks(value) | Kind::Transactions(value) => seen.walk(&name, value, report),
            _ => {}
        }
    }
    seen.finish(report);
}
