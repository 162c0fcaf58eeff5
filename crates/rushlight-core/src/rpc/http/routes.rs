//! Paths, and what the node's own pages say: `/`, `/livez`, `/readyz`. `/metrics` is the driver's.

use crate::crypto::sha256;
use crate::rpc::limits::MESSAGE_BYTES_MAX;
use crate::rpc::raw::{cut, quoted};
use crate::rpc::{Answer, ChainReadiness, Etag, Row};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A path that is answered below a listener's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The first part of the path. A chain of such a name would stand in its way: `/readyz` would be the chain's page,
    /// always 200, and a load balancer would send users to a node that is not synced.
    pub name: &'static str,
    /// What a GET of it does.
    pub effect: Effect,
    /// Whether it tells how the node is: then its clients have places of their own.
    pub is_health: bool,
}

/// What a GET of a route does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// It reads.
    #[default]
    Reads,
    /// It changes something, here or on a chain, and so no web page may cause it.
    Changes,
}

const fn reads(name: &'static str) -> Route {
    Route { name, effect: Effect::Reads, is_health: false }
}

const fn health(name: &'static str) -> Route {
    Route { name, effect: Effect::Reads, is_health: true }
}

/// Every route beside `/`.
pub const ROUTES: &[Route] = &[health("livez"), reads("metrics"), health("readyz"), reads("websocket")];

/// Tells whether a listener answers `name` itself.
pub fn is_route(name: &str) -> bool {
    ROUTES.iter().any(|route| route.name == name)
}

/// Returns what a GET of `path` does, a path below the prefix that selects the chain.
pub fn effect(path: &str) -> Effect {
    find(path).map_or(Effect::Reads, |route| route.effect)
}

/// Tells whether a GET of `path`, below the prefix that selects the chain, asks how the node is.
pub fn is_health(path: &str) -> bool {
    find(path).is_some_and(|route| route.is_health)
}

fn find(path: &str) -> Option<&'static Route> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let name = path.split('/').next().unwrap_or(path);
    ROUTES.iter().find(|route| route.name == name)
}

/// Returns the answer of `/livez`.
pub(in crate::rpc) fn live() -> Answer {
    Answer::json(200, r#"{"live":true}"#.to_string())
}

/// Returns the answer of `/readyz`.
pub(in crate::rpc) fn readiness(chains: &[ChainReadiness]) -> Answer {
    let is_ready = chains.iter().all(|chain| chain.is_ready);
    let each: Vec<String> = chains
        .iter()
        .map(|chain| {
            let (name, state, why) =
                (quoted(&chain.chain), quoted(chain.state), quoted(&cut(&chain.why, MESSAGE_BYTES_MAX)));
            format!(r#"{{"chain":{name},"ready":{},"state":{state},"why":{why}}}"#, chain.is_ready)
        })
        .collect();
    let status = if is_ready { 200 } else { 503 };
    Answer::json(status, format!(r#"{{"ready":{is_ready},"chains":[{}]}}"#, each.join(",")))
}

/// Returns `answer`, or 304 without a body when the client has that body already.
pub(in crate::rpc) fn conditional(answer: Answer, if_none_match: Option<&str>) -> Answer {
    match (answer.etag, if_none_match) {
        (Some(etag), Some(listed)) if etag.is_listed_in(listed) => Answer { status: 304, body: None, ..answer },
        _ => answer,
    }
}

const HINT_MAX_AGE_S: u32 = 60;

/// Returns the answer of `/`, `methods` being those that the client may call.
pub(in crate::rpc) fn index(methods: &[&Row]) -> Answer {
    let names: Vec<String> = methods.iter().map(|row| quoted(row.name)).collect();
    let body = format!(
        concat!(
            r#"{{"rushlight":"{}","what":"a light client: every answer is verified, none is taken on trust","#,
            r#""try":["GET /livez","GET /readyz","GET /metrics","#,
            r#""POST / with Content-Type: application/json and "#,
            r#"{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_status\"}}"],"#,
            r#""methods":[{}]}}"#
        ),
        env!("CARGO_PKG_VERSION"),
        names.join(",")
    );
    let etag = Some(Etag(sha256(body.as_bytes())));
    Answer { etag, max_age: Some(HINT_MAX_AGE_S), ..Answer::json(200, body) }
}

const PATH_SHOWN_BYTES_MAX: usize = 64;

/// Returns the answer where no page is.
pub(in crate::rpc) fn not_found(path: &str) -> Answer {
    let shown = quoted(&cut(path, PATH_SHOWN_BYTES_MAX));
    Answer::json(404, format!(r#"{{"error":"there is nothing at this path; GET / says what to try","path":{shown}}}"#))
}
