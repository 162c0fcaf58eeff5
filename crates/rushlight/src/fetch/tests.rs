use super::*;
use expect_test::{Expect, expect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves one raw answer and returns what a fetch of at most 1,000 bytes makes of it.
async fn fetch_raw(answer: Vec<u8>, hold: bool, path: &str, method: Method) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") && !asked.ends_with(b"}") {
            let mut chunk = [0; 1_024];
            let count = socket.read(&mut chunk).await.unwrap();
            asked.extend_from_slice(&chunk[..count]);
        }
        // The client may have hung up already: that is one of the cases.
        let _ = socket.write_all(&answer).await;
        if hold {
            let _ = socket.read(&mut [0; 1]).await;
        }
        String::from_utf8(asked).unwrap()
    });
    let fetch = Fetch { share: Share::default(), url, method, body_bytes_max: 1_000, timeout: Duration::from_secs(2) };
    let outcome = Fetcher::new().fetch(fetch).await;
    let text = match outcome {
        Ok(answered) => format!(
            "{} retry {:?} body {:?}",
            answered.status,
            answered.retry_after_s,
            String::from_utf8_lossy(&answered.body)
        ),
        Err(failed) => failed.to_string(),
    };
    (text, server.await.unwrap())
}

async fn check(answer: impl Into<Vec<u8>>, want: Expect) {
    want.assert_eq(&fetch_raw(answer.into(), false, "/status", Method::Get).await.0);
}

#[tokio::test]
async fn answers_become_bodies_or_reasons() {
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", expect![[r#"200 retry None body "{}""#]]).await;
    check(
        "HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
        expect![[r#"429 retry Some(7) body """#]],
    )
    .await;
    // A redirect is an answer like any other: it is not followed.
    check(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        expect![[r#"302 retry None body """#]],
    )
    .await;
    check("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n", expect!["the body is larger than allowed"]).await;
    let mut endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    endless.extend(b"400\r\n".iter().copied().chain([b'x'; 0x400]).chain(*b"\r\n"));
    check(endless, expect!["the body is larger than allowed"]).await;
    check("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", expect!["the answer broke off or is not HTTP"]).await;
    check("SSH-2.0-OpenSSH_9.9\r\n", expect!["the answer broke off or is not HTTP"]).await;
    let mut long_head = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
    long_head.extend([b'a'; HEAD_BYTES_MAX]);
    check(long_head, expect!["the answer broke off or is not HTTP"]).await;
}

#[tokio::test]
async fn a_provider_that_stalls_is_given_up() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec();
    let (text, _) = fetch_raw(answer, true, "/", Method::Get).await;
    assert_eq!(text, "no complete answer in time");
}

#[tokio::test]
async fn a_post_is_json() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec();
    let (_, asked) = fetch_raw(answer, false, "/a?b=%22c%22", Method::Post("{\"id\":1}".into())).await;
    assert!(asked.starts_with("POST /a?b=%22c%22 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("content-type: application/json\r\n"), "{asked}");
    assert!(asked.ends_with("{\"id\":1}"), "{asked}");
}

#[tokio::test]
async fn no_connection_has_its_own_reasons() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let fetch = |url: String| Fetch {
        share: Share::default(),
        url,
        method: Method::Get,
        body_bytes_max: 10,
        timeout: Duration::from_secs(20),
    };
    let fetcher = Fetcher::new();
    assert_eq!(fetcher.fetch(fetch(format!("http://{closed}/"))).await, Err(FetchFailed::Refused));
    assert_eq!(fetcher.fetch(fetch("http://no-such-host.invalid/".into())).await, Err(FetchFailed::Unresolved));
    assert_eq!(fetcher.fetch(fetch("not a url".into())).await, Err(FetchFailed::Unresolved));

    // A plain HTTP server behind an `https` URL: the TLS handshake fails.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = socket.read(&mut [0; 1]).await;
    });
    assert_eq!(fetcher.fetch(fetch(url)).await, Err(FetchFailed::Tls));
}

/// Serves one answer over TLS as `localhost`, whatever name it is asked by.
fn serve_tls() -> u16 {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/localhost.key")).unwrap();
    let config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (socket, _) = listener.accept().unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, socket);
        // A client that does not trust us hangs up here.
        let mut asked = [0; 1_024];
        if stream.read(&mut asked).is_ok_and(|count| count > 0) {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            stream.flush().unwrap();
        }
    });
    port
}

#[tokio::test]
async fn tls_needs_a_trusted_certificate_of_the_right_name() {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(include_bytes!("tls/authority.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let trusting = Fetcher::with_tls(config);
    let fetch = |host: &str| Fetch {
        share: Share::default(),
        url: format!("https://{host}:{}/", serve_tls()),
        method: Method::Get,
        body_bytes_max: 10,
        timeout: Duration::from_secs(20),
    };
    let answered = trusting.fetch(fetch("localhost")).await.unwrap();
    assert_eq!((answered.status, answered.body.as_slice()), (200, &b"{}"[..]));
    assert_eq!(trusting.fetch(fetch("127.0.0.1")).await, Err(FetchFailed::Tls));
    assert_eq!(Fetcher::new().fetch(fetch("localhost")).await, Err(FetchFailed::Tls));
}

/// An answer that is larger than what is free waits until another one of the same provider is read. That takes a minute, and
/// the provider, which is given two seconds, is not blamed for it.
#[tokio::test]
async fn time_that_an_answer_waits_for_us_is_not_the_providers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let bytes = BODY_SMALL_BYTES + 1;
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 1_024]).await.unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
        socket.write_all(&[head.as_bytes(), &vec![b'x'; bytes]].concat()).await.unwrap();
    });
    let (fetcher, share) = (Fetcher::new(), Share::default());
    let turn = fetcher.turns.turn(share, &|_| {}).await.unwrap();
    let (told_to, mut told) = tokio::sync::mpsc::unbounded_channel();
    let fetch = Fetch { share, url, method: Method::Get, body_bytes_max: 1 << 20, timeout: Duration::from_secs(2) };
    let waiting =
        tokio::spawn(async move { fetcher.fetch_held(fetch, &|is_held| told_to.send(is_held).unwrap()).await });
    assert_eq!(told.recv().await, Some(true));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    drop(turn);
    assert_eq!(told.recv().await, Some(false));
    assert_eq!(waiting.await.unwrap().unwrap().body.len(), bytes);
}
