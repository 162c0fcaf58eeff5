//! `rushlight status`.

use crate::failure::Failure;
use crate::{asking, print, run};
use rushlight::{ChainFile, Settings, ask_daemon, ask_saved, escape};
use serde_json::{Value, json};
use std::fmt::Write;

/// Shows where every chain stands.
pub(crate) async fn status(settings: &Settings, is_json: bool) -> Result<(), Failure> {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "rushlight_status" }).to_string();
    let (mut result, is_running) = match ask_daemon(&settings.data_dir, None, &call).await? {
        Some(answer) => (asking::result(&answer)?, true),
        None => (saved(settings, &call)?, false),
    };
    if is_json {
        result["daemon_running"] = is_running.into();
        return print(format!("{result}\n").as_bytes());
    }
    let mut text = String::new();
    if !is_running {
        text.push_str("No daemon runs; this is what the store holds. Start one with `rushlight run`.\n");
    }
    for chain in result["chains"].as_array().into_iter().flatten() {
        if is_running {
            describe(chain, &mut text);
        } else {
            describe_saved(chain, &mut text);
        }
    }
    print(text.as_bytes())
}

/// Without a daemon: what the store has of each chain. Nobody is asked, and nothing is made that is not there.
fn saved(settings: &Settings, call: &str) -> Result<Value, Failure> {
    let mut all = Value::Null;
    for file in run::chain_files(settings)? {
        let mut status = saved_of(settings, &file, call)?;
        let Some(chains) = all["chains"].as_array_mut() else {
            all = status;
            continue;
        };
        chains.extend(status["chains"].as_array_mut().into_iter().flat_map(std::mem::take));
    }
    Ok(all)
}

/// Returns the result of `call` about what the store has of the chain of `file`.
pub(crate) fn saved_of(settings: &Settings, file: &ChainFile, call: &str) -> Result<Value, Failure> {
    let at = |failure: Failure| Failure::new(failure.exit, format!("{}: {failure}", file.path.display()));
    let answer =
        ask_saved(&settings.data_dir, &file.name, file.spec.clone(), call).map_err(|error| at(error.into()))?;
    asking::result(&answer)
}

/// Writes what is saved of a chain in words.
fn describe_saved(chain: &Value, text: &mut String) {
    let word = |value: &Value| value.as_str().map(escape).unwrap_or_default();
    let has_head = chain["head"].is_object();
    let state = match word(&chain["state"]).as_str() {
        state @ ("expired" | "frozen") => format!("{state}, {}", word(&chain["why"])),
        _ if has_head => "saved".to_owned(),
        _ => "nothing is saved; a start begins at the checkpoint of the chain file".to_owned(),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} ({}): {state}", word(&chain["name"]), word(&chain["chain_id"]));
    describe_head(chain, text);
}

/// Writes a chain's status in words. Everything in it may come from a provider, so it is escaped.
fn describe(chain: &Value, text: &mut String) {
    let word = |value: &Value| value.as_str().map(escape).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = write!(text, "{} ({}): {}", word(&chain["name"]), word(&chain["chain_id"]), word(&chain["state"]));
    let why = word(&chain["why"]);
    let _ = if why.is_empty() { writeln!(text) } else { writeln!(text, ", {why}") };
    describe_head(chain, text);
    let _ = writeln!(
        text,
        "  verified    {} headers, {} signatures, from {} blocks fetched",
        chain["headers_verified"], chain["signatures_checked"], chain["blocks_fetched"]
    );
    for provider in chain["providers"].as_array().into_iter().flatten() {
        describe_provider(provider, text);
    }
}

/// Writes the head of a chain, if it has one, and on what it rests.
fn describe_head(chain: &Value, text: &mut String) {
    let word = |value: &Value| value.as_str().map(escape).unwrap_or_default();
    let head = &chain["head"];
    if head.is_object() {
        let age = chain["head_age_s"].as_u64().map(seconds).unwrap_or_default();
        let _ = writeln!(text, "  head        {} {}", word(&head["height"]), word(&head["hash"]));
        let _ = writeln!(text, "              {} ({age} ago)", word(&head["time"]));
    }
    // A chain that has arrived is on its way nowhere.
    if let Some(target) = chain["target"].as_str().filter(|target| chain["head"]["height"].as_str() != Some(target)) {
        let _ = writeln!(text, "  network at  {}", escape(target));
    }
    if let Some(left) = chain["trust_remaining_s"].as_u64() {
        let until = word(&chain["trust_expires"]);
        let _ = match left {
            0 => writeln!(text, "  trust       ended at {until}"),
            left => writeln!(text, "  trust       {} left, until {until}", seconds(left)),
        };
    }
    let guarantee = &chain["guarantee"];
    if guarantee.is_object() {
        let (agreeing, asked) = (&guarantee["witnesses_agreeing"], &guarantee["witnesses_asked"]);
        let _ = writeln!(text, "  guarantee   {}, {agreeing} of {asked} witnesses agree", word(&guarantee["finality"]));
    }
}

fn describe_provider(provider: &Value, text: &mut String) {
    let word = |value: &Value| value.as_str().map(escape).unwrap_or_default();
    let _ = write!(text, "  {:11} {}", word(&provider["role"]), word(&provider["address"]));
    if let Some(latest) = provider["latest"].as_str() {
        let _ = write!(text, ", at {}", escape(latest));
    }
    if let Some(verdict) = provider["quarantined_for"].as_str() {
        let _ = write!(text, ", not asked now: {}", escape(verdict));
        let why = word(&provider["last_fault"]["why"]);
        let _ = if why.is_empty() { Ok(()) } else { write!(text, " ({why})") };
    }
    if let Some(p95) = provider["p95_ms"].as_u64() {
        let _ = write!(text, ", answers in {p95} ms");
    }
    for (verdict, count) in provider["faults"].as_object().into_iter().flatten() {
        let _ = write!(text, ", {} {count}×", escape(verdict));
    }
    text.push('\n');
}

/// Returns a time in the two largest units that it has.
pub(crate) fn seconds(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_status_reads_well_and_cannot_forge_lines() {
        let mut text = String::new();
        let chain = json!({
            "name": "hub", "chain_id": "hub-4", "state": "syncing", "why": "12 heights to go",
            "head": { "height": "88", "hash": "ABCD", "time": "2026-01-01T00:00:00Z" },
            "head_age_s": 75, "target": "100", "trust_remaining_s": 600_000, "trust_expires": "2026-01-08T00:00:00Z",
            "guarantee": { "finality": "final", "witnesses_agreeing": 1, "witnesses_asked": 2 },
            "headers_verified": 5, "signatures_checked": 500, "blocks_fetched": 6,
            "providers": [
                { "address": "http://a", "role": "primary", "latest": "100", "faults": {}, "p95_ms": 20 },
                { "address": "http://b", "role": "quarantined", "latest": "9\u{1b}[2J\n", "quarantined_for": "lying",
                  "last_fault": { "verdict": "lying", "why": "header has hash AB, wanted is CD\n" }, "faults": { "lying": 1 } },
            ],
        });
        describe(&chain, &mut text);
        expect![[r#"
            hub (hub-4): syncing, 12 heights to go
              head        88 ABCD
                          2026-01-01T00:00:00Z (1 min 15 s ago)
              network at  100
              trust       6 d 22 h left, until 2026-01-08T00:00:00Z
              guarantee   final, 1 of 2 witnesses agree
              verified    5 headers, 500 signatures, from 6 blocks fetched
              primary     http://a, at 100, answers in 20 ms
              quarantined http://b, at 9\u{1b}[2J\u{a}, not asked now: lying (header has hash AB, wanted is CD\u{a}), lying 1×
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn times_have_two_units() {
        let times = [0, 59, 61, 3_600, 90_000].map(seconds);
        assert_eq!(times, ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"]);
    }
}
