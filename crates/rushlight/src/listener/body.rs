//! Answers as HTTP, and their bodies on the way out.

use super::doing::Doing;
use crate::outbox::parts;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use rushlight_core::rpc::{Answer, Verified};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How much of a body is handed over at a time: what is on its way to the system has left our count of it.
const PART_BYTES: usize = 16 << 10;

/// An answer whose body is not on its way yet.
pub(crate) type HttpAnswer = Response<VecDeque<Bytes>>;

/// The body of an answer; it tells when all of it was handed over.
pub(super) struct AnswerBody {
    rest: VecDeque<Bytes>,
    doing: Arc<Doing>,
}

impl AnswerBody {
    pub(super) fn new(parts: VecDeque<Bytes>, doing: Arc<Doing>) -> Self {
        Self { rest: parts, doing }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(first) = self.rest.front_mut() else { return Poll::Ready(None) };
        let part = first.split_to(first.len().min(PART_BYTES));
        if first.is_empty() {
            self.rest.pop_front();
        }
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.iter().map(|part| part.len() as u64).sum())
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.doing.handed_over();
    }
}

/// Turns an answer into HTTP: the head that it is proven at stands in headers, for clients that know no JSON of ours.
pub(super) fn http_answer(answer: Answer) -> HttpAnswer {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let has_body = answer.body.is_some();
    let mut http = Response::new(answer.body.as_ref().map(parts).unwrap_or_default());
    *http.status_mut() = status;
    let cached = answer.max_age.map_or_else(|| "no-store".to_owned(), |seconds| format!("max-age={seconds}"));
    let mut headers = vec![("cache-control", cached)];
    if has_body {
        headers.push(("content-type", answer.content_type.to_owned()));
    }
    headers.extend(answer.verified.map(|verified| ("rushlight-verified", verified.word().to_owned())));
    if let Some(Verified::Part(fields @ [_, ..])) = answer.verified {
        headers.push(("rushlight-verified-fields", fields.join(", ")));
    }
    headers.extend(answer.retry_after.map(|seconds| ("retry-after", seconds.to_string())));
    headers.extend(answer.etag.map(|etag| ("etag", etag.to_string())));
    if let Some(proven) = answer.proven {
        let certainty = proven.certainty();
        let witnesses = format!("{}/{}", certainty.witnesses_agreeing, certainty.witnesses_asked);
        headers.extend([
            ("rushlight-height", proven.header_height().to_string()),
            ("rushlight-proof-height", proven.proof_height().to_string()),
            ("rushlight-hash", proven.hash().to_string()),
            ("rushlight-finality", certainty.finality.word().to_owned()),
            ("rushlight-witnesses", witnesses),
        ]);
        headers.extend(proven.time().map(|time| ("rushlight-time", time.to_string())));
    }
    with_headers(http, headers)
}

pub(super) fn text(status: StatusCode, body: String) -> HttpAnswer {
    let parts: VecDeque<Bytes> = Some(Bytes::from(body)).filter(|body| !body.is_empty()).into_iter().collect();
    let mut answer = Response::new(parts);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

pub(super) fn with_headers(mut answer: HttpAnswer, headers: Vec<(&'static str, String)>) -> HttpAnswer {
    // A page that shows an answer of ours must not have it taken for something else.
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    insert(answer.headers_mut(), headers);
    answer
}

fn insert(to: &mut HeaderMap, headers: Vec<(&'static str, String)>) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            to.insert(HeaderName::from_static(name), value);
        }
    }
}
