//! What a GET asks for: the node's own pages, and methods that have a path.

use super::client::route_failure;
use super::dispatch::{Origin, Rpc, Target};
use super::http::routes;
use super::table::UNKNOWN_LABEL;
use super::{Answer, Bound, ChainReadiness, RpcError, own};
use crate::base::{ClientId, QueryId};

impl Rpc {
    /// Takes in the answer to [`own::READYZ`]: 200 when every chain is ready, else 503.
    pub fn answered_ready(&mut self, query: QueryId, chains: &[ChainReadiness]) {
        match self.queries.get(&query) {
            Some(Origin { target: Target::Get { call }, .. }) => {
                let call = *call;
                let Some(origin) = self.queries.remove(&query) else { return };
                self.count(origin.label, 0);
                let answer = routes::readiness(chains);
                self.settle(&origin, call, |state| state.settle_get(call, answer));
            }
            Some(_) => self.answered(query, Err(RpcError::Internal { why: "readiness is not a result".into() })),
            None => {}
        }
    }

    /// Takes in a GET, which gets exactly one answer.
    pub(super) fn asked_get(&mut self, client: ClientId, path: &str, if_none_match: Option<&str>) {
        let call = self.next_number();
        let Some(state) = self.clients.get_mut(&client) else { return };
        state.begin_get(call);
        let scope = state.scope;
        let Some((row, owner)) = self.table.find_path(path, scope) else {
            self.count(UNKNOWN_LABEL, RpcError::NO_METHOD_CODE);
            return self.settle_page(client, call, routes::not_found(path));
        };
        if *row == own::INDEX || *row == own::LIVEZ {
            let page = if *row == own::LIVEZ { routes::live() } else { routes::index(&self.table.methods(scope)) };
            self.count(row.name, 0);
            return self.settle_page(client, call, routes::conditional(page, if_none_match));
        }
        let asked = self.whom_to_ask(owner, Bound::empty());
        if let Err(error) = asked.and_then(|asked| self.dispatch(client, Target::Get { call }, row, asked)) {
            self.count(row.name, error.code());
            self.settle_page(client, call, route_failure(&error));
        }
    }

    fn settle_page(&mut self, client: ClientId, call: u64, answer: Answer) {
        if let Some(state) = self.clients.get_mut(&client) {
            state.settle_get(call, answer);
        }
    }
}
