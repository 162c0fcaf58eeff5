//! The world: virtual time, and a driver that keeps the contract while everything around it breaks.

use crate::Dice;
use crate::disk::Disk;
use crate::judge::Judge;
use crate::provider::{Chains, Delivery};
use crate::report::Outcome;
use crate::scenario::{Scenario, Theme};
use rushlight_core::base::{ChainId, ClientId, FetchId, Instant, LoadId, Now, SaveId, UnixTime, WorkId};
use rushlight_core::chains::ChainSpec;
use rushlight_core::node::{Config, Input, Node, Output, Pending, Snapshot};
use rushlight_core::peers::{Fetch, Fetched};
use rushlight_core::rpc::{Access, Call, ClientKind, Scope};
use rushlight_core::work::Done;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A run that takes more steps than this goes round in circles.
const STEPS_MAX: u64 = 400_000;
/// After this much time without reaching its end a run has failed.
const TIME_MAX: Duration = Duration::from_secs(3 * 3_600);
/// One handle puts out no more than this.
const OUTPUTS_PER_HANDLE_MAX: usize = 10_000;
/// How many lines of what happened last a failure shows.
const TRACE_LINES_MAX: usize = 60;

/// Something that will happen.
enum Happening {
    Fetched(FetchId, usize, Delivery),
    Saved(SaveId, Vec<u8>, bool),
    Loaded(LoadId, Option<Vec<u8>>),
    Worked(WorkId, Done),
    Called(u64),
}

/// A run.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    chains: &'a Chains,
    pub(crate) judge: Judge<'a>,
    node: Node,
    chain: ChainId,
    disk: Disk,
    network: Dice,
    dice: Dice,
    /// Nanoseconds since the run began.
    time: u64,
    /// When the process was started.
    process_start: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    scheduled: u64,
    steps: u64,
    crashes: u32,
    trace: VecDeque<String>,
    is_printed: bool,
}

impl<'a> World<'a> {
    /// Returns the world of `scenario`; `salt` changes the order in which answers come and nothing else.
    pub(crate) fn new(scenario: &'a Scenario, chains: &'a Chains, salt: u64, is_printed: bool) -> Self {
        let seed = scenario.seed;
        let mut world = Self {
            judge: Judge::new(scenario, chains),
            node: Node::new(Config::default(), [seed as u8; 32]),
            chain: ChainId(0),
            disk: Disk::default(),
            network: Dice::new(seed ^ salt.rotate_left(40), "network"),
            dice: Dice::new(seed, "world"),
            time: 0,
            process_start: 0,
            queue: BTreeMap::new(),
            scheduled: 0,
            steps: 0,
            crashes: 0,
            trace: VecDeque::new(),
            is_printed,
            scenario,
            chains,
        };
        world.start_process(None);
        world
    }

    /// Runs until what the theme expects has come about.
    pub(crate) fn run(&mut self) -> Outcome {
        loop {
            let due = self.node.deadline().map(|at| self.process_start.saturating_add(at.0));
            let next = self.queue.first_key_value().map(|(key, _)| *key);
            let is_tick = match (due, next) {
                (Some(due), Some((at, _))) => due < at,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => panic!("nothing will ever happen again: {}", self.judge.state(&self.node, self.now())),
            };
            let at = if is_tick { due } else { next.map(|(at, _)| at) }.unwrap_or(self.time);
            self.time = self.time.max(at);
            self.steps += 1;
            assert!(
                self.steps < STEPS_MAX,
                "more than {STEPS_MAX} steps: {}",
                self.judge.state(&self.node, self.now())
            );
            if self.since_start() > TIME_MAX {
                self.judge.out_of_time(&self.node, self.now());
                break;
            }
            if is_tick {
                self.handle(Input::Tick);
            } else if let Some((_, happening)) = self.queue.pop_first() {
                self.happen(happening);
            }
            if self.judge.is_done(&self.node, self.now(), self.since_start()) {
                break;
            }
        }
        self.finish()
    }

    fn since_start(&self) -> Duration {
        Duration::from_nanos(self.time)
    }

    /// Returns what the wall clock of the client says.
    fn wall(&self) -> UnixTime {
        let real = self.real_time();
        let since = self.since_start();
        match self.scenario.theme {
            Theme::TimeTravel(at) if since >= at => real.after(self.scenario.trusting_period),
            Theme::ClockBack(by, from, to) if (from..to).contains(&since) => {
                UnixTime::from_unix_nanos(real.unix_nanos() - by.as_nanos() as i128)
            }
            _ => real,
        }
    }

    /// Returns the time by which providers make blocks.
    fn real_time(&self) -> UnixTime {
        self.scenario.plan.published_time(self.scenario.tip_at_start).after(self.since_start())
    }

    fn now(&self) -> Now {
        Now { instant: Instant(self.time - self.process_start), wall: self.wall() }
    }

    fn start_process(&mut self, saved: Option<Vec<u8>>) {
        self.process_start = self.time;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.dice.next().to_be_bytes());
        self.node = Node::new(Config::default(), seed);
        let spec =
            ChainSpec::from_json(&self.scenario.spec_json(&self.judge.trusted_hash())).expect("a drawn description");
        let now = self.now();
        self.chain = self.node.add_chain(now, "sim", spec, saved.as_deref()).expect("what was saved can be read back");
        self.judge.started(&self.node, now, self.chain);
        let client = self.dice.within(1..20);
        self.schedule(Duration::from_secs(client), Happening::Called(0));
        self.drain();
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        let at = self.time.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX));
        self.scheduled += 1;
        self.queue.insert((at, self.scheduled), happening);
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        let line = format!("{:>10.3} s  {}", self.since_start().as_secs_f64(), text());
        if self.is_printed {
            println!("{line}");
        }
        if self.trace.len() == TRACE_LINES_MAX {
            self.trace.pop_front();
        }
        self.trace.push_back(line);
    }

    /// Returns what happened last.
    pub(crate) fn trace(&self) -> String {
        self.trace.iter().map(|line| format!("{line}\n")).collect()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Fetched(id, number, delivery) => {
                self.note(|| match &delivery.result {
                    Ok((status, _, body)) => format!(
                        "fetched {} from p{number}: {status}, {} bytes{}",
                        id.0,
                        body.len(),
                        delivery.lie.as_deref().map(|lie| format!(", {lie}")).unwrap_or_default()
                    ),
                    Err(failed) => format!("fetch {} from p{number} failed: {failed}", id.0),
                });
                self.judge.delivered(id, number, delivery.lie.as_deref());
                let result = match &delivery.result {
                    Ok((status, retry_after_s, body)) => {
                        Ok(Fetched { status: *status, retry_after_s: *retry_after_s, body })
                    }
                    Err(failed) => Err(*failed),
                };
                self.handle(Input::Fetched(id, result));
            }
            Happening::Saved(id, snapshot, is_written) => {
                self.note(|| format!("save {} {}", id.0, if is_written { "written" } else { "failed" }));
                self.disk.end(snapshot, is_written);
                self.judge.saved(is_written);
                self.handle(Input::Saved(id, is_written));
            }
            Happening::Loaded(id, blob) => self.handle(Input::Loaded(id, blob.as_deref())),
            Happening::Worked(id, done) => self.handle(Input::Worked(id, done)),
            Happening::Called(number) => self.call(number),
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = self.now();
        self.judge.told_the_time(now.wall, self.since_start());
        self.node.handle(now, input);
        self.drain();
    }

    fn drain(&mut self) {
        let mut outputs = 0;
        let mut is_killed = false;
        while let Some(output) = self.node.poll() {
            outputs += 1;
            assert!(outputs <= OUTPUTS_PER_HANDLE_MAX, "one handle puts out more than {OUTPUTS_PER_HANDLE_MAX}");
            is_killed |= self.put_out(output);
        }
        self.judge.look(&self.node, self.now());
        if is_killed {
            self.kill();
        }
    }

    /// Does what the node wants; tells whether the process is killed at this write.
    fn put_out(&mut self, output: Output) -> bool {
        match output {
            Output::Fetch(id, fetch) => self.fetch(id, &fetch),
            Output::Save(id, _, Snapshot(bytes)) => {
                self.note(|| format!("save {}: {} bytes", id.0, bytes.len()));
                self.disk.begin(bytes.clone());
                let fails = self.dice.chance(self.scenario.save_fails_percent);
                let after = Duration::from_micros(self.dice.within(50..30_000));
                self.schedule(after, Happening::Saved(id, bytes, !fails));
                return self.dice.chance(self.scenario.crash_percent);
            }
            Output::Put(blob) => self.disk.put(blob.hash, blob.bytes),
            Output::Drop(hash) => self.disk.drop_blob(&hash),
            Output::Load(id, hash) => {
                let blob = self.disk.load(&hash, self.scenario.blob_lost_percent, &mut self.dice);
                let after = Duration::from_micros(self.dice.within(50..5_000));
                self.schedule(after, Happening::Loaded(id, blob));
            }
            Output::Work(id, work) => {
                self.judge.work(&work);
                let after = Duration::from_micros(self.dice.within(10..50_000));
                self.schedule(after, Happening::Worked(id, work.run()));
            }
            Output::Cancel(pending) => {
                self.note(|| format!("cancel {pending:?}"));
                self.judge.cancelled(pending);
                self.cancel(pending);
            }
            Output::Reply(client, answer) => {
                self.note(|| format!("reply to {}: {} {:?}", client.0, answer.status, answer.body));
                let now = self.wall();
                self.judge.replied(client, &answer, now);
            }
            Output::Hangup(client) => panic!("a client that reads everything is hung up on: {client:?}"),
            Output::Notice(notice) => {
                self.note(|| format!("{notice:?}"));
                self.judge.noticed(&notice);
            }
        }
        false
    }

    fn fetch(&mut self, id: FetchId, fetch: &Fetch) {
        let number = self.judge.fetch(id, fetch);
        self.note(|| format!("fetch {} {}", id.0, fetch.url));
        let (since, real) = (self.since_start(), self.real_time());
        let delivery = self.chains.ask(self.scenario, number, fetch, since, real, &mut self.network);
        self.schedule(delivery.after, Happening::Fetched(id, number, delivery));
    }

    /// Cancels, mostly: an answer may be on its way already, and the node has to ignore it.
    fn cancel(&mut self, pending: Pending) {
        if self.dice.chance(20) {
            return;
        }
        let is_it = |happening: &Happening| match (happening, pending) {
            (Happening::Fetched(id, ..), Pending::Fetch(cancelled)) => *id == cancelled,
            (Happening::Loaded(id, ..), Pending::Load(cancelled)) => *id == cancelled,
            (Happening::Worked(id, ..), Pending::Work(cancelled)) => *id == cancelled,
            _ => false,
        };
        let key = self.queue.iter().find(|(_, happening)| is_it(happening)).map(|(key, _)| *key);
        if let Some(key) = key {
            self.queue.remove(&key);
        }
    }

    fn kill(&mut self) {
        if self.crashes >= self.scenario.crashes_max {
            return;
        }
        self.crashes += 1;
        self.judge.killed();
        self.queue.clear();
        let saved = self.disk.after_kill(&mut self.dice);
        self.note(|| format!("killed; {} bytes are on the disk", saved.as_ref().map_or(0, Vec::len)));
        self.time += self.dice.within(0..2_000_000_000);
        self.start_process(saved);
    }

    /// A client calls, and another one later on.
    fn call(&mut self, number: u64) {
        let client = ClientId(number);
        let scope = Scope { chain: Some(self.chain), access: Access::Public };
        let text = match number % 3 {
            0 => r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status"}"#,
            1 => r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_checkpoint"}"#,
            _ => r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#,
        };
        self.judge.called(client);
        self.handle(Input::Joined(client, scope, ClientKind::Exchange));
        self.handle(Input::Asked(client, Call::Text(text)));
        let after = Duration::from_secs(self.dice.within(5..40));
        self.schedule(after, Happening::Called(number + 1));
    }

    /// Asks for a checkpoint and a proof of the head that was reached, and has them verified without the node.
    fn finish(&mut self) -> Outcome {
        Outcome {
            steps: self.steps,
            time: self.since_start(),
            crashes: self.crashes,
            ..self.judge.outcome(&self.node, self.now())
        }
    }
}
