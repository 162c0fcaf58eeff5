//! Storage proofs, child tries, whole states and bodies, against the state and extrinsics roots of headers.

use super::Files;
use super::files::{Message, unhex};
use super::history::History;
use super::payloads::refused;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::trie::patricia16::{
    CHILD_STORAGE_PREFIX, PrefixScan, Proven, ScanStep, StateVersion, Trie, VerifiedProof, ordered_root, root,
};
use serde_json::Value;
use std::collections::BTreeMap;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

pub fn run(files: &Files, report: &mut Report) {
    for folder in files.folders_with(&["read-proofs.json"]) {
        read_proofs(files, &format!("{folder}/read-proofs.json"), report);
    }
    for name in files
        .ending("-pairs.json")
        .into_iter()
        .chain(files.ending("-finalized.json"))
        .chain(files.ending("-genesis.json"))
    {
        pairs(files, &name, report);
    }
    for name in files.ending(".bin").iter().filter(|name| name.contains("/storage-proof-")) {
        bare_proof(files, name, report);
    }
    for folder in files.folders_with(&["spec-raw.json", "blocks.jsonl"]) {
        bodies(files, &format!("{folder}/blocks.jsonl"), report);
    }
}

fn json(files: &Files, name: &str) -> Value {
    serde_json::from_slice(&files.bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn hash(text: &Value) -> Hash {
    Hash::from_slice(&unhex(text)).expect("a hash has 32 bytes")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Returns what is proven of a key as text that compares: the value in hexadecimal, `null`, or what is missing.
fn told(trie: &Trie<'_>, key: &[u8]) -> String {
    match trie.value(key) {
        Ok(Proven::Present(value)) => format!("0x{}", data_encoding::HEXLOWER.encode(value.bytes())),
        Ok(Proven::Absent) => "null".to_string(),
        Ok(Proven::Unknown(missing)) => format!("lacks {:#x}", missing.hash),
        Err(error) => error.to_string(),
    }
}

fn read_proofs(files: &Files, name: &str, report: &mut Report) {
    for case in list(&json(files, name)) {
        let what = format!("{} at {}", case["name"], case["block"]);
        if !case["proof"].is_array() {
            report.differs("the recording tells of the proof only how long it is", format!("{name}: {what}"));
            continue;
        }
        let nodes: Vec<Vec<u8>> = list(&case["proof"]).iter().map(unhex).collect();
        let proof = match VerifiedProof::from_nodes(hash(&case["stateRoot"]), nodes.iter().map(Vec::as_slice)) {
            Ok(proof) => proof,
            Err(error) => {
                report.case(name, Err(format!("{what}: {error}")));
                continue;
            }
        };
        let main = proof.trie();
        let child = case.get("child").map(|key| unhex(key).split_off(CHILD_STORAGE_PREFIX.len()));
        let trie = match child.map(|name| main.child(&name)) {
            None => Some(main),
            Some(Ok(Proven::Present(trie))) => Some(trie),
            Some(Ok(Proven::Absent)) => None,
            Some(other) => {
                report.case(name, Err(format!("{what}: {other:?}")));
                continue;
            }
        };
        for (key, want) in list(&case["keys"]).iter().zip(list(&case["values"])) {
            let got = trie.map_or("null".to_string(), |trie| told(&trie, &unhex(key)));
            match want.get("sha_len").and_then(Value::as_u64) {
                // Of the runtime's code only the length was recorded.
                Some(len) => report.equal(name, format_args!("{what} {key}"), got.len() as u64, 2 + 2 * len),
                None => {
                    report.equal(name, format_args!("{what} {key}"), got, want.as_str().unwrap_or("null").to_string())
                }
            }
        }
        shorter(
            name,
            &what,
            &nodes,
            hash(&case["stateRoot"]),
            &list(&case["keys"]).iter().map(unhex).collect::<Vec<_>>(),
            report,
        );
    }
}

/// A proof without one of its nodes lacks something, and never tells anything else.
fn shorter(name: &str, what: &str, nodes: &[Vec<u8>], root: Hash, keys: &[Vec<u8>], report: &mut Report) {
    let Ok(whole) = VerifiedProof::from_nodes(root, nodes.iter().map(Vec::as_slice)) else { return };
    for at in 0..nodes.len() {
        let rest = nodes.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, node)| node.as_slice());
        let Ok(proof) = VerifiedProof::from_nodes(root, rest) else { continue };
        for key in keys {
            let (got, want) = (told(&proof.trie(), key), told(&whole.trie(), key));
            let is_right = got == want || got.starts_with("lacks");
            report.case(name, if is_right { Ok(()) } else { Err(format!("{what} without node {at}: {got}")) });
        }
    }
}

/// All pairs of a trie with its root.
fn pairs(files: &Files, name: &str, report: &mut Report) {
    let content = json(files, name);
    let (Some(want), Some(_)) = (content.get("stateRoot").or(content.get("root")), content.get("pairs")) else {
        return files.unmark(name);
    };
    let mut map: Map = list(&content["pairs"])
        .iter()
        .filter(|pair| !pair[1].as_str().unwrap_or_default().contains("sha256"))
        .filter(|pair| pair[1].as_str().is_some_and(|text| text.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())))
        .map(|pair| (unhex(&pair[0]), unhex(&pair[1])))
        .collect();
    let entries = |map: &Map| {
        let entries = map.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
        root(StateVersion::V1, entries).expect("a map is sorted")
    };
    if map.len() < list(&content["pairs"]).len() {
        // The runtime's code lies in a file of its own; one of the runtimes is the one.
        for runtime in files.ending(".wasm").iter().filter(|file| file.contains("/runtime/")) {
            map.insert(b":code".to_vec(), files.bytes(runtime));
            if entries(&map) == hash(want) {
                break;
            }
        }
    }
    report.equal(name, "root", entries(&map), hash(want));
    let nothing = StateVersion::V0;
    let other = root(nothing, map.iter().map(|(key, value)| (key.as_slice(), value.as_slice())));
    report.case(name, if other == Ok(hash(want)) { Err("version 0 has the same root".into()) } else { Ok(()) });
}

/// A proof in a file; its root stands in the README, in the line of the file.
fn bare_proof(files: &Files, name: &str, report: &mut Report) {
    let file = name.rsplit('/').next().unwrap_or(name);
    let readme = String::from_utf8_lossy(&files.bytes("substrate/README.md")).into_owned();
    let line = readme.lines().find(|line| line.contains(file)).unwrap_or_default();
    let Some(at) = line.find("root 0x") else {
        return report.case(name, Err("the README does not tell its root".into()));
    };
    let want = hash(&Value::from(&line[at + 5..at + 5 + 66]));
    let bytes = files.bytes(name);
    let proof = match VerifiedProof::verify(want, &bytes[..]) {
        Ok(proof) => proof,
        Err(error) => return report.case(name, Err(error.to_string())),
    };
    report.case(name, scanned(&proof.trie()).map(|map| assert!(!map.is_empty())));
    let other = Hash([1; 32]);
    report.case(
        name,
        VerifiedProof::verify(other, &bytes[..]).map_or(Ok(()), |_| Err("it proves another root too".into())),
    );
}

/// Returns everything that a trie shows.
fn scanned(trie: &Trie<'_>) -> Result<Map, String> {
    let mut map = Map::new();
    let mut scan = PrefixScan::new(trie.root(), b"", true);
    let step = scan.advance(trie, usize::MAX, |key, value| {
        map.insert(key.to_vec(), value.map(|value| value.bytes().to_vec()).unwrap_or_default());
    });
    match step {
        Ok(ScanStep::More) => Err("the budget is endless".into()),
        Ok(_) => Ok(map),
        Err(error) => Err(error.to_string()),
    }
}

fn root_of(block: Option<&[u8]>, history: &History) -> Option<Hash> {
    let block = block.and_then(Hash::from_slice)?;
    history.header(&block).map(|header| header.state_root())
}

/// A read of keys, of a child trie's keys, or the proof of a call.
pub fn light(name: &str, request: &[u8], response: &[u8], history: &History, report: &mut Report) {
    let outcome = read(name, request, response, history, report);
    report.case(name, outcome);
}

fn read(name: &str, request: &[u8], response: &[u8], history: &History, report: &mut Report) -> Result<(), String> {
    const CALL: u32 = 1;
    const READ: u32 = 2;
    const READ_CHILD: u32 = 4;
    let request = Message::read(request)?;
    let [kind] = request.fields() else { return Err("a request is one of three".into()) };
    let asked = Message::read(kind.bytes().map_err(|error| error.to_string())?)?;
    let response = Message::read(response)?;
    let answer = response.one(if kind.number == CALL { 1 } else { 2 }).map(Message::read).transpose()?;
    let proof = answer.and_then(|answer| answer.one(2)).unwrap_or_default();
    let root = root_of(asked.one(2), history);
    if proof.is_empty() && (root.is_none() || kind.number == CALL) {
        // An unknown block or function: the node answers without a proof, and nothing is proven.
        return Ok(());
    }
    let proof = VerifiedProof::verify(root.ok_or("proves a block that is not known")?, proof);
    let proof = proof.map_err(|error| error.to_string())?;
    report.case(name, scanned(&proof.trie()).map(drop));
    let (trie, keys) = match kind.number {
        READ_CHILD => {
            let child = asked.one(3).and_then(|child| child.strip_prefix(CHILD_STORAGE_PREFIX));
            match proof.trie().child(child.ok_or("no default child trie")?) {
                Ok(Proven::Present(trie)) => (trie, asked.all(6)),
                Ok(Proven::Absent) => return Ok(()),
                other => return Err(format!("child trie: {other:?}")),
            }
        }
        READ => (proof.trie(), asked.all(3)),
        _ => return Ok(()),
    };
    for key in keys {
        let got = told(&trie, key);
        let is_known = got == "null" || got.starts_with("0x");
        report.case(name, if is_known { Ok(()) } else { Err(format!("{key:02x?}: {got}")) });
    }
    Ok(())
}

/// The account that the list tells the value of.
pub fn account(files: &Files, histories: &BTreeMap<String, History>, report: &mut Report) {
    for (folder, history) in histories {
        let requests = json(files, &format!("{folder}/requests.json"));
        let response = format!("{folder}/light-read-alice.response.bin");
        let request = format!("{folder}/light-read-alice.request.bin");
        let is_there = files.has(&response) && !refused(files, folder).contains(&response);
        if !requests["expected"]["alice"].is_string() || !is_there {
            continue;
        }
        let (request, bytes) = (files.bytes(&request), files.bytes(&response));
        let outcome = || {
            let asked = Message::read(Message::read(&request)?.one(2).ok_or("no read")?)?;
            let answer = Message::read(Message::read(&bytes)?.one(2).ok_or("no read")?)?;
            let root = root_of(asked.one(2), history).ok_or("an unknown block")?;
            let proof =
                VerifiedProof::verify(root, answer.one(2).ok_or("no proof")?).map_err(|error| error.to_string())?;
            Ok::<_, String>(told(&proof.trie(), asked.one(3).ok_or("no key")?))
        };
        let want = requests["expected"]["alice"].as_str().unwrap_or("null").to_string();
        report.equal(&response, "the account", outcome(), Ok(want));
    }
}

/// A piece of the whole state: with a compact proof, or bare.
pub fn state(
    name: &str,
    request: &[u8],
    response: &[u8],
    history: &History,
    report: &mut Report,
) -> Result<(), String> {
    let root_wanted = root_of(Message::read(request)?.one(1), history).ok_or("an unknown block")?;
    let response = Message::read(response)?;
    if let Some(compact) = response.one(2).filter(|proof| !proof.is_empty()) {
        let proof = VerifiedProof::verify_compact(root_wanted, compact).map_err(|error| error.to_string())?;
        let map = scanned(&proof.trie())?;
        for key in map.keys().filter_map(|key| key.strip_prefix(CHILD_STORAGE_PREFIX)) {
            match proof.trie().child(key) {
                Ok(Proven::Present(child)) => report.case(name, scanned(&child).map(drop)),
                other => report.case(name, Err(format!("child trie: {other:?}"))),
            }
        }
        return if map.len() > 100 { Ok(()) } else { Err(format!("shows {} keys", map.len())) };
    }
    for entry in response.all(1) {
        let entry = Message::read(entry)?;
        let pairs = entry.all(2).into_iter().map(Message::read).collect::<Result<Vec<_>, _>>()?;
        let text = |pair: &Message<'_>, number| pair.one(number).unwrap_or_default().to_vec();
        let map: Map = pairs.iter().map(|pair| (text(pair, 1), text(pair, 2))).collect();
        let child = entry.one(1).filter(|root| !root.is_empty());
        if entry.has(3) {
            let want = child.map_or(Some(root_wanted), Hash::from_slice);
            let entries = map.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
            report.equal(name, "root of the whole state", root(StateVersion::V1, entries).ok(), want);
        }
    }
    Ok(())
}

/// The extrinsics of every block, against the header's root of them.
fn bodies(files: &Files, name: &str, report: &mut Report) {
    const CUT: &str = "the recording has the beginning of the extrinsic only";
    for line in files.json_lines(name) {
        let header = unhex(&line["header_scale"]);
        let header = HeaderRef::decode(&header, NumberWidth::U32).expect("a recorded header");
        let extrinsics = list(&line["extrinsics"]);
        let is_whole = |text: &&Value| {
            let text = text.as_str().unwrap_or_default();
            text.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
                && text.len().is_multiple_of(2)
                && has_its_length(&unhex(&Value::from(text)))
        };
        let whole: Vec<Vec<u8>> = extrinsics.iter().filter(is_whole).map(unhex).collect();
        if whole.len() < extrinsics.len() {
            report.differs(CUT, format!("{name}: block {}", header.number()));
            continue;
        }
        let whole: Vec<&[u8]> = whole.iter().map(Vec::as_slice).collect();
        report
            .case(name, is_body_of(&whole, &header).map_err(|why| format!("extrinsics of {}: {why}", header.number())));
    }
}

/// Asserts that `body` is that of `header`.
pub fn is_body_of(body: &[&[u8]], header: &HeaderRef<'_>) -> Result<(), String> {
    let (got, want) = (ordered_root(StateVersion::V0, body.iter().copied()), header.extrinsics_root());
    if got == want { Ok(()) } else { Err(format!("the body has root {got:#x}, the header says {want:#x}")) }
}

fn has_its_length(extrinsic: &[u8]) -> bool {
    let mut reader = rushlight_core::codec::scale::Reader::new(extrinsic);
    reader.compact_u64().is_ok_and(|len| len == reader.rest().len() as u64)
}
