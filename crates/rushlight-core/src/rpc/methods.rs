//! The one table of methods: dispatch, help, documentation and metric labels all come from it.

use super::limits::{self, NAME_BYTES_MAX};
use super::raw::{cut, nearest};
use super::{Dialect, RpcError};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// A method as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Method {
    /// What it is in code.
    #[serde(skip)]
    pub id: MethodId,
    /// Its name on the wire, which is its metric label too.
    pub name: &'static str,
    /// Its parameters, in their order when given by position.
    pub params: &'static [Param],
    /// What its result is.
    pub returns: &'static str,
    /// What it does, in one sentence.
    pub doc: &'static str,
    /// The dialects in which it exists.
    #[serde(skip)]
    pub dialects: &'static [Dialect],
    /// The method of the notifications that it starts; `None` unless it is a subscription.
    pub notifies: Option<&'static str>,
}

/// A parameter of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Param {
    /// Its name when given by name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ParamKind,
    /// Whether it must be given; otherwise it may be left out or `null`.
    pub required: bool,
    /// What it means.
    pub doc: &'static str,
}

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamKind {
    /// A whole number of 64 bits: a JSON number, or a string of decimal digits for clients whose numbers are doubles.
    Height,
    /// A string.
    Text,
}

impl ParamKind {
    /// Returns what the documentation and the errors call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Height => "whole number, or string of decimal digits",
            Self::Text => "string",
        }
    }
}

/// A method in code: its place in [`METHODS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MethodId {
    /// `rushlight_methods`.
    Methods,
    /// `rushlight_status`.
    Status,
    /// `rushlight_checkpoint`.
    Checkpoint,
    /// `rushlight_header`.
    Header,
    /// `rushlight_prove`.
    Prove,
    /// `rushlight_subscribeHead`.
    SubscribeHead,
    /// `rushlight_unsubscribeHead`.
    UnsubscribeHead,
    /// `rushlight_shutdown`.
    Shutdown,
}

/// What the node is asked to do, with its parameters in their types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MethodCall {
    /// Say where the chain in scope stands, or all chains.
    Status,
    /// Give the newest trusted head as a checkpoint.
    Checkpoint,
    /// Give a verified header.
    Header {
        /// The header's height; the trusted head's when `None`.
        height: Option<u64>,
    },
    /// Give a bundle that proves a header.
    Prove {
        /// The header's height; the trusted head's when `None`.
        height: Option<u64>,
    },
    /// Save and go down. Only ever dispatched for [`Dialect::Control`].
    Shutdown,
    /// Say which chains serve: asked by `GET /readyz`, answered with [`super::Rpc::answered_ready`].
    Ready,
}

impl MethodCall {
    /// Tells whether the node has the answer at hand. What it has not may wait for peers.
    pub fn is_answered_at_once(&self) -> bool {
        match self {
            Self::Status | Self::Shutdown | Self::Ready => true,
            Self::Checkpoint | Self::Header { .. } | Self::Prove { .. } => false,
        }
    }
}

/// The metric label of everything whose name is not in [`METHODS`]: a client must not be able to make labels up.
pub const UNKNOWN_LABEL: &str = "unknown";

/// The method of the notifications that `rushlight_subscribeHead` starts.
pub const HEAD_NOTIFICATION: &str = "rushlight_head";

const EVERYBODY: &[Dialect] = &[Dialect::Public, Dialect::Control];

/// Every method there is, in the order of [`MethodId`].
pub static METHODS: &[Method] = &[
    Method {
        id: MethodId::Methods,
        name: "rushlight_methods",
        params: &[],
        returns: "`{methods: [{name, params: [{name, kind, required, doc}], returns, doc, notifies}]}`",
        doc: "Lists the methods that this client may call.",
        dialects: EVERYBODY,
        notifies: None,
    },
    Method {
        id: MethodId::Status,
        name: "rushlight_status",
        params: &[],
        returns: "`{status_version, agent, chains: [{name, family, chain_id, state, why, head: {height, hash, time}, \
                  head_age_s, target, trust_expires, trust_remaining_s, guarantee, headers_verified, blocks_fetched, \
                  signatures_checked, providers}]}`",
        doc: "Says where the chain stands and, unless it is synced, why not.",
        dialects: EVERYBODY,
        notifies: None,
    },
    Method {
        id: MethodId::Checkpoint,
        name: "rushlight_checkpoint",
        params: &[],
        returns: "`{checkpoint, chain_id, height, hash, time}`: the checkpoint's text, under 200 bytes, and what it holds",
        doc: "Gives the newest trusted head as a checkpoint, from which another client can start.",
        dialects: EVERYBODY,
        notifies: None,
    },
    Method {
        id: MethodId::Header,
        name: "rushlight_header",
        params: &[Param {
            name: "height",
            kind: ParamKind::Height,
            required: false,
            doc: "The height of the header; the trusted head's when left out. Below the checkpoint it is proven by the \
                  hash chain, which is walked first and then indexed.",
        }],
        returns: "the verified header in the spelling of CometBFT's RPC, and its hash",
        doc: "Gives a verified header of any height up to the trusted head.",
        dialects: EVERYBODY,
        notifies: None,
    },
    Method {
        id: MethodId::Prove,
        name: "rushlight_prove",
        params: &[Param {
            name: "height",
            kind: ParamKind::Height,
            required: false,
            doc: "The height of the header to prove; the trusted head's when left out.",
        }],
        returns: "`{bundle, checkpoint, height, hash, time, steps}`: the bundle in base64, the text of the checkpoint that it \
                  verifies against, and the header that it proves",
        doc: "Gives a bundle that proves a header and verifies offline. It begins with the chain file's checkpoint or, once trust in that has ended, with an earlier head of this client, which its reader then has to trust.",
        dialects: EVERYBODY,
        notifies: None,
    },
    Method {
        id: MethodId::SubscribeHead,
        name: "rushlight_subscribeHead",
        params: &[],
        returns: "the subscription's id, a string",
        doc: "Pushes the trusted head, `{chain, height, hash, time}`, now and whenever there is a new one. WebSockets and the control socket only.",
        dialects: EVERYBODY,
        notifies: Some(HEAD_NOTIFICATION),
    },
    Method {
        id: MethodId::UnsubscribeHead,
        name: "rushlight_unsubscribeHead",
        params: &[Param {
            name: "subscription",
            kind: ParamKind::Text,
            required: true,
            doc: "The id that rushlight_subscribeHead returned.",
        }],
        returns: "whether there was such a subscription",
        doc: "Stops a subscription of this client.",
        dialects: EVERYBODY,
        notifies: None,
    },
    Method {
        id: MethodId::Shutdown,
        name: "rushlight_shutdown",
        params: &[],
        returns: "`true`; the node saves and goes down",
        doc: "Stops the node. On the control socket only.",
        dialects: &[Dialect::Control],
        notifies: None,
    },
];

/// Returns the method called `name` in `dialect`.
/// # Errors
/// [`RpcError::MethodNotFound`], with the nearest name that exists.
pub fn find(name: &str, dialect: Dialect) -> Result<&'static Method, RpcError> {
    of(dialect).find(|method| method.name == name).ok_or_else(|| RpcError::MethodNotFound {
        name: cut(name, NAME_BYTES_MAX),
        suggestion: nearest(name, of(dialect).map(|method| method.name)),
    })
}

/// Returns the methods of `dialect`, in the table's order.
pub fn of(dialect: Dialect) -> impl Iterator<Item = &'static Method> {
    METHODS.iter().filter(move |method| method.dialects.contains(&dialect))
}

#[derive(serde::Serialize)]
struct Help {
    methods: Vec<&'static Method>,
}

/// Returns the result of `rushlight_methods` as JSON text.
pub fn help(dialect: Dialect) -> String {
    let help = Help { methods: of(dialect).collect() };
    // Strings, lists and booleans without maps: serialising them has no way to fail.
    serde_json::to_string(&help).unwrap_or_default()
}

/// Returns the reference of all methods, limits and error codes as Markdown; `docs/rpc.md` holds it.
pub fn markdown() -> String {
    let mut page = String::from(PREFACE);
    for method in METHODS {
        write_method(&mut page, method);
    }
    page.push_str(GET_ROUTES);
    page.push_str(ADMISSION);
    page.push_str("\n## Limits\n\n| what | at most |\n|---|---:|\n");
    for (what, max) in [
        ("bytes of a call's text", limits::BODY_BYTES_MAX),
        ("nesting of its arrays and objects", limits::DEPTH_MAX),
        ("requests in a batch", limits::BATCH_REQUESTS_MAX),
        ("bytes of a batch's results, after which the rest are errors", limits::BATCH_ANSWER_BYTES_MAX),
        ("members of a request object", limits::REQUEST_MEMBERS_MAX),
        ("bytes of an id", limits::ID_BYTES_MAX),
        ("requests in flight per client", limits::REQUESTS_IN_FLIGHT_MAX),
        ("requests in flight in all", limits::REQUESTS_IN_FLIGHT_TOTAL_MAX),
        (
            "requests about one chain that wait for its providers: for proofs, for headers below its checkpoint",
            limits::QUERIES_WAITING_MAX,
        ),
        ("subscriptions per client", limits::SUBSCRIPTIONS_MAX),
        ("clients in all", limits::CLIENTS_MAX),
        ("clients of the control socket beyond these", limits::CONTROL_CLIENTS_MAX),
        ("bytes that wait for one client, after which it is hung up on", limits::QUEUED_BYTES_MAX),
    ] {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| {what} | {max} |");
    }
    page.push_str("\n## Errors\n\n| code | name | meaning |\n|---:|---|---|\n");
    for row in RpcError::CODES {
        let _ = writeln!(page, "| {} | {} | {} |", row.code, row.name, row.doc);
    }
    page
}

const PREFACE: &str = "\
# JSON-RPC of Rushlight

<!-- Generated from the method table in crates/rushlight-core/src/rpc/methods.rs. Do not edit:
     RUSHLIGHT_UPDATE=1 cargo test -p rushlight-core --test rpc_docs -->

JSON-RPC 2.0 over HTTP POST (`Content-Type: application/json`) and over a WebSocket of text, at `/` for the first chain
and at `/NAME` for each. The control socket in the data folder takes one JSON text per line.

```sh
curl -s http://127.0.0.1:8645/ -H 'Content-Type: application/json' \\
  -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_status\"}'
```

Parameters go by name or by position. Batches are answered in their order, and the calls of one socket in theirs. A
request without an `id` is a notification and gets no answer; an `id` comes back byte for byte. Heights in results are
strings of decimal digits.

## Methods
";

const GET_ROUTES: &str = "
## GET

| path | answer |
|---|---|
| `/` | what there is to try, as JSON |
| `/livez` | 200 while the node runs |
| `/readyz` | 200 when every chain in scope is synced; else 503, and per chain the reason |
| `/metrics` | Prometheus text |

HEAD answers as GET does, without the body.
";

const ADMISSION: &str = "
## Who is let in

Any web page can reach a port of the machine that its reader sits at, so a request over HTTP is let in only when

- its method is GET, HEAD, POST or OPTIONS, and its target a path;
- its one `Host` names loopback, `localhost`, the address that the listener is bound to, or an allowed host, with the
  listener's port or none (an allowed host may name a port of its own); `X-Forwarded-Host` is not read;
- it has no `Origin`, or one that is allowed by name; `null` never is. WebSockets likewise;
- where it has no `Origin`, its `Sec-Fetch-Site` is missing, `none` or `same-origin`: a page on another port of this machine is
  `same-site`, and no friend;
- a GET that changes something (none does today) is not from a browser, unless an allowed `Origin` says from which page;
- a POST says `Content-Type: application/json`.

CORS headers go to allowed origins only. A refusal says which setting would let the request in.
";

fn write_method(page: &mut String, method: &Method) {
    let args: Vec<String> = method
        .params
        .iter()
        .map(|param| if param.required { String::from(param.name) } else { format!("{}?", param.name) })
        .collect();
    let _ = write!(page, "\n### {}({})\n\n{}\n\n", method.name, args.join(", "), method.doc);
    for param in method.params {
        let _ = writeln!(page, "- `{}` ({}): {}", param.name, param.kind.words(), param.doc);
    }
    let _ = writeln!(page, "- Returns {}.", method.returns);
    if let Some(notification) = method.notifies {
        let _ = writeln!(page, "- Notifies with `{notification}`, params `{{subscription, result}}`.");
    }
    if !method.dialects.contains(&Dialect::Public) {
        page.push_str("- Control socket only.\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_stands_at_its_id_and_each_name_once() {
        for (at, method) in METHODS.iter().enumerate() {
            assert_eq!(method.id as usize, at, "{}", method.name);
            assert!(METHODS.iter().take(at).all(|earlier| earlier.name != method.name), "{} twice", method.name);
            assert!(method.name.len() <= NAME_BYTES_MAX);
            assert_ne!(method.name, UNKNOWN_LABEL);
        }
    }

    #[test]
    fn shutdown_exists_on_the_control_socket_only() {
        assert_eq!(find("rushlight_shutdown", Dialect::Control).unwrap().id, MethodId::Shutdown);
        assert!(matches!(find("rushlight_shutdown", Dialect::Public), Err(RpcError::MethodNotFound { .. })));
        assert!(!help(Dialect::Public).contains("shutdown"));
    }

    #[test]
    fn a_slip_of_the_pen_gets_a_suggestion_and_a_foreign_name_none() {
        for (wrote, meant) in [
            ("rushlight_stauts", Some("rushlight_status")),
            ("Rushlight_Status", Some("rushlight_status")),
            ("rushlight_subscribehead", Some("rushlight_subscribeHead")),
            ("rushlight_prov", Some("rushlight_prove")),
            ("eth_blockNumber", None),
            ("", None),
        ] {
            match find(wrote, Dialect::Public) {
                Err(RpcError::MethodNotFound { suggestion, .. }) => assert_eq!(suggestion, meant, "{wrote}"),
                other => panic!("{wrote}: {other:?}"),
            }
        }
    }
}
