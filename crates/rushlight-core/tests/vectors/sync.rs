//! Recorded chains through the node: sequential, skipping and backwards sync, served by providers that know nothing but
//! the recording.

use crate::recording::{Recording, recordings};
use crate::report::Report;
use crate::world::World;
use serde_json::Value;

/// Every this many heights a skipping sync starts anew: trust that does not reach far shows only from some heights.
const START_EVERY: usize = 12;
/// Every this many heights a header below the checkpoint is asked for.
const HEADER_EVERY: usize = 15;

fn synced<'a>(recording: &'a Recording, from: u64, mode: &str) -> Result<World<'a>, String> {
    let last = recording.last();
    let mut world = recording.world();
    world.add(&recording.spec(from, mode));
    if !world.sync_to(last) {
        return Err(format!("{mode} from {from} is stuck: {}", world.status().state.reason()));
    }
    let hash = world.status().head.map(|head| head.hash.to_string());
    if hash.as_ref() != Some(&recording.hashes[&last]) {
        return Err(format!("{mode} from {from} ends at {hash:?}"));
    }
    Ok(world)
}

fn backwards(world: &mut World<'_>, height: u64) -> Option<String> {
    let request = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_header","params":{{"height":{height}}}}}"#);
    let answer = world.call(&request);
    let body: Value = serde_json::from_str(&answer.body?.text()).ok()?;
    body["result"]["hash"].as_str().map(str::to_string)
}

/// Runs all three over every recording.
pub fn run(root: &std::path::Path, report: &mut Report) -> Vec<String> {
    let mut figures = Vec::new();
    for recording in recordings() {
        let folder = recording.folder.strip_prefix(root).unwrap_or(&recording.folder).to_string_lossy().into_owned();
        let name = format!("{folder}/chain.jsonl.gz");
        let heights: Vec<u64> = recording.hashes.keys().copied().collect();
        let (first, last) = (heights[0], heights[heights.len() - 1]);
        for (from, mode) in heights[..heights.len() - 1]
            .iter()
            .step_by(START_EVERY)
            .map(|from| (*from, "skipping"))
            .chain([(first, "sequential")])
        {
            let outcome = synced(&recording, from, mode);
            if let Ok(world) = outcome.as_ref()
                && from == first
            {
                figures.push(format!(
                    "{folder} {mode} {first} to {last}: {} headers verified, {} blocks fetched, {} signatures",
                    world.number("headers_verified"),
                    world.number("blocks_fetched"),
                    world.number("signatures_checked")
                ));
                if mode == "sequential" {
                    report.equal(&name, "headers verified", world.number("headers_verified"), last - first);
                }
            }
            report.case(&name, outcome.map(|_| ()));
        }
        match synced(&recording, last, "skipping") {
            Err(error) => report.case(&name, Err(error)),
            Ok(mut world) => {
                for height in heights.iter().rev().skip(1).step_by(HEADER_EVERY).chain([&first]) {
                    let want = recording.hashes[height].clone();
                    report.equal(&name, format!("backwards to {height}"), backwards(&mut world, *height), Some(want));
                }
                figures.push(format!(
                    "{folder} backwards {last} to {first}: {} answers of 20 headers fetched",
                    world.fetches.get("blockchain").copied().unwrap_or(0)
                ));
            }
        }
    }
    figures
}
