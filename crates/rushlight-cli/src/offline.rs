//! `rushlight prove` and `rushlight verify`: proofs that travel.

use crate::asking::{Question, ask, duration, member};
use crate::failure::{Exit, Failure, io};
use crate::print;
use rushlight::core::base::UnixTime;
use rushlight::core::bundle::Checkpoint;
use rushlight::core::codec::text;
use rushlight::core::node::verify_bundle;
use rushlight::{Settings, escape};
use serde_json::json;
use std::path::Path;

/// The largest bundle that is read; no valid one is larger.
const BUNDLE_BYTES_MAX: u64 = 64 << 20;

/// Writes a bundle that proves a header.
pub(crate) async fn prove(
    settings: &Settings,
    height: Option<u64>,
    output: &Path,
    chain: Option<&str>,
    timeout: &str,
) -> Result<(), Failure> {
    let timeout = duration("--timeout", timeout)?;
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) checkpoint: &'a str,
    pub(crate) now: Option<&'a str>,
    pub(crate) trusting_period: &'a str,
}

/// Verifies a bundle.
pub(crate) fn verify(file: &Path, judged: &Judged<'_>, is_json: bool) -> Result<(), Failure> {
    let usage = |what: &str, error: &dyn std::fmt::Display| Failure::new(Exit::Config, format!("{what}: {error}"));
    let checkpoint = Checkpoint::from_text(judged.checkpoint.trim()).map_err(|error| usage("--checkpoint", &error))?;
    let period = duration("--trusting-period", judged.trusting_period)?;
    let now = match judged.now {
        Some(text) => UnixTime::from_rfc3339(text).map_err(|error| usage("--now", &error))?,
        None => rushlight::wall(),
    };
    let size = std::fs::metadata(file).map_err(|error| io(file.display(), &error))?.len();
    let invalid =
        |error: &dyn std::fmt::Display| format!("{} proves nothing: {}", file.display(), escape(&error.to_string()));
    if size > BUNDLE_BYTES_MAX {
        return Err(Failure::new(Exit::ProofInvalid, invalid(&format!("{size} bytes, at most {BUNDLE_BYTES_MAX}"))));
    }
    let bytes = std::fs::read(file).map_err(|error| io(file.display(), &error))?;
    let proven = verify_bundle(&bytes, &checkpoint, period, now).map_err(|error| {
        if error.is_expired() {
            let text = format!(
                "{}. The proof may be good, but trust in it has ended: use a newer checkpoint, or judge it by an earlier \
                 time with --now if that is what you mean",
                escape(&error.to_string())
            );
            return Failure::new(Exit::TrustExpired, text);
        }
        Failure::new(Exit::ProofInvalid, invalid(&error))
    })?;
    if is_json {
        let result = json!({
            "proven": true, "chain_id": proven.chain_id, "height": proven.height.to_string(),
            "hash": proven.hash.to_string(), "time": proven.time.to_string(),
            "trust_expires": proven.trust_expires.to_string(), "steps": proven.steps,
            "checkpoint_height": checkpoint.height.to_string(), "judged_at": now.to_string(),
        });
        return print(format!("{result}\n").as_bytes());
    }
    let shown = format!(
        "proven\nchain       {}\nheight      {}\nhash        {}\ntime        {}\nfrom        the checkpoint at height {}, in {} \
         steps\ntrust until {}, with a trusting period of {}\n",
        escape(&proven.chain_id),
        proven.height,
        proven.hash,
        proven.time,
        checkpoint.height,
        proven.steps,
        proven.trust_expires,
        judged.trusting_period,
    );
    print(shown.as_bytes())
}
