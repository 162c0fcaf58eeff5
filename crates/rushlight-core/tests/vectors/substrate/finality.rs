//! Warp proofs of real nodes: each is verified from the sets of its chain.

use super::Files;
use super::files::unhex;
use super::history::History;
use super::payloads::refused;
use super::recorded::genesis_set;
use crate::fragments::encode_answer;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::BlockId;
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::chains::substrate::warp::{FragmentStream, VerifiedHead, WarpError, WarpRules, verify_proof};
use std::collections::BTreeMap;

const WIDTH: NumberWidth = NumberWidth::U32;

/// Returns the name of the file that tells the consensus of the chain whose payloads `folder` holds. It stands in the folder
/// above, or beside it where several folders are of one chain.
pub fn consensus_near(files: &Files, folder: &str) -> Option<String> {
    let above: Vec<&str> = folder.split('/').collect();
    let mut candidates = (1..above.len()).rev().map(|len| above[..len].join("/"));
    candidates.find_map(|parent| {
        let name = [format!("{parent}/consensus.json"), format!("{parent}/chain/consensus.json")];
        name.into_iter().find(|name| files.has(name))
    })
}

/// Returns the set of the chain whose payloads `folder` holds, before its first block.
fn genesis(files: &Files, folder: &str) -> Option<VerifiedHead> {
    let hash = Hash::from_slice(&unhex(&files.json(&format!("{folder}/requests.json"))["genesis"]))?;
    let set = genesis_set(&files.json(&consensus_near(files, folder)?)["grandpa"]);
    Some(VerifiedHead::trusted(BlockId { hash, number: 0 }, set))
}

/// Heads by the number of the block that is proven from each.
type Steps = BTreeMap<u64, VerifiedHead>;

/// Returns who votes on each block that the warp proof in `folder` proves from genesis, and the head that it leads to.
pub fn way(files: &Files, folder: &str) -> Option<(Steps, VerifiedHead)> {
    let name = format!("{folder}/warp-from-genesis.response.bin");
    let bytes = files.has(&name).then(|| files.bytes(&name))?;
    let (all, _) = fragments(&bytes).ok()?;
    steps(&genesis(files, folder)?, &all).ok()
}

/// Learns, fragment by fragment, who votes on each block.
fn steps(genesis: &VerifiedHead, all: &[Vec<u8>]) -> Result<(Steps, VerifiedHead), String> {
    let (mut before, mut head) = (Steps::new(), genesis.clone());
    for (index, fragment) in all.iter().enumerate() {
        before.insert(number_of(fragment), head.clone());
        let next =
            verify_proof(&head, &encode_answer(core::slice::from_ref(fragment), true), WIDTH, &WarpRules::default());
        head = next.map_err(|error| format!("fragment {index}: {error}"))?.0;
    }
    Ok((before, head))
}

/// Returns the fragments of an answer.
fn fragments(answer: &[u8]) -> Result<(Vec<Vec<u8>>, bool), WarpError> {
    let mut stream = FragmentStream::new(WIDTH);
    stream.receive(answer)?;
    let mut found = vec![];
    loop {
        match stream.end()? {
            Ok(fragment) => found.push(fragment.bytes().to_vec()),
            Err(finished) => return Ok((found, finished)),
        }
    }
}

/// Verifies an answer with the sets of its time.
pub fn answer(bytes: &[u8], history: &History) -> Result<(), String> {
    let (found, _) = fragments(bytes).map_err(|error| error.to_string())?;
    let first = found.first().map(|fragment| number_of(fragment)).ok_or("it has no fragments")?;
    // A node repeats the block that was asked from where nothing is above it.
    let below = BlockId { hash: Hash::default(), number: first.checked_sub(1).ok_or("block 0 needs no proof")? };
    let from = VerifiedHead::trusted(below, history.voters_of(first).clone());
    verify_proof(&from, bytes, WIDTH, &WarpRules::default()).map(drop).map_err(|error| error.to_string())
}

/// Verifies the whole way from genesis fragment by fragment and in one go: both lead to the same block and set.
pub fn way_in_one_go(files: &Files, folder: &str, report: &mut Report) {
    let whole = format!("{folder}/warp-from-genesis.response.bin");
    if !files.has(&whole) || refused(files, folder).contains(&whole) {
        return;
    }
    let bytes = files.bytes(&whole);
    let genesis = genesis(files, folder).expect("the chain was joined by its genesis");
    let (all, _) = match fragments(&bytes) {
        Ok(all) => all,
        Err(error) => return report.case(&whole, Err(error.to_string())),
    };
    let (_, head) = match steps(&genesis, &all) {
        Ok(steps) => steps,
        Err(error) => return report.case(&whole, Err(error)),
    };
    all.iter().for_each(|_| report.case(&whole, Ok(())));
    let at_once = verify_proof(&genesis, &bytes, WIDTH, &WarpRules::default());
    let same = at_once
        .as_ref()
        .is_ok_and(|(last, finished)| *finished && last.block() == head.block() && last.set() == head.set());
    report.case(&whole, if same { Ok(()) } else { Err(format!("in one go: {:?}", at_once.err())) });
}

fn number_of(fragment: &[u8]) -> u64 {
    let mut reader = rushlight_core::codec::scale::Reader::new(fragment);
    HeaderRef::read(&mut reader, WIDTH).expect("the stream has read it").number()
}
