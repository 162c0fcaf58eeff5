//! `rushlight checkpoint`: what is trusted, as one line of text.

use crate::asking::{Question, ask, member};
use crate::failure::{Exit, Failure, io};
use crate::print;
use rushlight::core::chains::Families;
use rushlight::{ChainFile, Settings, escape};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(120);

async fn newest(settings: &Settings, chain: Option<&str>) -> Result<Value, Failure> {
    let question = Question { chain, method: "rushlight_checkpoint", height: None, timeout: TIMEOUT };
    ask(settings, question, json!([])).await
}

/// Shows the newest trusted head.
pub(crate) async fn show(settings: &Settings, name: Option<&str>, is_json: bool) -> Result<(), Failure> {
    let answer = newest(settings, name).await?;
    if is_json {
        return print(format!("{answer}\n").as_bytes());
    }
    let mut text = String::new();
    for (name, shown) in [("chain_id", "chain"), ("height", "height"), ("hash", "hash"), ("time", "time")] {
        text.push_str(&format!("{shown:11} {}\n", escape(&member(&answer, name)?)));
    }
    text.push_str(&format!("checkpoint  {}\n", escape(&member(&answer, "checkpoint")?)));
    print(text.as_bytes())
}

/// Writes the newest trusted head as a line of text.
pub(crate) async fn export(settings: &Settings, name: Option<&str>, output: Option<&Path>) -> Result<(), Failure> {
    let line = format!("{}\n", member(&newest(settings, name).await?, "checkpoint")?);
    match output {
        Some(path) => std::fs::write(path, line).map_err(|error| io(path.display(), &error)),
        None => print(line.as_bytes()),
    }
}

/// Makes the chain file `path` trust the checkpoint `text` from now on.
pub(crate) fn import(text: &str, path: &Path) -> Result<(), Failure> {
    let config = |text: String| Failure::new(Exit::Config, text);
    let checkpoint = Families::default().checkpoint(text.trim()).map_err(|error| config(error.to_string()))?;
    let file = ChainFile::read(path)?;
    if checkpoint.chain_id != file.chain_id() {
        let (got, want) = (escape(&checkpoint.chain_id), escape(file.chain_id()));
        return Err(config(format!("the checkpoint is of chain {got}, {} of {want}", path.display())));
    }
    let old = std::fs::read_to_string(path).map_err(|error| io(path.display(), &error))?;
    let new = with_trust(&old, text.trim()).ok_or_else(|| {
        config(format!(
            "{} has no [trust] section of its own; write its trust as one, then import again",
            path.display()
        ))
    })?;
    // The result must say what was meant, whatever the old file looked like.
    ChainFile::from_toml(path, &new)?;
    replace(path, &new).map_err(|error| io(path.display(), &error))?;
    let (height, hash) = (checkpoint.height, checkpoint.hash);
    print(format!("{} now trusts {} at height {height}, hash {hash}\n", path.display(), file.chain_id()).as_bytes())
}

/// Puts `text` in the place of the file's content, whole or not at all. A link stays a link, and who may read the file stays
/// as it is: addresses in it may hold keys.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let mode = path.metadata()?.permissions();
    // What an earlier call left behind may be open to others.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(mode)?;
    file.sync_all()?;
    std::fs::rename(&beside, &path)
}

/// Returns the text of a chain file whose `[trust]` section holds `checkpoint`, everything else as it was.
fn with_trust(toml: &str, checkpoint: &str) -> Option<String> {
    let mut new = String::new();
    let (mut is_trust, mut is_found) = (false, false);
    for line in toml.lines() {
        let code = line.split('#').next().unwrap_or_default().trim();
        if code.starts_with('[') {
            is_trust = code == "[trust]";
            new.push_str(&format!("{line}\n"));
            if is_trust {
                is_found = true;
                new.push_str(&format!("checkpoint = \"{checkpoint}\"\n"));
            }
            continue;
        }
        let key = code.split('=').next().unwrap_or_default().trim();
        if !(is_trust && matches!(key, "height" | "hash" | "checkpoint")) {
            new.push_str(&format!("{line}\n"));
        }
    }
    is_found.then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_trust_is_replaced() {
        let old = "# mine\nfamily = \"tendermint\"\n[trust] # from a friend\nheight = 5 # old\nhash = \"AB\"\n# kept\n";
        let new = "# mine\nfamily = \"tendermint\"\n[trust] # from a friend\ncheckpoint = \"x\"\n# kept\n";
        assert_eq!(with_trust(old, "x").as_deref(), Some(new));
        assert_eq!(with_trust(new, "x").as_deref(), Some(new));
        assert_eq!(with_trust("trust = { height = 5, hash = \"AB\" }\n", "x"), None);
    }
}
