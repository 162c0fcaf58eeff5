//! Answers to HTTP requests: which of them are let in, where they go, and what comes back.

use super::body::{AnswerBody, HttpAnswer, http_answer, text, with_headers};
use super::doing::Doing;
use super::{BODY_SMALL_BYTES, BODY_TIMEOUT, Shared};
use crate::session::{Closed, OwnedCall};
use crate::websocket::{self, Upgrades};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use rushlight_core::rpc::http::admission::{self, Admitted, HttpRequest, admit};
use rushlight_core::rpc::http::routes::{self, Effect};
use rushlight_core::rpc::limits::BODY_BYTES_MAX;
use rushlight_core::rpc::{Access, ClientKind, Scope};
use std::sync::Arc;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request shares with its connection.
pub(super) struct HttpCall {
    pub(super) doing: Arc<Doing>,
    pub(super) upgrades: Arc<Upgrades>,
}

/// Where a request goes: its scope, and the path without the prefix that selected the chain.
struct Target {
    scope: Scope,
    path: String,
}

impl Shared {
    /// Answers a request.
    pub(super) async fn respond(&self, request: Request<Incoming>, call: HttpCall) -> Response<AnswerBody> {
        call.doing.takes_request(request.body().is_end_stream());
        let answer = self.answer(request, &call).await;
        answer.map(|parts| AnswerBody::new(parts, call.doing))
    }

    async fn answer(&self, request: Request<Incoming>, call: &HttpCall) -> HttpAnswer {
        let target = self.target(&request);
        let headers = match self.admit(&request, routes::effect(&target.path)) {
            Ok(Admitted::Serve(headers)) => headers,
            Ok(Admitted::Preflight(headers)) => {
                return with_headers(text(StatusCode::NO_CONTENT, String::new()), headers);
            }
            Err(refusal) => {
                let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
                return with_headers(text(status, format!("{refusal}\n")), refusal.headers());
            }
        };
        let answer = if request.method() == Method::POST {
            self.post(request, target, &call.doing).await
        } else if request.method() == Method::GET && websocket::is_upgrade(request.headers()) {
            websocket::accept(&self.client, &request, target.scope, &call.upgrades).await
        } else {
            // Of a HEAD too: the server leaves the body out, and says how long it would be.
            self.get(&request, target, &call.doing).await
        };
        with_headers(
            answer.unwrap_or_else(|Closed| text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned())),
            headers,
        )
    }

    fn admit(&self, request: &Request<Incoming>, effect: Effect) -> Result<Admitted, admission::Refusal> {
        let values = |name: HeaderName| -> Vec<&str> {
            // What is no text is no header that could be let in; it still counts as one.
            request.headers().get_all(name).iter().map(|value| value.to_str().unwrap_or("\u{fffd}")).collect()
        };
        let target = request.uri();
        let is_path = target.scheme().is_none() && target.authority().is_none();
        let path = target.path_and_query().map_or("", |path| path.as_str());
        let (host, origin) = (values(header::HOST), values(header::ORIGIN));
        let (fetch_site, user_agent) = (values(SEC_FETCH_SITE), values(header::USER_AGENT));
        let content_type = values(header::CONTENT_TYPE);
        let request = HttpRequest {
            method: request.method().as_str(),
            path: if is_path { path } else { "" },
            host: &host,
            origin: &origin,
            fetch_site: &fetch_site,
            user_agent: &user_agent,
            content_type: &content_type,
            effect,
        };
        admit(&self.allowed, request)
    }

    fn target(&self, request: &Request<Incoming>) -> Target {
        let path = request.uri().path();
        let scope = |chain| Scope { chain, access: Access::Public };
        if self.chain.is_some() {
            return Target { scope: scope(self.chain), path: path.to_owned() };
        }
        let chains = self.client.chains();
        let below = path.strip_prefix('/').unwrap_or(path);
        let (first, rest) = below.split_once('/').unwrap_or((below, ""));
        let is_chain = |name: &str| name == first && !routes::is_route(name);
        if let Some((_, chain)) = chains.iter().find(|(name, _)| is_chain(name)) {
            return Target { scope: scope(Some(*chain)), path: format!("/{rest}") };
        }
        // At the root, health is that of all chains; everything else is about the first.
        let is_health = matches!(*request.method(), Method::GET | Method::HEAD) && matches!(path, "/livez" | "/readyz");
        let chain = chains.first().map(|(_, chain)| *chain).filter(|_| !is_health);
        Target { scope: scope(chain), path: path.to_owned() }
    }

    async fn get(&self, request: &Request<Incoming>, target: Target, doing: &Doing) -> Result<HttpAnswer, Closed> {
        if let ("/metrics", Some(metrics)) = (target.path.as_str(), &self.metrics) {
            let stats = self.client.stats().await?;
            let content_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
            let mut answer = text(StatusCode::OK, metrics(&stats, &self.client.measured()));
            answer.headers_mut().insert(header::CONTENT_TYPE, content_type);
            return Ok(answer);
        }
        let is_health = routes::is_health(&target.path);
        let if_none_match = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let call = OwnedCall::Get {
            path: target.path,
            query: request.uri().query().unwrap_or_default().to_owned(),
            if_none_match: if_none_match.map(str::to_owned),
        };
        if is_health { self.probe(target.scope, call).await } else { self.exchange(target.scope, call, doing).await }
    }

    async fn post(&self, request: Request<Incoming>, target: Target, doing: &Doing) -> Result<HttpAnswer, Closed> {
        match tokio::time::timeout(BODY_TIMEOUT, self.read(request.into_body())).await {
            Ok(Ok(bytes)) => {
                doing.read_request();
                // What is not UTF-8 is not JSON; the node says so in JSON-RPC's own words.
                let text = String::from_utf8(bytes).unwrap_or_else(|_| "\u{fffd}".to_owned());
                self.exchange(target.scope, OwnedCall::Text(text), doing).await
            }
            Ok(Err(refused)) => Ok(refused),
            Err(_) => Ok(text(StatusCode::REQUEST_TIMEOUT, "the body took too long\n".to_owned())),
        }
    }

    /// Reads a body of at most [`BODY_BYTES_MAX`]; one that announces more is refused before it is read.
    async fn read(&self, mut body: Incoming) -> Result<Vec<u8>, HttpAnswer> {
        let too_large = || {
            let text = text(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {BODY_BYTES_MAX} bytes\n"));
            // What the client still sends is not read.
            with_headers(text, vec![("connection", "close".to_owned())])
        };
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(too_large());
        }
        let mut turn = None;
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| text(StatusCode::BAD_REQUEST, "the body broke off\n".to_owned()))?;
            let Some(chunk) = frame.data_ref() else { continue };
            let size = bytes.len().saturating_add(chunk.len());
            if size > BODY_BYTES_MAX {
                return Err(too_large());
            }
            if size > BODY_SMALL_BYTES && turn.is_none() {
                turn = self.large_bodies.acquire().await.ok();
            }
            bytes.extend_from_slice(chunk);
        }
        Ok(bytes)
    }

    /// Asks the node, and keeps the client until its answer is written.
    async fn exchange(&self, scope: Scope, call: OwnedCall, doing: &Doing) -> Result<HttpAnswer, Closed> {
        doing.serves();
        let mut session = self.client.connect(scope, ClientKind::Exchange).await?;
        session.caller.ask(call).await?;
        let answer = session.answers.next().await;
        doing.answers(session);
        // Without an answer the node hung up: there are too many clients.
        Ok(answer.map_or_else(too_many, http_answer))
    }

    /// Asks after the node's health. Who asks waits for its turn and is never refused: whatever the public does, an operator
    /// learns how the node is.
    async fn probe(&self, scope: Scope, call: OwnedCall) -> Result<HttpAnswer, Closed> {
        let _turn = self.probes.acquire().await.map_err(|_| Closed)?;
        let mut session = self.client.connect(scope, ClientKind::Probe).await?;
        session.caller.ask(call).await?;
        Ok(session.answers.next().await.map_or_else(too_many, http_answer))
    }
}

/// Returns the answer to one client too many.
pub(crate) fn too_many() -> HttpAnswer {
    text(StatusCode::SERVICE_UNAVAILABLE, "too many clients; try again later\n".to_owned())
}
