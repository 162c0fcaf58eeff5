//! Authorship of recorded chains: every header from block 1 on, through all epochs.

use super::Files;
use super::files::unhex;
use crate::report::Report;
use rushlight_core::chains::substrate::authorship::babe::{Epoch, SlotKind};
use rushlight_core::chains::substrate::authorship::{
    self, AuthorshipState, ConsensusConfig, GenesisConsensus, VerifiedAuthorship,
};
use rushlight_core::chains::substrate::header::{HeaderRef, NumberWidth};
use rushlight_core::chains::substrate::spec::Spec;
use rushlight_core::codec::scale::Reader;
use serde_json::Value;
use std::collections::BTreeMap;

pub fn run(files: &Files, report: &mut Report) {
    for folder in files.folders_with(&["spec-raw.json", "blocks.jsonl", "consensus.json"]) {
        let text = |file: &str| String::from_utf8(files.bytes(&format!("{folder}/{file}"))).expect("text");
        let consensus =
            GenesisConsensus::from_json(&text("consensus.json")).expect("the recorded consensus is readable");
        let name = format!("{folder}/blocks.jsonl");
        let headers: Vec<Vec<u8>> = files.json_lines(&name).iter().map(|line| unhex(&line["header_scale"])).collect();
        let states = chain(&name, &headers, &consensus.config, consensus.authorship, report);
        for name in files.names(|name| name.starts_with(&format!("{folder}/babe-epochs"))) {
            epochs(&name, &files.json(&name), &states, report);
        }
        for file in files.ending(".json").iter().filter(|file| file.starts_with(&format!("{folder}/spec-"))) {
            if let Ok(spec) = Spec::from_json(&text(&file[folder.len() + 1..])) {
                checkpoint(file, &spec, &headers, &states, report);
            }
        }
    }
}

/// Verifies each header behind the first one; returns the state behind each block.
fn chain(
    name: &str,
    headers: &[Vec<u8>],
    config: &ConsensusConfig,
    genesis: AuthorshipState,
    report: &mut Report,
) -> Vec<AuthorshipState> {
    let mut states = vec![genesis];
    let mut kinds: BTreeMap<Option<SlotKind>, usize> = BTreeMap::new();
    let mut weight = 0;
    for (number, bytes) in headers.iter().enumerate().skip(1) {
        let header = HeaderRef::decode(bytes, NumberWidth::U32).expect("a recorded header");
        let parent = states.last().expect("there is a first one");
        match authorship::verify(parent, &header, config, None) {
            Ok((author, state)) => {
                report.case(name, Ok(()));
                let kind = if let VerifiedAuthorship::Babe(claim) = author { Some(claim.kind()) } else { None };
                *kinds.entry(kind).or_default() += 1;
                weight += author.weight();
                states.push(state);
            }
            Err(error) => return fail(name, number, &error.to_string(), states, report),
        }
        let mut bytes = Vec::new();
        let state = states.last().expect("it was pushed");
        state.encode(&mut bytes);
        report.equal(
            name,
            "state read as it was written",
            AuthorshipState::read(&mut Reader::new(&bytes)).as_ref(),
            Ok(state),
        );
    }
    if let Some(AuthorshipState::Babe(state)) = states.last() {
        report.equal(name, "primary slots", state.primary_slots(), weight);
        println!("{name}: {kinds:?}, last epoch {}", state.current_epoch().index);
    }
    states
}

fn fail(
    name: &str,
    number: usize,
    why: &str,
    states: Vec<AuthorshipState>,
    report: &mut Report,
) -> Vec<AuthorshipState> {
    report.case(name, Err(format!("block {number}: {why}")));
    states
}

/// Compares the state that a checkpoint gives with the one that the headers up to it give.
fn checkpoint(name: &str, spec: &Spec, headers: &[Vec<u8>], states: &[AuthorshipState], report: &mut Report) {
    let Some(checkpoint) = &spec.light_sync_state else { return };
    let at = usize::try_from(checkpoint.number).expect("a small number");
    report.equal(name, "header of the checkpoint", Some(&checkpoint.header), headers.get(at));
    let state = authorship::at_checkpoint(checkpoint, spec.number_width, None);
    report.equal(name, "state at the checkpoint", state.ok().map(|(_, state)| state).as_ref(), states.get(at));
}

/// Compares the epochs that headers announced with what the runtime answered.
fn epochs(name: &str, answers: &Value, states: &[AuthorshipState], report: &mut Report) {
    for answer in answers.as_array().into_iter().flatten() {
        let number = answer["n"].as_u64().expect("a number of a block");
        let Some(AuthorshipState::Babe(state)) = states.get(usize::try_from(number).expect("a small number")) else {
            report.case(name, Err(format!("no state behind block {number}")));
            continue;
        };
        let both = [("current_epoch", Some(state.current_epoch())), ("next_epoch", state.next_epoch())];
        for (which, epoch) in both {
            report.equal(
                name,
                format_args!("{which} at {number}"),
                epoch.map(as_answered),
                Some(unhex(&answer[which])),
            );
        }
    }
}

/// Returns the runtime's encoding: as ours, without the mark that an epoch may have no rules of its own.
fn as_answered(epoch: &Epoch) -> Vec<u8> {
    let mut bytes = Vec::new();
    epoch.encode(&mut bytes);
    let rules = 8 + 8 + 1;
    let mark = bytes.len() - rules - 1;
    assert_eq!(bytes.remove(mark), 1, "every epoch of a recorded chain has its rules");
    bytes
}
