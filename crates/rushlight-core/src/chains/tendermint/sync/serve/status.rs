//! What a chain says of itself, and why it is not synced, in words.

use crate::base::{Now, PeerId, UnixTime};
use crate::chains::tendermint::NAME_TEXT;
use crate::chains::tendermint::sync::TendermintChain;
use crate::chains::tendermint::sync::ask::Failed;
use crate::chains::{ChainStatus, Fact, Facts, Head, PeerStatus, SyncState};
use crate::rpc::Finality;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// A head older than this is stale: verified, but not what the chain is now.
const STALE_AFTER: Duration = Duration::from_secs(300);
/// So many heights may be between the head and what the primary says before the chain counts as syncing.
const BEHIND_HEIGHTS_MAX: u64 = 3;

impl TendermintChain {
    pub(crate) fn describe(&self, now: Now) -> ChainStatus {
        let target = self.primary.and_then(|peer| self.desk.fetcher.status_of(peer)).map(|status| status.latest_height);
        ChainStatus {
            family: NAME_TEXT,
            chain_id: self.spec.chain_id.clone(),
            head: self.head.as_ref().map(|head| Head {
                height: head.height(),
                hash: head.hash(),
                time: Some(head.time()),
            }),
            target,
            state: self.state(target, now),
            facts: self.facts(now),
            peers: self.describe_providers(),
        }
    }

    fn facts(&self, now: Now) -> Facts {
        let expires = self.head.as_ref().map(|head| head.time().after(self.desk.rules.trusting_period));
        let guarantee = self.head.as_ref().map(|_| {
            vec![
                ("finality", Fact::Word(Finality::Final.word())),
                ("witnesses_agreeing", Fact::Number(self.head_witnesses.0.into())),
                ("witnesses_asked", Fact::Number(self.head_witnesses.1.into())),
            ]
        });
        let left = |at: UnixTime| Fact::Number(at.since(now.wall).as_secs());
        vec![
            ("trust_expires", expires.map_or(Fact::Unknown, Fact::Time)),
            ("trust_remaining_s", expires.map_or(Fact::Unknown, left)),
            ("guarantee", guarantee.map_or(Fact::Unknown, Fact::Group)),
            ("headers_verified", Fact::Count(self.desk.headers_verified)),
            ("blocks_fetched", Fact::Count(self.desk.fetcher.blocks_fetched)),
            ("signatures_checked", Fact::Count(self.desk.signatures_checked)),
        ]
    }

    fn state(&self, target: Option<u64>, now: Now) -> SyncState {
        if let Some(freeze) = &self.freeze {
            let (height, ours, theirs) =
                (freeze.ours.header.height, freeze.ours.header.hash(), freeze.theirs.header.hash());
            let from = if freeze.primary.is_empty() { "the adopted chain" } else { &freeze.primary };
            let served = self.served_since(height).map_or_else(String::new, |to| {
                format!("; heads of heights {height} to {to} were served before that was known")
            });
            return SyncState::Frozen(format!(
                "two headers of height {height} are signed by trusted validators: {ours} from {from}, and {theirs} from {}{served}; \
                 somebody attacks this chain. Compare with sources you trust; then set the store aside (rushlight doctor \
                 --set-aside-store) and start anew from a checkpoint",
                freeze.witness
            ));
        }
        if let Some((height, at)) = self.is_expired {
            return SyncState::Expired(format!(
                "trust in height {height} ended at {at}; give a newer checkpoint (rushlight checkpoint import)"
            ));
        }
        if self.is_clock_behind {
            return SyncState::Stale(format!(
                "this machine's clock says {}, but {} has been before; set the clock",
                now.wall,
                self.clock.highest_wall()
            ));
        }
        if let Some(broken) = &self.broken {
            return SyncState::Broken(broken.describe(now.instant));
        }
        let because = self.because();
        let Some(head) = &self.head else {
            let what = match (self.peers.is_empty(), &self.adoption) {
                (true, _) => "no provider can be asked now",
                (_, Some(_)) => "the checkpoint is being saved",
                _ => "the checkpoint's block is being fetched",
            };
            return SyncState::Syncing(format!("{what}{because}"));
        };
        let Some(target) = target else {
            return SyncState::Syncing(format!("no provider has said yet how high the chain is{because}"));
        };
        if head.height().saturating_add(BEHIND_HEIGHTS_MAX) < target {
            if let Some(primary) = self.primary
                && self.spec.witnesses_min > 0
                && self.witnesses(primary).is_empty()
            {
                return SyncState::Syncing(format!(
                    "no provider that may be asked now is independent of the primary (another host, another node id), \
                     and {} witness is wanted; add providers or set witnesses_min = 0{because}",
                    self.spec.witnesses_min
                ));
            }
            let waits = self.adoption.as_ref().map_or_else(String::new, |adoption| {
                let (height, what) = adoption.describe();
                format!("; height {height} waits for {what}")
            });
            return SyncState::Syncing(format!("head {} of {target}{waits}{because}", head.height()));
        }
        let age = now.wall.since(head.time());
        if age > STALE_AFTER {
            return SyncState::Stale(format!("the newest head is {} s old{because}", age.as_secs()));
        }
        SyncState::Synced
    }

    /// Returns what keeps the chain from going on, as far as it is known: the settings, or what was held against somebody last.
    fn because(&self) -> String {
        let want = &self.spec.chain_id;
        if let Some(got) = self.known.other_chain(want) {
            return format!(
                "; every provider that answers serves chain {got:?}, the settings want {want:?}: \
                 correct chain_id and the trusted header, or the providers"
            );
        }
        match &self.last_fault {
            Some((Failed { peer: Some(peer), why, .. }, _)) => {
                format!("; last fault: {}: {why}", self.known.origin(*peer))
            }
            Some((Failed { peer: None, why, .. }, _)) => format!("; last fault: {why}"),
            None => String::new(),
        }
    }

    fn describe_providers(&self) -> Vec<PeerStatus> {
        let describe = |peer: &PeerId| {
            let status = self.desk.fetcher.status_of(*peer);
            let role = if self.primary == Some(*peer) { "primary" } else { "witness" };
            PeerStatus {
                peer: *peer,
                node_id: status.map(|status| status.node_id.clone()),
                latest: status.map(|status| status.latest_height),
                earliest: status.map(|status| status.earliest_height),
                facts: vec![("role", Fact::Word(role))],
            }
        };
        self.peers.keys().map(describe).collect()
    }
}
