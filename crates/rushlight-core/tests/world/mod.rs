//! A driver without sockets for tests: answers come from functions, time from a counter, works run in place.
#![allow(dead_code, reason = "each test uses another part")]

use rushlight_core::base::{ChainId, ClientId, FetchId, Hash, Instant, LoadId, Now, SaveId, UnixTime, WorkId};
use rushlight_core::chains::{ChainNotice, ChainSpec, ChainStatus, Fact, Facts};
use rushlight_core::node::{Config, Input, Node, Notice, Output, Pending};
use rushlight_core::peers::{Fetch, FetchFailed, Fetched};
use rushlight_core::rpc::{Access, Answer, Call, ClientKind, Scope};
use rushlight_core::work::Work;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a provider answers to a fetch: status and body.
pub type Answers<'a> = dyn FnMut(&Fetch, UnixTime) -> Result<(u16, Vec<u8>), FetchFailed> + 'a;

enum Pend {
    Fetch(FetchId, Fetch),
    Work(WorkId, Work),
    Save(SaveId),
    Load(LoadId, Hash),
}

/// A node, its clock, and what it waits for.
pub struct World<'a> {
    pub node: Node,
    pub now: Now,
    pub notices: Vec<Notice>,
    pub replies: Vec<(ClientId, Answer)>,
    pub saved: Option<Vec<u8>>,
    pub blobs: BTreeMap<Hash, Vec<u8>>,
    pub fetches: BTreeMap<String, u64>,
    /// So many loads find nothing, whatever the store has.
    pub loads_lost: usize,
    pub works_cancelled: usize,
    pending: VecDeque<Pend>,
    answers: Box<Answers<'a>>,
    pub latency: Duration,
    /// Answers of providers with this in their address come after all others.
    pub slowest: Option<&'static str>,
}

/// Returns the facts of a notice that only a family can mean, if it is the one of that name.
pub fn told<'n>(notice: &'n Notice, want: &str) -> Option<&'n Facts> {
    match notice {
        Notice::Chain(_, ChainNotice::Told { name, facts, .. }) if *name == want => Some(facts),
        _ => None,
    }
}

impl<'a> World<'a> {
    pub fn new(start: UnixTime, answers: Box<Answers<'a>>) -> Self {
        Self {
            node: Node::new(Config::default(), [7; 32]),
            now: Now { instant: Instant(0), wall: start },
            notices: Vec::new(),
            replies: Vec::new(),
            saved: None,
            blobs: BTreeMap::new(),
            fetches: BTreeMap::new(),
            loads_lost: 0,
            works_cancelled: 0,
            pending: VecDeque::new(),
            answers,
            latency: Duration::from_millis(1),
            slowest: None,
        }
    }

    pub fn add(&mut self, spec: &str) -> ChainId {
        self.add_named("test", spec)
    }

    pub fn add_named(&mut self, name: &str, spec: &str) -> ChainId {
        let spec = ChainSpec::from_json(spec).unwrap();
        let saved = self.saved.clone();
        let chain = self.node.add_chain(self.now, name, spec, saved.as_deref()).unwrap();
        self.drain();
        chain
    }

    pub fn works_pending(&self) -> usize {
        self.pending.iter().filter(|pend| matches!(pend, Pend::Work(..))).count()
    }

    pub fn status(&self) -> ChainStatus {
        self.node.stats(self.now).chains.remove(0).2
    }

    /// Returns a number that the chain tells of itself.
    pub fn number(&self, path: &str) -> u64 {
        self.status().fact(path).and_then(Fact::number).unwrap()
    }

    pub fn advance(&mut self, by: Duration) {
        self.now = Now { instant: self.now.instant.after(by), wall: self.now.wall.after(by) };
    }

    pub fn handle(&mut self, input: Input<'_>) {
        self.node.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.node.poll() {
            match output {
                Output::Fetch(id, fetch) => self.pending.push_back(Pend::Fetch(id, fetch)),
                Output::Work(id, work) => self.pending.push_back(Pend::Work(id, work)),
                Output::Save(id, _, snapshot) => {
                    self.saved = Some(snapshot.0);
                    self.pending.push_back(Pend::Save(id));
                }
                Output::Put(blob) => {
                    self.blobs.insert(blob.hash, blob.bytes);
                }
                Output::Drop(hash) => {
                    self.blobs.remove(&hash);
                }
                Output::Load(id, hash) => self.pending.push_back(Pend::Load(id, hash)),
                Output::Cancel(Pending::Fetch(id)) => {
                    self.pending.retain(|pend| !matches!(pend, Pend::Fetch(other, _) if *other == id));
                }
                Output::Cancel(Pending::Work(id)) => {
                    let before = self.pending.len();
                    self.pending.retain(|pend| !matches!(pend, Pend::Work(other, _) if *other == id));
                    self.works_cancelled += before - self.pending.len();
                }
                Output::Reply(client, answer) => self.replies.push((client, answer)),
                Output::Notice(notice) => self.notices.push(notice),
                _ => {}
            }
        }
    }

    /// Takes out what is done next: the oldest that does not wait for the slowest provider.
    fn next_pending(&mut self) -> Option<Pend> {
        let is_late = |pend: &Pend| match pend {
            Pend::Fetch(_, fetch) => self.slowest.is_some_and(|slowest| fetch.url.contains(slowest)),
            _ => false,
        };
        let place = self.pending.iter().position(|pend| !is_late(pend)).unwrap_or(0);
        self.pending.remove(place)
    }

    /// Does the next thing: answers the oldest request, or lets time go on to the next deadline.
    pub fn step(&mut self) {
        match self.next_pending() {
            Some(Pend::Fetch(id, fetch)) => {
                self.advance(self.latency);
                let path = fetch.url.splitn(4, '/').nth(3).unwrap_or("").split('?').next().unwrap_or("").to_string();
                *self.fetches.entry(path).or_default() += 1;
                let answer = (self.answers)(&fetch, self.now.wall);
                let result = answer.as_ref().map_err(|failed| *failed).map(|(status, body)| Fetched {
                    status: *status,
                    retry_after_s: None,
                    body,
                });
                self.node.handle(self.now, Input::Fetched(id, result));
            }
            Some(Pend::Work(id, work)) => {
                assert!(work.size_bytes() <= Work::BYTES_MAX);
                self.node.handle(self.now, Input::Worked(id, work.run()));
            }
            Some(Pend::Load(id, hash)) => {
                let is_lost = self.loads_lost > 0;
                self.loads_lost -= usize::from(is_lost);
                let blob = self.blobs.get(&hash).filter(|_| !is_lost).cloned();
                self.node.handle(self.now, Input::Loaded(id, blob.as_deref()));
            }
            Some(Pend::Save(id)) => self.node.handle(self.now, Input::Saved(id, true)),
            None => {
                let at = self.node.deadline().unwrap_or(self.now.instant.after(Duration::from_secs(1)));
                let by = at.since(self.now.instant).max(Duration::from_millis(1));
                self.advance(by);
                self.node.handle(self.now, Input::Tick);
            }
        }
        self.drain();
    }

    /// Steps until `done`, at most `steps` times; returns whether it came to that.
    pub fn run_until(&mut self, steps: usize, mut done: impl FnMut(&Self) -> bool) -> bool {
        for _ in 0..steps {
            if done(self) {
                return true;
            }
            self.step();
        }
        done(self)
    }

    /// Steps until the head has `height`; returns whether it came to that in as many steps as any recording takes.
    pub fn sync_to(&mut self, height: u64) -> bool {
        self.run_until(20_000, |world| world.status().head.is_some_and(|head| head.height == height))
    }

    /// Calls a method and returns the answer's text.
    pub fn call(&mut self, text: &str) -> Answer {
        self.call_chain(None, &[text]).remove(0)
    }

    /// Calls methods of a chain all at once, each by a client of its own, and returns the answers in the order of `texts`.
    pub fn call_chain(&mut self, chain: Option<ChainId>, texts: &[&str]) -> Vec<Answer> {
        self.replies.clear();
        let clients = || (1_000_000..).map(ClientId).take(texts.len());
        for (client, text) in clients().zip(texts) {
            self.handle(Input::Joined(client, Scope { chain, access: Access::Public }, ClientKind::Socket));
            self.handle(Input::Asked(client, Call::Text(text)));
        }
        assert!(self.run_until(100_000, |world| world.replies.len() == texts.len()), "no answer to {texts:?}");
        clients().for_each(|client| self.handle(Input::Left(client)));
        let mut replies = std::mem::take(&mut self.replies);
        replies.sort_by_key(|(client, _)| *client);
        replies.into_iter().map(|(_, answer)| answer).collect()
    }
}
