//! Makes the committed corpus of specifications, checkpoints, code and authorship from recorded chains:
//! `cargo run --no-default-features --manifest-path fuzz/Cargo.toml --bin make-corpus-spec -- VECTORS`, where VECTORS is the
//! folder that has `substrate/chain` and `substrate/aura`.

use rushlight_core::chains::substrate::authorship::{AuthorshipState, GenesisConsensus, Unchecked, verify};
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use serde_json::{Value, json};
use std::fs::{create_dir_all, read, read_to_string, write};
use std::path::{Path, PathBuf};

type Failed = Box<dyn std::error::Error>;

/// The runtime of the recorded chain carries this much behind its code section; the rest of it is of no interest here.
const WASM: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0";

fn main() -> Result<(), Failed> {
    let vectors = PathBuf::from(std::env::args().nth(1).ok_or("usage: make-corpus-spec VECTORS")?).join("substrate");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in ["chain_spec", "light_sync_state", "authorship", "runtime_code"] {
        create_dir_all(corpus.join(target))?;
    }
    let code = code(&read(vectors.join("runtime/rt100.compact.wasm"))?);
    write(corpus.join("runtime_code/plain"), &code)?;
    let frame = zstd_raw(&code);
    write(corpus.join("runtime_code/compressed"), &frame)?;
    specs(&vectors, &corpus, &code)?;
    for (chain, numbers) in [("chain", &[1, 2, 3, 10, 11, 12, 400][..]), ("aura", &[1, 2, 40][..])] {
        authorship(&vectors.join(chain), &corpus, chain, numbers)?;
    }
    let why = AuthorshipState::Unchecked(Unchecked::Engine);
    let first = &headers(&vectors.join("chain"))?[1];
    write(corpus.join("authorship/unchecked"), with_header(&why, first))?;
    Ok(())
}

/// Returns the beginning of a module with the custom sections of `wasm` that tell its version.
fn code(wasm: &[u8]) -> Vec<u8> {
    let mut code = WASM.to_vec();
    let mut rest = &wasm[8..];
    while let [id, behind @ ..] = rest {
        let (len, width) = leb128(behind);
        let section = &behind[width..width + len];
        if *id == 0 && (section[1..].starts_with(b"runtime_version") || section[1..].starts_with(b"runtime_apis")) {
            code.push(0);
            code.extend(&behind[..width + len]);
        }
        rest = &behind[width + len..];
    }
    code
}

fn leb128(bytes: &[u8]) -> (usize, usize) {
    let width = bytes.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    let number = bytes[..width].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f));
    (number, width)
}

/// A zstd frame of one raw block.
fn zstd_raw(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    let block = u32::try_from(bytes.len() << 3 | 1).expect("short");
    frame.extend(&block.to_le_bytes()[..3]);
    frame.extend(bytes);
    frame
}

fn specs(vectors: &Path, corpus: &Path, code: &[u8]) -> Result<(), Failed> {
    let text = read_to_string(vectors.join("chain/spec-stateRootHash-lightSyncState.json"))?;
    let spec: Value = serde_json::from_str(&text)?;
    write(corpus.join("chain_spec/checkpoint"), serde_json::to_string(&spec)?)?;
    let hash = format!("0x{}", "ab".repeat(32));
    let whole = json!({
        "name": "n", "id": "i", "chainType": "Live", "protocolId": "p", "forkId": "f", "blockNumberBytes": 4,
        "bootNodes": [spec["bootNodes"][0], "/dns/x"], "properties": { "a": 1 }, "relayChain": "r", "paraId": 1,
        "forkBlocks": [[1, hash]], "badBlocks": [hash], "codeSubstitutes": { "1": hex(code) },
        "genesis": { "raw": { "top": { "0x3a636f6465": hex(code), "0x01": "0x02" }, "childrenDefault": { "0x01": { "0x": "0x" } } } },
    });
    write(corpus.join("chain_spec/whole"), serde_json::to_string(&whole)?)?;
    let list = json!({ "name": "n", "id": "i", "genesis": { "raw": [{ "0x3a636f6465": hex(WASM) }, {}] } });
    write(corpus.join("chain_spec/list"), serde_json::to_string(&list)?)?;
    let state = &spec["lightSyncState"];
    let mut bytes = vec![4];
    for field in ["finalizedBlockHeader", "babeEpochChanges", "grandpaAuthoritySet"] {
        let part = unhex(&state[field]);
        bytes.extend(u16::try_from(part.len())?.to_le_bytes());
        bytes.extend(part);
    }
    write(corpus.join("light_sync_state/recorded"), bytes)?;
    Ok(())
}

/// Writes the state behind each parent with the header behind it.
fn authorship(chain: &Path, corpus: &Path, name: &str, numbers: &[usize]) -> Result<(), Failed> {
    let consensus = GenesisConsensus::from_json(&read_to_string(chain.join("consensus.json"))?)?;
    let mut state = consensus.authorship;
    for (number, bytes) in headers(chain)?.iter().enumerate().skip(1) {
        if numbers.contains(&number) {
            write(corpus.join("authorship").join(format!("{name}-{number}")), with_header(&state, bytes))?;
        }
        state = verify(&state, &HeaderRef::decode(bytes, NumberWidth::U32)?, &consensus.config, None)?.1;
    }
    Ok(())
}

fn with_header(state: &AuthorshipState, header: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    bytes.extend(header);
    bytes
}

fn headers(chain: &Path) -> Result<Vec<Vec<u8>>, Failed> {
    let text = read_to_string(chain.join("blocks.jsonl"))?;
    text.lines().map(|line| Ok(unhex(&serde_json::from_str::<Value>(line)?["header_scale"]))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("0x"), |text, byte| format!("{text}{byte:02x}"))
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().expect("hex").trim_start_matches("0x");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}
