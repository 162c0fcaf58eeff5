//! `rushlight doctor`: looks for what is wrong, and names the remedy.

use crate::failure::{Exit, Failure};
use crate::{asking, init, print, probe, run, status};
use rushlight::core::chains::{PeerTold, Probe, Trusted};
use rushlight::{ChainFile, Fetcher, Settings, escape};
use std::fmt::Write;

/// By how much this machine's clock may differ from the newest block before that is worth a word. Chains halt for longer,
/// but then all providers' heads are old.
const CLOCK_SECONDS_MAX: u64 = 60;

/// What was found so far, and the exit code of the first thing that is wrong.
#[derive(Debug, Default)]
struct Findings {
    text: String,
    wrong: Option<Exit>,
}

impl Findings {
    fn good(&mut self, text: &str) {
        let _ = writeln!(self.text, "ok    {text}");
    }

    fn warn(&mut self, text: &str) {
        let _ = writeln!(self.text, "warn  {text}");
    }

    fn wrong(&mut self, exit: Exit, text: &str) {
        let _ = writeln!(self.text, "WRONG {text}");
        self.wrong.get_or_insert(exit);
    }
}

/// Looks at the store, the clock, and each chain's file, providers and trust.
pub(crate) async fn doctor(settings: &Settings) -> Result<(), Failure> {
    let mut findings = Findings::default();
    let is_running = store(settings, &mut findings).await;
    let is_store_good = findings.wrong.is_none();
    if settings.chain.is_empty() {
        findings.warn("no chain file is given; name one with --chain FILE, or make one with `rushlight init`");
    }
    let fetcher = Fetcher::new();
    for path in &settings.chain {
        match ChainFile::read(path) {
            Ok(file) => {
                // A daemon that runs has read what is saved; a store that does not open has been told of.
                if !is_running && is_store_good {
                    saved(settings, &file, &mut findings);
                }
                chain(&file, &fetcher, &mut findings).await;
            }
            Err(error) => findings.wrong(Exit::Config, &error.to_string()),
        }
    }
    print(findings.text.as_bytes())?;
    match findings.wrong {
        None => Ok(()),
        Some(exit) => Err(Failure::new(exit, "something is wrong; see the lines marked WRONG")),
    }
}

const STATUS_CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}"#;

/// Looks at the store; tells whether a daemon owns it.
async fn store(settings: &Settings, findings: &mut Findings) -> bool {
    let folder = settings.data_dir.display();
    match rushlight::ask_daemon(&settings.data_dir, None, STATUS_CALL).await {
        Ok(Some(answer)) => {
            match asking::result(&answer) {
                Ok(_) => findings.good(&format!("a daemon owns {folder} and answers")),
                Err(failure) => {
                    let text = format!("a daemon owns {folder}, but answers with an error: {failure}");
                    findings.wrong(failure.exit, &text);
                }
            }
            return true;
        }
        Err(error) => {
            findings.wrong(Exit::Store, &error.to_string());
            return true;
        }
        Ok(None) => {}
    }
    match run::start(settings) {
        Ok(client) => match client.shutdown().await {
            Ok(()) => findings.good(&format!("the store in {folder} opens and closes; no daemon runs")),
            Err(stopped) => findings.wrong(Exit::Store, &stopped.to_string()),
        },
        Err(failure) => findings.wrong(failure.exit, &failure.to_string()),
    }
    false
}

/// Looks whether what is saved of a chain can be read, and whether a start could go on from it.
fn saved(settings: &Settings, file: &ChainFile, findings: &mut Findings) {
    let status = match status::saved_of(settings, file, STATUS_CALL) {
        Ok(status) => status,
        Err(failure) => return findings.wrong(failure.exit, &failure.to_string()),
    };
    let (chain, name) = (&status["chains"][0], &file.name);
    let why = escape(chain["why"].as_str().unwrap_or_default());
    match (chain["state"].as_str(), chain["head"]["height"].as_str()) {
        (Some("frozen"), _) => findings.wrong(Exit::Frozen, &format!("{name}: frozen: {why}")),
        (Some("expired"), _) => findings.wrong(Exit::TrustExpired, &format!("{name}: {why}")),
        (_, Some(height)) => findings.good(&format!("{name}: what is saved can be read, with head {}", escape(height))),
        (_, None) => findings.good(&format!("{name}: nothing is saved yet")),
    }
}

async fn chain(file: &ChainFile, fetcher: &Fetcher, findings: &mut Findings) {
    findings.good(&format!("{}: chain {} of {} providers", file.path.display(), file.name, file.providers().len()));
    let Some(probe) = file.spec.family().probe() else { return };
    let mut answered: Vec<(String, PeerTold)> = Vec::new();
    for url in file.providers() {
        match probe::status(fetcher, probe, url).await {
            Ok(status) if status.chain_id == file.chain_id() => {
                findings.good(&format!("{}: {url} answers, at height {}", file.name, status.latest));
                answered.push((url.clone(), status));
            }
            Ok(status) => {
                let got = escape(&status.chain_id);
                findings
                    .wrong(Exit::Config, &format!("{}: {url} serves chain {got}, not {}", file.name, file.chain_id()));
            }
            Err(why) => findings.warn(&format!("{}: {url}: {why}", file.name)),
        }
    }
    if answered.is_empty() {
        let text = format!("{}: no provider answers; name others in {}", file.name, file.path.display());
        return findings.wrong(Exit::NoPeers, &text);
    }
    let (urls, statuses): (Vec<String>, Vec<PeerTold>) = answered.into_iter().unzip();
    for warning in init::warnings(&urls, &statuses) {
        findings.warn(&format!("{}: {warning}", file.name));
    }
    clock(file, &statuses, findings);
    trust(file, probe, &urls, fetcher, findings).await;
}

/// Compares this machine's clock with the newest block. A clock that is behind refuses good headers as from the future.
fn clock(file: &ChainFile, statuses: &[PeerTold], findings: &mut Findings) {
    let Some(newest) = statuses.iter().filter_map(|status| status.latest_time).max() else { return };
    let now = rushlight::wall();
    let (ahead, behind) = (newest.since(now).as_secs(), now.since(newest).as_secs());
    if ahead > CLOCK_SECONDS_MAX {
        let text = format!(
            "{}: the newest block is {ahead} s in the future of this machine's clock ({now}); set the clock right",
            file.name
        );
        findings.wrong(Exit::Other, &text);
    } else if behind > CLOCK_SECONDS_MAX {
        let text = format!(
            "{}: the newest block is {} old: the chain stands still, the providers lag, or this machine's clock \
             ({now}) is ahead",
            file.name,
            status::seconds(behind)
        );
        findings.warn(&text);
    } else {
        findings.good(&format!("{}: this machine's clock fits the newest block", file.name));
    }
}

/// Looks how old the header is that the chain file trusts, and whether the providers have the same one.
async fn trust(
    file: &ChainFile,
    probe: &'static dyn Probe,
    urls: &[String],
    fetcher: &Fetcher,
    findings: &mut Findings,
) {
    let Some(Trusted { height, hash, good_for }) = file.spec.trusted() else { return };
    let (mut is_there, mut time) = (false, None);
    for url in urls {
        match probe::header(fetcher, probe, url, height).await {
            Ok(header) if header.hash == hash => (is_there, time) = (true, header.time),
            Ok(header) => {
                let text = format!(
                    "{}: {url} has another header at height {height}: {}, trusted is {hash}. One of them is of a fork; ask a \
                     source that you trust",
                    file.name, header.hash
                );
                findings.wrong(Exit::ProofInvalid, &text);
            }
            Err(why) => findings.warn(&format!("{}: {url}: height {height}: {why}", file.name)),
        }
    }
    if !is_there {
        let text = format!("{}: no provider has the trusted header at height {height}; its age is unknown", file.name);
        return findings.warn(&text);
    }
    // Where headers tell no time, how old a checkpoint may be is for people to judge.
    let (Some(time), Some(good_for)) = (time, good_for) else { return };
    let expires = time.after(good_for);
    let left = expires.since(rushlight::wall()).as_secs();
    if left == 0 {
        let text = format!(
            "{}: the chain file's trust ended at {expires}. A store that has synced since then goes on; a new one needs a newer \
             checkpoint: `rushlight checkpoint import TEXT {}`",
            file.name,
            file.path.display()
        );
        findings.wrong(Exit::TrustExpired, &text);
    } else {
        findings.good(&format!("{}: the trusted header is good for another {}", file.name, status::seconds(left)));
    }
}

/// Renames the store, so that the next start makes a new one.
pub(crate) fn set_aside(settings: &Settings) -> Result<(), Failure> {
    let text = match rushlight::set_aside(&settings.data_dir)? {
        Some(path) => format!("the store is kept as {}; the next start makes a new one\n", path.display()),
        None => format!("there is no store in {}\n", settings.data_dir.display()),
    };
    print(text.as_bytes())
}
