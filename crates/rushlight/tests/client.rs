//! The client as its users meet it: over real sockets, with a real store.

use expect_test::{Expect, expect};
use futures_util::{SinkExt, StreamExt};
use rushlight::core::rpc::{Access, ClientKind, Scope, limits};
use rushlight::{ChainFile, Client, ListenOptions, Listening, Options, OwnedCall, Stopped, ask_daemon};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

const STATUS: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}"#;
const METHODS: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_methods"}"#;

/// A chain whose providers are addresses where nobody listens.
async fn chain(name: &str) -> ChainFile {
    chain_at(name, "b").await
}

/// The same, with a path of its second address.
async fn chain_at(name: &str, path: &str) -> ChainFile {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = format!(
        "family = \"tendermint\"\nchain_id = \"{name}-1\"\nproviders = [\"http://{closed}\", \"http://{closed}/{path}\"]\n\
         trusting_period = \"168h\"\n[trust]\nheight = 5\nhash = \"{}\"\n",
        "AB".repeat(32)
    );
    ChainFile::from_toml(Path::new(&format!("{name}.toml")), &text).unwrap()
}

async fn started(folder: &Path, names: &[&str]) -> Client {
    let client = Client::start(Options::new(folder)).unwrap();
    for name in names {
        let file = chain(name).await;
        client.add_chain(&file.name, file.spec.clone()).await.unwrap();
    }
    client
}

async fn listening(client: &Client) -> Listening {
    let mut options = ListenOptions::new("127.0.0.1:0".parse().unwrap());
    options.metrics =
        Some(Arc::new(|stats, measured| format!("chains {}, sockets {}\n", stats.chains.len(), measured.websockets)));
    client.listen(options).await.unwrap()
}

/// Sends raw bytes and returns all that comes back, without the headers that are of no interest.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.replace("HOST", &address.to_string()).as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap().replace(&address.to_string(), "HOST");
    answer
        .lines()
        .filter(|line| !line.starts_with("date:") && !line.starts_with("content-length:"))
        .fold(String::new(), |text, line| text + line + "\n")
}

async fn check(address: SocketAddr, request: &str, want: Expect) {
    want.assert_eq(&raw(address, &request.replace('\n', "\r\n")).await);
}

#[tokio::test]
async fn routes_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &["hub", "osmo"]).await;
    let listening = listening(&client).await;
    let address = listening.address();
    check(
        address,
        "GET /livez HTTP/1.1\nHost: HOST\nConnection: close\n\n",
        expect![[r#"
        HTTP/1.1 200 OK
        x-content-type-options: nosniff
        cache-control: no-store
        content-type: application/json
        connection: close

        {"live":true}
    "#]],
    )
    .await;
    check(
        address,
        "GET /metrics HTTP/1.1\nHost: HOST\nConnection: close\n\n",
        expect![[r#"
        HTTP/1.1 200 OK
        content-type: application/openmetrics-text; version=1.0.0; charset=utf-8
        x-content-type-options: nosniff
        connection: close

        chains 2, sockets 0
    "#]],
    )
    .await;
    check(
        address,
        "GET /nothing HTTP/1.1\nHost: HOST\nConnection: close\n\n",
        expect![[r#"
        HTTP/1.1 404 Not Found
        x-content-type-options: nosniff
        cache-control: no-store
        content-type: application/json
        connection: close

        {"error":"there is nothing at this path; GET / says what to try","path":"/nothing"}
    "#]],
    )
    .await;
    // The guard against DNS rebinding, and that against simple requests of web pages.
    check(
        address,
        "GET /livez HTTP/1.1\nHost: evil.example\nConnection: close\n\n",
        expect![[r#"
        HTTP/1.1 403 Forbidden
        content-type: text/plain; charset=utf-8
        x-content-type-options: nosniff
        connection: close

        this host name is not allowed; address the listener by IP, or add the name to the allowed hosts
    "#]],
    )
    .await;
    // An image that a page on another port of this machine wants.
    check(
        address,
        "GET /readyz HTTP/1.1\nHost: HOST\nSec-Fetch-Site: same-site\nConnection: close\n\n",
        expect![[r#"
            HTTP/1.1 403 Forbidden
            content-type: text/plain; charset=utf-8
            x-content-type-options: nosniff
            connection: close

            web pages of other origins, other ports of this machine included, may not cause this request (Sec-Fetch-Site: same-site); if you trust the page, add its origin to the allowed origins and let it call fetch, which names it
        "#]],
    )
    .await;
    check(
        address,
        "POST / HTTP/1.1\nHost: HOST\nContent-Type: text/plain\nContent-Length: 2\nConnection: close\n\n{}",
        expect![[r#"
            HTTP/1.1 415 Unsupported Media Type
            content-type: text/plain; charset=utf-8
            x-content-type-options: nosniff
            connection: close

            POST needs the header Content-Type: application/json
        "#]],
    )
    .await;
    check(
        address,
        "POST / HTTP/1.1\nHost: HOST\nContent-Type: application/json\nContent-Length: 99999999\n\n",
        expect![[r#"
            HTTP/1.1 413 Payload Too Large
            content-type: text/plain; charset=utf-8
            x-content-type-options: nosniff
            connection: close

            the body is larger than 1048576 bytes
        "#]],
    )
    .await;
    check(
        address,
        "POST /osmo HTTP/1.1\nHost: HOST\nContent-Type: application/json\nContent-Length: 4\nConnection: close\n\nnull",
        expect![[r#"
            HTTP/1.1 200 OK
            x-content-type-options: nosniff
            cache-control: no-store
            content-type: application/json
            connection: close

            {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: a request is an object"}}
        "#]],
    )
    .await;
    // Load balancers probe with HEAD.
    for (path, want) in [("/livez", "HTTP/1.1 200 "), ("/readyz", "HTTP/1.1 503 "), ("/metrics", "HTTP/1.1 200 ")] {
        let answer = raw(address, &format!("HEAD {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(want) && answer.ends_with("\n\n"), "{path}: {answer}");
    }
    let ready = raw(address, "GET /readyz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    assert!(ready.contains("\"chain\":\"hub\"") && ready.contains("\"chain\":\"osmo\""), "{ready}");
    let ready = raw(address, "GET /osmo/readyz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
    assert!(!ready.contains("\"chain\":\"hub\"") && ready.contains("\"chain\":\"osmo\""), "{ready}");
    client.shutdown().await.unwrap();
}

/// Counts are exact once everybody has left, whatever a client did not wait for.
#[tokio::test]
async fn clients_that_give_up_early_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &["hub"]).await;
    let scope = Scope { chain: None, access: Access::Public };
    for kind in [ClientKind::Exchange, ClientKind::Socket] {
        for _ in 0..1_000 {
            let session = client.connect(scope, kind).await.unwrap();
            session.caller.ask(OwnedCall::Text(STATUS.into())).await.unwrap();
        }
        // It is answered behind the last good-bye of the others.
        client.call(None, STATUS).await.unwrap();
        assert!(client.stats().await.unwrap().rpc_clients <= 1);
    }
    // Whoever gives up before it could ask has not even joined, or leaves.
    let given_up: Vec<_> = (0..1_000).map(|_| client.connect(scope, ClientKind::Socket)).collect();
    for connecting in given_up {
        let _ = futures_util::FutureExt::now_or_never(connecting);
    }
    client.call(None, STATUS).await.unwrap();
    assert!(client.stats().await.unwrap().rpc_clients <= 1);
    client.shutdown().await.unwrap();
}

#[tokio::test]
async fn http_requests_that_are_given_up_leave_nobody_behind() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &["hub"]).await;
    let listening = listening(&client).await;
    for _ in 0..500 {
        let mut stream = TcpStream::connect(listening.address()).await.unwrap();
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\n\r\n", listening.address());
        stream.write_all(request.as_bytes()).await.unwrap();
    }
    // All of them were accepted before this one.
    raw(listening.address(), "GET /livez HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
    while client.stats().await.unwrap().rpc_clients > 0 {
        tokio::task::yield_now().await;
    }
    client.shutdown().await.unwrap();
}

/// Its place and its queue are free at once: the socket of somebody who reads nothing may take long to notice.
#[tokio::test]
async fn a_client_that_is_hung_up_on_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &["hub"]).await;
    let scope = Scope { chain: None, access: Access::Public };
    let mut session = client.connect(scope, ClientKind::Socket).await.unwrap();
    // Behind it, so that it has joined.
    client.call(None, STATUS).await.unwrap();
    let batch = format!("[{}]", vec![METHODS; 100].join(","));
    let mut asked = 0;
    while client.stats().await.unwrap().rpc_clients > 0 {
        session.caller.ask(OwnedCall::Text(batch.clone())).await.unwrap();
        asked += 1;
        assert!(asked < 1_000, "nobody hung up on a client that reads nothing");
    }
    assert!(session.answers.next().await.is_none(), "an answer is kept for nobody");
    session.answers.hung_up().await;
    client.shutdown().await.unwrap();
}

/// Whoever reads nothing at the control socket does not keep the owner's places for ever.
#[tokio::test]
async fn a_control_client_that_reads_nothing_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &["hub"]).await;
    let _control = client.control(folder.path()).unwrap();
    let path = folder.path().join(rushlight::CONTROL_FILE);
    let mut silent = Vec::new();
    for _ in 0..limits::CONTROL_CLIENTS_MAX {
        let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        // More than the queue and the buffers of the socket hold.
        let calls = format!("{METHODS}\n").repeat(2_000);
        stream.write_all(calls.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    let answer = ask_daemon(folder.path(), None, STATUS).await.unwrap().unwrap();
    assert!(answer.contains("hub-1"), "{answer}");
    client.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_websocket_ends_with_its_listener() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &["hub"]).await;
    let listening = listening(&client).await;
    let stream = TcpStream::connect(listening.address()).await.unwrap();
    let url = format!("ws://{}/", listening.address());
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    socket.send(Message::text(STATUS)).await.unwrap();
    socket.next().await.unwrap().unwrap();
    drop(listening);
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    assert_eq!((client.stats().await.unwrap().rpc_clients, client.measured().websockets), (0, 0));
    client.shutdown().await.unwrap();
}

/// Whoever adds or removes a chain may give up in between: what is followed is what is listed.
#[tokio::test]
async fn a_chain_that_is_followed_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &[]).await;
    let names = async || {
        let followed = client.stats().await.unwrap().chains.into_iter().map(|(id, name, _)| (name, id));
        (followed.collect::<Vec<_>>(), client.chains())
    };
    let spec = chain("hub").await.spec.clone();
    let mut adding = Box::pin(client.add_chain("hub", spec));
    while names().await.0.is_empty() {
        let _ = std::future::poll_fn(|context| std::task::Poll::Ready(adding.as_mut().poll(context))).await;
    }
    drop(adding);
    let (followed, listed) = names().await;
    assert_eq!((followed.len(), &followed), (1, &listed));
    let (_, id) = listed[0];
    // Given up before the driver has done it.
    let _ = futures_util::FutureExt::now_or_never(client.remove_chain(id));
    let (followed, listed) = names().await;
    assert_eq!((followed.len(), &followed), (0, &listed));
    client.shutdown().await.unwrap();
}

/// The Rust API takes any name; what a load balancer asks must not become the page of a chain.
#[tokio::test]
async fn a_chain_called_as_a_route_does_not_answer_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &[]).await;
    for route in ["readyz", "livez", "metrics"] {
        client.add_chain(route, chain("hub").await.spec.clone()).await.unwrap();
    }
    let listening = listening(&client).await;
    for (path, want) in [("/readyz", "HTTP/1.1 503 "), ("/livez", "HTTP/1.1 200 "), ("/metrics", "HTTP/1.1 200 ")] {
        let answer =
            raw(listening.address(), &format!("GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(want) && !answer.contains("\"methods\""), "{path}: {answer}");
    }
    let readyz = raw(listening.address(), "GET /readyz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
    assert!(readyz.contains("\"chain\":\"livez\""), "{readyz}");
    client.shutdown().await.unwrap();
}

#[tokio::test]
async fn calls_over_a_websocket_are_answered_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &["hub"]).await;
    let listening = listening(&client).await;
    for path in ["/", "/websocket", "/hub", "/hub/websocket"] {
        let stream = TcpStream::connect(listening.address()).await.unwrap();
        let url = format!("ws://{}{path}", listening.address());
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        for id in 0..3 {
            let call = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"rushlight_status"}}"#);
            socket.send(Message::text(call)).await.unwrap();
        }
        for id in 0..3 {
            let answer = socket.next().await.unwrap().unwrap().into_text().unwrap();
            assert!(answer.contains(&format!("\"id\":{id}")), "{answer}");
            assert!(answer.contains("\"chain_id\":\"hub-1\""), "{answer}");
        }
        assert_eq!(client.measured().websockets, 1, "{path}");
        socket.close(None).await.unwrap();
        while client.measured().websockets > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert!(client.measured().store_bytes.unwrap() > 0);
    // Every client that left is forgotten.
    while client.stats().await.unwrap().rpc_clients > 0 {
        tokio::task::yield_now().await;
    }
    client.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_control_socket_is_private_and_can_stop_the_client() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(ask_daemon(folder.path(), None, "{}").await.unwrap(), None);
    let client = started(folder.path(), &["hub", "osmo"]).await;
    let control = client.control(folder.path()).unwrap();
    let path = folder.path().join(rushlight::CONTROL_FILE);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let ask = async |chain, method| {
        let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
        ask_daemon(folder.path(), chain, &call).await.unwrap().unwrap()
    };
    let both = ask(None, "rushlight_status").await;
    assert!(both.contains("hub-1") && both.contains("osmo-1"), "{both}");
    let one = ask(Some("osmo"), "rushlight_status").await;
    assert!(!one.contains("hub-1") && one.contains("osmo-1"), "{one}");
    let none = ask(Some("nix"), "rushlight_status").await;
    assert!(none.contains("there is no chain \\\"nix\\\""), "{none}");

    let mut notices = client.notices();
    assert!(ask(None, "rushlight_shutdown").await.contains("true"));
    while !matches!(notices.recv().await.unwrap(), rushlight::core::node::Notice::ShutdownAsked) {}
    drop(control);
    assert!(!path.exists());
    client.shutdown().await.unwrap();
}

/// Addresses of providers often hold a key of their user.
#[tokio::test]
async fn only_the_control_socket_tells_whole_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::start(Options::new(folder.path())).unwrap();
    let chain = client.add_chain("hub", chain_at("hub", "v1/s3cret").await.spec).await.unwrap();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}"#;
    let public = client.call(Some(chain), call).await.unwrap();
    assert!(public.contains("\"address\":\"http://127.0.0.1:") && !public.contains("s3cret"), "{public}");
    let _control = client.control(folder.path()).unwrap();
    let owner = ask_daemon(folder.path(), None, call).await.unwrap().unwrap();
    assert!(owner.contains("/v1/s3cret\""), "{owner}");
    client.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_session_ends_with_the_client_and_the_folder_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &["hub"]).await;
    let scope = Scope { chain: None, access: Access::Public };
    let mut session = client.connect(scope, ClientKind::Socket).await.unwrap();
    session.caller.ask(OwnedCall::Text("[]".into())).await.unwrap();
    assert!(session.answers.next().await.unwrap().body.unwrap().text().contains("error"));
    let other = client.clone();
    assert_eq!(client.shutdown().await, Ok(()));
    assert!(session.answers.next().await.is_none());
    assert!(other.stats().await.is_err());
    assert_eq!(other.stopped().await, Ok::<(), Stopped>(()));
    Client::start(Options::new(folder.path())).unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let client = started(folder.path(), &["hub"]).await;
    let file = chain("hub").await;
    let refused = client.add_chain(&file.name, file.spec.clone()).await.unwrap_err();
    assert_eq!(refused.to_string(), "another chain has the name \"hub\" already");
    let (_, id) = client.chains().remove(0);
    client.remove_chain(id).await.unwrap();
    client.add_chain(&file.name, file.spec.clone()).await.unwrap();
    client.shutdown().await.unwrap();
}
