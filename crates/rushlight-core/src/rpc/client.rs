//! What is kept of one client: its calls, its subscriptions, and the bytes that wait for it.

use super::answer::Standing;
use super::body::{Body, Writer};
use super::dialect::{Dialect, Via};
use super::http::routes;
use super::limits::{BATCH_ANSWER_BYTES_MAX, CALL_BYTES, QUEUED_BYTES_MAX};
use super::queued::Queued;
use super::request::Id;
use super::response::{error_object, failure, success};
use super::{Answer, QueryAnswer, QueryError, Row, RpcError, Scope, Verified};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
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
    /// Calls without an answer yet.
    calls: BTreeMap<u64, Pending>,
    /// Bytes of `calls`: their sum, kept so that it need not be taken again for each call.
    held_bytes: usize,
    /// Answers given to the driver that it has not written yet.
    queued: Queued,
}

/// A call whose answer is not given yet, because a request in it is still being worked on.
struct Pending {
    answer: Draft,
    waiting: usize,
    bytes: usize,
    starts: Vec<u64>,
}

/// An answer in the making.
enum Draft {
    /// JSON-RPC text: one response for each request that has an id.
    Text { is_batch: bool, responses: Vec<Response> },
    /// A GET, and the bodies that its client has already.
    Get { if_none_match: Option<String>, answer: Option<Box<Answer>> },
}

enum Response {
    Waiting(Id),
    Settled(Settled),
}

struct Settled {
    body: Body,
    /// What stands behind the result; `None` for an error, which claims nothing.
    standing: Option<Standing>,
    status: u16,
    retry_after: Option<u32>,
    dialect: &'static dyn Dialect,
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
            calls: BTreeMap::new(),
            held_bytes: 0,
            queued: Queued::default(),
        }
    }

    /// Tells whether so much waits for this client that no more may be added.
    pub(super) fn is_full(&self) -> bool {
        self.waiting_bytes() >= QUEUED_BYTES_MAX
    }

    /// Tells whether so much waits for this client beside `call` that nothing may be added to that.
    pub(super) fn is_full_beside(&self, call: u64) -> bool {
        let own = self.calls.get(&call).map_or(0, |pending| pending.bytes);
        self.waiting_bytes().saturating_sub(own) >= QUEUED_BYTES_MAX
    }

    fn waiting_bytes(&self) -> usize {
        self.held_bytes.saturating_add(self.queued.piled_up())
    }

    /// Forgets everything that waits.
    pub(super) fn hang_up(&mut self) {
        self.is_hung_up = true;
        self.calls.clear();
        self.subscriptions.clear();
        self.held_bytes = 0;
        self.queued = Queued::default();
    }

    /// Notes that a message of `bytes` was given to the driver.
    pub(super) fn queued(&mut self, bytes: usize) {
        self.queued.push(bytes);
    }

    /// Notes that the driver has written `bytes`.
    pub(super) fn drained(&mut self, bytes: usize) {
        self.queued.drained(bytes);
    }

    /// Begins a call of JSON-RPC text; `call` is another one than all earlier ones.
    pub(super) fn begin_text(&mut self, call: u64, is_batch: bool) {
        self.begin(call, Draft::Text { is_batch, responses: Vec::new() }, 0, CALL_BYTES);
    }

    /// Begins a GET.
    pub(super) fn begin_get(&mut self, call: u64, if_none_match: Option<&str>) {
        let bytes = CALL_BYTES.saturating_add(if_none_match.map_or(0, str::len));
        let if_none_match = if_none_match.map(ToString::to_string);
        self.begin(call, Draft::Get { if_none_match, answer: None }, 1, bytes);
    }

    fn begin(&mut self, call: u64, answer: Draft, waiting: usize, bytes: usize) {
        self.calls.insert(call, Pending { answer, waiting, bytes: 0, starts: Vec::new() });
        self.charge(call, bytes);
    }

    /// Makes room for the response to a request of `call` and returns its place.
    pub(super) fn open(&mut self, call: u64, id: Id) -> usize {
        self.charge(call, id.as_json().len());
        let Some(pending) = self.calls.get_mut(&call) else { return 0 };
        let Draft::Text { responses, .. } = &mut pending.answer else { return 0 };
        responses.push(Response::Waiting(id));
        pending.waiting = pending.waiting.saturating_add(1);
        responses.len().saturating_sub(1)
    }

    /// Fills in the response at `place` of `call`, in the forms of `dialect`; `most` is what the method verifies. A call or
    /// place that does not wait for one is left alone.
    pub(super) fn settle(
        &mut self,
        call: u64,
        place: usize,
        result: Result<QueryAnswer, RpcError>,
        most: Verified,
        dialect: &'static dyn Dialect,
    ) {
        let Some(pending) = self.calls.get_mut(&call) else { return };
        let Draft::Text { is_batch, responses } = &mut pending.answer else { return };
        let Some(response) = responses.get_mut(place) else { return };
        let Response::Waiting(id) = response else { return };
        // One small batch must not make the node hold a hundred large results at once.
        let result = match result {
            Ok(_) if *is_batch && pending.bytes >= BATCH_ANSWER_BYTES_MAX => Err(RpcError::BatchAnswerTooLarge),
            result => result,
        };
        let settled = match result {
            Ok(answer) => Settled {
                body: success(id.as_json(), &answer.json),
                standing: Some(Standing { verified: answer.verified(most), proven: answer.proven }),
                status: 200,
                retry_after: None,
                dialect,
            },
            Err(error) => Settled {
                body: failure(id.as_json(), &error, dialect),
                standing: None,
                status: dialect.status(&error, Via::Text),
                retry_after: error.retry_after(),
                dialect,
            },
        };
        let bytes = settled.body.len();
        *response = Response::Settled(settled);
        pending.waiting = pending.waiting.saturating_sub(1);
        self.charge(call, bytes);
    }

    /// Notes that the answer to `call` tells the id of `subscription`.
    pub(super) fn starts(&mut self, call: u64, subscription: u64) {
        self.subscriptions.insert(subscription, false);
        if let Some(pending) = self.calls.get_mut(&call) {
            pending.starts.push(subscription);
        }
    }

    /// Fills in the answer to the GET `call`.
    pub(super) fn settle_get(&mut self, call: u64, given: Answer) {
        let bytes = given.body.as_ref().map_or(0, Body::len);
        let Some(pending) = self.calls.get_mut(&call) else { return };
        let Draft::Get { if_none_match, answer: answer @ None } = &mut pending.answer else { return };
        *answer = Some(Box::new(routes::conditional(given, if_none_match.as_deref())));
        pending.waiting = 0;
        self.charge(call, bytes);
    }

    /// Returns the answer to `call` if nothing in it waits any more, and counts it as queued.
    pub(super) fn take_answered(&mut self, call: u64) -> Option<Answered> {
        if self.calls.get(&call)?.waiting > 0 {
            return None;
        }
        let pending = self.calls.remove(&call)?;
        self.held_bytes = self.held_bytes.saturating_sub(pending.bytes);
        let answer = match pending.answer {
            Draft::Text { is_batch, responses } => text_answer(is_batch, responses),
            Draft::Get { answer: Some(answer), .. } => *answer,
            Draft::Get { answer: None, .. } => page_failure(
                &QueryError::Internal { why: "a GET was left without an answer".into() }.into(),
                &super::RUSHLIGHT,
            ),
        };
        if let Some(body) = &answer.body {
            self.queued(body.len());
        }
        Some(Answered { answer, starts: pending.starts })
    }

    fn charge(&mut self, call: u64, bytes: usize) {
        if let Some(pending) = self.calls.get_mut(&call) {
            pending.bytes = pending.bytes.saturating_add(bytes);
            self.held_bytes = self.held_bytes.saturating_add(bytes);
        }
    }
}

/// Returns the answer to a GET of `row`.
pub(super) fn page(row: &Row, result: Result<QueryAnswer, RpcError>) -> Answer {
    let result = match result {
        Ok(result) => result,
        Err(error) => return page_failure(&error, row.dialect),
    };
    let mut writer = Writer::default();
    match row.dialect.page_id() {
        Some(id) => writer.push_body(&success(id, &result.json)),
        None => writer.push_shared(&result.json),
    }
    Answer {
        verified: Some(result.verified(row.verified)),
        proven: result.proven,
        etag: result.etag,
        max_age: result.max_age,
        ..Answer::json(200, writer.finish())
    }
}

/// Returns the answer to a GET that failed.
pub(super) fn page_failure(error: &RpcError, dialect: &'static dyn Dialect) -> Answer {
    let body = match dialect.page_id() {
        Some(id) => failure(id, error, dialect),
        None => format!(r#"{{"error":{}}}"#, error_object(error, dialect)).into(),
    };
    Answer { retry_after: error.retry_after(), ..Answer::json(dialect.status(error, Via::Get), body) }
}

fn text_answer(is_batch: bool, responses: Vec<Response>) -> Answer {
    let settled = responses.into_iter().filter_map(|response| match response {
        Response::Settled(settled) => Some(settled),
        Response::Waiting(_) => None,
    });
    let settled: Vec<Settled> = settled.collect();
    let Some(first) = settled.first() else { return Answer::empty(204) };
    let standing = settled.iter().filter_map(|settled| settled.standing.clone()).reduce(Standing::weaker);
    let (verified, proven) = standing.map_or((None, None), |standing| (Some(standing.verified), standing.proven));
    let is_alone = !is_batch || (settled.len() == 1 && first.dialect.is_batch_of_one_alone());
    let (status, retry_after) = if is_batch { (200, None) } else { (first.status, first.retry_after) };
    let mut writer = Writer::default();
    for (at, settled) in settled.iter().enumerate() {
        writer.push(match at {
            _ if is_alone => "",
            0 => "[",
            _ => ",",
        });
        writer.push_body(&settled.body);
    }
    writer.push(if is_alone { "" } else { "]" });
    Answer { verified, proven, retry_after, ..Answer::json(status, writer.finish()) }
}
