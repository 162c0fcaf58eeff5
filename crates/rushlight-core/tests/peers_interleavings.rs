//! Ten thousand random steps at a time: whatever happens in whatever order, each ask is closed exactly once, nobody in
//! quarantine is asked, and nothing outgrows its bound.

use proptest::prelude::*;
use rushlight_core::base::{AskId, ChainId, FetchId, Instant, PeerId};
use rushlight_core::peers::{
    ASKS_PER_CHAIN_MAX, Ask, FETCHES_PER_PEER_MAX, FetchFailed, Fetched, HttpQuestion, Peers, PeersOutput, To, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const STEPS: usize = 10_000;
const CHAINS: u32 = 2;
const PEERS: u32 = 6;

#[derive(Clone, Copy, Debug)]
enum Step {
    AskAny { chain: u32, patience_ms: u64 },
    AskOnly { chain: u32, peer: u32, patience_ms: u64 },
    AskAmong { chain: u32, peers: [u32; 2], patience_ms: u64 },
    Cancel { nth: usize },
    Hold { nth: usize, is_held: bool },
    Answer { nth: usize, status: u16, retry_after_s: Option<u32>, bytes: usize },
    Fail { nth: usize, failed: FetchFailed },
    Blame { peer: u32, verdict: Verdict },
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let chain = || 0..CHAINS;
    let peer = || 0..CHAINS * PEERS + 1;
    let patience = || prop_oneof![Just(0), 1_u64..100, 100_u64..20_000];
    let failed = prop_oneof![
        Just(FetchFailed::Unresolved),
        Just(FetchFailed::Refused),
        Just(FetchFailed::Tls),
        Just(FetchFailed::TimedOut),
        Just(FetchFailed::TooLarge),
        Just(FetchFailed::Broken),
    ];
    let verdict = prop_oneof![
        12 => Just(Verdict::Slow),
        12 => Just(Verdict::Behind),
        12 => Just(Verdict::Pruned),
        12 => Just(Verdict::Refusing),
        1 => Just(Verdict::Lying),
    ];
    let status = prop_oneof![40 => Just(200_u16), 1 => Just(500), 1 => Just(404), 1 => Just(429)];
    prop_oneof![
        12 => (chain(), patience()).prop_map(|(chain, patience_ms)| Step::AskAny { chain, patience_ms }),
        6 => (chain(), peer(), patience())
            .prop_map(|(chain, peer, patience_ms)| Step::AskOnly { chain, peer, patience_ms }),
        6 => (chain(), [peer(), peer()], patience())
            .prop_map(|(chain, peers, patience_ms)| Step::AskAmong { chain, peers, patience_ms }),
        1 => any::<usize>().prop_map(|nth| Step::Cancel { nth }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(nth, is_held)| Step::Hold { nth, is_held }),
        16 => (any::<usize>(), status, proptest::option::of(0_u32..1_000), prop_oneof![60 => 0_usize..=10, 1 => 11_usize..12])
            .prop_map(|(nth, status, retry_after_s, bytes)| Step::Answer { nth, status, retry_after_s, bytes }),
        1 => (any::<usize>(), failed).prop_map(|(nth, failed)| Step::Fail { nth, failed }),
        1 => (peer(), verdict).prop_map(|(peer, verdict)| Step::Blame { peer, verdict }),
        8 => prop_oneof![8 => 0_u64..200, 2 => 200_u64..10_000, 1 => 10_000_u64..400_000]
            .prop_map(|millis| Step::Pass { millis }),
    ]
}

/// What an observer knows: which asks are open, which fetches run, who may be asked.
#[derive(Default)]
struct Observer {
    admitted: BTreeSet<PeerId>,
    open: BTreeMap<(ChainId, AskId), To>,
    fetches: BTreeMap<FetchId, ((ChainId, AskId), PeerId)>,
    asked: u64,
    closed: u64,
    protocol: Vec<PeersOutput>,
}

impl Observer {
    fn close(&mut self, key: (ChainId, AskId)) {
        assert!(self.open.remove(&key).is_some(), "{key:?} is closed twice");
        self.closed += 1;
    }

    fn drain(&mut self, peers: &mut Peers) {
        while let Some(output) = peers.poll() {
            match &output {
                PeersOutput::Fetch(id, fetch) => {
                    // http://p{peer}.example/{chain}/{ask}
                    let mut parts = fetch.url.trim_start_matches("http://p").split(['.', '/']);
                    let mut number = || parts.find_map(|part| part.parse::<u32>().ok()).unwrap();
                    let (peer, chain, ask) = (PeerId(number()), ChainId(number()), AskId(u64::from(number())));
                    assert!(self.admitted.contains(&peer), "{peer:?} is in quarantine and asked");
                    let to = self.open.get(&(chain, ask)).expect("only open asks are fetched for");
                    let is_meant = match to {
                        To::Any => true,
                        To::Among(peers) => peers.contains(&peer),
                        To::Only(only) => *only == peer,
                    };
                    assert!(is_meant, "{to:?} went to {peer:?}");
                    assert_eq!(peer.0 / PEERS, chain.0, "a peer serves its own chain");
                    assert!(self.fetches.insert(*id, ((chain, ask), peer)).is_none());
                    let at_peer = self.fetches.values().filter(|(_, other)| *other == peer).count();
                    assert!(at_peer <= FETCHES_PER_PEER_MAX, "{at_peer} fetches at {peer:?}");
                    let for_ask = self.fetches.values().filter(|(other, _)| *other == (chain, ask)).count();
                    assert!(for_ask <= if matches!(to, To::Only(_)) { 1 } else { 2 }, "{for_ask} fetches for {to:?}");
                }
                PeersOutput::CancelFetch(id) => assert!(self.fetches.remove(id).is_some(), "{id:?} is not under way"),
                PeersOutput::Unanswered { chain, ask, failed } => {
                    assert!(failed.tried == 0 || failed.last.is_some());
                    self.close((*chain, *ask));
                    assert!(!self.fetches.values().any(|(key, _)| *key == (*chain, *ask)), "a fetch outlives its ask");
                }
                PeersOutput::Joined(_, peer) => assert!(self.admitted.insert(*peer), "{peer:?} joined twice"),
                PeersOutput::Left(_, peer) => assert!(self.admitted.remove(peer), "{peer:?} left twice"),
                PeersOutput::Quarantined { length, .. } => assert!(!length.is_zero()),
                PeersOutput::Readmitted(peer) => assert!(!self.admitted.contains(peer)),
            }
            self.protocol.push(output);
        }
        assert_eq!(peers.fetches_pending(), self.fetches.len());
        assert!(self.open.len() <= CHAINS as usize * ASKS_PER_CHAIN_MAX);
    }

    fn nth_fetch(&self, nth: usize) -> Option<FetchId> {
        self.fetches.keys().nth(nth % self.fetches.len().max(1)).copied()
    }
}

fn run(steps: &[Step]) -> Observer {
    let mut peers = Peers::new([3; 32]);
    let mut observer = Observer::default();
    let mut now = Instant(0);
    for number in 0..CHAINS * PEERS {
        let added = peers.add(ChainId(number / PEERS), &format!("http://p{number}.example")).unwrap();
        assert_eq!(added, PeerId(number));
    }
    observer.drain(&mut peers);
    for step in steps {
        match *step {
            Step::AskAny { chain, patience_ms } => ask(&mut peers, &mut observer, now, chain, To::Any, patience_ms),
            Step::AskOnly { chain, peer, patience_ms } => {
                ask(&mut peers, &mut observer, now, chain, To::Only(PeerId(peer)), patience_ms);
            }
            Step::AskAmong { chain, peers: among, patience_ms } => {
                let to = To::Among(among.map(PeerId).into());
                ask(&mut peers, &mut observer, now, chain, to, patience_ms);
            }
            Step::Hold { nth, is_held } => {
                if let Some(fetch) = observer.nth_fetch(nth) {
                    if is_held { peers.held(now, fetch) } else { peers.released(now, fetch) }
                }
            }
            Step::Cancel { nth } => {
                let open = observer.open.keys().nth(nth % observer.open.len().max(1)).copied();
                if let Some((chain, ask)) = open {
                    observer.close((chain, ask));
                    peers.cancel(now, chain, ask);
                }
            }
            Step::Answer { nth, status, retry_after_s, bytes } => {
                if let Some(fetch) = observer.nth_fetch(nth) {
                    fetched(
                        &mut peers,
                        &mut observer,
                        now,
                        fetch,
                        Ok(Fetched { status, retry_after_s, body: &[0; 12][..bytes] }),
                    );
                }
            }
            Step::Fail { nth, failed } => {
                if let Some(fetch) = observer.nth_fetch(nth) {
                    fetched(&mut peers, &mut observer, now, fetch, Err(failed));
                }
            }
            Step::Blame { peer, verdict } => peers.blame(now, PeerId(peer), verdict, "blamed"),
            Step::Pass { millis } => pass(&mut peers, &mut observer, &mut now, Duration::from_millis(millis)),
        }
        observer.drain(&mut peers);
    }
    for fetch in observer.fetches.keys() {
        peers.released(now, *fetch);
    }
    // Nobody answers any more: patience closes whatever is open, and time lets everybody back.
    pass(&mut peers, &mut observer, &mut now, Duration::from_secs(30 * 86_400));
    assert!(observer.open.is_empty(), "left open: {:?}", observer.open);
    assert_eq!((observer.asked, peers.fetches_pending(), peers.deadline()), (observer.closed, 0, None));
    assert_eq!(observer.admitted.len(), (CHAINS * PEERS) as usize, "everybody is let back in the end");
    observer
}

fn ask(peers: &mut Peers, observer: &mut Observer, now: Instant, chain: u32, to: To, patience_ms: u64) {
    let (chain, id) = (ChainId(chain), AskId(observer.asked));
    observer.asked += 1;
    observer.open.insert((chain, id), to.clone());
    let question = HttpQuestion::Get(format!("/{}/{}", chain.0, id.0));
    let ask = Ask::to_read(to, question, 10, Duration::from_millis(patience_ms));
    peers.ask(now, chain, id, ask);
}

fn fetched(
    peers: &mut Peers,
    observer: &mut Observer,
    now: Instant,
    fetch: FetchId,
    result: Result<Fetched<'_>, FetchFailed>,
) {
    let (key, peer) = observer.fetches.remove(&fetch).unwrap();
    if let Some(answered) = peers.fetched(now, fetch, result) {
        assert_eq!(((answered.chain, answered.ask), answered.peer), (key, peer));
        assert!(result.is_ok_and(|answer| answer.body.len() <= 10), "only answers within the bound are handed on");
        observer.close(key);
    }
}

fn pass(peers: &mut Peers, observer: &mut Observer, now: &mut Instant, time: Duration) {
    let end = now.after(time);
    while let Some(due) = peers.deadline().filter(|due| *due <= end) {
        *now = due.max(*now);
        peers.tick(*now);
        observer.drain(peers);
        assert!(peers.deadline().is_none_or(|next| next > *now), "what is due by now has been done");
    }
    *now = end;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_interleaving_closes_each_ask_once_and_keeps_every_bound(steps in proptest::collection::vec(step(), STEPS)) {
        let observer = run(&steps);
        // Steps that reach nothing prove nothing: all kinds of output must be there, and in numbers.
        let count = |is: fn(&PeersOutput) -> bool| observer.protocol.iter().filter(|output| is(output)).count();
        let counts = [
            count(|output| matches!(output, PeersOutput::Fetch(..))),
            count(|output| matches!(output, PeersOutput::CancelFetch(..))),
            count(|output| matches!(output, PeersOutput::Unanswered { .. })),
            count(|output| matches!(output, PeersOutput::Quarantined { .. })),
            count(|output| matches!(output, PeersOutput::Readmitted(..))),
        ];
        println!("asked {}, fetch/cancel/unanswered/quarantined/readmitted {counts:?}", observer.asked);
        prop_assert!(observer.asked > 1_000 && counts.iter().all(|count| *count > 50), "{:?}", counts);
        prop_assert_eq!(observer.protocol, run(&steps).protocol);
    }
}
