//! One-shot commands ask the running daemon; where none runs, they start a client of their own on the store.

use crate::failure::{Exit, Failure};
use crate::run;
use rushlight::core::chains::SyncState;
use rushlight::{Client, Settings, ask_daemon, parse_duration};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How often a one-shot command looks whether its own client has synced.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// What a one-shot command asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// Which chain, when there are several.
    pub(crate) chain: Option<&'a str>,
    /// The JSON-RPC method.
    pub(crate) method: &'a str,
    /// The lowest height that must be synced before it makes sense.
    pub(crate) height: Option<u64>,
    /// How long to wait for the sync when no daemon runs.
    pub(crate) timeout: Duration,
}

/// Returns the result of the question's method, with `params`.
pub(crate) async fn ask(settings: &Settings, question: Question<'_>, params: Value) -> Result<Value, Failure> {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": question.method, "params": params }).to_string();
    if let Some(answer) = ask_daemon(&settings.data_dir, question.chain, &call).await? {
        return result(&answer);
    }
    let mut files = run::chain_files(settings)?;
    if let Some(name) = question.chain {
        files.retain(|file| file.name == name);
    }
    if files.len() != 1 {
        let known: Vec<String> = run::chain_files(settings)?.into_iter().map(|file| file.name).collect();
        let text = format!("which chain? Name one of {} with --name", known.join(", "));
        return Err(Failure::new(Exit::Config, text));
    }
    let client = run::start(settings)?;
    let answered = answer(&client, &files, &question, &call).await;
    client.shutdown().await?;
    answered
}

async fn answer(
    client: &Client,
    files: &[rushlight::ChainFile],
    question: &Question<'_>,
    call: &str,
) -> Result<Value, Failure> {
    let names = run::add_chains(client, files).await?;
    let chain = names.keys().next().copied();
    synced(client, question).await?;
    result(&client.call(chain, call).await?)
}

/// Waits until the client's chain is synced, to the height that is asked for at least.
async fn synced(client: &Client, question: &Question<'_>) -> Result<(), Failure> {
    let until = Instant::now() + question.timeout;
    loop {
        let stats = client.stats().await?;
        let Some((_, name, status)) = stats.chains.first() else { return Ok(()) };
        if let Some(failure) = run::ended(name, &status.state) {
            return Err(failure);
        }
        let is_reached = status.head.is_some_and(|head| question.height.is_some_and(|height| height <= head.height));
        if is_reached || matches!(status.state, SyncState::Synced) {
            return Ok(());
        }
        if Instant::now() >= until {
            let has_peers = stats.peers.iter().any(|peer| peer.answered > 0);
            let exit = if has_peers { Exit::Other } else { Exit::NoPeers };
            let text = format!(
                "{name} is not synced after {} s: {}. `rushlight doctor` looks at the providers; --timeout waits longer",
                question.timeout.as_secs(),
                rushlight::escape(status.state.reason()),
            );
            return Err(Failure::new(exit, text));
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

/// Takes the result out of a JSON-RPC answer.
fn result(answer: &str) -> Result<Value, Failure> {
    let mut answer: Value = serde_json::from_str(answer)
        .map_err(|error| Failure::new(Exit::Other, format!("the daemon's answer is not JSON: {error}")))?;
    if let Some(message) = answer["error"]["message"].as_str() {
        return Err(Failure::new(Exit::Other, rushlight::escape(message)));
    }
    Ok(answer["result"].take())
}

/// Reads a time of the command line.
pub(crate) fn duration(name: &str, text: &str) -> Result<Duration, Failure> {
    let wanted = || Failure::new(Exit::Config, format!("{name} is {text:?}, wanted a time such as 90s, 2m or 168h"));
    parse_duration(text).filter(|duration| !duration.is_zero()).ok_or_else(wanted)
}

/// Returns a text member of an answer, made safe to show.
pub(crate) fn member(answer: &Value, name: &str) -> Result<String, Failure> {
    let text = answer[name].as_str().map(str::to_owned);
    text.ok_or_else(|| {
        Failure::new(Exit::Other, format!("the answer has no {name:?}; the daemon may be of another version"))
    })
}
