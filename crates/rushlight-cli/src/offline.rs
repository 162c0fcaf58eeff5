//! `rushlight prove` and `rushlight verify`: proofs that travel.

use crate::asking::{Question, ask, member};
use crate::failure::{Exit, Failure, io};
use crate::print;
use crate::status::seconds;
use rushlight::core::base::UnixTime;
use rushlight::core::bundle::{BUNDLE_BYTES_MAX, Checkpoint};
use rushlight::core::chains::{BundleRules, Families, ProvenHeader, ProvenState};
use rushlight::core::codec::text;
use rushlight::core::node::verify_bundle;
use rushlight::{Settings, escape};
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// The most bytes of a value of the state that are shown to people.
const SHOWN_BYTES_MAX: usize = 80;

/// Writes a bundle that proves a header.
pub(crate) async fn prove(
    settings: &Settings,
    height: Option<u64>,
    output: &Path,
    chain: Option<&str>,
    timeout: Duration,
) -> Result<(), Failure> {
    let question = Question { chain, method: "rushlight_prove", height, timeout };
    let params = height.map_or(json!({}), |height| json!({ "height": height }));
    let answer = ask(settings, question, params).await?;
    let bundle = text::base64(&member(&answer, "bundle")?)
        .map_err(|error| Failure::new(Exit::Other, format!("the daemon's bundle: {error}")))?;
    std::fs::write(output, &bundle).map_err(|error| io(output.display(), &error))?;
    let shown = format!(
        "height      {}\nhash        {}\ntime        {}\nbundle      {} ({} bytes)\ncheckpoint  {}\n",
        escape(&member(&answer, "height")?),
        escape(&member(&answer, "hash")?),
        escape(&member(&answer, "time")?),
        output.display(),
        bundle.len(),
        escape(&member(&answer, "checkpoint")?),
    );
    print(shown.as_bytes())
}

/// By what a bundle is judged.
#[derive(Clone, Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) checkpoint: &'a Checkpoint,
    /// The time to judge by; this machine's when `None`.
    pub(crate) now: Option<UnixTime>,
    pub(crate) rules: BundleRules,
}

/// Verifies a bundle.
pub(crate) fn verify(file: &Path, judged: &Judged<'_>, is_json: bool) -> Result<(), Failure> {
    let (checkpoint, now) = (judged.checkpoint, judged.now.unwrap_or_else(rushlight::wall));
    let bytes = read(file)?;
    let invalid =
        |error: &dyn std::fmt::Display| format!("{} proves nothing: {}", file.display(), escape(&error.to_string()));
    if bytes.len() > BUNDLE_BYTES_MAX {
        let why = format!("it has more than {BUNDLE_BYTES_MAX} bytes, the most that a bundle has");
        return Err(Failure::new(Exit::ProofInvalid, invalid(&why)));
    }
    let proven = verify_bundle(&bytes, checkpoint, judged.rules.clone(), now).map_err(|error| {
        if error.is_about_rules() {
            return Failure::new(Exit::Usage, escape(&error.to_string()));
        }
        if error.is_expired() {
            let text = format!(
                "{}. The proof may be good, but trust in it has ended: use a newer checkpoint, or judge it by an earlier \
                 time with --now if that is what you mean",
                escape(&error.to_string())
            );
            return Failure::new(Exit::TrustExpired, text);
        }
        if error.is_from_the_future() && judged.now.is_some() {
            let why = format!("it holds a header that was made after {now}, the time given with --now");
            return Failure::new(Exit::ProofInvalid, invalid(&why));
        }
        Failure::new(Exit::ProofInvalid, invalid(&error))
    })?;
    if is_json {
        let result = json!({
            "proven": true, "chain_id": proven.chain_id, "height": proven.height.to_string(),
            "hash": hash_of(&proven, checkpoint), "time": proven.time.map(|time| time.to_string()),
            "trust_expires": proven.trust_expires.map(|time| time.to_string()), "steps": proven.steps,
            "checkpoint_height": checkpoint.height.to_string(), "judged_at": now.to_string(),
            "state": proven.state.iter().map(|proven| json!({
                "child": proven.child.as_deref().map(hex), "key": hex(&proven.key),
                "value": proven.value.as_deref().map(hex),
            })).collect::<Vec<_>>(),
        });
        return print(format!("{result}\n").as_bytes());
    }
    print(shown(&proven, checkpoint).as_bytes())
}

/// Reads a file, but never much more than a bundle can have: what a stranger sent may be a pipe or a device without end.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let bytes_max = BUNDLE_BYTES_MAX as u64 + 1;
    let read = File::open(file).and_then(|file| file.take(bytes_max).read_to_end(&mut bytes));
    read.map_err(|error| io(file.display(), &error))?;
    Ok(bytes)
}

fn shown(proven: &ProvenHeader, checkpoint: &Checkpoint) -> String {
    let mut text = format!(
        "proven\nchain       {}\nheight      {}\nhash        {}\n",
        escape(&proven.chain_id),
        proven.height,
        hash_of(proven, checkpoint)
    );
    if let Some(time) = proven.time {
        text += &format!("time        {time}\n");
    }
    text += &match proven.steps {
        _ if proven.height == checkpoint.height => "from        the checkpoint, which is this header\n".to_owned(),
        1 => format!("from        the checkpoint at height {}, in 1 step\n", checkpoint.height),
        steps => format!("from        the checkpoint at height {}, in {steps} steps\n", checkpoint.height),
    };
    match proven.trust_expires.zip(proven.time) {
        Some((until, time)) => {
            let period = seconds(until.since(time).as_secs());
            text += &format!("trust until {until}, with a trusting period of {period}\n");
        }
        None => {
            text += "trust       headers of this family tell no time: that the checkpoint is young enough is yours to judge\n"
        }
    }
    for ProvenState { child, key, value } in &proven.state {
        let within = child.as_deref().map_or(String::new(), |name| format!(" of child trie {}", hex(name)));
        let value = value.as_deref().map_or("none".to_string(), |value| match value.get(..SHOWN_BYTES_MAX) {
            Some(head) if head.len() < value.len() => {
                format!("{}… ({} bytes, whole with --json)", hex(head), value.len())
            }
            _ => hex(value),
        });
        text += &format!("state       {}{within} = {value}\n", hex(key));
    }
    text
}

/// Returns the header's hash as the family's tools write it.
fn hash_of(proven: &ProvenHeader, checkpoint: &Checkpoint) -> String {
    let family = Families::default().named(&checkpoint.family);
    family.map_or_else(|| proven.hash.to_string(), |family| family.hash_text(&proven.hash))
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", text::to_hex(bytes).to_lowercase())
}
