//! The control socket: one JSON-RPC text per line, for this user alone.
//!
//! A first line of the form `/NAME` selects a chain, as the path does over HTTP. Without it calls are about the node, or
//! about the chain where there is only one.
//!
//! It lies in the data folder with mode 0600, and each peer's user id is checked as well, because between the making of
//! a socket and the setting of its mode there is a moment.

use crate::client::Client;
use crate::outbox::Answers;
use crate::session::{Caller, OwnedCall, Session};
use rushlight_core::base::ChainId;
use rushlight_core::rpc::limits::{BODY_BYTES_MAX, CONTROL_CLIENTS_MAX};
use rushlight_core::rpc::{Access, ClientKind, Scope};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, warn};

/// The socket's file in the data folder.
pub const CONTROL_FILE: &str = "control.sock";
/// The longest path that the operating system takes for a socket, one byte for its end.
const PATH_BYTES_MAX: usize = 107;
/// How long a client may take until it says something.
const SELECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest line that selects a chain.
const NAME_LINE_BYTES_MAX: u64 = 128;
/// The longest answer that a one-shot command reads: a bundle in base64 is the largest there is.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Why there is no control socket, or nobody answers there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The path is too long for a socket.
    #[error("the path {} is too long for a socket ({} bytes, at most {PATH_BYTES_MAX}); name a shorter --data-dir",
        path.display(), path.as_os_str().len())]
    PathTooLong {
        /// The path.
        path: PathBuf,
    },
    /// The socket cannot be made or used.
    #[error("the control socket {}: {why}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        why: io::Error,
    },
    /// The daemon closed the connection without an answer.
    #[error("the daemon behind {} gave no answer; see its log", path.display())]
    NoAnswer {
        /// The path.
        path: PathBuf,
    },
}

/// An open control socket; dropping it removes the file.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        // It may be gone with its folder.
        let _ = fs::remove_file(&self.path);
    }
}

impl Client {
    /// Opens the control socket in `folder`, which must be the data folder that this client owns: a file that a
    /// crashed process left there is replaced.
    /// # Errors
    /// [`ControlError::PathTooLong`], [`ControlError::Io`].
    pub fn control(&self, folder: &Path) -> Result<Control, ControlError> {
        let path = folder.join(CONTROL_FILE);
        if path.as_os_str().len() > PATH_BYTES_MAX {
            return Err(ControlError::PathTooLong { path });
        }
        let open = || -> io::Result<(UnixListener, u32)> {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let socket = UnixListener::bind(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok((socket, fs::metadata(&path)?.uid()))
        };
        match open() {
            Ok((socket, owner)) => Ok(Control { path, task: tokio::spawn(accept(socket, owner, self.clone())) }),
            Err(why) => Err(ControlError::Io { path, why }),
        }
    }
}

async fn accept(socket: UnixListener, owner: u32, client: Client) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONTROL_CLIENTS_MAX {
            connections.join_next().await;
        }
        let stream = match socket.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "the control socket ended");
                return;
            }
        };
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == owner || peer.uid() == 0 => {
                drop(connections.spawn(serve(stream, client.clone())))
            }
            _ => warn!("another user was refused at the control socket"),
        }
    }
}

async fn serve(stream: UnixStream, client: Client) {
    let (lines, mut out) = stream.into_split();
    let mut lines = BufReader::new(lines);
    let scope = match tokio::time::timeout(SELECT_TIMEOUT, select(&client, &mut lines)).await {
        // Whoever says nothing does not keep a place from others.
        Err(_) => return,
        Ok(Ok(scope)) => scope,
        Ok(Err(refusal)) => {
            // The client may be gone.
            let _ = out.write_all(refusal.as_bytes()).await;
            return;
        }
    };
    let Ok(Session { caller, answers }) = client.connect(scope, ClientKind::Socket).await else { return };
    let unanswered = AtomicUsize::new(0);
    let read = read(&mut lines, &caller, &unanswered);
    let write = write(out, &caller, answers, &unanswered);
    if let Err(error) = tokio::try_join!(read, write) {
        debug!(%error, "control client ended");
    }
}

/// Reads the line that selects a chain, if the first one does.
async fn select(client: &Client, lines: &mut BufReader<OwnedReadHalf>) -> Result<Scope, String> {
    let chains = client.chains();
    let mut chain = chains.first().map(|(_, chain)| *chain).filter(|_| chains.len() == 1);
    if lines.fill_buf().await.is_ok_and(|buffer| buffer.first() == Some(&b'/')) {
        let mut line = String::new();
        // What cannot be read selects nothing, and its name is none.
        let _ = lines.take(NAME_LINE_BYTES_MAX).read_line(&mut line).await;
        let name = line.trim().trim_start_matches('/');
        let found = chains.iter().find(|(known, _)| known == name).map(|(_, chain)| *chain);
        chain = Some(found.ok_or_else(|| no_chain(name, &chains))?);
    }
    Ok(Scope { chain, access: Access::Control })
}

fn no_chain(name: &str, chains: &[(String, ChainId)]) -> String {
    let known: Vec<&str> = chains.iter().map(|(name, _)| name.as_str()).collect();
    let message = format!("there is no chain {name:?}; there are {}", known.join(", "));
    let error = serde_json::json!({ "code": -32_602, "message": message });
    format!("{}\n", serde_json::json!({ "jsonrpc": "2.0", "id": null, "error": error }))
}

/// What `unanswered` holds from the end of the client's lines on, beside the number of its calls without an answer.
const AT_END: usize = 1 << (usize::BITS - 1);

/// Reads lines until there are no more; answers that are under way then are still written.
async fn read(lines: &mut BufReader<OwnedReadHalf>, caller: &Caller, unanswered: &AtomicUsize) -> io::Result<()> {
    let ended = read_lines(lines, caller, unanswered).await;
    if unanswered.fetch_or(AT_END, Ordering::Relaxed) == 0 {
        // Nothing is under way, and so nothing would wake the writing half.
        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the client left"));
    }
    ended
}

async fn read_lines(lines: &mut BufReader<OwnedReadHalf>, caller: &Caller, unanswered: &AtomicUsize) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let bytes_max = BODY_BYTES_MAX as u64 + 1;
        if lines.take(bytes_max).read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') && line.len() > BODY_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
        }
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if text.is_empty() {
            continue;
        }
        unanswered.fetch_add(1, Ordering::Relaxed);
        if caller.ask(OwnedCall::Text(text)).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(
    mut out: OwnedWriteHalf,
    caller: &Caller,
    mut answers: Answers,
    unanswered: &AtomicUsize,
) -> io::Result<()> {
    while let Some(answer) = answers.next().await {
        if let Some(body) = answer.body {
            let bytes = body.len();
            let mut body = body.text();
            body.push('\n');
            tokio::select! {
                written = out.write_all(body.as_bytes()) => written?,
                () = answers.hung_up() => break,
            }
            if caller.drained(bytes).await.is_err() {
                break;
            }
        }
        // A push of a subscription counts as an answer here, so a subscriber that ends its lines ends.
        let before = unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            Some(if count & !AT_END == 0 { count } else { count - 1 })
        });
        if before.is_ok_and(|before| before & AT_END != 0 && before & !AT_END <= 1) {
            break;
        }
    }
    // Hung up on, or done: the reading half need not wait for the client's end.
    Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the exchange is over"))
}

/// Asks the daemon that owns `folder`, about `chain` or the node, and returns its answer's text; `None` when no daemon runs there.
/// # Errors
/// [`ControlError`].
pub async fn ask_daemon(folder: &Path, chain: Option<&str>, text: &str) -> Result<Option<String>, ControlError> {
    let path = folder.join(CONTROL_FILE);
    let stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        // No file, or one that a crashed daemon left.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(why) => return Err(ControlError::Io { path, why }),
    };
    let exchange = async {
        let (lines, mut out) = stream.into_split();
        let select = chain.map(|name| format!("/{name}\n")).unwrap_or_default();
        out.write_all(format!("{select}{text}\n").as_bytes()).await?;
        let mut line = Vec::new();
        BufReader::new(lines.take(ANSWER_BYTES_MAX)).read_until(b'\n', &mut line).await?;
        Ok(line)
    };
    match exchange.await {
        Ok(line) if line.ends_with(b"\n") => Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned())),
        Ok(_) => Err(ControlError::NoAnswer { path }),
        Err(why) => Err(ControlError::Io { path, why }),
    }
}
