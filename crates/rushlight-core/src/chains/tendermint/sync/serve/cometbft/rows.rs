//! The rows of CometBFT's methods, each beside the function that answers it.

use super::call::Wants;
use crate::chains::tendermint::sync::serve::methods::Method;
use crate::rpc::{Access, Kind, Param, ParamKind, QueryError, Row, Verified};

/// What a method is unless it says otherwise.
const METHOD: Row = Row {
    name: "",
    path: None,
    params: &[],
    dialect: &crate::rpc::RUSHLIGHT,
    access: Access::Public,
    kind: Kind::Read,
    returns: "",
    verified: Verified::Full,
    doc: "",
    topic: None,
};

const HEIGHT: Param = Param {
    name: "height",
    kind: ParamKind::Height,
    required: false,
    doc: "The height; the trusted head's when left out or 0.",
};

static HEALTH: Row = Row {
    name: "health",
    path: Some("/health"),
    returns: "`{}`",
    verified: Verified::No,
    doc: "Says that the client answers. `/readyz` says whether it is synced.",
    ..METHOD
};

static STATUS: Row = Row {
    name: "status",
    path: Some("/status"),
    returns: "`{node_info, sync_info, validator_info}` as a node of version 0.38 gives it",
    verified: Verified::Part(&["node_info.network", "sync_info"]),
    doc: "Gives the trusted head as a node gives its newest block. The client is no node: it has no id, listens to no peers and signs nothing, so those fields hold zeros.",
    ..METHOD
};

static HEADER: Row =
    Row { name: "header", params: &[HEIGHT], returns: "`{header}`", doc: "Gives a verified header.", ..METHOD };

static HEADER_BY_HASH: Row = Row {
    name: "header_by_hash",
    params: &[Param { name: "hash", kind: ParamKind::Hash, required: true, doc: "The hash of the header." }],
    returns: "`{header}`; `header` is `null` where another header is final at the height of the one that a provider knows by this hash",
    doc: "Gives the verified header with a hash.",
    ..METHOD
};

static COMMIT: Row = Row {
    name: "commit",
    params: &[HEIGHT],
    returns: "`{signed_header: {header, commit}, canonical}`",
    verified: Verified::Part(&["signed_header"]),
    doc: "Gives a verified header with a commit that is tallied: votes of more than two thirds of the height's own set. Which of several good commits the next block holds (`canonical`) is not looked at.",
    ..METHOD
};

static VALIDATORS: Row = Row {
    name: "validators",
    params: &[
        HEIGHT,
        Param { name: "page", kind: ParamKind::Count, required: false, doc: "Which page, from 1." },
        Param { name: "per_page", kind: ParamKind::Count, required: false, doc: "Members of a page: 30, at most 100." },
    ],
    returns: "`{block_height, validators, count, total}`",
    verified: Verified::Part(&[
        "block_height",
        "validators[].address",
        "validators[].pub_key",
        "validators[].voting_power",
        "count",
        "total",
    ]),
    doc: "Gives a page of the set that signs a height, up to the one after the trusted head.",
    ..METHOD
};

static BLOCKCHAIN: Row = Row {
    name: "blockchain",
    params: &[
        Param {
            name: "minHeight",
            kind: ParamKind::Height,
            required: false,
            doc: "The lowest height; as low as 20 blocks reach when left out or 0.",
        },
        Param {
            name: "maxHeight",
            kind: ParamKind::Height,
            required: false,
            doc: "The highest height; the trusted head's when left out, 0, or above it.",
        },
    ],
    returns: "`{last_height, block_metas}`, at most 20, highest first",
    verified: Verified::Part(&["last_height", "block_metas[].block_id.hash", "block_metas[].header"]),
    doc: "Gives verified headers of a range of heights.",
    ..METHOD
};

static CONSENSUS_PARAMS: Row = Row {
    name: "consensus_params",
    params: &[HEIGHT],
    returns: "`{block_height, consensus_params}`",
    verified: Verified::Part(&["block_height", "consensus_params.block"]),
    doc: "Gives the consensus parameters of a height. Headers cover the bounds of blocks alone.",
    ..METHOD
};

/// CometBFT's clients write 0 for what they leave out.
fn given(height: Option<u64>) -> Option<u64> {
    height.filter(|height| *height > 0)
}

/// CometBFT's methods that headers reach.
pub(crate) static METHODS: &[Method] = &[
    Method { row: &HEALTH, answer: |chain, _, _, _| Ok(Some(chain.health())) },
    Method { row: &STATUS, answer: |chain, _, _, _| chain.node_status().map(Some) },
    Method {
        row: &HEADER,
        answer: |chain, id, bound, now| chain.begin_call(id, given(bound.height("height")), Wants::Header, now),
    },
    Method {
        row: &HEADER_BY_HASH,
        answer: |chain, id, bound, _| match bound.hash("hash") {
            Some(hash) => chain.begin_named(id, Wants::Named(hash)),
            None => Err(QueryError::NoProvider { why: "the hash is missing".into() }),
        },
    },
    Method {
        row: &COMMIT,
        answer: |chain, id, bound, now| chain.begin_call(id, given(bound.height("height")), Wants::Commit, now),
    },
    Method {
        row: &VALIDATORS,
        answer: |chain, id, bound, now| {
            let wants = Wants::Validators { next: false, page: bound.count("page"), per_page: bound.count("per_page") };
            chain.begin_call(id, given(bound.height("height")), wants, now)
        },
    },
    Method {
        row: &BLOCKCHAIN,
        answer: |chain, id, bound, now| {
            let top = chain.trusted_head()?.height();
            let highest = given(bound.height("maxHeight")).map_or(top, |highest| highest.min(top));
            let lowest = bound.height("minHeight").unwrap_or(0);
            chain.begin_call(id, Some(highest), Wants::Blocks { lowest }, now)
        },
    },
    Method {
        row: &CONSENSUS_PARAMS,
        answer: |chain, id, bound, now| {
            chain.begin_call(id, given(bound.height("height")), Wants::ConsensusParams, now)
        },
    },
];
