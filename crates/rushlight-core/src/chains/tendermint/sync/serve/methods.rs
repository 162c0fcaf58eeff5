//! The methods that a Tendermint chain answers: each a row and the function beside it.

use crate::base::{Now, QueryId};
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::serve::cometbft;
use crate::rpc::{Access, Bound, Kind, Param, ParamKind, QueryAnswer, QueryError, RUSHLIGHT, Row, Verified};
use alloc::vec::Vec;

/// A method: what it is, and what answers it.
pub(crate) struct Method {
    pub(crate) row: &'static Row,
    pub(crate) answer: fn(&mut TendermintChain, QueryId, &Bound, Now) -> Answered,
}

/// An answer, or `None` when it is not at hand and comes later under the query's number.
pub(crate) type Answered = Result<Option<QueryAnswer>, QueryError>;

static OWN: &[Method] = &[
    Method { row: &CHECKPOINT, answer: |chain, _, _, _| chain.checkpoint().map(Some) },
    Method { row: &HEADER, answer: |chain, id, bound, now| chain.start_header(id, bound.height("height"), now) },
    Method {
        row: &PROVE,
        answer: |chain, id, bound, now| chain.start_bundle(id, bound.height("height"), now).map(|()| None),
    },
];

/// Returns the rows of all methods.
pub(crate) fn rows() -> Vec<&'static Row> {
    methods().map(|method| method.row).collect()
}

/// Returns all methods: Rushlight's own, and those that CometBFT's clients know.
fn methods() -> impl Iterator<Item = &'static Method> {
    OWN.iter().chain(cometbft::METHODS)
}

impl TendermintChain {
    /// Answers a call, now or when the answer has come.
    pub(crate) fn called(&mut self, id: QueryId, row: &'static Row, bound: &Bound, now: Now) {
        let answer = match methods().find(|method| method.row == row) {
            Some(method) => (method.answer)(self, id, bound, now),
            // The node passes on what `rows` names and nothing else; an answer is owed all the same.
            None => Err(QueryError::NotSynced { why: alloc::format!("{} is not a method of this chain", row.name) }),
        };
        match answer {
            Ok(None) => {}
            Ok(Some(answer)) => self.answer(id, Ok(answer)),
            Err(error) => self.answer(id, Err(error)),
        }
    }
}

/// What a method is unless it says otherwise.
const METHOD: Row = Row {
    name: "",
    path: None,
    params: &[],
    dialect: &RUSHLIGHT,
    access: Access::Public,
    kind: Kind::Read,
    returns: "",
    verified: Verified::Full,
    doc: "",
    topic: None,
};

static CHECKPOINT: Row = Row {
    name: "rushlight_checkpoint",
    returns: "`{checkpoint, chain_id, height, hash, time}`: the checkpoint's text, under 200 bytes, and what it holds",
    doc: "Gives the newest trusted head as a checkpoint, from which another client can start.",
    ..METHOD
};

static HEADER: Row = Row {
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
    ..METHOD
};

static PROVE: Row = Row {
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
    ..METHOD
};
