//! The network over real sockets.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rushlight_core::chains::tendermint::decode::json;
use rushlight_devnet::{ChainPlan, Devnet, DevnetPlan, Lie, LieKind, wall_clock};
use std::time::Duration;

fn plan(providers: Vec<Option<Lie>>, grows: bool) -> DevnetPlan {
    let chain = ChainPlan { block_interval: Duration::from_millis(50), ..ChainPlan::default() };
    DevnetPlan { chain, providers, port: 0, tip: 12, grows }.timed(wall_clock())
}

fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

async fn get(url: &str, target: &str) -> (u16, Result<Bytes, hyper::Error>) {
    let response = client().get(format!("{url}{target}").parse().unwrap()).await.unwrap();
    (response.status().as_u16(), response.into_body().collect().await.map(|body| body.to_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_come_as_time_goes_by() {
    let devnet = Devnet::start(plan(vec![None, None], true)).await.unwrap();
    let mut heights = Vec::new();
    while heights.last().is_none_or(|height| *height < 15) {
        let (status, body) = get(&devnet.urls()[heights.len() % 2], "/commit").await;
        assert_eq!(status, 200);
        let (header, _) = json::commit_answer(&body.unwrap()).unwrap().unwrap();
        assert_eq!(Some(header.hash()), devnet.hash(header.height));
        // Whatever is published lies in the past, so that no client needs to forgive a clock.
        assert!(header.time < wall_clock());
        heights.push(header.height);
    }
    assert!(heights.is_sorted());
    assert!(devnet.answered() >= heights.len() as u64);
    let url = devnet.urls()[0].clone();
    devnet.stop().await;
    assert!(client().get(format!("{url}/status").parse().unwrap()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_and_refusals_come_with_their_status() {
    let devnet = Devnet::start(plan(vec![None], false)).await.unwrap();
    let url = devnet.urls()[0].clone();
    let post = |body: Vec<u8>| {
        let request = hyper::Request::post(format!("{url}/")).body(Full::new(Bytes::from(body))).unwrap();
        async move { client().request(request).await.unwrap() }
    };
    let answer = post(br#"{"jsonrpc":"2.0","id":"a","method":"health"}"#.to_vec()).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, r#"{"jsonrpc":"2.0","id":"a","result":{}}"#);
    assert_eq!(post(vec![b' '; 1_000_001]).await.status(), 413);
    assert_eq!(get(&url, "/commit?height=99").await.0, 500);
    assert_eq!(get(&url, "/nothing").await.0, 404);
    let request = hyper::Request::delete(format!("{url}/")).body(Full::new(Bytes::new())).unwrap();
    assert_eq!(client().request(request).await.unwrap().status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_of_the_wire_reach_the_wire() {
    let kinds = [LieKind::Truncated, LieKind::Endless, LieKind::Busy, LieKind::Silent];
    let devnet = Devnet::start(plan(kinds.map(|kind| Some(kind.into())).to_vec(), false)).await.unwrap();
    let [truncated, endless, busy, silent] = devnet.urls() else { panic!("four providers were planned") };
    assert!(get(truncated, "/commit?height=3").await.1.is_err());
    let response = client().get(format!("{endless}/commit?height=3").parse().unwrap()).await.unwrap();
    let mut body = http_body_util::Limited::new(response.into_body(), 10_000_000);
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.into_data().unwrap().len();
    }
    assert!(read > 9_000_000, "only {read} bytes came");
    let response = client().get(format!("{busy}/status").parse().unwrap()).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    let waited = tokio::time::timeout(Duration::from_millis(200), get(silent, "/status")).await;
    assert!(waited.is_err());
}

#[tokio::test]
async fn a_network_that_cannot_start_says_why() {
    let error = |plan: DevnetPlan| async { Devnet::start(plan).await.err().map(|error| error.to_string()) };
    assert_eq!(error(plan(vec![], false)).await.unwrap(), "network has 0 providers, wanted are 1 to 32");
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let text = error(DevnetPlan { port, ..plan(vec![None], false) }).await.unwrap();
    assert!(text.starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")), "{text}");
}
