//! Requests to answers: what a node of the network says, without any socket.
//!
//! Shapes, status codes, error codes and texts are those seen on nodes of CometBFT 0.38.25 and 0.40.0; the test
//! `recorded` compares them with recordings. Left out: subscriptions, transactions, and state queries.

mod error;
mod params;
mod routes;
mod shapes;
mod told;

use crate::chain::Chain;
use crate::lies::{Lie, LieKind};
use error::RpcError;
use params::Params;
use rushlight_core::peers::{Fetch, Method};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;

/// How far into an endless body the answer's own bytes go before they repeat.
const ENDLESS_PERIOD_BYTES: usize = 64 * 1_024;

/// A node of the network: a chain as one provider shows it.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    /// The chain that it serves; see [`Lie::plan`].
    pub chain: &'a Chain,
    /// Its last height, at most the chain's tip.
    pub tip: u64,
    /// What it does wrong.
    pub lie: Option<Lie>,
    /// Its number in the network, from 0; its node id and its own validator follow from it.
    pub number: u32,
}

/// A request as it comes over HTTP.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// The URI form.
    Get {
        /// Path, from the slash on.
        path: &'a str,
        /// What follows the question mark, or nothing.
        query: &'a str,
    },
    /// JSON-RPC.
    Post {
        /// Path, from the slash on.
        path: &'a str,
        /// The body.
        body: &'a [u8],
    },
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// `Retry-After` in seconds.
    pub retry_after_s: Option<u32>,
    /// The body; what is sent of it, `ending` says.
    pub body: Vec<u8>,
    /// How the body ends.
    pub ending: Ending,
    /// How long the node waits before it answers.
    pub delay: Duration,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its body.
    Complete,
    /// The connection breaks off behind this many bytes of the body.
    BreaksOff(usize),
    /// The body is sent again and again.
    Endless,
    /// There is no answer at all.
    Never,
}

#[derive(Deserialize)]
struct RpcRequest<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: String,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct RpcResponse<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RpcError>,
}

impl<'a> RpcResponse<'a> {
    fn new(id: Option<&'a RawValue>, outcome: Result<Box<RawValue>, RpcError>) -> Self {
        let (result, error) = match outcome {
            Ok(result) => (Some(result), None),
            Err(error) => (None, Some(error)),
        };
        Self { jsonrpc: "2.0", id, result, error }
    }
}

impl Request<'_> {
    /// Returns the request that a [`Fetch`] makes.
    pub fn from_fetch(fetch: &Fetch) -> Request<'_> {
        let rest = fetch.url.split_once("://").map_or(fetch.url.as_str(), |(_, rest)| rest);
        let target = rest.find('/').map_or("/", |slash| &rest[slash..]);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match &fetch.method {
            Method::Get => Request::Get { path, query },
            Method::Post(body) => Request::Post { path, body: body.as_bytes() },
        }
    }
}

impl Reply {
    fn json(status: u16, body: Vec<u8>) -> Self {
        Self::new(status, "application/json", body)
    }

    fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, content_type, retry_after_s: None, body, ending: Ending::Complete, delay: Duration::ZERO }
    }
}

impl Node<'_> {
    /// Returns the answer to a request, and how it is to be sent.
    pub fn answer(&self, request: Request<'_>) -> Reply {
        let (mut reply, height) = match request {
            Request::Get { path, query } => self.answer_uri(path, query),
            Request::Post { path, body } => self.answer_post(path, body),
        };
        let Some(lie) = self.lie.filter(|lie| lie.is_about(height.unwrap_or(self.tip))) else { return reply };
        match lie.kind {
            LieKind::Slow(delay) => reply.delay = delay,
            LieKind::Silent => reply.ending = Ending::Never,
            LieKind::Busy => {
                reply = Reply::new(429, "text/plain; charset=utf-8", b"Too Many Requests\n".to_vec());
                reply.retry_after_s = Some(1);
            }
            LieKind::Truncated => reply.ending = Ending::BreaksOff(reply.body.len() / 2),
            LieKind::Endless => {
                let len = reply.body.len().max(1);
                reply.body.resize(len.next_multiple_of(ENDLESS_PERIOD_BYTES), b' ');
                reply.ending = Ending::Endless;
            }
            // Not UTF-8, no brace closed, and of about the length that an answer has.
            LieKind::Junk => reply.body.iter_mut().for_each(|byte| *byte = byte.rotate_left(3) ^ 0xa5),
            _ => {}
        }
        reply
    }

    fn answer_uri(&self, path: &str, query: &str) -> (Reply, Option<u64>) {
        let method = path.trim_start_matches('/');
        if method.is_empty() {
            return (self.index(), None);
        }
        let Some(route) = routes::find(method) else {
            return (Reply::new(404, "text/plain; charset=utf-8", b"404 page not found\n".to_vec()), None);
        };
        let params = Params::from_query(query);
        let height = params.peek_height();
        let outcome = route.call(self, &params);
        let status = if outcome.is_ok() { 200 } else { 500 };
        let id = RawValue::from_string("-1".into()).ok();
        let response = RpcResponse::new(id.as_deref(), outcome);
        (Reply::json(status, to_json(&response)), height)
    }

    fn answer_post(&self, path: &str, body: &[u8]) -> (Reply, Option<u64>) {
        if body.is_empty() {
            return (self.index(), None);
        }
        let requests = match serde_json::from_slice::<Vec<RpcRequest<'_>>>(body) {
            Ok(requests) => requests,
            Err(_) => match serde_json::from_slice::<RpcRequest<'_>>(body) {
                Ok(request) => vec![request],
                Err(error) => {
                    let response = RpcResponse::new(None, Err(RpcError::parse(&error)));
                    return (Reply::json(500, to_json(&response)), None);
                }
            },
        };
        if path != "/" && !path.is_empty() {
            return (Reply::new(404, "text/plain; charset=utf-8", b"404 page not found\n".to_vec()), None);
        }
        let mut height = None;
        let mut responses = Vec::new();
        for request in &requests {
            // A request without id is a notification, which is not answered.
            let Some(id) = request.id else { continue };
            let outcome = match (routes::find(&request.method), Params::from_json(request.params)) {
                (None, _) => Err(RpcError::method_not_found()),
                (_, Err(error)) => Err(error),
                (Some(route), Ok(params)) => params.named(route.names).and_then(|params| {
                    height = height.max(params.peek_height());
                    route.call(self, &params)
                }),
            };
            responses.push(RpcResponse::new(Some(id), outcome));
        }
        let body = match responses.as_slice() {
            [] => Vec::new(),
            // A batch of one is answered like a single request.
            [one] => to_json(one),
            many => to_json(many),
        };
        (Reply::json(200, body), height)
    }

    /// The list of routes that a browser sees.
    fn index(&self) -> Reply {
        let mut page = String::from("<html><body><br>Available endpoints:<br>");
        for route in routes::ROUTES {
            let names: Vec<String> = route.names.iter().map(|name| format!("{name}=_")).collect();
            let link = format!("/{}?{}", route.method, names.join("&"));
            page.push_str(&format!("<a href=\"{link}\">{link}</a></br>"));
        }
        page.push_str("</body></html>");
        Reply::new(200, "text/html", page.into_bytes())
    }
}

fn to_json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers are made of texts, numbers and lists")
}
