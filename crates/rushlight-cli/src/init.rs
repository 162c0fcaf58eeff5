//! `rushlight init`: a chain file from what providers agree on.

use crate::args::Init;
use crate::failure::{Exit, Failure, io};
use crate::print;
use crate::probe;
use rushlight::core::chains::{HeaderTold, PeerTold, Probe, ToDescribe};
use rushlight::core::peers::{check_addresses, shown};
use rushlight::{ChainFile, Fetcher, escape};
use std::fmt::Write;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use tokio::task::JoinSet;

/// How far below the lowest tip the trusted height lies, so that every provider surely has it and its commit.
const BELOW_TIP: u64 = 2;

/// Asks all providers; writes a chain file if they agree.
pub(crate) async fn init(init: &Init) -> Result<(), Failure> {
    let urls = checked(&init.urls)?;
    let fetcher = Fetcher::new();
    let probe = probe_of(&fetcher, &urls).await?;
    let statuses = ask_all(&urls, |url| {
        let fetcher = fetcher.clone();
        async move { probe::status(&fetcher, probe, &url).await }
    })
    .await?;
    let chain_id = same(&urls, statuses.iter().map(|status| status.chain_id.as_str()), "chain id")?.to_owned();
    let height = match init.height {
        Some(height) => height,
        None => common_height(&urls, &statuses)?,
    };
    let headers = ask_all(&urls, |url| {
        let fetcher = fetcher.clone();
        async move { probe::header(&fetcher, probe, &url, height).await }
    })
    .await?;
    let hashes: Vec<String> = headers.iter().map(|header| header.hash.to_string()).collect();
    same(&urls, hashes.iter().map(String::as_str), &format!("hash of the header at height {height}"))?;
    let Some(header) = headers.first() else { return Err(Failure::new(Exit::NoPeers, "no provider answered")) };
    let (chain_id, trusting_period) = (chain_id.as_str(), init.trusting_period.as_str());
    let text = probe.chain_file(&ToDescribe { chain_id, providers: &urls, height, header: *header, trusting_period });
    let path = init.output.as_deref().unwrap_or(Path::new("chain.toml"));
    // What is written must be readable; a chain id could hold anything.
    ChainFile::from_toml(path, &text)?;
    match &init.output {
        Some(path) => write(path, &text, init.force)?,
        None => print(text.as_bytes())?,
    }
    advise(init, &urls, &statuses, chain_id, height, header);
    Ok(())
}

fn checked(urls: &[String]) -> Result<Vec<String>, Failure> {
    let config = |text: String| Failure::new(Exit::Config, text);
    match check_addresses(urls) {
        Ok(()) => Ok(urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect()),
        Err((index, error)) => {
            let url = urls.get(index).map_or("", |url| shown(url));
            Err(config(format!("{}: {error}", escape(url))))
        }
    }
}

/// Finds out by which family's protocol the providers are asked: that of the first one that answers to any.
async fn probe_of(fetcher: &Fetcher, urls: &[String]) -> Result<&'static dyn Probe, Failure> {
    let mut whys = Vec::new();
    for url in urls {
        match probe::find(fetcher, url).await {
            Ok(probe) => return Ok(probe),
            Err(why) => whys.push(format!("{url}: {why}")),
        }
    }
    Err(Failure::new(Exit::NoPeers, format!("{}. Leave them out, or name other providers", whys.join("; "))))
}

/// Puts a question to all providers at once; all must answer.
async fn ask_all<T, F>(urls: &[String], ask: impl Fn(String) -> F) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    F: Future<Output = Result<T, String>> + Send + 'static,
{
    let mut asked = JoinSet::new();
    for (index, url) in urls.iter().enumerate() {
        let answer = ask(url.clone());
        asked.spawn(async move { (index, answer.await) });
    }
    let mut answers: Vec<(usize, Result<T, String>)> = asked.join_all().await;
    answers.sort_by_key(|(index, _)| *index);
    let mut good = Vec::new();
    for ((_, answer), url) in answers.into_iter().zip(urls) {
        good.push(answer.map_err(|why| {
            Failure::new(Exit::NoPeers, format!("{url}: {why}. Leave it out, or name another provider"))
        })?);
    }
    Ok(good)
}

fn common_height(urls: &[String], statuses: &[PeerTold]) -> Result<u64, Failure> {
    let lowest_tip = statuses.iter().map(|status| status.latest).min().unwrap_or_default();
    let height = lowest_tip.saturating_sub(BELOW_TIP).max(1);
    for (url, status) in urls.iter().zip(statuses) {
        if status.earliest > height {
            let text = format!(
                "{url} has heights from {} only, and the lowest tip is {lowest_tip}: the providers have no height in common. \
                 Leave out the one that is behind",
                status.earliest
            );
            return Err(Failure::new(Exit::NoPeers, text));
        }
    }
    Ok(height)
}

/// Returns what all say, or refuses with what each says.
fn same<'a>(urls: &[String], said: impl Iterator<Item = &'a str> + Clone, what: &str) -> Result<&'a str, Failure> {
    let first = said.clone().next().unwrap_or_default();
    if said.clone().all(|other| other == first) {
        return Ok(first);
    }
    let mut text = format!("the providers disagree on the {what}, so nothing is written:");
    for (url, said) in urls.iter().zip(said) {
        let _ = write!(text, "\n  {} from {url}", escape(said));
    }
    text.push_str("\nAt least one of them is wrong or lies. Find out which with a source that you trust");
    Err(Failure::new(Exit::Config, text))
}

fn write(path: &Path, text: &str, is_forced: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    if !is_forced {
        options.create_new(true);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Config, format!("{} is there already; replace it with --force", path.display()))
        }
        _ => io(path.display(), &error),
    })
}

/// Says what the file rests on and what is left to do, on stderr.
fn advise(init: &Init, urls: &[String], statuses: &[PeerTold], chain_id: &str, height: u64, header: &HeaderTold) {
    let chain_id = escape(chain_id);
    let mut text = format!(
        "{} of {} providers agree on chain {chain_id}, height {height}:\n\n    {}\n\nNothing vouches for this hash but the \
         providers themselves. Before you use it, compare it with a source\nthat you trust: an explorer, your own node, somebody \
         who runs one.\n",
        urls.len(),
        urls.len(),
        header.hash,
    );
    for warning in warnings(urls, statuses) {
        let _ = writeln!(text, "warning: {warning}");
    }
    let _ = writeln!(
        text,
        "warning: the trusting period is {}; make sure that it is well below the chain's unbonding period",
        init.trusting_period
    );
    if let Some(path) = &init.output {
        let _ = writeln!(text, "\nNext: rushlight run --chain {}", path.display());
    }
    // Advice that nobody can read is no failure.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Says what makes providers worth less as witnesses of each other.
pub(crate) fn warnings(urls: &[String], statuses: &[PeerTold]) -> Vec<String> {
    let mut warnings = Vec::new();
    if urls.len() == 1 {
        warnings.push("there is one provider only: nobody can contradict it; add others".to_owned());
    }
    if urls.len() > 1 && urls.iter().all(|url| probe::is_loopback(probe::host(url))) {
        warnings.push("all providers are on this machine: they are no independent witnesses".to_owned());
    }
    for (index, url) in urls.iter().enumerate() {
        let host = probe::host(url);
        let earlier = urls.iter().take(index);
        if let Some(other) = earlier.clone().find(|other| probe::host(other) == host && !probe::is_loopback(host)) {
            warnings.push(format!("{url} and {other} are one host: they are no independent witnesses"));
        }
        let Some(status) = statuses.get(index) else { continue };
        let same_node = statuses.iter().take(index).position(|other| other.node_id == status.node_id);
        if let Some(other) = same_node.and_then(|other| urls.get(other)) {
            warnings.push(format!("{url} and {other} are one node ({})", escape(&status.node_id)));
        }
        if status.is_syncing {
            warnings.push(format!("{url} says that it is still syncing itself"));
        }
    }
    warnings
}
