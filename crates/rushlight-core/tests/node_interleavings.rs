//! Random interleavings of everything that can happen to a node: honest answers, damaged ones, junk, refusals, a disk that
//! fails, clocks that jump, clients that ask whatever they like, in any order.
//!
//! Two nodes are given the same inputs. Whatever they are: nothing panics, both give the same outputs byte for byte, no head
//! is published before its own snapshot was saved, none that the chain does not have, no blob is dropped that the snapshot on
//! the disk names, and the node never asks to be woken at a time that has passed already, which would make its driver spin.
#![cfg(feature = "tendermint")]

mod recording;
mod world;

use proptest::prelude::*;
use recording::{Recording, recordings};
use rushlight_core::base::{ClientId, FetchId, Hash, Instant, LoadId, Now, SaveId, UnixTime, WorkId};
use rushlight_core::chains::ChainSpec;
use rushlight_core::chains::tendermint::snapshot::Snapshot;
use rushlight_core::node::{Config, Input, Node, Notice, Output, Pending};
use rushlight_core::peers::{Fetch, FetchFailed, Fetched};
use rushlight_core::rpc::{Access, Call, ClientKind, Scope};
use rushlight_core::work::Work;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One thing that happens. Indexes choose among what is pending, modulo how many there are.
#[derive(Clone, Debug)]
enum Step {
    Honest(usize),
    /// All goes well for so many answers and works; saves stay under way.
    Run(u8),
    /// An honest answer with some bytes changed.
    Damaged(usize, Vec<(usize, u8)>),
    Truncated(usize, usize),
    /// The honest answer to another question.
    Crossed(usize, usize),
    Junk(usize, u16, Vec<u8>),
    NodeError(usize),
    Failed(usize, u8),
    Work(usize),
    Save(usize, bool),
    Load(usize, bool),
    Wait(u64),
    Deadline,
    Jump(i64),
    Call(u8, u8),
    Leave(u8),
    Unknown(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0_usize..8;
    prop_oneof![
        30 => at.clone().prop_map(Step::Honest),
        4 => any::<u8>().prop_map(Step::Run),
        3 => (at.clone(), prop::collection::vec((any::<usize>(), any::<u8>()), 1..4)).prop_map(|(a, b)| Step::Damaged(a, b)),
        1 => (at.clone(), any::<usize>()).prop_map(|(a, b)| Step::Truncated(a, b)),
        2 => (at.clone(), at.clone()).prop_map(|(a, b)| Step::Crossed(a, b)),
        2 => (at.clone(), prop_oneof![Just(200), Just(500), Just(429), any::<u16>()], any::<Vec<u8>>())
            .prop_map(|(a, b, c)| Step::Junk(a, b, c)),
        2 => at.clone().prop_map(Step::NodeError),
        3 => (at.clone(), any::<u8>()).prop_map(|(a, b)| Step::Failed(a, b)),
        20 => at.clone().prop_map(Step::Work),
        12 => (at.clone(), prop::bool::weighted(0.8)).prop_map(|(a, b)| Step::Save(a, b)),
        4 => (at, any::<bool>()).prop_map(|(a, b)| Step::Load(a, b)),
        2 => (0_u64..20_000).prop_map(Step::Wait),
        8 => Just(Step::Deadline),
        1 => prop_oneof![-200_i64..200, Just(-100_000), Just(100_000)].prop_map(Step::Jump),
        4 => (0_u8..3, any::<u8>()).prop_map(|(a, b)| Step::Call(a, b)),
        1 => (0_u8..3).prop_map(Step::Leave),
        1 => any::<u64>().prop_map(Step::Unknown),
    ]
}

const CALLS: [&str; 10] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"rushlight_checkpoint"}"#,
    r#"{"jsonrpc":"2.0","id":3,"method":"rushlight_prove"}"#,
    r#"{"jsonrpc":"2.0","id":4,"method":"rushlight_header","params":{"height":1}}"#,
    r#"{"jsonrpc":"2.0","id":5,"method":"rushlight_header","params":{"height":16}}"#,
    r#"{"jsonrpc":"2.0","id":6,"method":"rushlight_header","params":{"height":40}}"#,
    r#"{"jsonrpc":"2.0","id":7,"method":"rushlight_prove","params":{"height":18446744073709551615}}"#,
    r#"[{"jsonrpc":"2.0","id":8,"method":"rushlight_status"},{"jsonrpc":"2.0","method":"rushlight_prove"},7]"#,
    r#"{"jsonrpc":"2.0","id":9,"method":"nonsense","params":[[["#,
    r#"{"jsonrpc":"2.0","id":10,"method":"rushlight_header","params":{"height":0}}"#,
];

/// A node, what it waits for, and what it has said.
struct Rig<'a> {
    recording: &'a Recording,
    node: Node,
    now: Now,
    fetches: Vec<(FetchId, Fetch)>,
    works: Vec<(WorkId, Work)>,
    saves: Vec<(SaveId, Snapshot)>,
    loads: Vec<(LoadId, Hash)>,
    blobs: BTreeMap<Hash, Vec<u8>>,
    joined: BTreeSet<u8>,
    /// How many answers each client that is there waits for.
    owed: BTreeMap<ClientId, usize>,
    saved: BTreeSet<Hash>,
    /// The blobs that the snapshot on the disk names.
    named: Vec<Hash>,
    said: Vec<String>,
}

impl<'a> Rig<'a> {
    fn new(recording: &'a Recording, trusted: u64, mode: &str) -> Self {
        let now = Now { instant: Instant(0), wall: recording.last_time.after(Duration::from_secs(1)) };
        let mut rig = Self {
            recording,
            node: Node::new(Config::default(), [7; 32]),
            now,
            fetches: Vec::new(),
            works: Vec::new(),
            saves: Vec::new(),
            loads: Vec::new(),
            blobs: BTreeMap::new(),
            joined: BTreeSet::new(),
            owed: BTreeMap::new(),
            saved: BTreeSet::new(),
            named: Vec::new(),
            said: Vec::new(),
        };
        let spec = ChainSpec::from_json(&recording.spec(trusted, mode)).unwrap();
        rig.node.add_chain(now, "test", spec, None).unwrap();
        rig.drain();
        rig
    }

    fn drain(&mut self) {
        while let Some(output) = self.node.poll() {
            self.said.push(format!("{output:?}"));
            match output {
                Output::Fetch(id, fetch) => self.fetches.push((id, fetch)),
                Output::Work(id, work) => self.works.push((id, work)),
                Output::Save(id, _, snapshot) => {
                    // What the node saves it can also read back.
                    let read = Snapshot::decode(&self.recording.chain_id, &snapshot.0).unwrap();
                    assert_eq!(read.encode(), snapshot.0, "a snapshot has one encoding");
                    self.saves.push((id, read));
                }
                Output::Put(blob) => {
                    self.blobs.insert(blob.hash, blob.bytes);
                }
                Output::Drop(hash) => {
                    assert!(!self.named.contains(&hash), "{hash} is dropped while the snapshot on the disk names it");
                    self.blobs.remove(&hash);
                }
                Output::Load(id, hash) => self.loads.push((id, hash)),
                Output::Cancel(Pending::Fetch(id)) => self.fetches.retain(|(other, _)| *other != id),
                Output::Cancel(Pending::Work(id)) => self.works.retain(|(other, _)| *other != id),
                Output::Cancel(Pending::Load(id)) => self.loads.retain(|(other, _)| *other != id),
                Output::Reply(client, answer) => {
                    let owed = self.owed.get_mut(&client).filter(|owed| **owed > 0);
                    *owed.unwrap_or_else(|| panic!("{client:?} is answered unasked: {answer:?}")) -= 1;
                }
                Output::Hangup(client) => {
                    self.owed.remove(&client);
                }
                Output::Notice(Notice::Head(_, head)) => {
                    assert!(self.saved.contains(&head.hash), "{head:?} was published before it was saved");
                    assert_eq!(head.hash.to_string(), self.recording.hashes[&head.height], "not a header of the chain");
                }
                _ => {}
            }
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.node.handle(self.now, input);
        self.drain();
    }

    fn wait(&mut self, by: Duration) {
        self.now = Now { instant: self.now.instant.after(by), wall: self.now.wall.after(by) };
        self.handle(Input::Tick);
        let deadline = self.node.deadline();
        assert!(deadline.is_none_or(|at| at > self.now.instant), "woken at {:?} it wants {deadline:?}", self.now);
    }

    /// Answers a pending fetch with what `change` makes of the honest answer.
    fn answer(&mut self, at: usize, change: impl FnOnce(u16, Vec<u8>) -> (u16, Vec<u8>)) {
        let Some(at) = at.checked_rem(self.fetches.len()) else { return };
        let (id, fetch) = self.fetches.remove(at);
        self.wait(Duration::from_millis(3));
        let honest = self.recording.answer(&fetch);
        let answer = honest.map(|(status, body)| change(status, body));
        let result = answer.as_ref().map_err(|failed| *failed);
        self.handle(Input::Fetched(
            id,
            result.map(|(status, body)| Fetched { status: *status, retry_after_s: Some(u32::from(*status) % 7), body }),
        ));
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Honest(at) => self.answer(*at, |status, body| (status, body)),
            Step::Run(count) => {
                for _ in 0..*count {
                    self.step(&if self.works.is_empty() { Step::Honest(0) } else { Step::Work(0) });
                    if let (true, Some((id, hash))) = (self.fetches.is_empty(), self.loads.pop()) {
                        let blob = self.blobs.get(&hash).cloned();
                        self.handle(Input::Loaded(id, blob.as_deref()));
                    }
                }
            }
            Step::Damaged(at, changes) => self.answer(*at, |status, mut body| {
                for (place, byte) in changes {
                    if let Some(place) = place.checked_rem(body.len()) {
                        body[place] = *byte;
                    }
                }
                (status, body)
            }),
            Step::Truncated(at, len) => self.answer(*at, |status, mut body| {
                body.truncate(len.checked_rem(body.len()).unwrap_or(0));
                (status, body)
            }),
            Step::Crossed(at, other) => {
                let other = other.checked_rem(self.fetches.len()).map(|other| self.fetches[other].1.clone());
                let body = other.and_then(|fetch| self.recording.answer(&fetch).ok());
                self.answer(*at, |status, honest| body.unwrap_or((status, honest)));
            }
            Step::Junk(at, status, junk) => self.answer(*at, |_, _| (*status, junk.clone())),
            Step::NodeError(at) => self.answer(*at, |_, _| {
                let error =
                    r#"{"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error","data":"no"}}"#;
                (500, error.as_bytes().to_vec())
            }),
            Step::Failed(at, how) => {
                let Some(at) = at.checked_rem(self.fetches.len()) else { return };
                let (id, _) = self.fetches.remove(at);
                let kinds = [
                    FetchFailed::TooLarge,
                    FetchFailed::TimedOut,
                    FetchFailed::Refused,
                    FetchFailed::Unresolved,
                    FetchFailed::Tls,
                    FetchFailed::Broken,
                ];
                self.handle(Input::Fetched(id, Err(kinds[usize::from(*how) % kinds.len()])));
            }
            Step::Work(at) => {
                let Some(at) = at.checked_rem(self.works.len()) else { return };
                let (id, work) = self.works.remove(at);
                self.handle(Input::Worked(id, work.run()));
            }
            Step::Save(at, is_saved) => {
                let Some(at) = at.checked_rem(self.saves.len()) else { return };
                let (id, snapshot) = self.saves.remove(at);
                if *is_saved {
                    self.saved.insert(snapshot.head.hash());
                    self.named = snapshot.history.map(|history| history.chunks).unwrap_or_default();
                    let is_kept = self.named.iter().all(|blob| self.blobs.contains_key(blob));
                    assert!(is_kept, "the snapshot names a blob that was dropped or never put");
                }
                self.handle(Input::Saved(id, *is_saved));
            }
            Step::Load(at, is_there) => {
                let Some(at) = at.checked_rem(self.loads.len()) else { return };
                let (id, hash) = self.loads.remove(at);
                let blob = self.blobs.get(&hash).filter(|_| *is_there).cloned();
                self.handle(Input::Loaded(id, blob.as_deref()));
            }
            Step::Wait(millis) => self.wait(Duration::from_millis(*millis)),
            Step::Deadline => {
                let by = self.node.deadline().map_or(Duration::ZERO, |at| at.since(self.now.instant));
                self.wait(by);
            }
            Step::Jump(seconds) => {
                let nanos = i128::from(*seconds) * 1_000_000_000;
                self.now.wall = UnixTime::from_unix_nanos(self.now.wall.unix_nanos() + nanos);
            }
            Step::Call(client, call) => {
                let id = ClientId(u64::from(*client));
                if self.joined.insert(*client) {
                    let scope = Scope { chain: None, access: Access::Public };
                    self.handle(Input::Joined(id, scope, ClientKind::Socket));
                }
                *self.owed.entry(id).or_default() += 1;
                self.handle(Input::Asked(id, Call::Text(CALLS[usize::from(*call) % CALLS.len()])));
            }
            Step::Leave(client) => {
                self.joined.remove(client);
                self.owed.remove(&ClientId(u64::from(*client)));
                self.handle(Input::Left(ClientId(u64::from(*client))));
            }
            Step::Unknown(id) => {
                let id = id.saturating_add(1 << 40);
                self.handle(Input::Fetched(FetchId(id), Err(FetchFailed::Broken)));
                self.handle(Input::Saved(SaveId(id), true));
                self.handle(Input::Loaded(LoadId(id), Some(b"junk")));
                self.handle(Input::Drained(ClientId(id), usize::MAX));
            }
        }
    }
}

impl Rig<'_> {
    /// Goes on with honest answers until every call is answered: none may be left without one.
    fn answer_everybody(&mut self) {
        for _ in 0..400 {
            if self.owed.values().all(|owed| *owed == 0) {
                return;
            }
            self.step(&Step::Run(60));
            while !self.saves.is_empty() {
                self.step(&Step::Save(0, true));
            }
            self.step(&Step::Load(0, true));
            self.step(&Step::Deadline);
        }
        panic!("{:?} are still waiting: {:?}", self.owed, self.node.stats(self.now));
    }
}

/// How many runs there are, unless the environment says otherwise.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48)
}

/// Runs both nodes through the steps; returns the height of the head that they ended at.
fn run(recording: &Recording, trusted: u64, mode: &str, steps: &[Step]) -> Option<u64> {
    let mut rigs = [Rig::new(recording, trusted, mode), Rig::new(recording, trusted, mode)];
    for step in steps {
        rigs.iter_mut().for_each(|rig| rig.step(step));
        let [a, b] = &mut rigs;
        assert_eq!(a.said, b.said, "the same inputs gave other outputs");
        a.said.clear();
        b.said.clear();
    }
    rigs.iter_mut().for_each(Rig::answer_everybody);
    let [a, b] = &rigs;
    assert_eq!(a.said, b.said, "the same inputs gave other outputs");
    let (a, b) = (a.node.stats(a.now), b.node.stats(b.now));
    assert_eq!(a, b);
    a.chains.first().and_then(|(_, _, status)| status.head).map(|head| head.height)
}

/// The smallest recording: what is checked here does not depend on how long a chain is.
fn smallest() -> Option<Recording> {
    recordings().into_iter().min_by_key(|recording| recording.answers.len())
}

#[test]
fn no_interleaving_panics_or_publishes_what_is_not_saved() {
    let Some(recording) = smallest() else { return };
    let first = recording.first();
    let case = (prop::collection::vec(step(), 1..400), prop::bool::ANY, 0_u64..3);
    let mut runner = prop::test_runner::TestRunner::new(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let heads = std::cell::Cell::new(0);
    let outcome = runner.run(&case, |(steps, is_sequential, above)| {
        let mode = if is_sequential { "sequential" } else { "skipping" };
        let trusted = first + above * 8;
        let head = run(&recording, trusted, mode, &steps);
        heads.set(heads.get() + usize::from(head.is_some_and(|head| head > trusted)));
        Ok(())
    });
    outcome.unwrap();
    println!("{}: {} of {} runs adopted a head above their checkpoint", recording.name, heads.get(), cases());
    assert!(heads.get() > 0, "no run got anywhere: nothing was tested");
}
