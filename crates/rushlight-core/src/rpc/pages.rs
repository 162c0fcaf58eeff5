//! What a GET asks for: the node's own pages, and methods that have a path.

use super::client::page_failure;
use super::dispatch::{Origin, Rpc, Target};
use super::http::routes;
use super::table::UNKNOWN_LABEL;
use super::{Answer, ChainReadiness, QueryError, RpcError, bound, own};
use crate::base::{ClientId, QueryId};

impl Rpc {
    /// Takes in the answer to [`own::READYZ`]: 200 when every chain is ready, else 503.
    pub fn answered_ready(&mut self, query: QueryId, chains: &[ChainReadiness]) {
        match self.queries.get(&query) {
            Some(Origin { target: Target::Get { call }, .. }) => {
                let call = *call;
                let Some(origin) = self.queries.remove(&query) else { return };
                self.count(origin.row.name, 0);
                let answer = routes::readiness(chains);
                self.settle(&origin, call, |state| state.settle_get(call, answer));
            }
            Some(_) => {
                self.answered(query, Err(QueryError::Internal { why: "readiness is not a result".into() }.into()))
            }
            None => {}
        }
    }

    /// Takes in a GET, which gets exactly one answer.
    pub(super) fn asked_get(
        &mut self,
        client: ClientId,
        call: u64,
        path: &str,
        query: &str,
        if_none_match: Option<&str>,
    ) {
        let Some(state) = self.clients.get_mut(&client) else { return };
        state.begin_get(call, if_none_match);
        let scope = state.scope;
        let Some((row, owner)) = self.table.find_path(path, scope) else {
            self.count(UNKNOWN_LABEL, RpcError::NO_METHOD_CODE);
            return self.settle_page(client, call, routes::not_found(path));
        };
        if *row == own::INDEX || *row == own::LIVEZ {
            let page = if *row == own::LIVEZ { routes::live() } else { routes::index(&self.table.methods(scope)) };
            self.count(row.name, 0);
            return self.settle_page(client, call, page);
        }
        let asked = bound::bind_query(row, query).and_then(|bound| self.whom_to_ask(owner, bound));
        if let Err(error) = asked.and_then(|asked| self.dispatch(client, Target::Get { call }, row, asked)) {
            self.count(row.name, error.code());
            self.settle_page(client, call, page_failure(&error, row.dialect));
        }
    }

    fn settle_page(&mut self, client: ClientId, call: u64, answer: Answer) {
        if let Some(state) = self.clients.get_mut(&client) {
            state.settle_get(call, answer);
        }
    }
}
