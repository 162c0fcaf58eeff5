//! The command as its users run it: real processes, real sockets, real files.

use expect_test::{Expect, expect};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rushlight"));
    command.args(args).env_clear().env("HOME", folder).env("XDG_DATA_HOME", folder.join("share")).current_dir(folder);
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

/// Runs a command and compares its exit code, stdout and stderr.
fn check(folder: &Path, args: &[&str], want: Expect) {
    let output = run(folder, args);
    let text = format!(
        "exit {}\n{}{}",
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap()
    );
    let mut text = text.replace(&folder.display().to_string(), "FOLDER");
    // A checkpoint is longer than a line, and which one it is does not matter.
    while let Some((before, rest)) = text.split_once("'rushlight:1:") {
        text = format!("{before}CHECKPOINT{}", rest.split_once('\'').map_or("", |(_, after)| after));
    }
    // Columns are as wide as the folder's name is long.
    while text.contains("  #") {
        text = text.replace("  #", " #");
    }
    want.assert_eq(&text);
}

fn chain_file(folder: &Path) {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "family = \"tendermint\"\nchain_id = \"hub-4\"\nproviders = [\"http://{closed}\", \"http://{closed}/b\"]\n\
         trusting_period = \"168h\"\n[trust]\nheight = 5\nhash = \"{}\"\n",
        "AB".repeat(32)
    );
    std::fs::write(folder.join("hub.toml"), text).unwrap();
}

/// A running daemon, killed when the test ends early.
struct Daemon {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
}

impl Daemon {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut all = vec!["run", "--chain", "hub.toml", "--log-format", "json", "--listen", "127.0.0.1:0"];
        all.extend(args);
        let mut child = command(folder, &all).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log }
    }

    /// Reads the log until a line has `text`; panics with the log when it ends before.
    fn wait_for(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "no {text:?} in the log:\n{all}");
            if line.contains(text) {
                return line;
            }
            all.push_str(&line);
        }
    }

    fn address(&mut self) -> String {
        let line = self.wait_for("\"listening\"");
        let (_, rest) = line.split_once("\"address\":\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a GET and returns the answer's first line and body.
fn get(address: &str, path: &str, host: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn help_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for word in ["Examples:", "Exit codes:", "run", "init", "status", "prove", "verify", "doctor", "--data-dir"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
    for args in [&["run", "--help"][..], &["init", "--help"], &["verify", "--help"], &["prove", "--help"]] {
        let text = String::from_utf8(run(folder.path(), args).stdout).unwrap();
        assert!(text.contains("Example"), "{args:?}:\n{text}");
    }
    assert!(text.starts_with("A light client for every kind of chain: it asks an untrusted network"), "{text}");
    assert_eq!(run(folder.path(), &["--nonsense"]).status.code(), Some(2));
    // Values that are none are mistakes in the call too.
    for args in [
        &["prove", "-o", "x", "--timeout", "soon"][..],
        &["init", "http://127.0.0.1:1", "--trusting-period", "0s"],
        &["verify", "x", "--checkpoint", "nonsense"],
    ] {
        assert_eq!(run(folder.path(), args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn mistakes_in_settings_exit_with_10_and_name_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    check(
        folder,
        &["run"],
        expect![[r#"
        exit 10
        error: no chain to follow: name a chain file with --chain FILE; `rushlight init URL… -o FILE` makes one
    "#]],
    );
    check(
        folder,
        &["run", "--chain", "none.toml"],
        expect![[r#"
        exit 10
        error: none.toml: No such file or directory (os error 2)
    "#]],
    );
    std::fs::write(folder.join("bad.toml"), "family = \"tendermint\"\nchain_ib = \"x\"\n").unwrap();
    check(
        folder,
        &["run", "--chain", "bad.toml"],
        expect![[r#"
        exit 10
        error: bad.toml:2: unknown key "chain_ib"; did you mean "chain_id"?
    "#]],
    );
    std::fs::write(folder.join("settings.toml"), "listn = \"off\"\n").unwrap();
    check(
        folder,
        &["config", "show", "--config", "settings.toml"],
        expect![[r#"
        exit 10
        error: settings.toml:1: unknown key "listn"; did you mean "listen"?
    "#]],
    );
    let output = command(folder, &["config", "show"]).env("RUSHLIGHT_LISTN", "off").output().unwrap();
    assert_eq!(output.status.code(), Some(10));
    assert!(String::from_utf8(output.stderr).unwrap().contains("did you mean RUSHLIGHT_LISTEN?"));
    chain_file(folder);
    check(
        folder,
        &["run", "--chain", "hub.toml", "--allow-origin", "*", "--log-level", "error"],
        expect![[r#"
        exit 10
        error: allowed origin "*" would let every page in; name the pages that you trust; see --allow-host and --allow-origin
    "#]],
    );
}

#[test]
fn settings_say_where_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    chain_file(folder);
    std::fs::write(folder.join("settings.toml"), "log_level = \"debug\"\nchain = \"hub.toml\"\n").unwrap();
    let args = ["config", "show", "--origin", "--config", "settings.toml", "--listen", "off"];
    check(
        folder,
        &args,
        expect![[r#"
        exit 0
        allow_host = [] # default
        allow_origin = [] # default
        chain = ["hub.toml"] # file settings.toml
        color = "auto" # default
        data_dir = "FOLDER/share/rushlight" # default
        listen = "off" # --listen
        log_format = "text" # default
        log_level = "debug" # file settings.toml
        threads = # one per core # default
    "#]],
    );
    check(
        folder,
        &["config", "validate", "--chain", "hub.toml"],
        expect![[r#"
        exit 0
        hub.toml: hub (hub-4), 2 providers
        settings and 1 chain files are good
    "#]],
    );
}

#[test]
fn what_is_no_proof_exits_with_13() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("x.rlb"), "this is no bundle").unwrap();
    check(
        folder,
        &["verify", "x.rlb", "--checkpoint", "nonsense"],
        expect![[r#"
        exit 2
        error: invalid value 'nonsense' for '--checkpoint <TEXT>': checkpoint does not begin with "rushlight:1:"

        For more information, try '--help'.
    "#]],
    );
    let checkpoint = rushlight::core::bundle::Checkpoint {
        family: rushlight::core::bundle::FamilyName::of("tendermint"),
        chain_id: "hub-4".into(),
        height: 5,
        hash: rushlight::core::base::Hash([7; 32]),
        anchor: rushlight::core::bundle::Anchor::new("1767225600.000000000"),
    };
    let checkpoint = checkpoint.to_text().unwrap();
    check(
        folder,
        &["verify", "x.rlb", "--checkpoint", &checkpoint],
        expect![[r#"
        exit 13
        error: x.rlb proves nothing: file does not begin as a bundle does
    "#]],
    );
    check(
        folder,
        &["verify", "x.rlb", "--checkpoint", &checkpoint, "--now", "yesterday"],
        expect![[r#"
        exit 2
        error: invalid value 'yesterday' for '--now <RFC3339>': time is not of the form 2006-01-02T15:04:05.999999999Z

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_bundle_of_a_substrate_chain_is_verified_with_the_values_in_it() {
    let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testing/vectors/substrate-bundles");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::copy(vectors.join("genesis-to-200.rlb"), folder.join("x.rlb")).unwrap();
    let checkpoint = std::fs::read_to_string(vectors.join("genesis-to-200.checkpoint")).unwrap();
    check(
        folder,
        &["verify", "x.rlb", "--checkpoint", &checkpoint],
        expect![[r#"
        exit 0
        proven
        chain       recorded
        height      200
        hash        0xc75b0c5c2d863bdcdeab3fcf7a643f977a2da00f5e17769f3b94fe7a227360a2
        from        the checkpoint at height 0, in 21 steps
        trust       headers of this family tell no time: that the checkpoint is young enough is yours to judge
        state       0x = none
        state       0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac = 0xc8000000
        state       0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7 = 0x18000000000000002290753e55170200000001000000040890b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22bf5872060000000000000000000000000000010000000005… (257 bytes, whole with --json)
        state       0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9 = none
        state       0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 = none
        state       0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9de1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d = 0x0300000001000000010000000000000046a78df9ffffff0f0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000080
        state       0x3a6368696c645f73746f726167653a64656661756c743a6669787475726573 = 0xbb339696fd2fdd47a31e06995eb9e330682d482f2d0e3909134ebd64214babc4
        state       0x3a686561707061676573 = none
        state       0x66697874757265626967 = 0x
        state       0x6669787475726562696731 = 0xababababababababababababababababababababababababababababababab
        state       0x6669787475726562696732 = 0xcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
        state       0x6669787475726562696733 = 0xefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef
        state       0x6669787475726562696734 = 0x1212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212… (5000 bytes, whole with --json)
        state       0xffff = none
        state       0x6100 of child trie 0x6669787475726573 = 0x00
        state       0x6105 of child trie 0x6669787475726573 = 0x05050505050505050505050505050505
        state       0x6110 of child trie 0x6669787475726573 = 0x10101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010
        state       0x6127 of child trie 0x6669787475726573 = 0x2727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727272727… (118 bytes, whole with --json)
        state       0x61ff of child trie 0x6669787475726573 = none
        state       0x62 of child trie 0x6669787475726573 = none
    "#]],
    );
    let other =
        std::fs::read_to_string(vectors.join("genesis-to-200.checkpoint")).unwrap().replace("recorded", "other");
    check(
        folder,
        &["verify", "x.rlb", "--checkpoint", &other],
        expect![[r#"
        exit 2
        error: invalid value CHECKPOINT for '--checkpoint <TEXT>': checkpoint has checksum FDBB9FBE, its text gives 453D21E5; it was damaged when it was copied

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_checkpoint_is_imported_into_a_chain_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    chain_file(folder);
    let checkpoint = |chain_id: &str| {
        let checkpoint = rushlight::core::bundle::Checkpoint {
            family: rushlight::core::bundle::FamilyName::of("tendermint"),
            chain_id: chain_id.into(),
            height: 9,
            hash: rushlight::core::base::Hash([7; 32]),
            anchor: rushlight::core::bundle::Anchor::new("1767225600.000000000"),
        };
        checkpoint.to_text().unwrap()
    };
    check(
        folder,
        &["checkpoint", "import", &checkpoint("other-1"), "hub.toml"],
        expect![[r#"
        exit 10
        error: the checkpoint is of chain other-1, hub.toml of hub-4
    "#]],
    );
    check(
        folder,
        &["checkpoint", "import", &checkpoint("hub-4"), "hub.toml"],
        expect![[r#"
        exit 0
        hub.toml now trusts hub-4 at height 9, hash 0707070707070707070707070707070707070707070707070707070707070707
    "#]],
    );
    // A link stays a link, and who may read the file stays as it is.
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder.join("hub.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::create_dir(folder.join("links")).unwrap();
    std::os::unix::fs::symlink("../hub.toml", folder.join("links/hub.toml")).unwrap();
    let output = run(folder, &["checkpoint", "import", &checkpoint("hub-4"), "links/hub.toml"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::symlink_metadata(folder.join("links/hub.toml")).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(folder.join("hub.toml")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!folder.join("hub.toml.new").exists());
    let file = std::fs::read_to_string(folder.join("hub.toml")).unwrap();
    assert!(file.contains(&checkpoint("hub-4")) && !file.contains("height = 5"), "{file}");
}

#[test]
fn a_store_that_cannot_be_used_exits_with_14() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    chain_file(folder);
    let mut daemon = Daemon::start(folder, &[]);
    daemon.address();
    let output = run(folder, &["run", "--chain", "hub.toml"]);
    assert_eq!(output.status.code(), Some(14));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&format!("is in use by process {}", daemon.child.id())), "{text}");
    assert!(text.contains("--data-dir"), "{text}");
    drop(daemon);

    let store = folder.join("share/rushlight/rushlight.redb");
    std::fs::write(&store, "x".repeat(5_000)).unwrap();
    let output = run(folder, &["run", "--chain", "hub.toml"]);
    assert_eq!(output.status.code(), Some(14));
    assert!(String::from_utf8(output.stderr).unwrap().contains("doctor --set-aside-store"));
    assert_eq!(std::fs::read_to_string(&store).unwrap(), "x".repeat(5_000));
    check(
        folder,
        &["doctor", "--set-aside-store"],
        expect![[r#"
        exit 0
        the store is kept as FOLDER/share/rushlight/rushlight.redb.aside-0; the next start makes a new one
    "#]],
    );
    let mut daemon = Daemon::start(folder, &[]);
    daemon.address();
}

#[test]
fn a_daemon_serves_health_and_metrics_and_refuses_foreign_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    chain_file(folder);
    let mut daemon = Daemon::start(folder, &[]);
    let address = daemon.address();
    assert_eq!(get(&address, "/livez", &address).0, "HTTP/1.1 200 OK");
    let (status, body) = get(&address, "/readyz", &address);
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert!(body.contains("\"chain\":\"hub\"") && body.contains("\"why\":"), "{body}");
    let (status, body) = get(&address, "/metrics", &address);
    assert_eq!(status, "HTTP/1.1 200 OK");
    for name in ["rushlight_sync_state{", "rushlight_build_info{", "rushlight_process_resident_memory_bytes "] {
        assert!(body.contains(name), "{name} is not in:\n{body}");
    }
    assert_eq!(get(&address, "/livez", "rebound.example").0, "HTTP/1.1 403 Forbidden");

    // The control socket serves one-shot commands.
    let output = run(folder, &["status", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("\"daemon_running\":true"), "{text}");
    let text = String::from_utf8(run(folder, &["status"]).stdout).unwrap();
    assert!(text.starts_with("hub (hub-4): "), "{text}");
    // No provider has answered: the same exit code as without a daemon.
    let output = run(folder, &["checkpoint", "show"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(12), "{text}");
    assert!(text.contains("not synced") && text.contains("rushlight doctor"), "{text}");
}

#[test]
fn signals_stop_a_daemon_within_two_seconds() {
    for name in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        chain_file(folder.path());
        let mut daemon = Daemon::start(folder.path(), &[]);
        let address = daemon.address();
        // A client that is connected and silent does not hold it up.
        let _idle = TcpStream::connect(&address).unwrap();
        let asked = Instant::now();
        daemon.signal(name);
        daemon.wait_for("\"stopped\"");
        assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(2), "{name}: {:?}", asked.elapsed());
        assert!(!folder.path().join("share/rushlight/control.sock").exists());
    }
}

#[test]
fn without_a_provider_one_shot_commands_exit_with_12() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    chain_file(folder);
    let args = ["prove", "--chain", "hub.toml", "--timeout", "1s", "-o", "x.rlb"];
    let output = run(folder, &args);
    assert_eq!(output.status.code(), Some(12), "{}", String::from_utf8_lossy(&output.stderr));
    let output = run(folder, &["doctor", "--chain", "hub.toml"]);
    assert_eq!(output.status.code(), Some(12));
    assert!(String::from_utf8(output.stdout).unwrap().contains("no provider answers"));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = run(folder, &["init", &format!("http://{closed}")]);
    assert_eq!(output.status.code(), Some(12));
    check(
        folder,
        &["init", "ftp://x"],
        expect![[r#"
            exit 10
            error: ftp://x: address begins with "ftp://x", wanted is http:// or https://
        "#]],
    );
}

#[test]
fn a_status_without_a_daemon_makes_nothing_and_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    chain_file(folder);
    let provider = TcpListener::bind("127.0.0.1:0").unwrap();
    provider.set_nonblocking(true).unwrap();
    let other = std::fs::read_to_string(folder.join("hub.toml")).unwrap();
    let (before, after) = other.split_once("providers = [").unwrap();
    let (_, after) = after.split_once(']').unwrap();
    let url = format!("http://{}", provider.local_addr().unwrap());
    std::fs::write(folder.join("osmo.toml"), format!("{before}providers = [{url:?}]{after}")).unwrap();
    check(
        folder,
        &["status", "--chain", "hub.toml", "--chain", "osmo.toml"],
        expect![[r#"
        exit 0
        No daemon runs; this is what the store holds. Start one with `rushlight run`.
        hub (hub-4): nothing is saved; a start begins at the checkpoint of the chain file
        osmo (hub-4): nothing is saved; a start begins at the checkpoint of the chain file
    "#]],
    );
    assert!(!folder.join("share").exists());
    assert_eq!(provider.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// Plays a daemon that answers every call on its control socket with `answer`.
fn answering(folder: &Path, answer: &'static str) -> std::thread::JoinHandle<()> {
    let data = folder.join("share/rushlight");
    std::fs::create_dir_all(&data).unwrap();
    let _ = std::fs::remove_file(data.join("control.sock"));
    let socket = std::os::unix::net::UnixListener::bind(data.join("control.sock")).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = socket.accept().unwrap();
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
        writeln!(stream, "{answer}").unwrap();
    })
}

#[test]
fn an_error_of_the_daemon_is_told_and_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let busy = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32009,"message":"4096 requests wait already"}}"#;
    for args in [&["status"][..], &["status", "--json"]] {
        let daemon = answering(folder, busy);
        check(
            folder,
            args,
            expect![[r#"
            exit 1
            error: 4096 requests wait already
        "#]],
        );
        daemon.join().unwrap();
    }
    let daemon = answering(folder, busy);
    let output = run(folder, &["doctor"]);
    daemon.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("WRONG a daemon owns") && text.contains("4096 requests wait already"), "{text}");
    for (answer, code) in [
        (r#"{"error":{"code":-32023,"message":"frozen"}}"#, 15),
        (r#"{"error":{"code":-32028,"message":"expired"}}"#, 11),
        (r#"{"error":{"code":-32024,"message":"nobody has it"}}"#, 12),
    ] {
        let daemon = answering(folder, answer);
        let output = run(folder, &["prove", "-o", "x.rlb"]);
        daemon.join().unwrap();
        assert_eq!(output.status.code(), Some(code), "{answer}");
    }
}

#[test]
fn a_file_without_end_is_no_bundle() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testing/vectors/substrate-bundles");
    let checkpoint = std::fs::read_to_string(vectors.join("genesis-to-200.checkpoint")).unwrap();
    // With half a gigabyte of memory, which one that reads to the end would use up at once.
    let limited = format!(
        "ulimit -v 500000; exec {} verify /dev/zero --checkpoint {}",
        env!("CARGO_BIN_EXE_rushlight"),
        checkpoint.trim()
    );
    let output = Command::new("sh").args(["-c", &limited]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(13), "{text}");
    assert_eq!(text, "error: /dev/zero proves nothing: it has more than 33554432 bytes, the most that a bundle has\n");
}

#[test]
fn an_ephemeral_daemon_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    chain_file(folder);
    let temporary = folder.join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let args = ["run", "--ephemeral", "--chain", "hub.toml", "--log-format", "json", "--listen", "127.0.0.1:0"];
    let mut command = command(folder, &args);
    let mut child = command.env("TMPDIR", &temporary).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut daemon = Daemon { child, log };
    daemon.address();
    let data = std::fs::read_dir(&temporary).unwrap().next().unwrap().unwrap().path();
    assert!(data.join("rushlight.redb").exists());
    let output = run(folder, &["status", "--data-dir", data.to_str().unwrap()]);
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("hub (hub-4): "));
    daemon.signal("-TERM");
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(!folder.join("share").exists());
    let output = run(folder, &["run", "--ephemeral", "--chain", "hub.toml", "--data-dir", "x"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_emptied_store_is_not_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    chain_file(folder);
    drop({
        let mut daemon = Daemon::start(folder, &[]);
        daemon.address();
        daemon
    });
    let store = folder.join("share/rushlight/rushlight.redb");
    std::fs::write(&store, "").unwrap();
    for args in [&["run", "--chain", "hub.toml"][..], &["status", "--chain", "hub.toml"]] {
        let output = run(folder, args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(14), "{text}");
        assert!(text.contains("the file is empty") && text.contains("doctor --set-aside-store"), "{text}");
    }
    assert_eq!(std::fs::metadata(&store).unwrap().len(), 0);
}

#[test]
fn completions_and_the_manual_are_written() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let text = String::from_utf8(run(folder.path(), &["completions", shell]).stdout).unwrap();
        assert!(text.contains("doctor"), "{shell}");
    }
    let text = String::from_utf8(run(folder.path(), &["man"]).stdout).unwrap();
    assert!(text.starts_with(".ie") && text.contains("rushlight"), "{text}");

    // All pages: each that one refers to is there, and no flag is without a text.
    let output = run(folder.path(), &["man", "--output", "pages"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pages = folder.path().join("pages");
    let mut referred = 0;
    for entry in std::fs::read_dir(&pages).unwrap() {
        let path = entry.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        for reference in page.lines().filter(|line| line.ends_with("(1)") && line.contains("rushlight\\-")) {
            let name = reference.replace("\\-", "-").replace("(1)", ".1");
            assert!(pages.join(name.trim()).exists(), "{} refers to {name}", path.display());
            referred += 1;
        }
        for flag in ["\\-\\-allow\\-host", "\\-\\-allow\\-origin", "\\-\\-threads"] {
            let mut lines = page.lines().skip_while(|line| !line.contains(flag) || line.starts_with("\\fBrushlight"));
            let (found, text) = (lines.next(), lines.next().unwrap_or_default());
            assert!(found.is_none() || text.len() > 20, "{}: {found:?} {text:?}", path.display());
        }
    }
    assert!(referred >= 10 && pages.join("rushlight-checkpoint-import.1").exists(), "{referred}");
}
