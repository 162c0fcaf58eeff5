//! What the node answers itself: the functions of the rows in [`rpc::own`].

use super::{Node, Notice, Output};
use crate::base::{Now, QueryId};
use crate::rpc::{self, QueryAnswer, QueryError, Row, Scope};
use alloc::string::{String, ToString};

/// A row of the node's own, and what answers it.
struct Method {
    row: &'static Row,
    answer: fn(&mut Node, Now, Scope) -> String,
}

static METHODS: &[Method] = &[
    Method { row: &rpc::own::STATUS, answer: |node, now, scope| node.status_json(now, scope) },
    Method { row: &rpc::own::SHUTDOWN, answer: |node, _, _| node.shutdown() },
];

impl Node {
    /// Answers a call of `row`, which is one of the node's own.
    pub(super) fn answer_own(&mut self, now: Now, query: QueryId, scope: Scope, row: &'static Row) {
        if *row == rpc::own::READYZ {
            let readiness = self.readiness(now, scope.chain);
            return self.rpc.answered_ready(query, &readiness);
        }
        let method = METHODS.iter().find(|method| method.row == row);
        let result = match method {
            Some(method) => Ok(QueryAnswer::unproven((method.answer)(self, now, scope))),
            None => Err(QueryError::Internal { why: alloc::format!("nobody answers {}", row.name) }.into()),
        };
        self.rpc.answered(query, result);
    }

    fn shutdown(&mut self) -> String {
        self.outputs.push_back(Output::Notice(Notice::ShutdownAsked));
        "true".to_string()
    }
}
