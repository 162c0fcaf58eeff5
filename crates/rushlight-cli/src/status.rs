//! `rushlight status`.

use crate::failure::Failure;
use crate::{print, run};
use rushlight::{Settings, ask_daemon, escape};
use serde_json::{Value, json};
use std::fmt::Write;

/// Shows where every chain stands.
pub(crate) async fn status(settings: &Settings, is_json: bool) -> Result<(), Failure> {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "rushlight_status" }).to_string();
    let (answer, is_running) = match ask_daemon(&settings.data_dir, None, &call).await? {
        Some(answer) => (answer, true),
        None => (ask_store(settings, &call).await?, false),
    };
    let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    let result = &answer["result"];
    if is_json {
        let mut result = result.clone();
        result["daemon_running"] = is_running.into();
        return print(format!("{result}\n").as_bytes());
    }
    let mut text = String::new();
    if !is_running {
        text.push_str("No daemon runs; this is what the store holds. Start one with `rushlight run`.\n");
    }
    for chain in result["chains"].as_array().into_iter().flatten() {
        describe(chain, &mut text);
    }
    print(text.as_bytes())
}

/// Without a daemon: what the store says, before any provider has been asked.
async fn ask_store(settings: &Settings, call: &str) -> Result<String, Failure> {
    let files = run::chain_files(settings)?;
    let client = run::start(settings)?;
    let answer = async {
        run::add_chains(&client, &files).await?;
        Ok::<_, Failure>(client.call(None, call).await?)
    };
    let answer = answer.await;
    client.shutdown().await?;
    answer
}

/// Writes a chain's status in words. Everything in it may come from a provider, so it is escaped.
fn describe(chain: &Value, text: &mut String) {
    let word = |value: &Value| value.as_str().map(escape).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = write!(text, "{} ({}): {}", word(&chain["name"]), word(&chain["chain_id"]), word(&chain["state"]));
    let why = word(&chain["why"]);
    let _ = if why.is_empty() { writeln!(text) } else { writeln!(text, ", {why}") };
    let head = &chain["head"];
    if head.is_object() {
        let age = chain["head_age_s"].as_u64().map(seconds).unwrap_or_default();
        let _ = writeln!(text, "  head        {} {}", word(&head["height"]), word(&head["hash"]));
        let _ = writeln!(text, "              {} ({age} ago)", word(&head["time"]));
    }
    if let Some(target) = chain["target"].as_str() {
        let _ = writeln!(text, "  syncing to  {}", escape(target));
    }
    if let Some(left) = chain["trust_remaining_s"].as_u64() {
        let _ = writeln!(text, "  trust       {} left, until {}", seconds(left), word(&chain["trust_expires"]));
    }
    let guarantee = &chain["guarantee"];
    if guarantee.is_object() {
        let (agreeing, asked) = (&guarantee["witnesses_agreeing"], &guarantee["witnesses_asked"]);
        let _ = writeln!(text, "  guarantee   {}, {agreeing} of {asked} witnesses agree", word(&guarantee["finality"]));
    }
    let _ = writeln!(
        text,
        "  verified    {} headers, {} signatures, from {} blocks fetched",
        chain["headers_verified"], chain["signatures_checked"], chain["blocks_fetched"]
    );
    for provider in chain["providers"].as_array().into_iter().flatten() {
        describe_provider(provider, text);
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
              syncing to  100
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
