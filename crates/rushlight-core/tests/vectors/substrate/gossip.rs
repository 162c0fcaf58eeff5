//! What nodes told each other without being asked: announced blocks, commits, where neighbors stand.

use super::Files;
use super::files::unhex;
use super::history::{History, UNREACHED, announced};
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::{
    AuthoritySet, CommitMessage, NeighborPacket, Proofs, SIGNATURE_LEN, VerifyError,
};
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use std::collections::BTreeMap;

const WIDTH: NumberWidth = NumberWidth::U32;

/// The first byte of a message of the GRANDPA gossip, by what it is. Source: `sc-consensus-grandpa`, `GossipMessage`.
const KINDS: [&str; 5] = ["vote", "commit", "neighbor packet", "catch-up request", "catch-up"];

pub fn run(files: &Files, histories: &BTreeMap<String, History>, report: &mut Report) {
    for (folder, history) in histories {
        let name = format!("{folder}/events.jsonl");
        if !files.has(&name) {
            continue;
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (header, behind) in announced(files, folder) {
            *counts.entry("announced block").or_default() += 1;
            announcement(&name, &header, &behind, history, report);
        }
        let mut last: Option<NeighborPacket> = None;
        for event in files.notifications(&name, "/grandpa/1") {
            let bytes = unhex(&event["data"]);
            let kind = bytes.first().and_then(|kind| KINDS.get(usize::from(*kind))).copied().unwrap_or("unknown");
            *counts.entry(kind).or_default() += 1;
            let outcome = match kind {
                "commit" => commit(&name, &bytes, history, report),
                "neighbor packet" => neighbor(&bytes, history, &mut last),
                other => Err(format!("{other}: nothing here reads it")),
            };
            report.case(&name, outcome);
        }
        println!("{name}: {counts:?}");
        report.equal(&name, "there was something to read", counts.is_empty(), false);
    }
}

/// An announced block: its header, whether it is the sender's best, and data that nobody uses.
fn announcement(name: &str, bytes: &[u8], behind: &[u8], history: &History, report: &mut Report) {
    let header = HeaderRef::decode(bytes, WIDTH).expect("it was decoded before");
    let what = format!("announced block {}", header.number());
    report.equal(name, format_args!("{what} encoded again"), &header.to_header().encode(), &bytes.to_vec());
    report.equal(name, format_args!("{what}: best or not, and no data"), matches!(behind, [0 | 1, 0]), true);
    match history.is_authored(&header) {
        Some(is_authored) => report.equal(name, format_args!("{what} is by its author"), is_authored, true),
        None => report.differs(UNREACHED, format!("{name}: {what}")),
    }
}

/// A commit, verified by the set of its time; then broken in each way that a liar has.
fn commit(name: &str, bytes: &[u8], history: &History, report: &mut Report) -> Result<(), String> {
    let message = CommitMessage::decode(bytes, WIDTH).map_err(|error| error.to_string())?.ok_or("it is another one")?;
    let target = message.target();
    let header = history.header(&target.hash).ok_or("it is for a block that was not recorded")?;
    let set = history.voters_of(target.number);
    let what = format!("commit of round {} of set {} for {}", message.round(), message.set_id(), target.number);
    report.equal(name, format_args!("{what}: set"), message.set_id(), set.id());
    report.equal(name, format_args!("{what}: number"), header.number(), target.number);
    judge(bytes, set, history).map_err(|error| format!("{what}: {error}"))?;

    let other = AuthoritySet::new(set.id() + 1, set.list().to_vec()).expect("the same set can vote");
    let want = VerifyError::SetId { got: set.id(), want: other.id() };
    report.equal(name, format_args!("{what} to another set"), judge(bytes, &other, history), Err(want));
    // As if it were of another set or round: the signatures are for this one.
    for (at, set) in [(9, &other), (1, set)] {
        let mut moved = bytes.to_vec();
        moved[at] = moved[at].wrapping_add(1);
        let verdict = judge(&moved, set, history);
        let is_refused = matches!(verdict, Err(VerifyError::BadSignature { index: 0, .. }));
        report.equal(name, format_args!("{what} moved by one at byte {at}, refused"), is_refused, true);
    }
    let mut forged = bytes.to_vec();
    let last_signature = bytes.len() - SIGNATURE_LEN - 32;
    forged[last_signature] ^= 1;
    let verdict = judge(&forged, set, history);
    let is_refused =
        matches!(verdict, Err(VerifyError::BadSignature { index, .. }) if index + 1 == message.precommits().len());
    report.equal(name, format_args!("{what} forged, refused"), is_refused, true);
    // Nobody may say that the votes were for the block below.
    let mut lower = bytes.to_vec();
    lower[17..49].copy_from_slice(header.parent_hash().as_bytes());
    let is_refused = matches!(judge(&lower, set, history), Err(VerifyError::OtherBlock { .. }));
    report.equal(name, format_args!("{what} for its parent, refused"), is_refused, true);
    Ok(())
}

fn judge(bytes: &[u8], set: &AuthoritySet, history: &History) -> Result<(), VerifyError> {
    let message = CommitMessage::decode(bytes, WIDTH).expect("it was decoded before").expect("it is a commit");
    let parent_of = |hash: &Hash| history.header(hash).map(|header| header.parent_hash());
    let mut proofs = Proofs::start(Hash::default());
    proofs.push_commit(&message, set, &parent_of)?;
    match proofs.verify_in_place() {
        (verified, None) => {
            let [only] = &verified[..] else { panic!("one proof finalizes one block, not {verified:?}") };
            assert_eq!((only.block(), only.set_id(), only.round()), (message.target(), set.id(), message.round()));
            Ok(())
        }
        (_, Some(refused)) => Err(refused.error),
    }
}

/// Where a neighbor stands: it never goes back, and its set is the one whose turn it is.
fn neighbor(bytes: &[u8], history: &History, last: &mut Option<NeighborPacket>) -> Result<(), String> {
    let packet = NeighborPacket::decode(bytes, WIDTH).map_err(|error| error.to_string())?.ok_or("it is another one")?;
    let goes_on = |before: NeighborPacket| {
        (before.set_id, before.round) <= (packet.set_id, packet.round) && before.finalized <= packet.finalized
    };
    if !last.is_none_or(goes_on) {
        return Err(format!("{packet:?} comes after {last:?}"));
    }
    *last = Some(packet);
    // With the last block of a set final, a node still stands in that set for a moment.
    let turns = [packet.finalized, packet.finalized + 1].map(|number| history.voters_of(number).id());
    if turns.contains(&packet.set_id) { Ok(()) } else { Err(format!("{packet:?}: it is the turn of one of {turns:?}")) }
}
