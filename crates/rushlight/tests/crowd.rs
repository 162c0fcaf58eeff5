//! Many clients, silent ones and such that take without reading: over real sockets, and where something takes time, in
//! tokio's own.

use futures_util::{SinkExt, StreamExt};
use rushlight::core::rpc::{Access, ClientKind, Scope, limits};
use rushlight::{Client, ListenOptions, Listening, Options, OwnedCall, Session};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

const STATUS: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}"#;
const METHODS: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_methods"}"#;
const SCOPE: Scope = Scope { chain: None, access: Access::Public };

async fn listening(folder: &Path) -> (Client, Listening) {
    let client = Client::start(Options::new(folder)).unwrap();
    let listening = client.listen(ListenOptions::new("127.0.0.1:0".parse().unwrap())).await.unwrap();
    (client, listening)
}

/// Sends raw bytes and returns all that comes back until the other end closes.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.replace("HOST", &address.to_string()).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n";
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn sockets_and_requests_that_take_all_places_keep_nobody_from_looking_after_the_node() {
    let folder = tempfile::tempdir().unwrap();
    let (client, listening) = listening(folder.path()).await;
    let mut sockets = Vec::new();
    for _ in 0..limits::SOCKETS_MAX {
        sockets.push(client.connect(SCOPE, ClientKind::Socket).await.unwrap());
    }
    let mut one_more = TcpStream::connect(listening.address()).await.unwrap();
    one_more.write_all(UPGRADE.replace("HOST", &listening.address().to_string()).as_bytes()).await.unwrap();
    let mut status = [0; 13];
    one_more.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 503 ");
    let asked = raw(listening.address(), &post(STATUS)).await;
    assert!(asked.starts_with("HTTP/1.1 200 "), "{asked}");
    for _ in 0..limits::EXCHANGES_MAX {
        sockets.push(client.connect(SCOPE, ClientKind::Exchange).await.unwrap());
    }
    let asked = raw(listening.address(), &post(STATUS)).await;
    assert!(asked.starts_with("HTTP/1.1 503 "), "{asked}");
    // Far more at once than have places: they wait for each other.
    let probes: Vec<_> = (0..4 * limits::PROBES_MAX).map(|_| tokio::spawn(raw(listening.address(), LIVEZ))).collect();
    for probe in probes {
        let answer = probe.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    drop(sockets);
    client.shutdown().await.unwrap();
}

/// Asks until the client is hung up on, or `bytes` of answers were asked for.
async fn ask_without_reading(client: &Client, session: &Session, bytes: usize) {
    let batch = format!("[{}]", vec![METHODS; 100].join(","));
    let answer = client.call(None, &batch).await.unwrap().len();
    for _ in 0..bytes / answer {
        session.caller.ask(OwnedCall::Text(batch.clone())).await.unwrap();
    }
}

#[tokio::test]
async fn clients_that_do_not_read_hold_no_more_together_than_they_may() {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::start(Options::new(folder.path())).unwrap();
    let mut modest = client.connect(SCOPE, ClientKind::Socket).await.unwrap();
    let mut others = Vec::new();
    // Each stays within what one client may hold.
    for _ in 0..48 {
        let session = client.connect(SCOPE, ClientKind::Socket).await.unwrap();
        ask_without_reading(&client, &session, limits::QUEUED_BYTES_MAX * 3 / 4).await;
        others.push(session);
    }
    modest.caller.ask(OwnedCall::Text(STATUS.into())).await.unwrap();
    assert!(modest.answers.next().await.is_some());
    let left = client.stats().await.unwrap().rpc_clients;
    assert!((20..46).contains(&left), "{left} clients of 49 hold 3 MiB each, and may hold 128 MiB together");
    client.shutdown().await.unwrap();
}

/// Returns how long it takes until the other end closes.
async fn until_closed(stream: &mut TcpStream) -> Duration {
    let started = Instant::now();
    let mut rest = Vec::new();
    // Whether it is closed or reset is the same here.
    let _ = stream.read_to_end(&mut rest).await;
    started.elapsed()
}

fn is_about(got: Duration, seconds: u64) -> bool {
    (seconds * 1_000..seconds * 1_000 + 500).contains(&u64::try_from(got.as_millis()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn silent_connections_end() {
    let folder = tempfile::tempdir().unwrap();
    let (client, listening) = listening(folder.path()).await;
    let mut silent = TcpStream::connect(listening.address()).await.unwrap();
    let took = until_closed(&mut silent).await;
    assert!(is_about(took, 5), "{took:?}");
    // Half a head is no head.
    let mut half = TcpStream::connect(listening.address()).await.unwrap();
    half.write_all(b"GET /livez HTTP/1.1\r\nHost:").await.unwrap();
    let took = until_closed(&mut half).await;
    assert!(is_about(took, 5), "{took:?}");
    // The disk has a clock of its own.
    drop(client);
}

/// Reads until an answer of `/livez` is whole and nothing follows.
async fn read_live(stream: &mut TcpStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"live\":true}") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_waits_between_requests_is_served_on() {
    let folder = tempfile::tempdir().unwrap();
    let (client, listening) = listening(folder.path()).await;
    let mut stream = TcpStream::connect(listening.address()).await.unwrap();
    let request = LIVEZ.replace("HOST", &listening.address().to_string()).replace("Connection: close\r\n", "");
    // At once, after its buffers were given back, and just before it would end.
    for pause_s in [0, 3, 100] {
        let pause = Duration::from_secs(pause_s);
        let end = tokio::time::timeout(pause, stream.peek(&mut [0])).await;
        assert!(end.is_err(), "{end:?} before {pause:?} have passed");
        stream.write_all(request.as_bytes()).await.unwrap();
        read_live(&mut stream).await;
    }
    // Two at once.
    stream.write_all(request.repeat(2).as_bytes()).await.unwrap();
    read_live(&mut stream).await;
    let took = until_closed(&mut stream).await;
    assert!(is_about(took, 120) || is_about(took, 121), "{took:?}");
    // The disk has a clock of its own.
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn sockets_are_asked_whether_they_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let (client, listening) = listening(folder.path()).await;
    let stream = TcpStream::connect(listening.address()).await.unwrap();
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("ws://{}/", listening.address()), stream).await.unwrap();
    let started = Instant::now();
    for _ in 0..10 {
        let message = socket.next().await.unwrap().unwrap();
        assert!(matches!(message, Message::Ping(_)), "{message:?}");
    }
    assert!(started.elapsed() >= Duration::from_secs(300));
    // It is there, and served as before.
    socket.send(Message::text(STATUS)).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_text());
    // This one is not.
    let mut silent = TcpStream::connect(listening.address()).await.unwrap();
    silent.write_all(UPGRADE.replace("HOST", &listening.address().to_string()).as_bytes()).await.unwrap();
    let answering = async { while socket.next().await.is_some() {} };
    let took = tokio::select! {
        took = until_closed(&mut silent) => took,
        () = answering => panic!("the socket that answers was closed"),
    };
    assert!(is_about(took, 50), "{took:?}");
    // The disk has a clock of its own.
    drop(client);
}

#[tokio::test]
async fn large_messages_come_and_go_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (client, listening) = listening(folder.path()).await;
    let stream = TcpStream::connect(listening.address()).await.unwrap();
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("ws://{}/", listening.address()), stream).await.unwrap();
    let batch = format!("[{}]", vec![METHODS; 100].join(","));
    let want = client.call(None, &batch).await.unwrap();
    let large = format!("{}{batch}", " ".repeat(limits::BODY_BYTES_MAX - batch.len()));
    for text in [batch.as_str(), large.as_str(), batch.as_str()] {
        socket.send(Message::text(text)).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap();
        assert_eq!(answer.to_text().unwrap().len(), want.len());
        assert!(answer.to_text().unwrap() == want);
    }
    client.shutdown().await.unwrap();
}
