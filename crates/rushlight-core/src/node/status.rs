//! What the node says of itself to clients, as JSON.

use super::{Followed, Node, Stats};
use crate::base::{ChainId, Now};
use crate::chains::{ChainStatus, Fact, Facts, Head, PeerStatus, SyncState, facts_json};
use crate::peers::PeerStats;
use crate::rpc::{Access, ChainReadiness, Scope};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use serde_json::{Value, json};

/// The version of the shape of `rushlight_status`; it grows when a member changes its meaning or goes away.
const STATUS_VERSION: u32 = 1;

/// Returns a head of the chain called `name` as subscribers get it: a client of the control socket hears of all chains.
pub(super) fn head_json(name: &str, head: &Head) -> String {
    let mut value = head_value(head);
    if let Value::Object(members) = &mut value {
        members.insert("chain".to_string(), json!(name));
    }
    value.to_string()
}

fn head_value(head: &Head) -> Value {
    let time = head.time.map(|time| time.to_rfc3339());
    json!({ "height": head.height.to_string(), "hash": head.hash.to_string(), "time": time })
}

/// Returns `common` with the facts of a family beside its members. A fact never stands in for one of them, whatever its name.
fn with_facts(common: Value, facts: &Facts) -> Value {
    let mut members = facts_json(facts);
    if let Value::Object(common) = common {
        members.extend(common);
    }
    Value::Object(members)
}

fn peer_json(peer: &PeerStats, known: Option<&PeerStatus>, access: Access) -> Value {
    let faults: serde_json::Map<String, Value> =
        peer.faults.iter().map(|(verdict, count)| (verdict.word().to_string(), json!(count))).collect();
    let common = json!({
        "address": if access == Access::Control { peer.address.exposed() } else { peer.address.origin() },
        "quarantined_for": peer.quarantined.map(|verdict| verdict.word()),
        "last_fault": peer.last_fault.as_ref().map(|(verdict, why)| json!({ "verdict": verdict.word(), "why": why })),
        "node_id": known.and_then(|known| known.node_id.clone()),
        "latest": known.and_then(|known| known.latest).map(|height| height.to_string()),
        "earliest": known.and_then(|known| known.earliest).map(|height| height.to_string()),
        "answered": peer.answered,
        "faults": faults,
        "p95_ms": peer.p95_ms,
    });
    match known {
        Some(known) => with_facts(common, &known.facts),
        // A chain says nothing of a peer that it may not ask.
        None => with_facts(common, &vec![("role", Fact::Word("quarantined"))]),
    }
}

impl Node {
    /// Returns the result of `rushlight_status`: of one chain, or of all.
    ///
    /// Addresses of providers may hold keys of their users in the path, so whoever is not on the control socket sees who is
    /// asked and not by which address.
    pub(super) fn status_json(&self, now: Now, scope: Scope) -> String {
        let chains: Vec<Value> = self
            .chains
            .iter()
            .filter(|(id, _)| scope.chain.is_none_or(|only| only == **id))
            .map(|(id, followed)| self.chain_json(now, *id, &followed.name, &followed.chain.status(now), scope.access))
            .collect();
        json!({ "status_version": STATUS_VERSION, "agent": self.config.agent, "chains": chains }).to_string()
    }

    fn chain_json(&self, now: Now, chain: ChainId, name: &str, status: &ChainStatus, access: Access) -> Value {
        let peers = self.peers.stats().into_iter().filter(|peer| peer.chains.contains(&chain));
        let providers: Vec<Value> = peers
            .map(|peer| {
                let known = status.peers.iter().find(|known| known.peer == peer.peer);
                peer_json(&peer, known, access)
            })
            .collect();
        let age = status.head.and_then(|head| head.time).map(|time| now.wall.since(time).as_secs());
        let common = json!({
            "name": name,
            "family": status.family,
            "chain_id": status.chain_id,
            "state": status.state.word(),
            "why": status.state.reason(),
            "head": status.head.as_ref().map(head_value),
            "head_age_s": age,
            "target": status.target.map(|height| height.to_string()),
            "providers": providers,
        });
        with_facts(common, &status.facts)
    }

    /// Returns plain counters and gauges.
    pub fn stats(&self, now: Now) -> Stats {
        let status = |(id, followed): (&ChainId, &Followed)| (*id, followed.name.clone(), followed.chain.status(now));
        Stats {
            chains: self.chains.iter().map(status).collect(),
            peers: self.peers.stats(),
            rpc_calls: self.rpc.counts().clone(),
            rpc_clients: self.rpc.client_count(),
            rpc_subscriptions: self.rpc.subscription_count(),
            rpc_times: self.tally.rpc_times.clone(),
            fetches_pending: self.peers.fetches_pending(),
            bytes_received: self.bytes_received,
            works_pending: self.works.len(),
            quarantines: self.tally.quarantines.clone(),
            equivocations: self.tally.equivocations.clone(),
            progress: self.tally.progress.clone(),
        }
    }

    /// Returns the chain that has this name.
    pub fn chain_by_name(&self, name: &str) -> Option<ChainId> {
        self.chains.iter().find(|(_, followed)| followed.name == name).map(|(id, _)| *id)
    }

    /// Returns for `/readyz` which chains serve.
    pub(super) fn readiness(&self, now: Now, only: Option<ChainId>) -> Vec<ChainReadiness> {
        let chains = self.chains.iter().filter(|(id, _)| only.is_none_or(|only| only == **id));
        chains
            .map(|(_, followed)| {
                let state = followed.chain.status(now).state;
                ChainReadiness {
                    chain: followed.name.clone(),
                    is_ready: matches!(state, SyncState::Synced),
                    state: state.word(),
                    why: state.reason().to_string(),
                }
            })
            .collect()
    }
}
