//! A network in virtual time: a real node before providers that each answer after a latency and in a way of their own.
//!
//! The next thing that happens is the earliest one: an answer that is due, or the node's own deadline. Works and saves
//! take no time. A test gives one function that says what a provider answers and when; [`Grown`] is a chain of our own
//! keys that grows with the clock, for honest providers and as the ground on which a liar forges.
#![allow(dead_code, reason = "each test uses another part")]

use crate::verify_chain::{self, BLOCK_SECONDS, CHAIN_ID, START, Signers, to_json};
use rushlight_core::base::{ChainId, ClientId, FetchId, Hash, Instant, LoadId, Now, SaveId, UnixTime, WorkId};
use rushlight_core::chains::tendermint::types::LightBlock;
use rushlight_core::chains::{ChainSpec, ChainStatus, SyncState};
use rushlight_core::node::{Config, Input, Node, Notice, Output, Pending};
use rushlight_core::peers::{Fetch, FetchFailed, Fetched};
use rushlight_core::rpc::{self, Access, Call, ClientKind, Scope};
use rushlight_core::work::Work;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A request as a provider sees it.
pub struct Asked<'a> {
    pub fetch: &'a Fetch,
    /// The first letter of its host: providers are called `a`, `b`, `c`.
    pub host: char,
    /// Path and query.
    pub target: String,
    pub wall: UnixTime,
}

impl Asked<'_> {
    fn new(fetch: &Fetch, wall: UnixTime) -> Asked<'_> {
        let mut parts = fetch.url.splitn(4, '/').skip(2);
        let host = parts.next().and_then(|host| host.chars().next()).unwrap();
        Asked { fetch, host, target: format!("/{}", parts.next().unwrap_or_default()), wall }
    }

    /// Returns the path alone: `/commit`.
    pub fn route(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    /// Returns a number among the arguments.
    pub fn number(&self, name: &str) -> Option<u64> {
        let arguments = self.target.split('?').nth(1)?.split('&');
        let mut values = arguments.filter_map(|argument| argument.strip_prefix(name)?.strip_prefix('='));
        values.next()?.parse().ok()
    }
}

/// What a provider answers, and after how long.
#[derive(Clone, Debug)]
pub struct Said {
    pub after: Duration,
    pub answer: Result<(u16, Vec<u8>), FetchFailed>,
    pub retry_after_s: Option<u32>,
}

impl Said {
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { after: Duration::ZERO, answer: Ok((status, body.into())), retry_after_s: None }
    }

    pub fn ok(result: Value) -> Self {
        Self::status(200, json!({ "jsonrpc": "2.0", "id": -1, "result": result }).to_string())
    }

    /// Returns the error of a node that does not have what it is asked for.
    pub fn not_there() -> Self {
        let error = json!({ "code": -32603, "message": "Internal error", "data": "height is not available" });
        Self::status(500, json!({ "jsonrpc": "2.0", "id": -1, "error": error }).to_string())
    }

    pub fn failed(failed: FetchFailed) -> Self {
        Self { after: Duration::ZERO, answer: Err(failed), retry_after_s: None }
    }

    pub fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }
}

enum Due {
    Fetched(FetchId, Said),
    Worked(WorkId, Work),
    Saved(SaveId),
    Loaded(LoadId, Hash),
}

/// A node, the time, and what is on its way.
pub struct Net<'a> {
    pub node: Node,
    pub now: Now,
    /// What the node told, each with the time since the start.
    pub notices: Vec<(Duration, Notice)>,
    pub replies: Vec<(ClientId, rpc::Answer)>,
    pub saved: Option<Vec<u8>>,
    pub blobs: BTreeMap<Hash, Vec<u8>>,
    /// How often each route was asked of each provider: `a/commit`.
    pub fetches: BTreeMap<String, u64>,
    /// Works that start from this head panic.
    pub panics_from: Option<Hash>,
    due: BTreeMap<(Instant, u64), Due>,
    numbered: u64,
    behave: Box<dyn FnMut(&Asked<'_>) -> Said + 'a>,
}

impl<'a> Net<'a> {
    pub fn new(wall: UnixTime, behave: impl FnMut(&Asked<'_>) -> Said + 'a) -> Self {
        Self {
            node: Node::new(Config::default(), [7; 32]),
            now: Now { instant: Instant(0), wall },
            notices: Vec::new(),
            replies: Vec::new(),
            saved: None,
            blobs: BTreeMap::new(),
            fetches: BTreeMap::new(),
            panics_from: None,
            due: BTreeMap::new(),
            numbered: 0,
            behave: Box::new(behave),
        }
    }

    pub fn add(&mut self, spec: &str) -> ChainId {
        self.add_named("test", spec)
    }

    pub fn add_named(&mut self, name: &str, spec: &str) -> ChainId {
        let (spec, saved) = (ChainSpec::from_json(spec).unwrap(), self.saved.clone());
        let chain = self.node.add_chain(self.now, name, spec, saved.as_deref()).unwrap();
        self.drain();
        chain
    }

    pub fn handle(&mut self, input: Input<'_>) {
        self.node.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.node.poll() {
            match output {
                Output::Fetch(id, fetch) => {
                    let asked = Asked::new(&fetch, self.now.wall);
                    *self.fetches.entry(format!("{}{}", asked.host, asked.route())).or_default() += 1;
                    let said = (self.behave)(&asked);
                    self.is_due(said.after, Due::Fetched(id, said));
                }
                Output::Work(id, work) => self.is_due(Duration::ZERO, Due::Worked(id, work)),
                Output::Save(id, _, snapshot) => {
                    self.saved = Some(snapshot.0);
                    self.is_due(Duration::ZERO, Due::Saved(id));
                }
                Output::Load(id, hash) => self.is_due(Duration::ZERO, Due::Loaded(id, hash)),
                Output::Put(blob) => {
                    self.blobs.insert(blob.hash, blob.bytes);
                }
                Output::Drop(hash) => {
                    self.blobs.remove(&hash);
                }
                Output::Cancel(Pending::Fetch(id)) => {
                    self.due.retain(|_, due| !matches!(due, Due::Fetched(other, _) if *other == id));
                }
                Output::Cancel(Pending::Work(id)) => {
                    self.due.retain(|_, due| !matches!(due, Due::Worked(other, _) if *other == id));
                }
                Output::Reply(client, answer) => self.replies.push((client, answer)),
                Output::Notice(notice) => self.notices.push((self.now.instant.since(Instant(0)), notice)),
                _ => {}
            }
        }
    }

    fn is_due(&mut self, after: Duration, due: Due) {
        self.numbered += 1;
        self.due.insert((self.now.instant.after(after), self.numbered), due);
    }

    fn go_to(&mut self, at: Instant) {
        let by = at.since(self.now.instant);
        self.now = Now { instant: self.now.instant.after(by), wall: self.now.wall.after(by) };
    }

    /// Does what happens next, if that is before `end`; else time goes on to `end`.
    pub fn step(&mut self, end: Instant) {
        let first = self.due.first_key_value().map(|(key, _)| *key);
        let deadline = self.node.deadline();
        let is_due = first.filter(|(at, _)| deadline.is_none_or(|deadline| *at <= deadline) && *at <= end);
        let Some(key) = is_due else {
            // A deadline that has passed already must not stop the clock.
            let next = deadline.unwrap_or(end).max(self.now.instant.after(Duration::from_micros(1)));
            self.go_to(next.min(end));
            if next <= end {
                self.handle(Input::Tick);
            }
            return;
        };
        self.go_to(key.0);
        match self.due.remove(&key).unwrap() {
            Due::Fetched(id, said) => {
                let retry_after_s = said.retry_after_s;
                let fetched = |(status, body)| Fetched { status, retry_after_s, body };
                let answer = said.answer.as_ref().map(|(status, body)| (*status, body.as_slice()));
                self.handle(Input::Fetched(id, answer.map(fetched).map_err(|failed| *failed)));
            }
            Due::Worked(id, work) => {
                let is_of = |from: Hash| format!("{work:?}").contains(&format!("from: {from:?}"));
                let done = match self.panics_from.is_some_and(is_of) {
                    true => work.receipt().panicked("index out of bounds".to_string()),
                    false => work.run(),
                };
                self.handle(Input::Worked(id, done));
            }
            Due::Saved(id) => self.handle(Input::Saved(id, true)),
            Due::Loaded(id, hash) => {
                let blob = self.blobs.get(&hash).cloned();
                self.handle(Input::Loaded(id, blob.as_deref()));
            }
        }
    }

    /// Lets this much time go by.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now.instant.after(time);
        while self.now.instant < end {
            self.step(end);
        }
    }

    /// Lets this many seconds go by; returns after how many of them the chain was synced.
    pub fn synced_in(&mut self, seconds: u64) -> u64 {
        let mut synced = 0;
        for _ in 0..seconds {
            self.run_for(Duration::from_secs(1));
            synced += u64::from(self.status().state == SyncState::Synced);
        }
        synced
    }

    /// Has a client join.
    pub fn join(&mut self, client: u64) {
        let scope = Scope { chain: None, access: Access::Public };
        self.handle(Input::Joined(ClientId(client), scope, ClientKind::Socket));
    }

    /// Has a client leave.
    pub fn leave(&mut self, client: u64) {
        self.handle(Input::Left(ClientId(client)));
    }

    /// Has a client that has joined call a method.
    pub fn ask(&mut self, client: u64, text: &str) {
        self.handle(Input::Asked(ClientId(client), Call::Text(text)));
    }

    /// Returns the status of the chain that was added first.
    pub fn status(&self) -> ChainStatus {
        self.node.stats(self.now).chains.remove(0).2
    }

    /// Returns the published heads: when, and their heights.
    pub fn heads(&self) -> Vec<(Duration, u64)> {
        let heads = self.notices.iter().filter_map(|(at, notice)| match notice {
            Notice::Head(_, head) => Some((*at, head.height)),
            _ => None,
        });
        heads.collect()
    }

    /// Returns the quarantines: when, of whom, and for what.
    pub fn quarantines(&self) -> Vec<String> {
        let quarantines = self.notices.iter().filter_map(|(at, notice)| match notice {
            Notice::Quarantined { origin, verdict, why, .. } => {
                Some(format!("{} s: {origin}: {}: {why}", at.as_secs(), verdict.word()))
            }
            _ => None,
        });
        quarantines.collect()
    }
}

/// A chain, usually of four validators, that grows with the clock: one height every [`BLOCK_SECONDS`].
pub struct Grown {
    pub signers: Signers,
    pub blocks: Vec<LightBlock>,
}

impl Grown {
    /// Returns the chain with all heights that it will ever have.
    pub fn new(heights: usize) -> Self {
        Self::of(4, heights)
    }

    /// Returns a chain of some other number of validators.
    pub fn of(validators: u64, heights: usize) -> Self {
        let signers = Signers::equal(0..validators, 10);
        let blocks = verify_chain::chain(&vec![&signers; heights]);
        Self { signers, blocks }
    }

    pub fn block(&self, height: u64) -> &LightBlock {
        &self.blocks[usize::try_from(height).unwrap() - 1]
    }

    /// Returns the highest height that there is by then.
    pub fn latest(&self, wall: UnixTime) -> u64 {
        let grown = u64::try_from((wall.seconds() - START) / BLOCK_SECONDS).unwrap_or(0);
        grown.clamp(1, u64::try_from(self.blocks.len()).unwrap())
    }

    /// Returns what a node says that has all heights from `earliest` on.
    pub fn answer(&self, asked: &Asked<'_>, earliest: u64) -> Said {
        let latest = self.latest(asked.wall);
        let has = |height: &u64| (earliest..=latest).contains(height);
        match asked.route() {
            "/status" => status(asked.host, asked.wall, earliest, latest),
            "/blockchain" => {
                let (low, high) = (asked.number("minHeight").unwrap(), asked.number("maxHeight").unwrap());
                let (low, high) = (low.max(earliest), high.min(latest));
                let header = |height| json!({ "header": to_json(self.block(height))["signed_header"]["header"] });
                let metas: Vec<Value> = (low..=high).rev().take(20).map(header).collect();
                match low <= high {
                    true => Said::ok(json!({ "last_height": latest.to_string(), "block_metas": metas })),
                    false => Said::not_there(),
                }
            }
            "/commit" => match asked.number("height").filter(has) {
                Some(height) => commit(self.block(height)),
                None => Said::not_there(),
            },
            "/validators" => match asked.number("height").filter(has) {
                Some(height) => validators(self.block(height)),
                None => Said::not_there(),
            },
            _ => Said::status(404, "404 page not found\n"),
        }
    }

    /// Returns the description of the chain as a user gives it, trusting `height`.
    pub fn spec(&self, hosts: &str, height: u64, more: &str) -> String {
        let providers: Vec<String> = hosts.chars().map(|host| format!("http://{host}:1")).collect();
        let hash = self.block(height).header.hash();
        format!(
            r#"{{"family":"tendermint","chain_id":"{CHAIN_ID}","providers":{},"trust":{{"height":{height},"hash":"{hash}"}},
               "trusting_period":"10d"{more}}}"#,
            json!(providers)
        )
    }
}

/// Returns an answer to `/commit`.
pub fn commit(block: &LightBlock) -> Said {
    Said::ok(json!({ "signed_header": to_json(block)["signed_header"], "canonical": true }))
}

/// Returns an answer to `/validators`: all on one page.
pub fn validators(block: &LightBlock) -> Said {
    let members = to_json(block)["validator_set"]["validators"].clone();
    let total = block.validators.validators().len().to_string();
    Said::ok(
        json!({ "block_height": block.header.height.to_string(), "validators": members, "count": total, "total": total }),
    )
}

/// Returns an answer to `/status`.
pub fn status(host: char, time: UnixTime, earliest: u64, latest: u64) -> Said {
    Said::ok(json!({
        "node_info": { "id": host.to_string(), "network": CHAIN_ID },
        "sync_info": {
            "latest_block_height": latest.to_string(),
            "latest_block_time": time.to_string(),
            "earliest_block_height": earliest.to_string(),
            "catching_up": false,
        },
    }))
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
