//! The command against a real network of the devnet: real blocks, real sockets, real lies.

use rushlight_devnet::{ChainPlan, Devnet, DevnetPlan, Lie, LieKind, Rotation, RotationOrder};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

const TIP: u64 = 120;

/// A network, with as many providers as there are entries; it makes no new blocks, so that outcomes do not depend on the
/// machine's speed.
async fn network(lies: &[Option<LieKind>]) -> Devnet {
    let rotation = Rotation { every: 10, replace_percent: 10, order: RotationOrder::Drawn, powers: false };
    let chain = ChainPlan { validators: 10, rotation: Some(rotation), ..ChainPlan::default() };
    let providers = lies.iter().map(|lie| lie.map(|kind| Lie { kind, from: 50 })).collect();
    let plan = DevnetPlan { chain, providers, port: 0, tip: TIP, grows: false };
    Devnet::start(plan.timed(rushlight::wall())).await.unwrap()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rushlight"));
    command.args(args).env_clear().env("HOME", folder).env("XDG_DATA_HOME", folder.join("share")).current_dir(folder);
    command
}

/// Runs a command without holding up the runtime that serves the network.
async fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = command(folder, args);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs `rushlight init` on the first `honest` providers; the chain file then lists all of them.
async fn init(folder: &Path, network: &Devnet, honest: usize) {
    let mut args = vec!["init", "-o", "hub.toml", "--height", "3"];
    args.extend(network.urls().iter().take(honest).map(String::as_str));
    let output = run(folder, &args).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let advice = text(&output.stderr);
    assert!(advice.contains(&network.hash(3).unwrap().to_string()), "{advice}");
    assert!(advice.contains("compare it with a source\nthat you trust"), "{advice}");
    assert!(advice.contains("all providers are on this machine"), "{advice}");
    let path = folder.join("hub.toml");
    let file = std::fs::read_to_string(&path).unwrap();
    let all: String = network.urls().iter().map(|url| format!("    {url:?},\n")).collect();
    let (before, rest) = file.split_once("providers = [\n").unwrap();
    let (_, after) = rest.split_once("]\n").unwrap();
    std::fs::write(&path, format!("{before}providers = [\n{all}]\n{after}")).unwrap();
}

/// A running daemon, killed when the test ends early.
struct Daemon {
    child: Child,
    log: Option<BufReader<ChildStderr>>,
}

impl Daemon {
    fn start(folder: &Path) -> Self {
        let args = ["run", "--chain", "hub.toml", "--log-format", "json", "--listen", "127.0.0.1:0"];
        let mut child = command(folder, &args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = child.stderr.take().map(BufReader::new);
        Self { child, log }
    }

    /// Reads the log until a line has `text`.
    async fn wait_for(&mut self, text: &'static str) -> String {
        let mut log = self.log.take().unwrap();
        let (log, line) = tokio::task::spawn_blocking(move || {
            let mut all = String::new();
            loop {
                let mut line = String::new();
                assert!(log.read_line(&mut line).unwrap() > 0, "no {text:?} in the log:\n{all}");
                if line.contains(text) {
                    return (log, line);
                }
                all.push_str(&line);
            }
        })
        .await
        .unwrap();
        self.log = Some(log);
        line
    }

    async fn exit_code(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code()).await.unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_init_to_a_proof_that_verifies_offline() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let network = network(&[None, None, None]).await;
    init(folder, &network, 3).await;
    let mut daemon = Daemon::start(folder);
    let head = daemon.wait_for("\"height\":120").await;
    assert!(head.contains("\"head saved\"") && head.contains(&network.hash(TIP).unwrap().to_string()), "{head}");

    let status: Value = serde_json::from_slice(&run(folder, &["status", "--json"]).await.stdout).unwrap();
    let chain = &status["chains"][0];
    assert_eq!((&chain["state"], &chain["head"]["height"]), (&"synced".into(), &"120".into()), "{status}");
    assert_eq!(chain["guarantee"]["witnesses_agreeing"], 2, "{status}");

    let output = run(folder, &["prove", "--height", "77", "-o", "x.rlb"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    let checkpoint = shown.lines().find_map(|line| line.strip_prefix("checkpoint  ")).unwrap();
    // From here on there is neither a daemon nor a network.
    drop(daemon);
    network.stop().await;
    let verify = ["verify", "x.rlb", "--json", "--checkpoint", checkpoint];
    let proven: Value = serde_json::from_slice(&run(folder, &verify).await.stdout).unwrap();
    assert_eq!((&proven["proven"], &proven["height"]), (&true.into(), &"77".into()), "{proven}");
    let late = [&verify[..], &["--now", "2099-01-01T00:00:00Z"]].concat();
    assert_eq!(run(folder, &late).await.status.code(), Some(11));
    // Judged by a time before it was made: the time is at fault, and not this machine's clock.
    let output = run(folder, &[&verify[..], &["--now", "2020-01-01T00:00:00Z"]].concat()).await;
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(13), "{error}");
    assert!(error.contains("the time given with --now") && !error.contains("clock"), "{error}");
    // The rules by which it is judged can be said: a drift of a century lets that time pass.
    let drift = [&verify[..], &["--now", "2020-01-01T00:00:00Z", "--max-clock-drift", "36500d"]].concat();
    assert!(run(folder, &drift).await.status.success());
    // Validators are replaced on the way, so no skip has the whole trusted set behind it.
    assert_eq!(run(folder, &[&verify[..], &["--trust-level", "1/1"]].concat()).await.status.code(), Some(13));
    for level in ["1/4", "3/2", "half"] {
        let output = run(folder, &[&verify[..], &["--trust-level", level]].concat()).await;
        assert_eq!(output.status.code(), Some(2), "{level}: {}", text(&output.stderr));
    }
    let mut bundle = std::fs::read(folder.join("x.rlb")).unwrap();
    let middle = bundle.len() / 2;
    bundle[middle] ^= 1;
    std::fs::write(folder.join("x.rlb"), bundle).unwrap();
    assert_eq!(run(folder, &verify).await.status.code(), Some(13));

    // The store holds the head without a network too.
    let output = run(folder, &["status", "--json", "--chain", "hub.toml"]).await;
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["chains"][0]["head"]["height"], "120", "{status}");
    assert_eq!(status["daemon_running"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_and_cannot_be_used_names_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let network = network(&[None, None]).await;
    init(folder, &network, 2).await;
    let output = run(folder, &["checkpoint", "export", "--chain", "hub.toml"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let good = run(folder, &["doctor", "--chain", "hub.toml"]).await;
    assert!(text(&good.stdout).contains("hub: what is saved can be read, with head 120"), "{}", text(&good.stdout));

    // Another chain under the same name is a matter of settings, not of the store.
    let file = std::fs::read_to_string(folder.join("hub.toml")).unwrap();
    let (_, rest) = file.split_once("chain_id = \"").unwrap();
    let chain_id = rest.split_once('"').unwrap().0.to_owned();
    std::fs::create_dir(folder.join("b")).unwrap();
    std::fs::write(folder.join("b/hub.toml"), file.replace(&chain_id, "other-1")).unwrap();
    for command in [&["run", "--listen", "off"][..], &["status"]] {
        let output = run(folder, &[command, &["--chain", "b/hub.toml"]].concat()).await;
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(10), "{error}");
        assert!(error.contains(&format!("of chain \"{chain_id}\", not of \"other-1\"")), "{error}");
        assert!(error.contains("another `name`"), "{error}");
    }

    // One flipped bit in the saved head.
    let store = folder.join("share/rushlight/rushlight.redb");
    let mut bytes = std::fs::read(&store).unwrap();
    let found: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(chain_id.as_bytes())).collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at + chain_id.len() + 8] ^= 1;
    }
    std::fs::write(&store, bytes).unwrap();
    for command in [&["run", "--listen", "off"][..], &["status"], &["prove", "-o", "x.rlb"]] {
        let output = run(folder, &[command, &["--chain", "hub.toml"]].concat()).await;
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(14), "{error}");
        assert!(error.contains("damaged") && error.contains("rushlight doctor --set-aside-store"), "{error}");
    }
    let output = run(folder, &["doctor", "--chain", "hub.toml"]).await;
    assert_eq!(output.status.code(), Some(14), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("damaged"), "{}", text(&output.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shot_commands_sync_by_themselves_when_no_daemon_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let network = network(&[None, None]).await;
    init(folder, &network, 2).await;
    let output = run(folder, &["checkpoint", "export", "--chain", "hub.toml"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let checkpoint = text(&output.stdout);
    assert!(checkpoint.starts_with("rushlight:1:tendermint:120:"), "{checkpoint}");
    assert!(run(folder, &["checkpoint", "import", checkpoint.trim(), "hub.toml"]).await.status.success());
    // A new store starts from the checkpoint.
    let args = ["checkpoint", "show", "--json", "--chain", "hub.toml", "--data-dir", "other"];
    let output = run(folder, &args).await;
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["checkpoint"], checkpoint.trim());
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_that_disagree_get_no_chain_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let network = network(&[None, Some(LieKind::WrongHash), Some(LieKind::OtherChain)]).await;
    let [honest, wrong, other] = network.urls() else { panic!("three providers were asked for") };
    let output = run(folder, &["init", honest, wrong, "-o", "x.toml", "--height", "60"]).await;
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{error}");
    assert!(error.contains("disagree on the hash of the header at height 60"), "{error}");
    let output = run(folder, &["init", honest, other, "-o", "x.toml"]).await;
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{error}");
    assert!(error.contains("disagree on the chain id"), "{error}");
    assert!(!folder.join("x.toml").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forger_is_quarantined_and_a_fork_freezes_the_daemon_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let network = network(&[None, None, Some(LieKind::ForgedHeader), Some(LieKind::Fork)]).await;
    let folder = folder.path();
    init(folder, &network, 2).await;
    let mut daemon = Daemon::start(folder);
    daemon.wait_for("frozen: evidence of an attack verifies").await;
    assert_eq!(daemon.exit_code().await, Some(15));
    // The freeze is saved: a restart does not forget it.
    let mut again = command(folder, &["run", "--chain", "hub.toml", "--listen", "off"]);
    let output = tokio::task::spawn_blocking(move || again.output().unwrap()).await.unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(15), "{error}");
    assert!(error.contains("--set-aside-store"), "{error}");
}
