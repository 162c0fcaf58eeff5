//! Calls of the Go library: the same blocks, the same class of error.

use crate::answers::{bytes, number, text_of};
use crate::report::Report;
use rushlight_core::base::UnixTime;
use rushlight_core::chains::tendermint::decode::{DecodeError, json};
use rushlight_core::chains::tendermint::types::{LightBlock, Signature};
use rushlight_core::chains::tendermint::verify::{
    self, JudgedAt, Rules, TrustLevel, TrustLevelError, VerifiedBlock, VerifyError,
};
use rushlight_core::codec::text;
use serde_json::{Value, json};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

/// Cases in which this client may be stricter than the Go library, by the README of the recordings.
const STRICTER: &[&str] = &["last-block-id-changed", "header-forged-by-two-thirds"];
const STRICTER_REASON: &str = "stricter than Go: last_block_id must name the trusted block";
const SKIP_REASON: &str = "a skip: to an adjacent height it is an adjacent step, and its basis is the next set";

#[derive(Debug)]
enum Refusal {
    Decode(DecodeError),
    Verify(VerifyError),
    Level(TrustLevelError),
}

impl Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Decode(error) => error.fmt(f),
            Self::Verify(error) => error.fmt(f),
            Self::Level(error) => error.fmt(f),
        }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

impl From<TrustLevelError> for Refusal {
    fn from(error: TrustLevelError) -> Self {
        Self::Level(error)
    }
}

/// Returns the class of the error that the Go function gives where this client refuses for this reason.
fn class(function: &str, refusal: &Refusal) -> &'static str {
    match (function, refusal) {
        // These return what they find without wrapping it.
        ("VerifyCommit" | "VerifyCommitLightTrusting" | "ValidateTrustLevel" | "LightBlock.ValidateBasic", _) => {
            "other"
        }
        (_, Refusal::Level(_)) => "other",
        (_, Refusal::Decode(_)) => "ErrInvalidHeader",
        (_, Refusal::Verify(error)) => match error {
            VerifyError::NotEnoughTrust { .. } => "ErrNewValSetCantBeTrusted",
            VerifyError::TrustExpired { .. } => "ErrOldHeaderExpired",
            VerifyError::NotAdjacent { .. } | VerifyError::SetNotAnnounced { .. } => "other",
            // A skip counts the trusted power first, and what it finds wrong there is not wrapped.
            VerifyError::BadSignature { .. } | VerifyError::SignatureLength { .. } | VerifyError::DoubleVote { .. }
                if function == "VerifyNonAdjacent" =>
            {
                "other"
            }
            _ => "ErrInvalidHeader",
        },
    }
}

fn block(signed: &Value, validators: &Value) -> Result<LightBlock, DecodeError> {
    json::light_block(&bytes(&json!({ "signed_header": signed, "validator_set": validators })))
}

fn trusted(case: &Value) -> Result<VerifiedBlock, String> {
    let block = block(&case["trusted"], &case["trusted_validators"]).map_err(|error| error.to_string())?;
    let (height, hash) = (block.header.height, block.header.hash());
    let trusted =
        verify::anchor(text_of(&case["chain_id"]), height, hash, None, block).map_err(|error| error.to_string())?;
    let next = json::validator_set(&bytes(&case["trusted_next_validators"])).map_err(|error| error.to_string())?;
    // Where a case gives another next set, the step is an adjacent one and needs none.
    Ok(trusted.clone().with_next_validators(Arc::new(next)).unwrap_or(trusted))
}

fn nanos(value: &Value) -> Duration {
    Duration::from_nanos(u64::try_from(number(value)).unwrap())
}

fn outcome(case: &Value, trusted: &VerifiedBlock) -> Result<(), Refusal> {
    let chain_id = text_of(&case["chain_id"]);
    let function = text_of(&case["function"]);
    let trust_level = TrustLevel::from_text(text_of(&case["trust_level"]))?;
    let at = JudgedAt::at(UnixTime::from_rfc3339(text_of(&case["now"])).unwrap());
    let rules = Rules {
        trusting_period: nanos(&case["trusting_period_ns"]),
        trust_level,
        max_clock_drift: nanos(&case["max_clock_drift_ns"]),
    };
    if function == "ValidateTrustLevel" {
        return Ok(());
    }
    let block = Arc::new(block(&case["untrusted"], &case["untrusted_validators"])?);
    match function {
        "VerifyAdjacent" => verify::adjacent(trusted, block, &rules, at).map(drop)?,
        "VerifyNonAdjacent" | "VerifyCommitLightTrusting" => verify::skipping(trusted, block, &rules, at).map(drop)?,
        "VerifyCommit" => verify::commit_in_full(chain_id, &block.validators, &block.commit).map(drop)?,
        "VerifyCommitLight" => verify::commit_light(chain_id, &block.validators, &block.commit).map(drop)?,
        "VerifyBackwards" => verify::backwards(&trusted.to_header(), block.header.clone()).map(drop)?,
        // Well-formed as far as a block is by itself: it decodes, and its parts belong together.
        "LightBlock.ValidateBasic" => {}
        other => panic!("no rule for the function {other}"),
    }
    Ok(())
}

pub fn verify(name: &str, case: &Value, report: &mut Report) {
    let function = text_of(&case["function"]);
    let trusted = match trusted(case) {
        Ok(trusted) => trusted,
        Err(error) => return report.case(name, Err(format!("the trusted block: {error}"))),
    };
    let result = outcome(case, &trusted);
    let got = result.as_ref().map_or_else(|refusal| class(function, refusal), |()| "valid");
    let want = if case["valid"] == Value::Bool(true) { "valid" } else { text_of(&case["error_class"]) };
    let case_name = text_of(&case["name"]);
    let said = format!(
        "{name}: here {got}{}, Go {want} {}",
        result.as_ref().err().map(|refusal| format!(" ({refusal})")).unwrap_or_default(),
        text_of(&case["error"]).chars().take(90).collect::<String>()
    );
    if got != want && STRICTER.contains(&case_name) && want == "valid" {
        report.differs(STRICTER_REASON, said);
        return report.case(name, Ok(()));
    }
    if got != want && function == "VerifyNonAdjacent" && case_name.starts_with("skip-") {
        report.differs(SKIP_REASON, said);
        return report.case(name, Ok(()));
    }
    report.case(name, if got == want { Ok(()) } else { Err(said) });
}

/// A commit in which one signature is replaced: the whole of it must fail, and at that place.
pub fn key_types(name: &str, value: &Value, report: &mut Report) {
    let original = match block(&value["signed_header"], &value["validators"]) {
        Ok(block) => block,
        Err(error) => return report.case(name, Err(error.to_string())),
    };
    let chain_id = text_of(&value["chain_id"]);
    let whole = verify::commit_in_full(chain_id, &original.validators, &original.commit).map(drop);
    report.equal(name, "the commit as it was", whole, Ok(()));
    for case in value["cases"].as_array().into_iter().flatten() {
        let what = text_of(&case["name"]);
        let index = usize::try_from(number(&case["index"])).unwrap();
        let mut signed = value["signed_header"].clone();
        signed["commit"]["signatures"][index]["signature"] = case["signature"].clone();
        let outcome =
            match block(&signed, &value["validators"]) {
                Err(error) => Err(error.to_string()),
                Ok(block) => match verify::commit_in_full(chain_id, &block.validators, &block.commit) {
                    Ok(_) => Ok(()),
                    Err(
                        VerifyError::BadSignature { index: bad, .. } | VerifyError::SignatureLength { index: bad, .. },
                    ) if bad == index => Err("at its place".to_string()),
                    Err(error) => return report.case(name, Err(format!("{what}: {error}"))),
                },
            };
        report.equal(name, format!("{what}: {outcome:?}"), outcome.is_ok(), case["valid"] == Value::Bool(true));
        // The single check agrees with the batch.
        let signature = Signature::from_bytes(&text::base64(text_of(&case["signature"])).unwrap());
        let mut message = Vec::new();
        original.commit.sign_bytes(chain_id).put(&original.commit.signatures[index], &mut message);
        let single = original.validators.validators()[index].public_key.verify(&message, signature.as_bytes());
        report.equal(name, format!("{what}, alone"), single.is_ok(), case["valid"] == Value::Bool(true));
    }
}
