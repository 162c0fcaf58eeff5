//! What is kept of one client: its calls in their order, its subscriptions, and the bytes that wait for it.

use super::limits::{BATCH_ANSWER_BYTES_MAX, CALL_BYTES, QUEUED_BYTES_MAX};
use super::request::Id;
use super::response::{error_object, failure, success};
use super::{Answer, Proven, QueryResult, RpcError, Scope};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// One HTTP request: one call, one answer, nothing can be pushed.
    Exchange,
    /// A WebSocket or the control socket: many calls, and subscriptions.
    Socket,
    /// One HTTP request that asks how the node is; otherwise as an exchange. Its places are not those of the public.
    Probe,
}

/// A connected client.
pub(super) struct Client {
    /// Tells this client from an earlier one to which the driver gave the same id.
    pub(super) epoch: u64,
    pub(super) scope: Scope,
    pub(super) kind: ClientKind,
    /// Subscriptions, and whether the client has been told their id: before that nothing may be pushed.
    pub(super) subscriptions: BTreeMap<u64, bool>,
    /// Requests that the node works on.
    pub(super) in_flight: usize,
    /// Whether it was hung up on; then nothing more is read from it or said to it.
    pub(super) is_hung_up: bool,
    /// Calls without an answer yet, oldest first.
    calls: VecDeque<Pending>,
    /// Bytes of `calls`: their sum, kept so that it need not be taken again for each call.
    held_bytes: usize,
    /// Bytes of answers given to the driver that it has not written yet.
    queued_bytes: usize,
}

/// A call whose answer is not given yet, because a request in it or an earlier call is still being worked on.
struct Pending {
    call: u64,
    answer: Draft,
    waiting: usize,
    bytes: usize,
    status: u16,
    starts: Vec<u64>,
}

/// An answer in the making.
enum Draft {
    /// JSON-RPC text: one response for each request that has an id.
    Text { is_batch: bool, responses: Vec<Response> },
    /// A GET.
    Get(Option<Answer>),
}

enum Response {
    Waiting(Id),
    Settled(String, Option<Proven>),
}

/// A call that has just been answered.
pub(super) struct Answered {
    pub(super) answer: Answer,
    /// Subscriptions whose ids the answer tells: from now on they may push.
    pub(super) starts: Vec<u64>,
}

impl Client {
    pub(super) fn new(epoch: u64, scope: Scope, kind: ClientKind) -> Self {
        Self {
            epoch,
            scope,
            kind,
            subscriptions: BTreeMap::new(),
            in_flight: 0,
            is_hung_up: false,
            calls: VecDeque::new(),
            held_bytes: 0,
            queued_bytes: 0,
        }
    }

    /// Tells whether so much waits for this client that no more may be added.
    pub(super) fn is_full(&self) -> bool {
        self.waiting_bytes() >= QUEUED_BYTES_MAX
    }

    /// Tells whether so much waits for this client beside `call` that nothing may be added to that.
    pub(super) fn is_full_beside(&mut self, call: u64) -> bool {
        let own = self.pending(call).map_or(0, |pending| pending.bytes);
        self.waiting_bytes().saturating_sub(own) >= QUEUED_BYTES_MAX
    }

    fn waiting_bytes(&self) -> usize {
        self.held_bytes.saturating_add(self.queued_bytes)
    }

    /// Forgets everything that waits.
    pub(super) fn hang_up(&mut self) {
        self.is_hung_up = true;
        self.calls.clear();
        self.subscriptions.clear();
        self.held_bytes = 0;
        self.queued_bytes = 0;
    }

    /// Notes that `bytes` were given to the driver.
    pub(super) fn queued(&mut self, bytes: usize) {
        self.queued_bytes = self.queued_bytes.saturating_add(bytes);
    }

    /// Notes that the driver has written `bytes`.
    pub(super) fn drained(&mut self, bytes: usize) {
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
    }

    /// Begins a call of JSON-RPC text; `call` is above all earlier ones.
    pub(super) fn begin_text(&mut self, call: u64, is_batch: bool) {
        self.begin(call, Draft::Text { is_batch, responses: Vec::new() }, 0);
    }

    /// Begins a GET that has to wait.
    pub(super) fn begin_get(&mut self, call: u64) {
        self.begin(call, Draft::Get(None), 1);
    }

    fn begin(&mut self, call: u64, answer: Draft, waiting: usize) {
        self.calls.push_back(Pending { call, answer, waiting, bytes: 0, status: 200, starts: Vec::new() });
        self.charge(call, CALL_BYTES);
    }

    /// Makes room for the response to a request of `call` and returns its place.
    pub(super) fn open(&mut self, call: u64, id: Id) -> usize {
        self.charge(call, id.as_json().len());
        let Some(pending) = self.pending(call) else { return 0 };
        let Draft::Text { responses, .. } = &mut pending.answer else { return 0 };
        responses.push(Response::Waiting(id));
        pending.waiting = pending.waiting.saturating_add(1);
        responses.len().saturating_sub(1)
    }

    /// Fills in the response at `place` of `call`. A call or place that does not wait for one is left alone.
    pub(super) fn settle(&mut self, call: u64, place: usize, result: Result<QueryResult, RpcError>) {
        let Some(pending) = self.pending(call) else { return };
        let Draft::Text { is_batch, responses } = &mut pending.answer else { return };
        let Some(response) = responses.get_mut(place) else { return };
        let Response::Waiting(id) = response else { return };
        // One small batch must not make the node hold a hundred large results at once.
        let result = match result {
            Ok(_) if *is_batch && pending.bytes >= BATCH_ANSWER_BYTES_MAX => Err(RpcError::BatchAnswerTooLarge),
            result => result,
        };
        if let (Err(error), false) = (&result, *is_batch) {
            pending.status = error.http_status();
        }
        let (text, proven) = match result {
            Ok(result) => (success(id, &result.json), result.proven),
            Err(error) => (failure(id, &error), None),
        };
        let bytes = text.len();
        *response = Response::Settled(text, proven);
        pending.waiting = pending.waiting.saturating_sub(1);
        self.charge(call, bytes);
    }

    /// Notes that the answer to `call` tells the id of `subscription`.
    pub(super) fn starts(&mut self, call: u64, subscription: u64) {
        self.subscriptions.insert(subscription, false);
        if let Some(pending) = self.pending(call) {
            pending.starts.push(subscription);
        }
    }

    /// Fills in the answer to the GET `call`.
    pub(super) fn settle_get(&mut self, call: u64, answer: Answer) {
        let bytes = answer.body.as_ref().map_or(0, String::len);
        let Some(pending) = self.pending(call) else { return };
        let Draft::Get(draft @ None) = &mut pending.answer else { return };
        *draft = Some(answer);
        pending.waiting = 0;
        self.charge(call, bytes);
    }

    /// Returns the oldest call if nothing in it waits any more, and counts its answer as queued.
    pub(super) fn next_answered(&mut self) -> Option<Answered> {
        if self.calls.front()?.waiting > 0 {
            return None;
        }
        let pending = self.calls.pop_front()?;
        self.held_bytes = self.held_bytes.saturating_sub(pending.bytes);
        let answer = match pending.answer {
            Draft::Text { is_batch, responses } => text_answer(pending.status, is_batch, responses),
            Draft::Get(Some(answer)) => answer,
            Draft::Get(None) => route_failure(&RpcError::Internal { why: "a GET was left without an answer".into() }),
        };
        self.queued(answer.body.as_ref().map_or(0, String::len));
        Some(Answered { answer, starts: pending.starts })
    }

    fn charge(&mut self, call: u64, bytes: usize) {
        if let Some(pending) = self.pending(call) {
            pending.bytes = pending.bytes.saturating_add(bytes);
            self.held_bytes = self.held_bytes.saturating_add(bytes);
        }
    }

    fn pending(&mut self, call: u64) -> Option<&mut Pending> {
        let at = self.calls.binary_search_by_key(&call, |pending| pending.call).ok()?;
        self.calls.get_mut(at)
    }
}

/// Returns the answer to a GET that failed.
pub(super) fn route_failure(error: &RpcError) -> Answer {
    let body = Some(format!(r#"{{"error":{}}}"#, error_object(error)));
    let status = if error.http_status() == 200 { 503 } else { error.http_status() };
    Answer { status, body, proven: None, etag: None, max_age: None }
}

fn text_answer(status: u16, is_batch: bool, responses: Vec<Response>) -> Answer {
    let mut texts = Vec::with_capacity(responses.len());
    let mut heads = Vec::with_capacity(responses.len());
    for response in responses {
        if let Response::Settled(text, proven) = response {
            texts.push(text);
            heads.push(proven);
        }
    }
    // A batch is proven at a head only when all of it is proven at the same one.
    let proven = match heads.split_first() {
        Some((first, rest)) if rest.iter().all(|other| other == first) => first.clone(),
        _ => None,
    };
    let (status, body) = match (texts.is_empty(), is_batch) {
        (true, _) => (204, None),
        (false, false) => (status, texts.pop()),
        (false, true) => (status, Some(format!("[{}]", texts.join(",")))),
    };
    Answer { status, body, proven, etag: None, max_age: None }
}
