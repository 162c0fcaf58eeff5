//! The JSON-RPC dispatcher, driven by operations: clients come, ask, read slowly and leave, the node answers.
//!
//! An input is cut at bytes of 0xFF, which no UTF-8 text has. The first byte of a piece says what happens, the second to
//! which of four clients, the rest is what is said.

use rushlight_core::base::{ChainId, ClientId, QueryId};
use rushlight_core::chains::tendermint;
use rushlight_core::rpc::limits::{CONTROL_CLIENTS_MAX, EXCHANGES_MAX, REQUESTS_IN_FLIGHT_TOTAL_MAX, SOCKETS_MAX};
use rushlight_core::rpc::{Access, Call, ClientKind, QueryAnswer, QueryError, Rpc, RpcAction, RpcError, Scope, own};
use std::collections::{BTreeMap, VecDeque};

/// Pieces of one input that are carried out; the rest is left.
const OPERATIONS_MAX: usize = 256;

#[derive(Default)]
struct World {
    rpc: Rpc,
    /// Queries that the node has not answered.
    queries: VecDeque<QueryId>,
    /// Queries whose clients have left; the answer may be under way, and comes all the same.
    forgotten: Vec<QueryId>,
    /// Calls asked and not answered, per client that is connected.
    open_calls: BTreeMap<ClientId, usize>,
    replies: usize,
}

/// Carries out the operations of `bytes`. A client must never get more answers than it asked, every body must be JSON,
/// and what is kept must stay within the limits. Returns whether any call was answered.
pub fn run(bytes: &[u8]) -> bool {
    let mut world = World::default();
    world.rpc.chain_added(ChainId(1), "hub", tendermint::sync::rows());
    for piece in bytes.split(|byte| *byte == 0xFF).take(OPERATIONS_MAX) {
        world.carry_out(piece);
        world.drain();
    }
    world.replies > 0
}

impl World {
    fn carry_out(&mut self, piece: &[u8]) {
        let (&[operation, client], said) = piece.split_first_chunk::<2>().unwrap_or((b"  ", &[]));
        let client = ClientId(u64::from(client % 4));
        let said = core::str::from_utf8(said).unwrap_or_default();
        let chain = Some(ChainId(1));
        match operation {
            b'J' => self.join(client, Scope { chain, access: Access::Public }, ClientKind::Socket),
            b'X' => self.join(client, Scope { chain, access: Access::Public }, ClientKind::Exchange),
            b'C' => self.join(client, Scope { chain: None, access: Access::Control }, ClientKind::Socket),
            b'L' => {
                self.rpc.left(client);
                self.open_calls.remove(&client);
            }
            b'T' => self.ask(client, Call::Text(said)),
            b'G' => self.ask(client, Call::Get { path: said, query: "", if_none_match: None }),
            b'A' => self.answer(Ok(QueryAnswer::unproven("{\"height\":\"1\"}"))),
            b'E' => self.answer(Err(QueryError::Internal { why: said.to_owned() }.into())),
            b'R' => {
                if let Some(query) = self.queries.pop_front() {
                    self.rpc.answered_ready(query, &[]);
                }
            }
            b'H' => self.rpc.head_changed(ChainId(1), "{\"height\":\"2\"}"),
            b'D' => self.rpc.drained(client, said.len()),
            b'O' => self.rpc.chain_removed(ChainId(1)),
            _ => {}
        }
    }

    fn join(&mut self, client: ClientId, scope: Scope, kind: ClientKind) {
        self.rpc.joined(client, scope, kind);
        self.open_calls.insert(client, 0);
    }

    fn ask(&mut self, client: ClientId, call: Call<'_>) {
        *self.open_calls.entry(client).or_default() += 1;
        self.rpc.asked(client, call);
    }

    fn answer(&mut self, result: Result<QueryAnswer, RpcError>) {
        if let Some(query) = self.forgotten.pop() {
            self.rpc.answered(query, result.clone());
        }
        if let Some(query) = self.queries.pop_front() {
            self.rpc.answered(query, result);
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.rpc.poll() {
            match action {
                RpcAction::Own { query, row, .. } if *row == own::READYZ => self.rpc.answered_ready(query, &[]),
                RpcAction::Own { query, .. } => {
                    self.rpc.answered(query, Ok(QueryAnswer::unproven("{}")));
                }
                RpcAction::Ask { query, .. } => self.queries.push_back(query),
                RpcAction::Hangup(client) => {
                    self.open_calls.remove(&client);
                }
                RpcAction::Forget(query) => {
                    self.queries.retain(|waiting| *waiting != query);
                    self.forgotten.push(query);
                }
                RpcAction::Reply(client, answer) => {
                    self.replies += 1;
                    if let Some(body) = &answer.body {
                        let json: serde_json::Value = serde_json::from_str(&body.text()).expect("an answer is JSON");
                        if json.get("method").is_some() {
                            continue;
                        }
                    }
                    let open = self.open_calls.get_mut(&client).expect("an answer for nobody");
                    *open = open.checked_sub(1).expect("an answer that nobody asked for");
                }
            }
        }
        assert!(self.rpc.client_count() <= EXCHANGES_MAX + SOCKETS_MAX + CONTROL_CLIENTS_MAX);
        assert!(self.rpc.in_flight_count() <= REQUESTS_IN_FLIGHT_TOTAL_MAX);
        assert_eq!(self.rpc.in_flight_count(), self.queries.len(), "queries and what is counted as in flight");
    }
}
