//! The node: the only type that a driver touches.
//!
//! A driver calls [`Node::handle`] with what happened and drains [`Node::poll`] to `None`; it calls again with
//! [`Input::Tick`] when [`Node::deadline`] has come. That is the whole contract. `handle` never fails: nothing that a
//! peer or a client does is the driver's error. Inside, the node only passes things on: asks of chains to [`Peers`],
//! calls of clients to [`Rpc`], and what comes of them back.

mod contract;
mod describe;
mod error;
mod offline;
mod own;
mod status;
mod tally;
mod works;

pub use contract::{Blob, Input, Notice, Output, Pending, Snapshot, Stats};
pub use describe::describe;
pub use error::AddChainError;
pub use offline::{VerifyBundleError, verify_bundle, verify_bundle_by};
pub use tally::{Progress, TIME_CLASS_ENDS, TIME_CLASSES, Times};
pub use works::LONG_WORKS_BYTES_MAX;

use self::tally::Tally;
use self::works::{Cancelled, Sent, Works};
use crate::base::{ChainId, Hash, Instant, LoadId, Now, PeerId, QueryId, SaveId, Seed, WorkId};
use crate::chains::{Action, Chain, ChainNotice, ChainSpec, Event, Families, OpenError, Opening, Query};
use crate::crypto::sha256;
use crate::peers::{Address, AskFailed, FetchFailed, Fetched, Peers, PeersOutput, Reply, shown};
use crate::rpc::{Access, QueryError, Rpc, RpcAction, RpcError};
use crate::work::Done;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Bound;

/// The most chains that one node follows.
pub const CHAINS_MAX: usize = 32;
/// The most steps that one [`Node::handle`] takes; what is left is done at the next tick, which is due at once.
pub const STEPS_MAX: usize = 20_000;

/// What a node is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name and version, as `rushlight_status` gives them.
    pub agent: String,
    /// The families there are; those of this build by default.
    pub families: Families,
}

impl Default for Config {
    fn default() -> Self {
        Self { agent: alloc::format!("rushlight/{}", env!("CARGO_PKG_VERSION")), families: Families::default() }
    }
}

/// A light client for any number of chains.
pub struct Node {
    config: Config,
    peers: Peers,
    rpc: Rpc,
    chains: BTreeMap<ChainId, Followed>,
    next_chain: u32,
    /// The chain whose turn it was last.
    last_polled: ChainId,
    next_id: u64,
    saves: BTreeMap<SaveId, (ChainId, SaveId)>,
    loads: BTreeMap<LoadId, (ChainId, LoadId, Hash)>,
    works: Works,
    queries: BTreeMap<QueryId, ChainId>,
    tally: Tally,
    outputs: VecDeque<Output>,
    bytes_received: u64,
    is_work_left: bool,
}

struct Followed {
    name: String,
    chain: Box<dyn Chain>,
}

impl Node {
    /// Returns a node that follows no chain. `seed` is all the randomness it has; a driver takes it from the system.
    pub fn new(config: Config, seed: impl Into<Seed>) -> Self {
        Self {
            config,
            peers: Peers::new(seed),
            rpc: Rpc::new(),
            chains: BTreeMap::new(),
            next_chain: 0,
            last_polled: ChainId::default(),
            next_id: 0,
            saves: BTreeMap::new(),
            loads: BTreeMap::new(),
            works: Works::default(),
            queries: BTreeMap::new(),
            tally: Tally::default(),
            outputs: VecDeque::new(),
            bytes_received: 0,
            is_work_left: false,
        }
    }

    /// Follows a chain under a name of the user's choice, from what was saved of it, if anything was.
    /// # Errors
    /// [`AddChainError`].
    pub fn add_chain(
        &mut self,
        now: Now,
        name: &str,
        spec: ChainSpec,
        saved: Option<&[u8]>,
    ) -> Result<ChainId, AddChainError> {
        if self.chains.len() >= CHAINS_MAX {
            return Err(AddChainError::TooManyChains);
        }
        if self.chains.values().any(|chain| chain.name == name) {
            return Err(AddChainError::NameTaken { name: name.to_string() });
        }
        let providers = spec.providers().to_vec();
        let chain = spec.open(Opening { saved, now }).map_err(|error| match error {
            OpenError::OtherChain { got, want } => AddChainError::SavedOfOther { name: name.to_string(), got, want },
            OpenError::Frozen { why } => AddChainError::Frozen { why },
            error => AddChainError::Saved { why: error.to_string() },
        })?;
        let id = ChainId(self.next_chain);
        self.next_chain = self.next_chain.saturating_add(1);
        for address in providers {
            if let Err(error) = self.peers.add(id, &address) {
                self.peers.remove_chain(id);
                self.pump(now);
                let address = shown(&address).to_string();
                return Err(AddChainError::Address { address, why: error.to_string() });
            }
        }
        self.rpc.chain_added(id, name, chain.rows());
        self.chains.insert(id, Followed { name: name.to_string(), chain });
        self.pump(now);
        Ok(id)
    }

    /// Stops following a chain. What it waits for is cancelled; its queries are answered with an error.
    pub fn remove_chain(&mut self, now: Now, chain: ChainId) {
        self.chains.remove(&chain);
        self.peers.remove_chain(chain);
        self.tally.forget(chain);
        self.rpc.chain_removed(chain);
        self.saves.retain(|_, (of, _)| *of != chain);
        let works = self.works.remove_chain(chain).into_iter();
        self.outputs.extend(works.map(|id| Output::Cancel(Pending::Work(id))));
        self.start_long_works();
        let loads = self.loads.iter().filter(|(_, (of, ..))| *of == chain).map(|(id, _)| *id);
        for id in loads.collect::<Vec<_>>() {
            self.loads.remove(&id);
            self.outputs.push_back(Output::Cancel(Pending::Load(id)));
        }
        let queries = self.queries.iter().filter(|(_, of)| **of == chain).map(|(id, _)| *id);
        for id in queries.collect::<Vec<_>>() {
            self.queries.remove(&id);
            self.tally.answered(id, now.instant);
            let why = "the chain is no longer followed".to_string();
            self.rpc.answered(id, Err(QueryError::NotSynced { why }.into()));
        }
        self.pump(now);
    }

    /// Takes in what happened. Does bounded work.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Tick => self.tick(now),
            Input::Fetched(id, result) => {
                let result: Result<Fetched<'_>, FetchFailed> = result;
                let body: &[u8] = result.as_ref().map_or(&[], |fetched| fetched.body);
                let received = u64::try_from(body.len()).unwrap_or(u64::MAX);
                self.bytes_received = self.bytes_received.saturating_add(received);
                if let Some(answered) = self.peers.fetched(now.instant, id, result) {
                    let reply = Reply { status: answered.status, body };
                    let (ask, peer) = (answered.ask, answered.peer);
                    self.tell(now, answered.chain, Event::Replied { ask, peer, reply });
                }
            }
            Input::Held(id) => self.peers.held(now.instant, id),
            Input::Released(id) => self.peers.released(now.instant, id),
            Input::Saved(id, is_saved) => {
                if let Some((chain, local)) = self.saves.remove(&id) {
                    self.tell(now, chain, Event::Saved(local, is_saved));
                }
            }
            Input::Loaded(id, blob) => {
                if let Some((chain, local, hash)) = self.loads.remove(&id) {
                    // The store need not be trusted: a blob that is not what its hash says does not exist.
                    let blob = blob.filter(|bytes| sha256(bytes) == hash);
                    self.tell(now, chain, Event::Loaded(local, blob));
                }
            }
            Input::Worked(id, done) => {
                if let Some((chain, local)) = self.works.ended(id) {
                    self.worked(now, chain, local, done);
                }
                self.start_long_works();
            }
            Input::Joined(client, scope, kind) => self.rpc.joined(client, scope, kind),
            Input::Asked(client, call) => self.rpc.asked(client, call),
            Input::Left(client) => self.rpc.left(client),
            Input::Drained(client, bytes) => self.rpc.drained(client, bytes),
        }
        self.pump(now);
    }

    /// Returns the next thing to do; a driver drains this to `None` after every [`Node::handle`].
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Tick`] is wanted next.
    pub fn deadline(&self) -> Option<Instant> {
        if self.is_work_left {
            return Some(Instant::default());
        }
        let chains = self.chains.values().filter_map(|followed| followed.chain.deadline());
        chains.chain(self.peers.deadline()).min()
    }

    fn tick(&mut self, now: Now) {
        self.peers.tick(now.instant);
        let due = |followed: &Followed| followed.chain.deadline().is_some_and(|at| at <= now.instant);
        let due: Vec<ChainId> = self.chains.iter().filter(|(_, chain)| due(chain)).map(|(id, _)| *id).collect();
        for chain in due {
            self.tell(now, chain, Event::Tick);
        }
    }

    fn tell(&mut self, now: Now, chain: ChainId, event: Event<'_>) {
        if let Some(followed) = self.chains.get_mut(&chain) {
            followed.chain.handle(now, event);
        }
    }

    /// Tells a chain how a work of it ended. A panic is said to the operator too: whatever the chain makes of it, it is a bug.
    fn worked(&mut self, now: Now, chain: ChainId, local: WorkId, done: Done) {
        if let Some(message) = done.panic() {
            let (kind, message) = (done.kind(), message.to_string());
            let notice = ChainNotice::WorkPanicked { kind, message };
            self.outputs.push_back(Output::Notice(Notice::Chain(chain, notice)));
        }
        self.tell(now, chain, Event::Worked(local, done));
    }

    /// Hands over the long works for which there is room now.
    fn start_long_works(&mut self) {
        while let Some((id, work)) = self.works.next() {
            self.outputs.push_back(Output::Work(id, work));
        }
    }

    fn fresh(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id = self.next_id.saturating_add(1);
        id
    }

    /// Passes on what chains, peers and clients want of each other until nobody wants anything.
    fn pump(&mut self, now: Now) {
        self.is_work_left = false;
        for _ in 0..STEPS_MAX {
            if let Some(output) = self.peers.poll() {
                self.take_peers_output(now, output);
            } else if let Some((chain, action)) = self.next_action() {
                self.take_action(now, chain, action);
            } else if let Some(action) = self.rpc.poll() {
                self.take_rpc_action(now, action);
            } else {
                return;
            }
        }
        self.is_work_left = true;
    }

    /// Returns the next action of the chains, which take turns: none waits until another one wants nothing more.
    fn next_action(&mut self) -> Option<(ChainId, Action)> {
        let next = |(id, followed): (&ChainId, &mut Followed)| followed.chain.poll().map(|action| (*id, action));
        let after = (Bound::Excluded(self.last_polled), Bound::Unbounded);
        let found = self.chains.range_mut(after).find_map(next);
        let found = found.or_else(|| self.chains.range_mut(..=self.last_polled).find_map(next));
        if let Some((chain, _)) = &found {
            self.last_polled = *chain;
        }
        found
    }

    fn take_peers_output(&mut self, now: Now, output: PeersOutput) {
        match output {
            PeersOutput::Fetch(id, fetch) => self.outputs.push_back(Output::Fetch(id, fetch)),
            PeersOutput::CancelFetch(id) => self.outputs.push_back(Output::Cancel(Pending::Fetch(id))),
            PeersOutput::Unanswered { chain, ask, failed } => {
                let failed: AskFailed = failed;
                self.tell(now, chain, Event::Unanswered { ask, failed });
            }
            PeersOutput::Joined(chain, peer) => {
                let origin = self.origin(peer);
                let operator = self.peers.address(peer).map(Address::operator).unwrap_or_default();
                self.tell(now, chain, Event::PeerJoined { peer, origin, operator });
            }
            PeersOutput::Left(chain, peer) => self.tell(now, chain, Event::PeerLeft(peer)),
            PeersOutput::Quarantined { peer, verdict, why, length } => {
                self.tally.quarantined(verdict);
                let (origin, seconds) = (self.origin(peer), length.as_secs());
                self.outputs.push_back(Output::Notice(Notice::Quarantined { peer, origin, verdict, why, seconds }));
            }
            PeersOutput::Readmitted(peer) => {
                let origin = self.origin(peer);
                self.outputs.push_back(Output::Notice(Notice::Readmitted { peer, origin }));
            }
        }
    }

    fn origin(&self, peer: PeerId) -> String {
        self.peers.address(peer).map(Address::to_string).unwrap_or_default()
    }

    fn take_action(&mut self, now: Now, chain: ChainId, action: Action) {
        match action {
            Action::Ask(id, ask) => self.peers.ask(now.instant, chain, id, ask),
            Action::Cancel(id) => self.peers.cancel(now.instant, chain, id),
            Action::Work(local, work) => {
                let id = WorkId(self.fresh());
                match self.works.send(id, chain, local, work) {
                    Sent::Run(id, work) => self.outputs.push_back(Output::Work(id, work)),
                    Sent::Waits => {}
                    Sent::Refused(done) => self.worked(now, chain, local, done),
                }
            }
            Action::CancelWork(local) => {
                if let Some(Cancelled::AtDriver(id)) = self.works.cancel(chain, local) {
                    self.outputs.push_back(Output::Cancel(Pending::Work(id)));
                }
                self.start_long_works();
            }
            Action::Answer(query, answer) => {
                self.queries.remove(&query);
                self.tally.answered(query, now.instant);
                self.rpc.answered(query, answer.map_err(RpcError::from));
            }
            Action::Head(head) => {
                self.tally.adopted(chain, head.height);
                let name = self.chains.get(&chain).map_or("", |followed| followed.name.as_str());
                self.rpc.head_changed(chain, status::head_json(name, &head));
                self.outputs.push_back(Output::Notice(Notice::Head(chain, head)));
            }
            Action::Save(local, snapshot) => {
                let id = SaveId(self.fresh());
                self.saves.insert(id, (chain, local));
                self.outputs.push_back(Output::Save(id, chain, Snapshot(snapshot)));
            }
            Action::Put(hash, bytes) => self.outputs.push_back(Output::Put(Blob { hash, bytes })),
            Action::Load(local, hash) => {
                let id = LoadId(self.fresh());
                self.loads.insert(id, (chain, local, hash));
                self.outputs.push_back(Output::Load(id, hash));
            }
            Action::Drop(hash) => {
                let mut others = self.chains.iter().filter(|(id, _)| **id != chain);
                if !others.any(|(_, followed)| followed.chain.names_blob(&hash)) {
                    self.outputs.push_back(Output::Drop(hash));
                }
            }
            Action::Blame(peer, verdict, why) => self.peers.blame(now.instant, peer, verdict, &why),
            Action::Notice(notice) => {
                self.tally.told(chain, &notice);
                self.outputs.push_back(Output::Notice(Notice::Chain(chain, notice)));
            }
        }
    }

    fn take_rpc_action(&mut self, now: Now, action: RpcAction) {
        match action {
            RpcAction::Reply(client, answer) => self.outputs.push_back(Output::Reply(client, answer)),
            RpcAction::Hangup(client) => self.outputs.push_back(Output::Hangup(client)),
            RpcAction::Forget(query) => {
                self.tally.forgotten(query);
                if let Some(chain) = self.queries.remove(&query) {
                    self.tell(now, chain, Event::Forgotten(query));
                }
            }
            RpcAction::Own { query, scope, row } => self.answer_own(now, query, scope, row),
            RpcAction::Ask { query, chain, row, bound } => {
                self.tally.asked(query, row.name, now.instant);
                self.queries.insert(query, chain);
                let call = Query::Call { row, bound };
                let is_order = row.access == Access::Control;
                self.tell(now, chain, if is_order { Event::Ordered(query, call) } else { Event::Queried(query, call) });
            }
        }
    }
}
