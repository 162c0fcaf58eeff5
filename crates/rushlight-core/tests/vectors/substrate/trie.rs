//! Storage proofs, child tries, whole states and bodies, against the state and extrinsics roots of headers.

use super::Files;
use super::files::unhex;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::codec::protobuf::{Field, Reader};
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
    for folder in files.folders_with(&["requests.json"]) {
        payloads(files, &folder, report);
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

/// Returns the fields of a message.
fn fields(message: &[u8]) -> Vec<Field<'_>> {
    let mut reader = Reader::new(message);
    let mut fields = Vec::new();
    while let Some(field) = reader.next().expect("a node writes protobuf") {
        fields.push(field);
    }
    fields
}

fn all(message: &[u8], number: u32) -> Vec<&[u8]> {
    let fields = fields(message);
    let wanted = fields.into_iter().filter(|field| field.number == number);
    wanted.map(|field| field.bytes().expect("a node writes bytes here")).collect()
}

fn one(message: &[u8], number: u32) -> Option<&[u8]> {
    all(message, number).first().copied()
}

fn payloads(files: &Files, folder: &str, report: &mut Report) {
    let requests = json(files, &format!("{folder}/requests.json"));
    let mut roots = BTreeMap::new();
    if requests.get("finalized_header_scale").is_none() {
        return report.differs("no header with a state root was recorded beside the payloads", folder.to_string());
    }
    for key in ["finalized_header_scale", "genesis_header_scale"] {
        let header = unhex(&requests[key]);
        let header = HeaderRef::decode(&header, NumberWidth::U32).expect("a recorded header");
        roots.insert(header.hash(), header.state_root());
    }
    for request in list(&requests["requests"]) {
        let name = request["name"].as_str().unwrap_or_default();
        let protocol = request["protocol"].as_str().unwrap_or_default();
        let response = format!("{folder}/{name}.response.bin");
        if !files.has(&response) {
            continue;
        }
        let message = unhex(&request["payload"]);
        if protocol.ends_with("/light/2") {
            files.bytes(&format!("{folder}/{name}.request.bin"));
            light(&response, &message, &files.bytes(&response), &roots, report);
            if name == "light-read-alice" {
                let proof = one(&files.bytes(&response), 2).and_then(|read| one(read, 2)).expect("a proof").to_vec();
                let root = roots[&hash(&requests["finalized"])];
                let key = one(one(&message, 2).expect("a read"), 3).expect("a key").to_vec();
                let proof = VerifiedProof::verify(root, proof).expect("a proof");
                let want = requests["expected"]["alice"].as_str().unwrap_or("null").to_string();
                report.equal(&response, "the account", told(&proof.trie(), &key), want);
            }
        } else if protocol.ends_with("/state/2") {
            files.bytes(&format!("{folder}/{name}.request.bin"));
            let root = roots[&Hash::from_slice(one(&message, 1).expect("a block")).expect("a hash")];
            state(&response, &files.bytes(&response), root, report);
        }
    }
}

/// A read of keys, of a child trie's keys, or the proof of a call.
fn light(name: &str, request: &[u8], response: &[u8], roots: &BTreeMap<Hash, Hash>, report: &mut Report) {
    let [kind] = &fields(request)[..] else { return report.case(name, Err("a request is one of three".into())) };
    let asked = kind.bytes().expect("a message");
    let proof = one(response, if kind.number == 1 { 1 } else { 2 }).and_then(|answer| one(answer, 2));
    let block = Hash::from_slice(one(asked, 2).expect("a block")).expect("a hash");
    let (Some(root), Some(proof)) = (roots.get(&block), proof) else {
        // An unknown block or function: the node answers without a proof, and nothing is proven.
        let is_empty = proof.unwrap_or_default().is_empty();
        return report.case(name, if is_empty { Ok(()) } else { Err("proves a block that is not known".into()) });
    };
    let proof = match VerifiedProof::verify(*root, proof) {
        Ok(proof) => proof,
        Err(error) => return report.case(name, Err(error.to_string())),
    };
    report.case(name, scanned(&proof.trie()).map(drop));
    let (trie, keys) = match kind.number {
        4 => {
            let child = &one(asked, 3).expect("a child trie")[CHILD_STORAGE_PREFIX.len()..];
            match proof.trie().child(child) {
                Ok(Proven::Present(trie)) => (trie, all(asked, 6)),
                Ok(Proven::Absent) => return report.case(name, Ok(())),
                other => return report.case(name, Err(format!("child trie: {other:?}"))),
            }
        }
        2 => (proof.trie(), all(asked, 3)),
        _ => return,
    };
    for key in keys {
        let got = told(&trie, key);
        let is_known = got == "null" || got.starts_with("0x");
        report.case(name, if is_known { Ok(()) } else { Err(format!("{key:02x?}: {got}")) });
    }
}

/// A piece of the whole state: with a compact proof, or bare.
fn state(name: &str, response: &[u8], root_wanted: Hash, report: &mut Report) {
    if let Some(compact) = one(response, 2).filter(|proof| !proof.is_empty()) {
        let proof = match VerifiedProof::verify_compact(root_wanted, compact) {
            Ok(proof) => proof,
            Err(error) => return report.case(name, Err(error.to_string())),
        };
        let map = match scanned(&proof.trie()) {
            Ok(map) => map,
            Err(error) => return report.case(name, Err(error)),
        };
        for key in map.keys().filter_map(|key| key.strip_prefix(CHILD_STORAGE_PREFIX)) {
            match proof.trie().child(key) {
                Ok(Proven::Present(child)) => report.case(name, scanned(&child).map(drop)),
                other => report.case(name, Err(format!("child trie: {other:?}"))),
            }
        }
        report.case(name, if map.len() > 100 { Ok(()) } else { Err(format!("shows {} keys", map.len())) });
        return;
    }
    for entry in all(response, 1) {
        let pair = |pair: &[u8]| (one(pair, 1).unwrap_or_default().to_vec(), one(pair, 2).unwrap_or_default().to_vec());
        let map: Map = all(entry, 2).into_iter().map(pair).collect();
        let is_complete = fields(entry).iter().any(|field| field.number == 3);
        let child = one(entry, 1).filter(|root| !root.is_empty());
        if is_complete {
            let want = child.map_or(root_wanted, |root| Hash::from_slice(root).expect("a root"));
            let entries = map.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
            report.equal(name, "root of the whole state", root(StateVersion::V1, entries), Ok(want));
        }
    }
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
        let got = ordered_root(StateVersion::V0, whole.iter().map(Vec::as_slice));
        report.equal(name, format_args!("extrinsics of block {}", header.number()), got, header.extrinsics_root());
    }
}

fn has_its_length(extrinsic: &[u8]) -> bool {
    let mut reader = rushlight_core::codec::scale::Reader::new(extrinsic);
    reader.compact_u64().is_ok_and(|len| len == reader.rest().len() as u64)
}
