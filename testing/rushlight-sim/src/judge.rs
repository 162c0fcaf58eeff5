//! The judge: knows the truth and compares with it everything that the node says.

use crate::provider::Chains;
use crate::report::{Outcome, Verdict};
use crate::scenario::{HEIGHTS_MIN, PROVIDERS_MIN, Scenario, Theme};
use rushlight_core::base::{ChainId, ClientId, FetchId, Now, UnixTime};
use rushlight_core::bundle::{Bundle, Checkpoint};
use rushlight_core::chains::tendermint::bundle::{self, anchor_time};
use rushlight_core::chains::tendermint::verify::{JudgedAt, Rules};
use rushlight_core::chains::{ChainStatus, Head, SyncState};
use rushlight_core::node::{Node, Notice, Pending};
use rushlight_core::peers::{FETCHES_PER_PEER_MAX, Fetch};
use rushlight_core::rpc::Answer;
use rushlight_core::work::Work;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The most that the node may let a provider send in one answer.
const ANSWER_BYTES_MAX: u32 = 16 << 20;
/// The longest that the node may wait for an answer.
const PATIENCE_MAX: Duration = Duration::from_secs(60);
/// How far the clock may be behind while heads are still adopted.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
/// The longest time that the simulated disk takes.
const SAVE_TIME_MAX: Duration = Duration::from_millis(100);
/// How long after its end a run is watched, so that what comes late is seen too.
const WATCH: Duration = Duration::from_secs(120);

/// What is known of the node so far.
pub(crate) struct Judge<'a> {
    scenario: &'a Scenario,
    chains: &'a Chains,
    chain: ChainId,
    published: Option<Head>,
    saves_since_published: u32,
    fetches: BTreeMap<FetchId, usize>,
    fetches_made: u64,
    /// Who was asked at all.
    asked: BTreeSet<usize>,
    told: BTreeMap<String, u64>,
    blamed: BTreeMap<String, u64>,
    /// Lies told by a provider and not held against it yet.
    pending: BTreeMap<usize, BTreeMap<String, u64>>,
    faults: BTreeMap<usize, u64>,
    wall: UnixTime,
    wall_highest: UnixTime,
    /// Since when the clock is behind, and now.
    behind: Option<(Duration, Duration)>,
    calls_open: BTreeSet<ClientId>,
    calls_made: u64,
    checkpoints_checked: u64,
    bundles_checked: u64,
    reached: Option<Duration>,
    is_at_end: bool,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(scenario: &'a Scenario, chains: &'a Chains) -> Self {
        Self {
            scenario,
            chains,
            chain: ChainId(0),
            published: None,
            saves_since_published: 0,
            fetches: BTreeMap::new(),
            fetches_made: 0,
            asked: BTreeSet::new(),
            told: BTreeMap::new(),
            blamed: BTreeMap::new(),
            pending: BTreeMap::new(),
            faults: BTreeMap::new(),
            wall: UnixTime::EPOCH,
            wall_highest: UnixTime::EPOCH,
            behind: None,
            calls_open: BTreeSet::new(),
            calls_made: 0,
            checkpoints_checked: 0,
            bundles_checked: 0,
            reached: None,
            is_at_end: false,
        }
    }

    /// Returns the hash that the user trusts, as text.
    pub(crate) fn trusted_hash(&self) -> String {
        self.honest(self.scenario.trusted_height).map(|head| head.hash.to_string()).expect("the chain has this height")
    }

    fn honest(&self, height: u64) -> Option<Head> {
        let header = self.chains.honest().header(height)?;
        Some(Head { height, hash: self.chains.honest().block_id(height)?.hash, time: Some(header.time) })
    }

    fn status(&self, node: &Node, now: Now) -> ChainStatus {
        let mut chains = node.stats(now).chains.into_iter();
        chains.find(|(id, ..)| *id == self.chain).map(|(_, _, status)| status).expect("the chain was added")
    }

    pub(crate) fn state(&self, node: &Node, now: Now) -> String {
        let status = self.status(node, now);
        format!(
            "{} ({}), head {:?}, last published {:?}, {} fetches under way, deadline {:?}",
            status.state.word(),
            status.state.reason(),
            status.head.map(|head| head.height),
            self.published.map(|head| head.height),
            self.fetches.len(),
            node.deadline()
        )
    }

    // What the driver tells.

    pub(crate) fn told_the_time(&mut self, wall: UnixTime, since: Duration) {
        self.wall = wall;
        self.wall_highest = self.wall_highest.max(wall);
        let is_behind = wall.after(CLOCK_TOLERANCE) < self.wall_highest;
        self.behind = is_behind.then(|| self.behind.map_or((since, since), |(from, _)| (from, since)));
    }

    /// P8: after a kill at any point the node starts from a head that it had, and none that it had published is lost.
    pub(crate) fn started(&mut self, node: &Node, now: Now, chain: ChainId) {
        self.chain = chain;
        let restored = self.status(node, now).head;
        if let Some(published) = self.published {
            let height = restored.map(|head| head.height);
            assert!(
                height >= Some(published.height),
                "P8: published {}, but after a kill the head is {height:?}",
                published.height
            );
        }
        if let Some(head) = restored {
            self.assert_honest(head, "restored");
        }
    }

    pub(crate) fn killed(&mut self) {
        self.fetches.clear();
        self.faults.clear();
        self.calls_open.clear();
        self.saves_since_published = 0;
    }

    pub(crate) fn fetch(&mut self, id: FetchId, fetch: &Fetch) -> usize {
        let is_to = |address: &str| {
            fetch.url.strip_prefix(address).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let number = self.scenario.providers.iter().position(|provider| is_to(&provider.address));
        let number = number.unwrap_or_else(|| panic!("{} is no provider's address", fetch.url));
        assert!(
            fetch.body_bytes_max <= ANSWER_BYTES_MAX,
            "P9: {} bytes are read from a provider",
            fetch.body_bytes_max
        );
        assert!(fetch.timeout <= PATIENCE_MAX, "{:?} is waited for a provider", fetch.timeout);
        assert!(self.fetches.insert(id, number).is_none(), "fetch {} is made twice", id.0);
        let under_way = self.fetches.values().filter(|other| **other == number).count();
        assert!(under_way <= FETCHES_PER_PEER_MAX, "P9: {under_way} fetches at once from p{number}");
        self.fetches_made += 1;
        self.asked.insert(number);
        number
    }

    pub(crate) fn cancelled(&mut self, pending: Pending) {
        if let Pending::Fetch(id) = pending {
            self.fetches.remove(&id);
        }
    }

    pub(crate) fn delivered(&mut self, id: FetchId, number: usize, lie: Option<&str>) {
        // What comes after it was cancelled is not heard, so it is no lie told.
        if self.fetches.remove(&id).is_none() {
            return;
        }
        if let Some(lie) = lie {
            *self.told.entry(lie.to_owned()).or_default() += 1;
            *self.pending.entry(number).or_default().entry(lie.to_owned()).or_default() += 1;
        }
    }

    pub(crate) fn saved(&mut self, is_written: bool) {
        self.saves_since_published += u32::from(is_written);
    }

    pub(crate) fn work(&self, work: &Work) {
        assert!(work.size_bytes() <= Work::BYTES_MAX, "P9: a work of {} bytes", work.size_bytes());
    }

    pub(crate) fn called(&mut self, client: ClientId) {
        self.calls_made += 1;
        self.calls_open.insert(client);
    }

    // What the node says.

    fn assert_honest(&self, head: Head, how: &str) {
        let honest = self.honest(head.height);
        assert_eq!(Some(head), honest, "{how} at height {} is not the honest header", head.height);
    }

    pub(crate) fn noticed(&mut self, notice: &Notice) {
        if let Notice::Head(_, head) = notice {
            self.published(*head);
        }
    }

    fn published(&mut self, head: Head) {
        self.assert_honest(head, "the head published");
        assert!(
            self.published.is_none_or(|before| before.height < head.height),
            "published {} after {:?}",
            head.height,
            self.published.map(|head| head.height)
        );
        assert!(self.saves_since_published > 0, "P8: head {} is published before it was saved", head.height);
        let period = self.scenario.trusting_period;
        let time = head.time.expect("this family's headers tell their time");
        assert!(
            time.after(period) > self.wall_highest,
            "P11: head {} of {time} is adopted at {}, when trust in it had ended",
            head.height,
            self.wall_highest
        );
        // What was on its way to the disk when the clock jumped was judged by the right one.
        let is_right = self.behind.is_none_or(|(from, now)| now - from < SAVE_TIME_MAX);
        assert!(
            is_right,
            "P11: head {} is adopted with a clock at {} that was at {} before",
            head.height, self.wall, self.wall_highest
        );
        self.saves_since_published = 0;
        self.published = Some(head);
    }

    /// Looks at what the node says of itself.
    pub(crate) fn look(&mut self, node: &Node, now: Now) {
        let stats = node.stats(now);
        for peer in &stats.peers {
            let number = self.scenario.providers.iter().position(|provider| provider.address == peer.address.exposed());
            let number = number.unwrap_or_else(|| panic!("{} is no provider's address", peer.address));
            if peer.quarantined.is_some() {
                let asked = self.fetches.values().any(|other| *other == number);
                assert!(!asked, "p{number} is in quarantine and asked");
            }
            let faults = peer.faults.values().sum();
            if self.faults.insert(number, faults).unwrap_or(0) < faults {
                for (lie, count) in self.pending.remove(&number).into_iter().flatten() {
                    *self.blamed.entry(lie).or_default() += count;
                }
            }
        }
        if let Some(head) = self.status(node, now).head {
            self.assert_honest(head, "the head");
        }
    }

    pub(crate) fn replied(&mut self, client: ClientId, answer: &Answer, wall: UnixTime) {
        assert!(self.calls_open.remove(&client), "{client:?} is answered twice or never asked");
        let body = answer.body.as_ref().expect("a request with an id has an answer with a body").text();
        let json: Value = serde_json::from_str(&body).expect("answers are JSON");
        if let Some(proven) = &answer.proven {
            self.assert_honest(
                Head { height: proven.header_height(), hash: proven.hash(), time: proven.time() },
                "an answer's head",
            );
        }
        let result = &json["result"];
        let Some(text) = result["checkpoint"].as_str().or(result["text"].as_str()) else { return };
        let checkpoint = Checkpoint::from_text(text).expect("a checkpoint that the node gives can be read");
        assert_eq!(checkpoint.to_text().as_deref(), Ok(text), "P12: a checkpoint has one text");
        let Checkpoint { height, hash, ref anchor, .. } = checkpoint;
        let time = anchor_time(anchor).expect("a checkpoint of this family names a time");
        self.assert_honest(Head { height, hash, time: Some(time) }, "a checkpoint");
        self.checkpoints_checked += 1;
        if let Some(encoded) = result["bundle"].as_str() {
            self.check_bundle(encoded, &checkpoint, wall);
        }
    }

    /// P12: a bundle verifies with nothing but itself, its checkpoint and the time.
    fn check_bundle(&mut self, encoded: &str, checkpoint: &Checkpoint, wall: UnixTime) {
        let bytes = base64(encoded).expect("a bundle is base64");
        let decoded = Bundle::decode(&bytes).expect("a bundle that the node gives can be read");
        assert_eq!(decoded.encode().as_ref(), Ok(&bytes), "P12: a bundle has one encoding");
        let rules = Rules { trusting_period: self.scenario.trusting_period, ..Rules::default() };
        let block = bundle::verify(&decoded, checkpoint, &rules, JudgedAt::at(wall.max(self.wall_highest)))
            .unwrap_or_else(|error| panic!("P12: a bundle that the node gives is refused: {error}"));
        self.assert_honest(
            Head { height: block.height(), hash: block.hash(), time: Some(block.time()) },
            "a bundle's head",
        );
        self.bundles_checked += 1;
    }

    // The end.

    /// Tells whether what the theme expects has come about.
    pub(crate) fn is_done(&mut self, node: &Node, now: Now, since: Duration) -> bool {
        let is_reached = match self.scenario.theme {
            Theme::Liars | Theme::ClockBack(..) => {
                self.status(node, now).head.is_some_and(|head| head.height == self.scenario.last_height)
            }
            Theme::Attack => matches!(self.status(node, now).state, SyncState::Frozen(_)),
            Theme::TimeTravel(at) => since >= at,
        };
        if !is_reached {
            return false;
        }
        let reached = *self.reached.get_or_insert(since);
        let needs_bundle =
            matches!(self.scenario.theme, Theme::Liars | Theme::ClockBack(..)) && self.bundles_checked == 0;
        self.is_at_end = since >= reached + WATCH && (!needs_bundle || since >= reached + 10 * WATCH);
        self.is_at_end
    }

    pub(crate) fn out_of_time(&self, node: &Node, now: Now) {
        panic!("what is expected of {:?} has not come about: {}", self.scenario.theme, self.state(node, now));
    }

    pub(crate) fn outcome(&self, node: &Node, now: Now) -> Outcome {
        let status = self.status(node, now);
        let (heights, asked) = (self.scenario.last_height - self.scenario.trusted_height, self.asked.len());
        assert!(heights >= HEIGHTS_MIN, "the run has {heights} heights above the checkpoint, wanted are {HEIGHTS_MIN}");
        assert!(asked >= PROVIDERS_MIN, "{asked} providers were asked, wanted are {PROVIDERS_MIN}");
        match self.scenario.theme {
            Theme::Liars | Theme::ClockBack(..) => {
                assert!(self.bundles_checked > 0, "P12: no bundle of the tip was given: {}", self.state(node, now));
            }
            Theme::TimeTravel(_) => {
                let is_expired = matches!(status.state, SyncState::Expired(_));
                // Without a head there is no trust that could end.
                assert!(is_expired || status.head.is_none(), "P11: trust has ended, but: {}", self.state(node, now));
            }
            Theme::Attack => {}
        }
        // What was told and held against nobody has done no harm: the checks above say how the run ended.
        let mut outlived = BTreeMap::new();
        for (lie, count) in self.pending.values().flatten() {
            *outlived.entry(lie.clone()).or_default() += count;
        }
        Outcome {
            heights,
            fetches: self.fetches_made,
            calls: self.calls_made,
            bundles: self.bundles_checked,
            told: self.told.clone(),
            blamed: self.blamed.clone(),
            outlived,
            verdict: Verdict { state: status.state.word(), head: status.head.map(|head| head.height) },
            ..Outcome::default()
        }
    }
}

/// Reads base64, which the core's own decoder is not asked to check here.
fn base64(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(value).collect::<Option<_>>()?;
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let word = group.iter().fold(0_u32, |word, digit| word << 6 | u32::from(*digit)) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&word.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}
