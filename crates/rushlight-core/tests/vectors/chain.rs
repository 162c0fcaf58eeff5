//! Recorded chains: every header, commit and jump against what the Go library said of it.

use crate::answers::{bytes, number, text_of};
use crate::kind::{Found, Kind};
use crate::report::Report;
use rushlight_core::base::{Hash, UnixTime};
use rushlight_core::chains::tendermint::decode::{json, protobuf};
use rushlight_core::chains::tendermint::types::{Commit, CommitSig, LightBlock, Validator, ValidatorSet};
use rushlight_core::chains::tendermint::verify::{self, JudgedAt, Range, Rules, VerifiedBlock, VerifyError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const NEXT_SET: &str = "the basis of a skip is the set after the trusted height, Go's is the set of it";

/// The blocks of all recorded chains.
#[derive(Default)]
pub struct Chains {
    by_hash: BTreeMap<Hash, Arc<LightBlock>>,
}

impl Chains {
    /// Returns the block with this header hash.
    pub fn block(&self, hash: &Hash) -> Option<&LightBlock> {
        self.by_hash.get(hash).map(|block| block.as_ref())
    }
}

/// The rules by which recordings are judged: the Go library's verdicts were made with a period of 24 hours.
fn rules() -> Rules {
    Rules { trusting_period: Duration::from_secs(24 * 3_600), ..Rules::default() }
}

/// Runs every folder that holds both a recording and the verdicts on it.
pub fn recorded(folders: &BTreeMap<String, Vec<Found>>, report: &mut Report) -> Chains {
    let mut chains = Chains::default();
    for (folder, found) in folders {
        let recording = found.iter().find_map(|found| match &found.kind {
            Kind::Recording(lines) => Some((&found.file, lines)),
            _ => None,
        });
        let verdicts = found.iter().find_map(|found| match &found.kind {
            Kind::Verdicts(value) => Some((&found.file, value)),
            _ => None,
        });
        if let (Some((recording, lines)), Some((verdicts, value))) = (recording, verdicts) {
            let blocks = light_blocks(&format!("{folder}/{recording}"), lines, report);
            check_chain(folder, &format!("{folder}/{verdicts}"), value, &blocks, report);
            chains.by_hash.extend(blocks.into_values().map(|block| (block.header.hash(), block)));
        } else if let Some((verdicts, _)) = verdicts {
            report.case(&format!("{folder}/{verdicts}"), Err("verdicts without a recording".to_string()));
        }
    }
    chains
}

/// Joins commits and pages of validators by height.
fn light_blocks(name: &str, lines: &[Value], report: &mut Report) -> BTreeMap<u64, Arc<LightBlock>> {
    let mut signed = BTreeMap::new();
    let mut sets: BTreeMap<u64, Vec<Validator>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["status"] == 200 && line["uri"].is_string()) {
        let body = text_of(&line["body"]).as_bytes();
        match text_of(&line["method"]) {
            "commit" => {
                if let Ok(Ok((header, commit))) = json::commit_answer(body) {
                    signed.entry(header.height).or_insert((header, commit));
                }
            }
            "validators" if text_of(&line["params"]["per_page"]) == "100" => {
                if let Ok(Ok(page)) = json::validators_answer(body) {
                    let set = sets.entry(page.height).or_default();
                    let new = page.validators.into_iter().filter(|v| !set.contains(v)).collect::<Vec<_>>();
                    set.extend(new);
                }
            }
            _ => {}
        }
    }
    let mut blocks = BTreeMap::new();
    for (height, (header, commit)) in signed {
        let Some(validators) = sets.remove(&height) else { continue };
        match ValidatorSet::new(validators) {
            Ok(validators) => {
                blocks.insert(height, Arc::new(LightBlock { header, commit, validators: Arc::new(validators) }));
            }
            Err(error) => report.case(name, Err(format!("set of height {height}: {error}"))),
        }
    }
    blocks
}

fn flags(commit: &Commit) -> String {
    commit.signatures.iter().map(|signature| signature.flag().to_string()).collect()
}

fn verdict<T>(result: Result<T, VerifyError>) -> String {
    result.map_or_else(|error| error.to_string(), |_| "ok".to_string())
}

fn check_chain(
    folder: &str,
    name: &str,
    verdicts: &Value,
    blocks: &BTreeMap<u64, Arc<LightBlock>>,
    report: &mut Report,
) {
    let last_time = blocks.values().next_back().map_or(UnixTime::EPOCH, |block| block.header.time);
    let at = JudgedAt::at(last_time.after(Duration::from_secs(1)));
    let mut verified: BTreeMap<u64, VerifiedBlock> = BTreeMap::new();
    for entry in verdicts.as_array().into_iter().flatten() {
        let height = u64::try_from(number(&entry["height"])).unwrap();
        let Some(block) = blocks.get(&height) else {
            report.case(name, Err(format!("no block of height {height} is recorded")));
            continue;
        };
        check_block(name, entry, block, report);
        let before = height.checked_sub(1).and_then(|height| verified.get(&height));
        let result = match before {
            Some(before) => {
                let result = verify::adjacent(before, Arc::clone(block), &rules(), at);
                report.equal(
                    name,
                    format!("adjacent {height}"),
                    verdict(result.clone()),
                    text_of(&entry["verify_adjacent"]).into(),
                );
                result
            }
            None => verify::anchor(&block.header.chain_id, height, block.header.hash(), None, block.as_ref().clone()),
        };
        let next = blocks.get(&(height + 1)).map(|next| Arc::clone(&next.validators));
        let result = result.and_then(|block| match next {
            Some(next) => block.with_next_validators(next),
            None => Ok(block),
        });
        match result {
            Ok(block) => drop(verified.insert(height, block)),
            Err(error) => report.case(name, Err(format!("height {height}: {error}"))),
        }
    }
    for entry in verdicts.as_array().into_iter().flatten() {
        let height = u64::try_from(number(&entry["height"])).unwrap();
        if let Some(trusted) = verified.get(&height) {
            check_jumps(folder, name, entry, trusted, blocks, at, report);
        }
    }
    check_ranges(name, &verified, blocks, at, report);
    check_backwards(name, &verified, blocks, report);
}

fn check_block(name: &str, entry: &Value, block: &LightBlock, report: &mut Report) {
    let (header, commit, validators) = (&block.header, &block.commit, &block.validators);
    let height = header.height;
    report.equal(name, format!("hash {height}"), header.hash().to_string(), text_of(&entry["hash"]).into());
    report.equal(name, format!("hash in commit {height}"), commit.block_id.hash, header.hash());
    report.equal(name, format!("round {height}"), i128::from(commit.round), number(&entry["round"]));
    report.equal(name, format!("flags {height}"), flags(commit), text_of(&entry["flags"]).into());
    report.equal(name, format!("validators {height}"), validators.len() as i128, number(&entry["validators"]));
    report.equal(name, format!("power {height}"), i128::from(validators.total_power()), number(&entry["total_power"]));
    let light = verify::commit_light(&header.chain_id, validators, commit);
    report.equal(name, format!("commit light {height}"), verdict(light), text_of(&entry["verify_commit_light"]).into());
    let full = verify::commit_in_full(&header.chain_id, validators, commit);
    report.equal(name, format!("commit in full {height}"), verdict(full), text_of(&entry["verify_commit"]).into());
    check_protobuf(name, block, report);
}

/// Encodes a block and reads it again.
fn check_protobuf(name: &str, block: &LightBlock, report: &mut Report) {
    let encoded = block.to_protobuf();
    let again = protobuf::light_block(&encoded).map_err(|error| error.to_string());
    report.equal(name, format!("protobuf of {}", block.header.height), again.as_ref(), Ok(block));
    let bytes_again = again.map(|block| block.to_protobuf() == encoded);
    report.equal(name, format!("protobuf bytes of {}", block.header.height), bytes_again, Ok(true));
}

/// Tells whether trust reaches from `trusted` to `block`, leaving the signatures out.
fn reaches(trusted: &VerifiedBlock, block: &Arc<LightBlock>, at: JudgedAt) -> Result<(), VerifyError> {
    Range::start(trusted).push_skipping(trusted, Arc::clone(block), &rules(), at)
}

/// Tells whether more than a third of `basis` signed: the arithmetic of the Go library, written down once more.
fn third_signed(basis: &ValidatorSet, block: &LightBlock) -> bool {
    let votes = block.commit.signatures.iter().filter_map(|signature| match signature {
        CommitSig::Commit(vote) => basis.by_address(&vote.validator_address),
        _ => None,
    });
    votes.map(|(_, member)| u128::from(member.power)).sum::<u128>() > u128::from(basis.total_power()) / 3
}

/// Returns the furthest target that is reached and the nearest that is not.
fn jumps<'a>(
    height: u64,
    blocks: &'a BTreeMap<u64, Arc<LightBlock>>,
    mut reached: impl FnMut(&'a Arc<LightBlock>) -> bool,
) -> (u64, Option<u64>) {
    let (mut furthest, mut nearest_refused) = (0, None);
    for (target, block) in blocks.range(height + 2..) {
        if reached(block) {
            furthest = *target;
        } else {
            nearest_refused = nearest_refused.or(Some(*target));
        }
    }
    (furthest, nearest_refused)
}

fn check_jumps(
    folder: &str,
    name: &str,
    entry: &Value,
    trusted: &VerifiedBlock,
    blocks: &BTreeMap<u64, Arc<LightBlock>>,
    at: JudgedAt,
    report: &mut Report,
) {
    let height = trusted.height();
    let want = (
        u64::try_from(number(&entry["furthest_jump"])).unwrap_or(0),
        entry.get("nearest_refused_jump").and_then(|value| u64::try_from(number(value)).ok()),
    );
    if trusted.next_validators().is_none() {
        // The set after the last recorded height is not recorded; there is nothing to jump to either.
        return report.equal(name, format!("jumps from {height}"), want, (0, None));
    }
    let mut unexpected = Vec::new();
    let got = jumps(height, blocks, |block| match reaches(trusted, block, at) {
        Ok(()) => true,
        Err(VerifyError::NotEnoughTrust { .. }) => false,
        Err(error) => {
            unexpected.push(error.to_string());
            false
        }
    });
    report.equal(name, format!("jumps from {height} break another rule"), unexpected, Vec::new());
    if got == want {
        report.case(name, Ok(()));
    } else {
        // The one reason allowed: another basis. With Go's basis its figures must come out.
        let with_own_set = jumps(height, blocks, |block| third_signed(trusted.validators(), block));
        report.equal(name, format!("jumps from {height} with Go's basis"), with_own_set, want);
        let sets_differ = trusted.header().validators_hash != trusted.header().next_validators_hash;
        report.equal(name, format!("jumps from {height} differ although the set stays"), sets_differ, true);
        report.differs(NEXT_SET, format!("{folder} from {height}: furthest and nearest refused {got:?}, Go {want:?}"));
    }
    // The signatures of the furthest jump, and the error of the nearest refused one.
    if let Some(block) = blocks.get(&got.0) {
        let outcome = verify::skipping(trusted, Arc::clone(block), &rules(), at).map(|_| ());
        report.equal(name, format!("jump from {height} to {}", got.0), outcome, Ok(()));
    }
    if let Some(block) = got.1.and_then(|target| blocks.get(&target)) {
        let outcome = verify::skipping(trusted, Arc::clone(block), &rules(), at);
        let is_refused = matches!(outcome, Err(VerifyError::NotEnoughTrust { .. }));
        report.equal(name, format!("jump from {height} to {} is refused", block.header.height), is_refused, true);
    }
}

/// Verifies the recording once more in ranges with one batch of signatures each.
fn check_ranges(
    name: &str,
    verified: &BTreeMap<u64, VerifiedBlock>,
    blocks: &BTreeMap<u64, Arc<LightBlock>>,
    at: JudgedAt,
    report: &mut Report,
) {
    let Some((_, mut trusted)) = verified.first_key_value().map(|(height, block)| (*height, block.clone())) else {
        return report.case(name, Err("nothing is verified".to_string()));
    };
    let last = blocks.last_key_value().map_or(0, |(height, _)| *height);
    while trusted.height() < last {
        let mut range = Range::start(&trusted);
        for block in blocks.range(trusted.height() + 1..).map(|(_, block)| block).take(64) {
            let pushed = range.push_adjacent(Arc::clone(block), &rules(), at);
            report.equal(name, format!("push {}", block.header.height), pushed, Ok(()));
        }
        let (work, sealed) = range.seal();
        match sealed.release(&trusted, work.run(), &rules(), at) {
            Ok(released) => {
                for block in &released {
                    let want = verified.get(&block.height()).map(VerifiedBlock::hash);
                    report.equal(name, format!("released {}", block.height()), Some(block.hash()), want);
                }
                let Some(tip) = released.into_iter().next_back() else { return };
                trusted = tip;
            }
            Err(refused) => return report.case(name, Err(format!("range from {}: {refused:?}", trusted.height()))),
        }
    }
}

/// Follows the hash chain from the last header to the first.
fn check_backwards(
    name: &str,
    verified: &BTreeMap<u64, VerifiedBlock>,
    blocks: &BTreeMap<u64, Arc<LightBlock>>,
    report: &mut Report,
) {
    let Some((_, last)) = verified.last_key_value() else { return };
    let mut later = last.to_header();
    for (height, block) in blocks.range(..last.height()).rev() {
        match verify::backwards(&later, block.header.clone()) {
            Ok(header) => {
                let want = verified.get(height).map(VerifiedBlock::hash);
                report.equal(name, format!("backwards {height}"), Some(header.hash()), want);
                later = header;
            }
            Err(error) => return report.case(name, Err(format!("backwards {height}: {error}"))),
        }
    }
}

/// Checks a single light block: hash, set, commit, protobuf.
pub fn light_block(name: &str, value: &Value, report: &mut Report) {
    let block = match json::light_block(&bytes(value)) {
        Ok(block) => block,
        Err(error) => return report.case(name, Err(error.to_string())),
    };
    let header = &block.header;
    let anchored = verify::anchor(&header.chain_id, header.height, block.commit.block_id.hash, None, block.clone());
    report.equal(name, "anchor", verdict(anchored), "ok".to_string());
    let full = verify::commit_in_full(&header.chain_id, &block.validators, &block.commit);
    report.equal(name, "commit in full", verdict(full), "ok".to_string());
    check_protobuf(name, &block, report);
}

/// Checks answers for several heights that are not all adjacent.
pub fn answered_blocks(name: &str, value: &Value, report: &mut Report) {
    let mut blocks = BTreeMap::new();
    let set = |value: &Value| {
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": value });
        let page = json::validators_answer(&bytes(&answer)).map_err(|error| error.to_string())?;
        let page = page.map_err(|error| error.to_string())?;
        ValidatorSet::new(page.validators).map(Arc::new).map_err(|error| error.to_string())
    };
    for entry in value.as_array().into_iter().flatten() {
        let read = || -> Result<(VerifiedBlock, Arc<LightBlock>), String> {
            let signed = bytes(&entry["commit"]["signed_header"]);
            let (header, commit) = json::signed_header_value(&signed).map_err(|error| error.to_string())?;
            let block = LightBlock { header, commit, validators: set(&entry["validators"])? };
            let header = &block.header;
            let hash = block.commit.block_id.hash;
            let trusted = verify::anchor(&header.chain_id, header.height, hash, None, block.clone())
                .map_err(|error| error.to_string())?;
            let next = set(&entry["next_validators"])?;
            let trusted = trusted.with_next_validators(next).map_err(|error| error.to_string())?;
            Ok((trusted, Arc::new(block)))
        };
        match read() {
            Ok((trusted, block)) => {
                check_protobuf(name, &block, report);
                blocks.insert(trusted.height(), (trusted, block));
            }
            Err(error) => report.case(name, Err(format!("height {}: {error}", entry["height"]))),
        }
    }
    // From each block to the next recorded one, adjacent or not.
    let all: Vec<&(VerifiedBlock, Arc<LightBlock>)> = blocks.values().collect();
    for pair in all.windows(2) {
        let ((trusted, _), (next, block)) = (pair[0], pair[1]);
        let at = JudgedAt::at(block.header.time.after(Duration::from_secs(1)));
        let result = verify::skipping(trusted, Arc::clone(block), &rules(), at).map(|verified| verified.hash());
        report.equal(name, format!("from {} to {}", trusted.height(), next.height()), result, Ok(next.hash()));
    }
}
