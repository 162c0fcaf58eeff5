//! `rushlight init`: a chain file from what providers agree on.

use crate::args::Init;
use crate::failure::{Exit, Failure, io};
use crate::print;
use crate::probe::{self, Header};
use rushlight::core::chains::tendermint::decode::json::NodeStatus;
use rushlight::{ChainFile, Fetcher, PROVIDERS_MAX, check_url, escape};
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
    let statuses = ask_all(&urls, |url| {
        let fetcher = fetcher.clone();
        async move { probe::status(&fetcher, &url).await }
    })
    .await?;
    let chain_id = same(&urls, statuses.iter().map(|status| status.chain_id.as_str()), "chain id")?.to_owned();
    let height = match init.height {
        Some(height) => height,
        None => common_height(&urls, &statuses)?,
    };
    let headers = ask_all(&urls, |url| {
        let fetcher = fetcher.clone();
        async move { probe::header(&fetcher, &url, height).await }
    })
    .await?;
    let hashes: Vec<String> = headers.iter().map(|header| header.hash.to_string()).collect();
    same(&urls, hashes.iter().map(String::as_str), &format!("hash of the header at height {height}"))?;
    let Some(header) = headers.first() else { return Err(Failure::new(Exit::NoPeers, "no provider answered")) };
    let text = chain_file(&urls, &chain_id, height, header, &init.trusting_period);
    let path = init.output.as_deref().unwrap_or(Path::new("chain.toml"));
    // What is written must be readable; a chain id could hold anything.
    ChainFile::from_toml(path, &text)?;
    match &init.output {
        Some(path) => write(path, &text, init.force)?,
        None => print(text.as_bytes())?,
    }
    advise(init, &urls, &statuses, &chain_id, height, header);
    Ok(())
}

fn checked(urls: &[String]) -> Result<Vec<String>, Failure> {
    let config = |text: String| Failure::new(Exit::Config, text);
    if urls.len() > PROVIDERS_MAX {
        return Err(config(format!("{} providers given, at most {PROVIDERS_MAX} are allowed", urls.len())));
    }
    let mut checked: Vec<String> = Vec::new();
    for url in urls {
        check_url(url).map_err(|why| config(format!("{url:?}: {why}")))?;
        let url = url.trim_end_matches('/').to_owned();
        if checked.contains(&url) {
            return Err(config(format!("{url} is given twice; a copy cannot confirm anything")));
        }
        checked.push(url);
    }
    Ok(checked)
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

fn common_height(urls: &[String], statuses: &[NodeStatus]) -> Result<u64, Failure> {
    let lowest_tip = statuses.iter().map(|status| status.latest_height).min().unwrap_or_default();
    let height = lowest_tip.saturating_sub(BELOW_TIP).max(1);
    for (url, status) in urls.iter().zip(statuses) {
        if status.earliest_height > height {
            let text = format!(
                "{url} has heights from {} only, and the lowest tip is {lowest_tip}: the providers have no height in common. \
                 Leave out the one that is behind",
                status.earliest_height
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

fn chain_file(urls: &[String], chain_id: &str, height: u64, header: &Header, trusting_period: &str) -> String {
    let providers: Vec<String> = urls.iter().map(|url| format!("    {url:?},\n")).collect();
    format!(
        "# A chain for `rushlight run --chain`.\nfamily = \"tendermint\"\nchain_id = {chain_id:?}\nproviders = [\n{}]\n\n\
         # For how long headers are trusted. It must be well below the chain's unbonding period (often 21 days):\n\
         # beyond that, validators who have left can sign anything without being punished.\n\
         trusting_period = {trusting_period:?}\n\n\
         # Compare the hash with a source that you trust (an explorer, your own node, a friend) before you use this file.\n\
         # Header time: {}\n[trust]\nheight = {height}\nhash = \"{}\"\n",
        providers.concat(),
        header.time,
        header.hash,
    )
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
fn advise(init: &Init, urls: &[String], statuses: &[NodeStatus], chain_id: &str, height: u64, header: &Header) {
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
pub(crate) fn warnings(urls: &[String], statuses: &[NodeStatus]) -> Vec<String> {
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
        if status.catching_up {
            warnings.push(format!("{url} says that it is still syncing itself"));
        }
    }
    warnings
}
