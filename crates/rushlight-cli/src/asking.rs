//! One-shot commands ask the running daemon; where none runs, they start a client of their own on the store.

use crate::failure::{Exit, Failure};
use crate::run;
use rushlight::core::chains::SyncState;
use rushlight::core::rpc::{QueryError, RpcError};
use rushlight::{Client, Settings, ask_daemon};
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
        return match result(&answer) {
            Err(failure) if failure.exit == Exit::Other && nobody_answers(settings, question.chain).await => {
                Err(Failure::new(Exit::NoPeers, format!("{failure}. `rushlight doctor` looks at the providers")))
            }
            result => result,
        };
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

/// Tells whether the daemon's chain has no head because no provider of it has ever answered.
async fn nobody_answers(settings: &Settings, chain: Option<&str>) -> bool {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "rushlight_status" }).to_string();
    let Ok(Some(answer)) = ask_daemon(&settings.data_dir, chain, &call).await else { return false };
    let Ok(status) = result(&answer) else { return false };
    let Some([chain]) = status["chains"].as_array().map(Vec::as_slice) else { return false };
    let providers = chain["providers"].as_array();
    chain["head"].is_null() && providers.is_some_and(|all| all.iter().all(|one| one["answered"] == 0))
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
/// # Errors
/// The error in it, with the exit code that the same error has without a daemon.
pub(crate) fn result(answer: &str) -> Result<Value, Failure> {
    let mut answer: Value = serde_json::from_str(answer)
        .map_err(|error| Failure::new(Exit::Other, format!("the daemon's answer is not JSON: {error}")))?;
    let error = &answer["error"];
    if !error.is_null() {
        let message = error["message"].as_str().unwrap_or("the daemon answers with an error that has no message");
        return Err(Failure::new(exit(error["code"].as_i64()), rushlight::escape(message)));
    }
    match answer["result"].take() {
        Value::Null => Err(Failure::new(Exit::Other, "the daemon's answer has neither a result nor an error")),
        result => Ok(result),
    }
}

/// Returns the exit code of a JSON-RPC error.
fn exit(code: Option<i64>) -> Exit {
    let why = String::new;
    let codes = [
        (QueryError::TrustExpired { why: why() }.into(), Exit::TrustExpired),
        (QueryError::NoProvider { why: why() }.into(), Exit::NoPeers),
        (QueryError::Frozen { why: why() }.into(), Exit::Frozen),
        (RpcError::ChainNeeded { names: why() }, Exit::Config),
    ];
    let known = codes.iter().find(|(error, _)| code == Some(i64::from(error.code())));
    known.map_or(Exit::Other, |(_, exit)| *exit)
}

/// Returns a text member of an answer, made safe to show.
pub(crate) fn member(answer: &Value, name: &str) -> Result<String, Failure> {
    let text = answer[name].as_str().map(str::to_owned);
    text.ok_or_else(|| {
        Failure::new(Exit::Other, format!("the answer has no {name:?}; the daemon may be of another version"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_exit_code_that_it_has_without_a_daemon() {
        for (answer, want) in [
            (r#"{"error":{"code":-32023,"message":"frozen"}}"#, Exit::Frozen),
            (r#"{"error":{"code":-32024,"message":"no provider"}}"#, Exit::NoPeers),
            (r#"{"error":{"code":-32028,"message":"expired"}}"#, Exit::TrustExpired),
            (r#"{"error":{"code":-32025,"message":"which?"}}"#, Exit::Config),
            (r#"{"error":{"code":-32009,"message":"busy"}}"#, Exit::Other),
            (r#"{"error":{}}"#, Exit::Other),
            (r#"{"error":"no"}"#, Exit::Other),
            ("{}", Exit::Other),
            (r#"{"result":null}"#, Exit::Other),
            ("<html>", Exit::Other),
        ] {
            assert_eq!(result(answer).unwrap_err().exit, want, "{answer}");
        }
        assert_eq!(result(r#"{"result":{"a":1}}"#).unwrap(), json!({ "a": 1 }));
    }
}
