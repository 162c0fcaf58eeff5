//! The node's own methods and pages: what is asked of the node as a whole, whatever the families of its chains.

use super::dialect::RUSHLIGHT;
use super::{Access, Kind, Param, ParamKind, Row, Verified};

/// Every row of the node's own, in the order of the documentation.
pub static ROWS: &[&Row] = &[&METHODS, &STATUS, &SUBSCRIBE_HEAD, &UNSUBSCRIBE_HEAD, &SHUTDOWN, &INDEX, &LIVEZ, &READYZ];

/// What a method of the node's own is unless it says otherwise.
const METHOD: Row = Row {
    name: "",
    path: None,
    params: &[],
    dialect: &RUSHLIGHT,
    access: Access::Public,
    kind: Kind::Read,
    returns: "",
    verified: Verified::No,
    doc: "",
    topic: None,
};

/// Lists the methods.
pub static METHODS: Row = Row {
    name: "rushlight_methods",
    returns: "`{methods: [{name, params: [{name, kind, required, doc}], returns, doc, notifies}]}`",
    doc: "Lists the methods that this client may call.",
    ..METHOD
};

/// Says where chains stand.
pub static STATUS: Row = Row {
    name: "rushlight_status",
    returns: "`{status_version, agent, chains: [{name, family, chain_id, state, why, head: {height, hash, time}, \
              head_age_s, target, trust_expires, trust_remaining_s, guarantee, headers_verified, blocks_fetched, \
              signatures_checked, providers}]}`",
    doc: "Says where the chain stands and, unless it is synced, why not.",
    ..METHOD
};

/// Pushes trusted heads.
pub static SUBSCRIBE_HEAD: Row = Row {
    name: "rushlight_subscribeHead",
    kind: Kind::Subscribe,
    returns: "the subscription's id, a string",
    doc: "Pushes the trusted head, `{chain, height, hash, time}`, now and whenever there is a new one. WebSockets and the control socket only.",
    verified: Verified::Full,
    topic: Some("rushlight_head"),
    ..METHOD
};

/// Stops pushing.
pub static UNSUBSCRIBE_HEAD: Row = Row {
    name: "rushlight_unsubscribeHead",
    params: &[Param {
        name: "subscription",
        kind: ParamKind::Subscription,
        required: true,
        doc: "The id that rushlight_subscribeHead returned.",
    }],
    kind: Kind::Unsubscribe,
    returns: "whether there was such a subscription",
    doc: "Stops a subscription of this client.",
    ..METHOD
};

/// Stops the node.
pub static SHUTDOWN: Row = Row {
    name: "rushlight_shutdown",
    access: Access::Control,
    kind: Kind::Order,
    returns: "`true`; the node saves and goes down",
    doc: "Stops the node. On the control socket only.",
    ..METHOD
};

/// What there is to try.
pub static INDEX: Row = Row {
    name: "index",
    path: Some("/"),
    kind: Kind::Page,
    returns: "what there is to try, as JSON",
    doc: "Says what there is to try.",
    ..METHOD
};

/// Whether the node runs.
pub static LIVEZ: Row = Row {
    name: "livez",
    path: Some("/livez"),
    kind: Kind::Page,
    returns: "200 while the node runs",
    doc: "Tells that the node runs.",
    ..METHOD
};

/// Whether chains serve.
pub static READYZ: Row = Row {
    name: "readyz",
    path: Some("/readyz"),
    kind: Kind::Page,
    returns: "200 when every chain in scope is synced; else 503, and per chain the reason",
    doc: "Tells whether every chain in scope is synced.",
    ..METHOD
};
