//! Model-based traces: blocks in turn, each with the time it is judged at and the model's verdict.

use crate::answers::{bytes, hash_of, number, text_of};
use crate::report::Report;
use rushlight_core::base::{Hash, UnixTime};
use rushlight_core::chains::tendermint::decode::{DecodeError, json};
use rushlight_core::chains::tendermint::types::{LightBlock, Validator, ValidatorSet};
use rushlight_core::chains::tendermint::verify::{self, JudgedAt, Rules, VerifiedBlock, VerifyError};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const LAST_BLOCK_ID: &str =
    "the model's adjacent blocks have no last_block_id; here they must follow on the trusted block";

const ABSENT: &str =
    "the model's absent votes have the time 1970; in a chain they have Go's zero time, as is wanted here";

/// Empties the absent votes of a block, as a chain has them.
fn with_empty_absent_votes(block: &Value) -> Value {
    let mut block = block.clone();
    for vote in block["signed_header"]["commit"]["signatures"].as_array_mut().into_iter().flatten() {
        let empty = json!({ "block_id_flag": 1, "validator_address": "", "timestamp": "0001-01-01T00:00:00Z", "signature": null });
        if number(&vote["block_id_flag"]) == 1 {
            *vote = empty;
        }
    }
    block
}

fn set(value: &Value) -> Result<Arc<ValidatorSet>, DecodeError> {
    let answer =
        json!({ "jsonrpc": "2.0", "id": 1, "result": { "block_height": "1", "validators": value["validators"] } });
    let page = json::validators_answer(&bytes(&answer))?.map_err(|_| DecodeError::Missing { field: "validators" })?;
    Ok(Arc::new(ValidatorSet::new(page.validators)?))
}

/// Returns the set with this hash whose members are among those that the trace names: the model does not write down the
/// set of its first block.
fn set_with_hash(trace: &Value, want: Hash) -> Option<Arc<ValidatorSet>> {
    let mut members: BTreeMap<Vec<u8>, Validator> = BTreeMap::new();
    let mut sets = vec![&trace["initial"]["next_validator_set"]];
    for input in trace["input"].as_array()? {
        sets.extend([&input["block"]["validator_set"], &input["block"]["next_validator_set"]]);
    }
    for set in sets.into_iter().filter_map(|value| set(value).ok()) {
        for member in set.validators() {
            members.insert(member.public_key.as_bytes().to_vec(), member.clone());
        }
    }
    let members: Vec<Validator> = members.into_values().collect();
    (1_u32..1 << members.len().min(12)).find_map(|subset| {
        let chosen = members.iter().enumerate().filter(|(index, _)| subset & 1 << index != 0);
        let set = ValidatorSet::new(chosen.map(|(_, member)| member.clone()).collect()).ok()?;
        (set.hash() == want).then(|| Arc::new(set))
    })
}

/// Anchors a block and gives it its next set, as the model's trusted state has it.
fn anchored(block: LightBlock, next: Arc<ValidatorSet>) -> Result<VerifiedBlock, VerifyError> {
    let (chain_id, hash) = (block.header.chain_id.clone(), block.header.hash());
    verify::anchor(&chain_id, block.header.height, hash, None, block)?.with_next_validators(next)
}

fn initial(trace: &Value) -> Result<VerifiedBlock, String> {
    let signed = bytes(&trace["initial"]["signed_header"]);
    let (header, commit) = json::signed_header_value(&signed).map_err(|error| error.to_string())?;
    let validators = set_with_hash(trace, header.validators_hash).ok_or("the first set is not among the validators")?;
    let next = set(&trace["initial"]["next_validator_set"]).map_err(|error| error.to_string())?;
    anchored(LightBlock { header, commit, validators }, next).map_err(|error| error.to_string())
}

pub fn run(name: &str, trace: &Value, report: &mut Report) {
    let mut trusted = match initial(trace) {
        Ok(trusted) => trusted,
        Err(error) => return report.case(name, Err(format!("the initial block: {error}"))),
    };
    let nanos = u64::try_from(number(&trace["initial"]["trusting_period"])).unwrap();
    // The model knows no drift: a header of this very moment is from the future.
    let rules =
        Rules { trusting_period: Duration::from_nanos(nanos), max_clock_drift: Duration::ZERO, ..Rules::default() };
    for (step, input) in trace["input"].as_array().into_iter().flatten().enumerate() {
        let want = text_of(&input["verdict"]);
        let at = JudgedAt::at(UnixTime::from_rfc3339(text_of(&input["now"])).unwrap());
        let mut block = input["block"].clone();
        let mut result = judge(&trusted, &block, &rules, at);
        if matches!(result, Err(Judged::Decode(DecodeError::AbsentNotEmpty { .. }))) {
            report.differs(
                ABSENT,
                format!("{name} step {step}: INVALID here, {want} in the model; goes on with empty ones"),
            );
            block = with_empty_absent_votes(&block);
            result = judge(&trusted, &block, &rules, at);
        }
        let (got, reason) = match &result {
            Ok(_) => ("SUCCESS", String::new()),
            Err(Judged::Verify(VerifyError::NotEnoughTrust { .. })) => ("NOT_ENOUGH_TRUST", String::new()),
            Err(Judged::Verify(error)) => ("INVALID", error.to_string()),
            Err(Judged::Decode(error)) => ("INVALID", error.to_string()),
        };
        let is_stricter = matches!(result, Err(Judged::Verify(VerifyError::LastBlockId { got, .. })) if got == Hash::default())
            && hash_of(&block["signed_header"]["header"]["last_block_id"]["hash"]).is_none();
        if !is_stricter {
            report.equal(name, format!("verdict of step {step} ({reason})"), got, want);
            if let Ok(block) = result {
                trusted = block;
            }
            continue;
        }
        // All rules before this one hold; the rest (places, power, signatures) is what an anchor checks too.
        let rest = block_of(&block).and_then(|read| Ok(anchored(read, set(&block["next_validator_set"])?)));
        let rest_holds = matches!(rest, Ok(Ok(_)));
        report.equal(name, format!("step {step} apart from last_block_id holds"), rest_holds, want == "SUCCESS");
        report.differs(LAST_BLOCK_ID, format!("{name} step {step}: INVALID here, {want} in the model"));
        if let Ok(Ok(block)) = rest {
            trusted = block;
        }
    }
}

enum Judged {
    Decode(DecodeError),
    Verify(VerifyError),
}

/// Reads a block without its next set, which is of no use before the block is verified.
fn block_of(value: &Value) -> Result<LightBlock, DecodeError> {
    let (header, commit) = json::signed_header_value(&bytes(&value["signed_header"]))?;
    Ok(LightBlock { header, commit, validators: set(&value["validator_set"])? })
}

fn judge(trusted: &VerifiedBlock, value: &Value, rules: &Rules, at: JudgedAt) -> Result<VerifiedBlock, Judged> {
    let block = block_of(value).map_err(Judged::Decode)?;
    let verified = verify::skipping(trusted, Arc::new(block), rules, at).map_err(Judged::Verify)?;
    let next = set(&value["next_validator_set"]).map_err(Judged::Decode)?;
    verified.with_next_validators(next).map_err(Judged::Verify)
}
