//! The dispatcher: from clients' calls to what the node is asked, and from its results to clients' answers.

use super::client::{Client, page, page_failure};
use super::limits::{REQUESTS_IN_FLIGHT_MAX, REQUESTS_IN_FLIGHT_TOTAL_MAX};
use super::places::{Places, Pot};
use super::request::{self, Id, Refused, Request, Requests};
use super::response::failure;
use super::table::{Owner, Table, UNKNOWN_LABEL};
use super::{
    Answer, Bound, Call, ClientKind, Kind, QueryAnswer, QueryError, RUSHLIGHT, Row, RpcAction, RpcError, Scope,
    Verified, bound, own, reference,
};
use crate::base::{ChainId, ClientId, QueryId};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The dispatcher's state: clients, what they wait for, what they subscribed to.
///
/// Drain [`Rpc::poll`] to `None` after every other call. Nothing here panics, whatever the clients send; what is kept
/// of them is bounded by [`super::limits`].
#[derive(Default)]
pub struct Rpc {
    pub(super) clients: BTreeMap<ClientId, Client>,
    pub(super) table: Table,
    places: Places,
    pub(super) queries: BTreeMap<QueryId, Origin>,
    pub(super) heads: BTreeMap<ChainId, Arc<str>>,
    counts: BTreeMap<(&'static str, i32), u64>,
    pub(super) actions: VecDeque<RpcAction>,
    last_number: u64,
}

/// Where the result of a query goes.
pub(super) struct Origin {
    client: ClientId,
    epoch: u64,
    pub(super) target: Target,
    /// What was asked.
    pub(super) row: &'static Row,
}

pub(super) enum Target {
    /// The response at this place of this call.
    Response { call: u64, place: usize },
    /// This GET.
    Get { call: u64 },
    /// Nowhere: it was a notification.
    Nobody,
}

/// What a request came to.
enum Outcome {
    /// Its result, as JSON text.
    Result(String),
    /// Whoever this is has to be asked.
    Ask(Asked),
}

/// Who is to be asked, about what.
pub(super) enum Asked {
    Node,
    Chain(ChainId, Bound),
}

impl Rpc {
    /// Returns a dispatcher without clients.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a chain that clients may ask about: its name in the configuration, and the methods that it answers.
    pub fn chain_added(&mut self, chain: ChainId, name: &str, rows: Vec<&'static Row>) {
        self.table.add(chain, name, rows);
    }

    /// Forgets a chain that the node no longer follows.
    pub fn chain_removed(&mut self, chain: ChainId) {
        self.table.remove(chain);
        self.heads.remove(&chain);
    }

    /// Takes in a client, if there is a place among those of its kind. Where there is none a socket is hung up on; anybody
    /// else gets 503 when it asks.
    pub fn joined(&mut self, client: ClientId, scope: Scope, kind: ClientKind) {
        self.left(client);
        if self.places.take(Pot::of(scope, kind)) {
            let epoch = self.next_number();
            self.clients.insert(client, Client::new(epoch, scope, kind));
        } else if kind == ClientKind::Socket {
            self.actions.push_back(RpcAction::Hangup(client));
        }
    }

    /// Forgets a client and what it waits for; the node is told to stop working on it. So leaving frees the places that it
    /// had in flight, and leaving and joining again does not get round the bound.
    pub fn left(&mut self, client: ClientId) {
        let Some(state) = self.clients.remove(&client) else { return };
        self.places.give_back(Pot::of(state.scope, state.kind));
        let asked = self.queries.iter().filter(|(_, origin)| origin.client == client).map(|(query, _)| *query);
        for query in asked.collect::<Vec<_>>() {
            self.queries.remove(&query);
            self.actions.push_back(RpcAction::Forget(query));
        }
    }

    /// Takes in a call of a client. It gets exactly one [`RpcAction::Reply`], unless it is hung up on before.
    pub fn asked(&mut self, client: ClientId, call: Call<'_>) {
        let Some(state) = self.clients.get_mut(&client) else {
            self.refuse(client, call);
            return;
        };
        if state.is_hung_up {
            return;
        }
        if state.is_full() {
            self.hang_up(client);
            return;
        }
        let number = self.next_number();
        match call {
            Call::Text(text) => self.asked_text(client, number, text),
            Call::Get { path, query, if_none_match } => self.asked_get(client, number, path, query, if_none_match),
        }
        self.flush(client, number);
    }

    /// Takes in the result of a query. One that nobody waits for any more is ignored.
    pub fn answered(&mut self, query: QueryId, result: Result<QueryAnswer, RpcError>) {
        let Some(origin) = self.queries.remove(&query) else { return };
        self.count(origin.row.name, result.as_ref().err().map_or(0, RpcError::code));
        let row = origin.row;
        match origin.target {
            Target::Response { call, place } => {
                self.settle(&origin, call, |state| state.settle(call, place, result, row.verified, row.dialect));
            }
            Target::Get { call } => self.settle(&origin, call, |state| state.settle_get(call, page(row, result))),
            Target::Nobody => {
                self.waiting_client(&origin);
            }
        }
    }

    /// Notes that the driver has written `bytes` to a client.
    pub fn drained(&mut self, client: ClientId, bytes: usize) {
        if let Some(state) = self.clients.get_mut(&client) {
            state.drained(bytes);
        }
    }

    /// Returns the next thing to do.
    pub fn poll(&mut self) -> Option<RpcAction> {
        self.actions.pop_front()
    }

    /// Returns how many requests were answered, by method label and JSON-RPC error code (0 for success).
    ///
    /// Labels are names of rows or [`UNKNOWN_LABEL`], so their number is bounded whatever clients send.
    pub fn counts(&self) -> &BTreeMap<(&'static str, i32), u64> {
        &self.counts
    }

    /// Returns how many clients are connected.
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// Returns how many subscriptions are open.
    pub fn subscription_count(&self) -> usize {
        self.clients.values().map(|state| state.subscriptions.len()).sum()
    }

    /// Returns how many requests the node works on.
    pub fn in_flight_count(&self) -> usize {
        self.queries.len()
    }

    fn asked_text(&mut self, client: ClientId, call: u64, text: &str) {
        match request::decode(text) {
            Err(error) => {
                self.begin_text(client, call, false);
                self.asked_one(client, call, Err(Refused { id: Id::null(), error }));
            }
            Ok(Requests::Single(request)) => {
                self.begin_text(client, call, false);
                self.asked_one(client, call, request);
            }
            Ok(Requests::Batch(requests)) => {
                self.begin_text(client, call, true);
                for request in requests {
                    self.asked_one(client, call, request);
                }
            }
        }
    }

    fn begin_text(&mut self, client: ClientId, call: u64, is_batch: bool) {
        if let Some(state) = self.clients.get_mut(&client) {
            state.begin_text(call, is_batch);
        }
    }

    fn asked_one(&mut self, client: ClientId, call: u64, request: Result<Request<'_>, Refused>) {
        let Some(state) = self.clients.get_mut(&client).filter(|state| !state.is_hung_up) else { return };
        let request = match request {
            Ok(request) => request,
            Err(Refused { id, error }) => {
                let place = state.open(call, id);
                state.settle(call, place, Err(error.clone()), Verified::No, &RUSHLIGHT);
                self.count(UNKNOWN_LABEL, error.code());
                return;
            }
        };
        let scope = state.scope;
        let place = request.id.clone().map(|id| state.open(call, id));
        let (row, owner) = match self.table.find(&request.method, scope) {
            Ok(found) => found,
            Err(error) => {
                self.settle_now(client, call, place, None, Err(error));
                return;
            }
        };
        match self.execute(client, call, row, owner, &request) {
            Ok(Outcome::Result(json)) => {
                self.settle_now(client, call, place, Some(row), Ok(QueryAnswer::unproven(json)));
            }
            Ok(Outcome::Ask(asked)) => {
                let target = place.map_or(Target::Nobody, |place| Target::Response { call, place });
                if let Err(error) = self.dispatch(client, target, row, asked) {
                    self.settle_now(client, call, place, Some(row), Err(error));
                }
            }
            Err(error) => self.settle_now(client, call, place, Some(row), Err(error)),
        }
    }

    fn execute(
        &mut self,
        client: ClientId,
        call: u64,
        row: &'static Row,
        owner: Owner,
        request: &Request<'_>,
    ) -> Result<Outcome, RpcError> {
        let bound = bound::bind(row, request.params)?;
        match row.kind {
            Kind::Unsubscribe => {
                let subscription = row.params.first().and_then(|param| bound.subscription(param.name));
                Ok(Outcome::Result(self.unsubscribe(client, subscription).to_string()))
            }
            // Nobody would see what it finds, so it is not looked for.
            Kind::Read | Kind::Subscribe if request.id.is_none() => Ok(Outcome::Result(String::new())),
            Kind::Subscribe => self.subscribe(client, call, row.name).map(Outcome::Result),
            Kind::Read if *row == own::METHODS => {
                let scope = self.clients.get(&client).map(|state| state.scope);
                let rows = scope.map(|scope| self.table.methods(scope)).unwrap_or_default();
                Ok(Outcome::Result(reference::help(&rows)))
            }
            Kind::Read | Kind::Order | Kind::Page => self.whom_to_ask(owner, bound).map(Outcome::Ask),
        }
    }

    pub(super) fn whom_to_ask(&self, owner: Owner, bound: Bound) -> Result<Asked, RpcError> {
        match owner {
            Owner::Node => Ok(Asked::Node),
            Owner::Chain(chain) => Ok(Asked::Chain(chain, bound)),
            Owner::SomeChain => Err(RpcError::ChainNeeded { names: self.table.names() }),
        }
    }

    pub(super) fn dispatch(
        &mut self,
        client: ClientId,
        target: Target,
        row: &'static Row,
        asked: Asked,
    ) -> Result<(), RpcError> {
        let query = QueryId(self.next_number());
        let Some(state) = self.clients.get_mut(&client) else { return Ok(()) };
        // Whoever looks after the node must be heard above any number of proofs.
        if matches!(asked, Asked::Chain(..)) {
            if state.in_flight >= REQUESTS_IN_FLIGHT_MAX {
                return Err(QueryError::Busy { waiting: state.in_flight }.into());
            }
            if self.queries.len() >= REQUESTS_IN_FLIGHT_TOTAL_MAX {
                return Err(QueryError::Busy { waiting: self.queries.len() }.into());
            }
        }
        state.in_flight = state.in_flight.saturating_add(1);
        let scope = state.scope;
        self.queries.insert(query, Origin { client, epoch: state.epoch, target, row });
        self.actions.push_back(match asked {
            Asked::Node => RpcAction::Own { query, scope, row },
            Asked::Chain(chain, bound) => RpcAction::Ask { query, chain, row, bound },
        });
        Ok(())
    }

    /// Fills in the response to a request that the node need not be asked about.
    fn settle_now(
        &mut self,
        client: ClientId,
        call: u64,
        place: Option<usize>,
        row: Option<&'static Row>,
        result: Result<QueryAnswer, RpcError>,
    ) {
        self.count(row.map_or(UNKNOWN_LABEL, |row| row.name), result.as_ref().err().map_or(0, RpcError::code));
        if let (Some(place), Some(state)) = (place, self.clients.get_mut(&client)) {
            let (most, dialect) = row.map_or((Verified::No, &RUSHLIGHT as _), |row| (row.verified, row.dialect));
            state.settle(call, place, result, most, dialect);
        }
    }

    /// Fills in what `origin` waits for, unless its client left or too much waits for it already.
    pub(super) fn settle(&mut self, origin: &Origin, call: u64, fill: impl FnOnce(&mut Client)) {
        let Some(state) = self.waiting_client(origin) else { return };
        if state.is_full_beside(call) {
            self.hang_up(origin.client);
            return;
        }
        fill(state);
        self.flush(origin.client, call);
    }

    /// Returns the client that `origin` waits for, with one request less in flight; `None` if it is gone.
    fn waiting_client(&mut self, origin: &Origin) -> Option<&mut Client> {
        let state = self.clients.get_mut(&origin.client).filter(|state| state.epoch == origin.epoch)?;
        state.in_flight = state.in_flight.saturating_sub(1);
        (!state.is_hung_up).then_some(state)
    }

    /// Gives the client the answer to `call`, if it is whole. Answers leave as they are ready: each says by its id to what it
    /// is one, and a client need not wait for what it asked before.
    pub(super) fn flush(&mut self, client: ClientId, call: u64) {
        let Some(answered) = self.clients.get_mut(&client).and_then(|state| state.take_answered(call)) else { return };
        self.actions.push_back(RpcAction::Reply(client, answered.answer));
        for subscription in answered.starts {
            self.start(client, subscription);
        }
    }

    pub(super) fn hang_up(&mut self, client: ClientId) {
        if let Some(state) = self.clients.get_mut(&client) {
            state.hang_up();
            self.actions.push_back(RpcAction::Hangup(client));
        }
    }

    /// Answers a client that was never let in.
    fn refuse(&mut self, client: ClientId, call: Call<'_>) {
        let error = RpcError::TooManyClients;
        let answer = match call {
            Call::Text(_) => {
                self.count(UNKNOWN_LABEL, error.code());
                let body = failure(Id::null().as_json(), &error, &RUSHLIGHT);
                Answer { retry_after: error.retry_after(), ..Answer::json(error.http_status(), body) }
            }
            Call::Get { .. } => page_failure(&error, &RUSHLIGHT),
        };
        self.actions.push_back(RpcAction::Reply(client, answer));
    }

    pub(super) fn count(&mut self, label: &'static str, code: i32) {
        let count = self.counts.entry((label, code)).or_insert(0);
        *count = count.saturating_add(1);
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number = self.last_number.saturating_add(1);
        self.last_number
    }
}
