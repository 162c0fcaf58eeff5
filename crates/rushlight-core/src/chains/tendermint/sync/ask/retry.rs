//! Asking again: what is done with answers that do not fit, and with those that are refusals, before anybody is accused.

use crate::base::PeerId;
use crate::chains::tendermint::decode::DecodeError;
use crate::chains::tendermint::decode::json::{NodeError, NodeStatus};
use crate::chains::tendermint::sync::ask::request::{Failed, Got, RequestId, Want, failed, lying};
use crate::chains::tendermint::sync::ask::{FetchAction, Fetcher, JOIN_RETRIES};
use crate::chains::{Reply, To, Verdict};
use alloc::format;
use alloc::string::{String, ToString};

/// So much of an answer that cannot be read is shown to people.
const SHOWN_BYTES_MAX: usize = 40;

impl Fetcher {
    /// Asks again for parts that do not fit. When they came from several providers nobody knows whose is wrong, and one
    /// liar could have an honest provider sent away; then all of it is asked of one.
    pub(crate) fn misfit(&mut self, id: RequestId, peer: PeerId, why: String) -> Option<Got> {
        let request = self.requests.get_mut(&id)?;
        if request.givers.len() > 1 {
            request.to = To::Only(peer);
            request.retries = JOIN_RETRIES;
        }
        self.retry(id, peer, why)
    }

    /// Asks again for everything of a request, a few times; then its sender is a liar.
    pub(crate) fn retry(&mut self, id: RequestId, peer: PeerId, why: String) -> Option<Got> {
        let request = self.requests.get_mut(&id)?;
        let Some(left) = request.retries.checked_sub(1) else { return Some(lying(peer, why)) };
        request.retries = left;
        for ask in request.restart() {
            self.asks.remove(&ask);
            self.actions.push_back(FetchAction::Cancel(ask));
        }
        match self.requests.get(&id)?.want {
            Want::Headers | Want::Single => return Some(failed(peer, Verdict::Refusing, why)),
            Want::Validators(_) => self.ask_page(id),
            _ => self.ask_commit(id),
        }
        None
    }

    /// Asks another provider that says it has the height, when anybody may answer and `peer` will not. Whoever is fastest would
    /// be asked again, and could by refusing keep everybody else from answering.
    pub(crate) fn ask_another(&mut self, id: RequestId, peer: PeerId) -> bool {
        let Some(request) = self.requests.get_mut(&id) else { return false };
        let is_open = request.to == To::Any || !request.refused_by.is_empty();
        // Headers are asked for again by whoever wants them.
        if !is_open || matches!(request.want, Want::Status | Want::Headers | Want::Single) {
            return false;
        }
        request.refused_by.push(peer);
        let has =
            |status: &NodeStatus| status.earliest_height <= request.height && request.height <= status.latest_height;
        let mut others = self.statuses.iter().filter(|(peer, _)| !request.refused_by.contains(peer));
        let Some(other) = others.find(|(_, status)| has(status)).map(|(peer, _)| *peer) else { return false };
        request.to = To::Only(other);
        for ask in request.restart() {
            self.asks.remove(&ask);
            self.actions.push_back(FetchAction::Cancel(ask));
        }
        match self.requests.get(&id).map(|request| request.want) {
            Some(Want::Validators(_)) => self.ask_page(id),
            _ => self.ask_commit(id),
        }
        true
    }

    /// Judges an answer that cannot be read. What has not even the shape of an answer (a gateway's page, a proxy's error, a
    /// version yet to come) says nothing, so nothing in it is a lie; what has the shape and breaks a rule is one.
    pub(crate) fn undecodable(
        &mut self,
        id: RequestId,
        peer: PeerId,
        error: &DecodeError,
        reply: Reply<'_>,
    ) -> Option<Got> {
        if !error.is_of_another_shape() {
            return Some(lying(peer, error.to_string()));
        }
        let begin = String::from_utf8_lossy(reply.body.get(..SHOWN_BYTES_MAX).unwrap_or(reply.body));
        let why = format!("its answer with HTTP status {} cannot be read: {error}; it begins {begin:?}", reply.status);
        if self.ask_another(id, peer) {
            self.faults.push(Failed::by(peer, Verdict::Refusing, why));
            return None;
        }
        Some(failed(peer, Verdict::Refusing, why))
    }

    /// Judges a node's error by what it said of its heights, not by the words of the error, which every version and
    /// every gateway phrases in its own way.
    pub(crate) fn node_error(&mut self, id: RequestId, peer: PeerId, error: &NodeError) -> Option<Got> {
        if self.ask_another(id, peer) {
            return None;
        }
        let height = self.requests.get(&id)?.height;
        let status = self.statuses.get(&peer);
        let verdict = match status {
            Some(status) if height > status.latest_height => Verdict::Behind,
            Some(status) if height < status.earliest_height => Verdict::Pruned,
            _ if self.requests.get(&id).is_some_and(|request| request.retries > 0) => {
                return self.retry(id, peer, error.to_string());
            }
            _ => Verdict::Refusing,
        };
        Some(failed(peer, verdict, error.to_string()))
    }
}
