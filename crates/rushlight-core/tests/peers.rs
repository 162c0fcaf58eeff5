//! How peers are asked, hedged, put into quarantine and let back, seen from outside.

use expect_test::{Expect, expect};
use rushlight_core::base::{AskId, ChainId, FetchId, Instant, PeerId};
use rushlight_core::peers::{
    ASKS_PER_CHAIN_MAX, Answered, Ask, FETCHES_PER_PEER_MAX, FetchFailed, Fetched, HttpQuestion, Peers, PeersOutput,
    To, Verdict,
};
use std::fmt::Write;
use std::time::Duration;

const CHAIN: ChainId = ChainId(1);
const PATIENCE: Duration = Duration::from_secs(10);

/// A crowd of peers on one chain, a clock in milliseconds and a protocol of what came out.
struct Crowd {
    peers: Peers,
    now: Instant,
    text: String,
}

impl Crowd {
    fn new(count: usize) -> Self {
        let mut peers = Peers::new([7; 32]);
        for number in 0..count {
            peers.add(CHAIN, &format!("http://p{number}.example")).unwrap();
        }
        let mut crowd = Self { peers, now: Instant(0), text: String::new() };
        crowd.drain();
        crowd.text.clear();
        crowd
    }

    fn at(&mut self, millis: u64) -> &mut Self {
        let to = Instant(millis * 1_000_000);
        assert!(to >= self.now, "time goes forward");
        while let Some(due) = self.peers.deadline().filter(|due| *due <= to) {
            self.now = due.max(self.now);
            self.peers.tick(self.now);
            self.drain();
        }
        self.now = to;
        self
    }

    fn after(&mut self, millis: u64) -> &mut Self {
        let now = self.now.0 / 1_000_000;
        self.at(now + millis)
    }

    fn ask(&mut self, id: u64, to: To) -> &mut Self {
        let ask = Ask::to_read(to, HttpQuestion::Get(format!("/ask/{id}")), 100, PATIENCE);
        self.put(id, ask)
    }

    fn put(&mut self, id: u64, ask: Ask) -> &mut Self {
        self.peers.ask(self.now, CHAIN, AskId(id), ask);
        self.drain()
    }

    fn cancel(&mut self, id: u64) -> &mut Self {
        self.peers.cancel(self.now, CHAIN, AskId(id));
        self.drain()
    }

    fn answer(&mut self, fetch: u64, status: u16, body: &[u8]) -> &mut Self {
        self.fetched(fetch, Ok(Fetched { status, retry_after_s: None, body }))
    }

    fn fetched(&mut self, fetch: u64, result: Result<Fetched<'_>, FetchFailed>) -> &mut Self {
        if let Some(Answered { ask, peer, status, .. }) = self.peers.fetched(self.now, FetchId(fetch), result) {
            self.line(&format!("ask {} answered by peer {} with {status}", ask.0, peer.0));
        }
        self.drain()
    }

    fn hold(&mut self, fetch: u64, is_held: bool) -> &mut Self {
        match is_held {
            true => self.peers.held(self.now, FetchId(fetch)),
            false => self.peers.released(self.now, FetchId(fetch)),
        }
        self.drain()
    }

    fn blame(&mut self, peer: u32, verdict: Verdict) -> &mut Self {
        self.peers.blame(self.now, PeerId(peer), verdict, "the family says so");
        self.drain()
    }

    fn line(&mut self, text: &str) -> &mut Self {
        writeln!(self.text, "@{} ms  {text}", self.now.0 / 1_000_000).unwrap();
        self
    }

    fn drain(&mut self) -> &mut Self {
        while let Some(output) = self.peers.poll() {
            let text = match output {
                PeersOutput::Fetch(id, fetch) => format!("fetch {} {}", id.0, fetch.url),
                PeersOutput::CancelFetch(id) => format!("cancel fetch {}", id.0),
                PeersOutput::Unanswered { ask, failed, .. } => {
                    let last = failed.last.map(|fault| format!("peer {} {}", fault.peer.0, fault.verdict.word()));
                    format!(
                        "ask {} unanswered, tried {}, last {}",
                        ask.0,
                        failed.tried,
                        last.unwrap_or("nobody".into())
                    )
                }
                PeersOutput::Joined(_, peer) => format!("peer {} joined", peer.0),
                PeersOutput::Left(_, peer) => format!("peer {} left", peer.0),
                PeersOutput::Quarantined { peer, verdict, length, .. } => {
                    format!("peer {} quarantined for {} ms: {}", peer.0, length.as_millis(), verdict.word())
                }
                PeersOutput::Readmitted(peer) => format!("peer {} readmitted", peer.0),
            };
            self.line(&text);
        }
        self
    }

    /// Lets peers answer asks of their own in the given times, so that their percentiles are known.
    fn practise(&mut self, peer: u32, millis: &[u64]) -> &mut Self {
        for ms in millis {
            let before = self.text.len();
            self.ask(1_000_000, To::Only(PeerId(peer)));
            let fetch = self.last_fetch();
            self.after(*ms).answer(fetch, 200, b"x");
            self.text.truncate(before);
        }
        self
    }

    fn last_fetch(&self) -> u64 {
        let line = self.text.lines().rev().find(|line| line.contains("ms  fetch")).expect("something was fetched");
        line.split_whitespace().nth(3).unwrap().parse().unwrap()
    }

    fn expect(&mut self, expected: Expect) -> &mut Self {
        expected.assert_eq(&self.text);
        self.text.clear();
        self
    }
}

#[test]
fn an_ask_is_fetched_and_answered() {
    let mut crowd = Crowd::new(1);
    crowd.ask(1, To::Any).at(30).answer(0, 200, b"yes").answer(0, 200, b"again").at(60_000);
    crowd.expect(expect![[r#"
        @0 ms  fetch 0 http://p0.example/ask/1
        @30 ms  ask 1 answered by peer 0 with 200
    "#]]);
}

#[test]
fn another_peer_is_asked_after_exactly_p95_and_the_first_answer_wins() {
    let mut crowd = Crowd::new(2);
    let times: Vec<u64> = (1..=20).map(|n| n * 10).collect();
    crowd.practise(0, &times).practise(1, &[400; 8]);
    // Of 10, 20 … 200 ms the 19th is 190 ms.
    let start = crowd.now.0 / 1_000_000;
    crowd.text.clear();
    crowd.ask(1, To::Any).at(start + 189).line("not yet");
    crowd.at(start + 190).line("now");
    let hedge = crowd.last_fetch();
    crowd.at(start + 250).answer(hedge, 200, b"yes").answer(hedge - 1, 200, b"late");
    crowd.expect(expect![[r#"
        @5300 ms  fetch 28 http://p0.example/ask/1
        @5489 ms  not yet
        @5490 ms  fetch 29 http://p1.example/ask/1
        @5490 ms  now
        @5550 ms  ask 1 answered by peer 1 with 200
        @5550 ms  cancel fetch 28
    "#]]);
}

#[test]
fn without_a_percentile_the_hedge_comes_after_a_second_and_its_loss_cancels_it() {
    let mut crowd = Crowd::new(2);
    crowd.ask(1, To::Any).at(1_500).answer(0, 200, b"yes");
    crowd.expect(expect![[r#"
        @0 ms  fetch 0 http://p0.example/ask/1
        @1000 ms  fetch 1 http://p1.example/ask/1
        @1500 ms  ask 1 answered by peer 0 with 200
        @1500 ms  cancel fetch 1
    "#]]);
}

#[test]
fn an_ask_to_one_peer_is_never_hedged_and_never_moves() {
    let mut crowd = Crowd::new(3);
    crowd.ask(1, To::Only(PeerId(2))).at(20_000);
    crowd.expect(expect![[r#"
        @0 ms  fetch 0 http://p2.example/ask/1
        @10000 ms  cancel fetch 0
        @10000 ms  ask 1 unanswered, tried 1, last peer 2 slow
    "#]]);
    crowd.ask(2, To::Only(PeerId(2))).answer(1, 404, b"");
    crowd.expect(expect![[r#"
        @20000 ms  fetch 1 http://p2.example/ask/2
        @20000 ms  ask 2 unanswered, tried 1, last peer 2 refusing
    "#]]);
}

#[test]
fn a_reset_of_a_kept_connection_is_forgiven_once_per_ask() {
    let mut crowd = Crowd::new(2);
    crowd.practise(0, &[10]);
    crowd.ask(1, To::Only(PeerId(0))).fetched(1, Err(FetchFailed::Refused)).fetched(2, Err(FetchFailed::Refused));
    crowd.line("a peer that never answered is not forgiven");
    crowd.ask(2, To::Only(PeerId(1))).fetched(3, Err(FetchFailed::Refused));
    crowd.after(200_000).line("nor one whose last answer was long ago");
    crowd.ask(3, To::Only(PeerId(0))).fetched(4, Err(FetchFailed::Refused));
    crowd.expect(expect![[r#"
        @10 ms  fetch 1 http://p0.example/ask/1
        @10 ms  fetch 2 http://p0.example/ask/1
        @10 ms  ask 1 unanswered, tried 1, last peer 0 refusing
        @10 ms  a peer that never answered is not forgiven
        @10 ms  fetch 3 http://p1.example/ask/2
        @10 ms  ask 2 unanswered, tried 1, last peer 1 refusing
        @200010 ms  nor one whose last answer was long ago
        @200010 ms  fetch 4 http://p0.example/ask/3
        @200010 ms  ask 3 unanswered, tried 1, last peer 0 refusing
    "#]]);
}

#[test]
fn the_next_peer_is_tried_up_to_a_bound() {
    let mut crowd = Crowd::new(6);
    crowd.ask(1, To::Any);
    crowd.fetched(0, Err(FetchFailed::Refused)).fetched(1, Err(FetchFailed::Broken)).answer(2, 502, b"bad gateway");
    crowd.answer(3, 500, b"");
    crowd.expect(expect![[r#"
        @0 ms  fetch 0 http://p0.example/ask/1
        @0 ms  fetch 1 http://p1.example/ask/1
        @0 ms  fetch 2 http://p2.example/ask/1
        @0 ms  fetch 3 http://p3.example/ask/1
        @0 ms  ask 1 unanswered, tried 4, last peer 3 refusing
    "#]]);
}

#[test]
fn what_is_an_answer_and_what_is_held_against_whom() {
    let mut crowd = Crowd::new(10);
    let large = [b'x'; 101];
    let cases: [(&str, Result<Fetched<'_>, FetchFailed>); 14] = [
        ("200 empty", Ok(Fetched { status: 200, retry_after_s: None, body: b"" })),
        ("200 at the bound", Ok(Fetched { status: 200, retry_after_s: None, body: &large[..100] })),
        ("200 above the bound", Ok(Fetched { status: 200, retry_after_s: None, body: &large })),
        ("500 with a body", Ok(Fetched { status: 500, retry_after_s: None, body: b"{}" })),
        ("500 without a body", Ok(Fetched { status: 500, retry_after_s: None, body: b"" })),
        ("204", Ok(Fetched { status: 204, retry_after_s: None, body: b"" })),
        ("301", Ok(Fetched { status: 301, retry_after_s: None, body: b"" })),
        ("429 with Retry-After 7", Ok(Fetched { status: 429, retry_after_s: Some(7), body: b"" })),
        ("refused", Err(FetchFailed::Refused)),
        ("unresolved", Err(FetchFailed::Unresolved)),
        ("tls", Err(FetchFailed::Tls)),
        ("timed out", Err(FetchFailed::TimedOut)),
        ("too large", Err(FetchFailed::TooLarge)),
        ("broken", Err(FetchFailed::Broken)),
    ];
    for (number, (name, result)) in cases.into_iter().enumerate() {
        let mut crowd_of_one = Crowd::new(2);
        crowd_of_one.ask(1, To::Only(PeerId(0)));
        crowd_of_one.text.clear();
        crowd_of_one.fetched(0, result);
        let stats = &crowd_of_one.peers.stats()[0];
        let faults: Vec<String> = stats.faults.iter().map(|(v, n)| format!("{} {n}", v.word())).collect();
        let why = stats.last_fault.as_ref().map_or(String::new(), |(_, why)| format!(", {why}"));
        writeln!(crowd.text, "{number} {name}: answered {}, faults {faults:?}{why}", stats.answered).unwrap();
    }
    crowd.expect(expect![[r#"
        0 200 empty: answered 1, faults []
        1 200 at the bound: answered 1, faults []
        2 200 above the bound: answered 0, faults ["another_form 1"], the body is larger than allowed: 100 bytes
        3 500 with a body: answered 1, faults []
        4 500 without a body: answered 0, faults ["refusing 1"], it answered with HTTP status 500 and no body
        5 204: answered 0, faults ["refusing 1"], it answered with HTTP status 204
        6 301: answered 0, faults ["refusing 1"], it answered with HTTP status 301
        7 429 with Retry-After 7: answered 0, faults ["refusing 1"], it answered with HTTP status 429 and Retry-After 7 s
        8 refused: answered 0, faults ["refusing 1"], the connection was refused or reset
        9 unresolved: answered 0, faults ["refusing 1"], the host name does not resolve
        10 tls: answered 0, faults ["refusing 1"], the TLS handshake failed
        11 timed out: answered 0, faults ["slow 1"], no complete answer within 10000 ms
        12 too large: answered 0, faults ["another_form 1"], the body is larger than allowed: 100 bytes
        13 broken: answered 0, faults ["refusing 1"], the answer broke off or is not HTTP
    "#]]);
}

#[test]
fn each_verdict_has_its_own_number_of_strikes_and_length() {
    let mut crowd = Crowd::new(10);
    for verdict in [Verdict::Slow, Verdict::Behind, Verdict::Pruned, Verdict::Refusing, Verdict::Lying] {
        let peer = verdict as u32;
        let mut strikes = 0;
        while !crowd.text.contains(&format!("peer {peer} left")) {
            crowd.blame(peer, verdict);
            strikes += 1;
        }
        crowd.line(&format!("that were {strikes} strikes"));
    }
    crowd.expect(expect![[r#"
        @0 ms  peer 0 quarantined for 5083 ms: slow
        @0 ms  peer 0 left
        @0 ms  that were 3 strikes
        @0 ms  peer 1 quarantined for 12276 ms: behind
        @0 ms  peer 1 left
        @0 ms  that were 6 strikes
        @0 ms  peer 2 quarantined for 10590 ms: pruned
        @0 ms  peer 2 left
        @0 ms  that were 8 strikes
        @0 ms  peer 4 quarantined for 11381 ms: refusing
        @0 ms  peer 4 left
        @0 ms  that were 3 strikes
        @0 ms  peer 5 quarantined for 710316 ms: lying
        @0 ms  peer 5 left
        @0 ms  that were 1 strikes
    "#]]);
}

#[test]
fn strikes_of_different_verdicts_do_not_add_up_and_are_forgotten_with_time() {
    let mut crowd = Crowd::new(2);
    crowd.blame(0, Verdict::Slow).blame(0, Verdict::Slow).blame(0, Verdict::Refusing).blame(0, Verdict::Refusing);
    crowd.blame(0, Verdict::Behind).blame(0, Verdict::Pruned);
    crowd.after(60_000).blame(0, Verdict::Slow).after(60_000).blame(0, Verdict::Slow);
    crowd.expect(expect![[""]]);
    crowd.blame(0, Verdict::Slow);
    crowd.expect(expect![[r#"
        @120000 ms  peer 0 quarantined for 5083 ms: slow
        @120000 ms  peer 0 left
    "#]]);
}

#[test]
fn a_quarantine_ends_and_the_next_for_the_same_verdict_is_twice_as_long() {
    let mut crowd = Crowd::new(2);
    for hours in [1, 1, 2] {
        crowd.blame(0, Verdict::Lying).after(hours * 3_600_000);
    }
    crowd.expect(expect![[r#"
        @0 ms  peer 0 quarantined for 683833 ms: lying
        @0 ms  peer 0 left
        @683833 ms  peer 0 readmitted
        @683833 ms  peer 0 joined
        @3600000 ms  peer 0 quarantined for 1230281 ms: lying
        @3600000 ms  peer 0 left
        @4830281 ms  peer 0 readmitted
        @4830281 ms  peer 0 joined
        @7200000 ms  peer 0 quarantined for 2476707 ms: lying
        @7200000 ms  peer 0 left
        @9676707 ms  peer 0 readmitted
        @9676707 ms  peer 0 joined
    "#]]);
    for _ in 0..12 {
        crowd.text.clear();
        crowd.blame(0, Verdict::Lying);
        let readmission = crowd.peers.deadline().unwrap();
        crowd.at(readmission.0 / 1_000_000 + 1);
    }
    crowd.expect(expect![[r#"
        @752057114 ms  peer 0 quarantined for 88038672 ms: lying
        @752057114 ms  peer 0 left
        @840095786 ms  peer 0 readmitted
        @840095786 ms  peer 0 joined
    "#]]);
}

#[test]
fn after_good_conduct_quarantine_is_short_again() {
    let mut crowd = Crowd::new(2);
    crowd.blame(0, Verdict::Lying).after(4 * 3_600_000).blame(0, Verdict::Lying);
    crowd.expect(expect![[r#"
        @0 ms  peer 0 quarantined for 683833 ms: lying
        @0 ms  peer 0 left
        @683833 ms  peer 0 readmitted
        @683833 ms  peer 0 joined
        @14400000 ms  peer 0 quarantined for 630281 ms: lying
        @14400000 ms  peer 0 left
    "#]]);
}

#[test]
fn who_comes_back_is_on_the_last_chance_and_asked_one_thing_at_a_time_until_it_answers() {
    let mut crowd = Crowd::new(2);
    crowd.blame(0, Verdict::Slow).blame(0, Verdict::Slow).blame(0, Verdict::Slow).at(10_000);
    crowd.ask(1, To::Only(PeerId(0))).ask(2, To::Only(PeerId(0))).ask(3, To::Only(PeerId(0)));
    crowd.line("the first answer ends the probation").answer(0, 200, b"x");
    crowd.expect(expect![[r#"
        @0 ms  peer 0 quarantined for 5083 ms: slow
        @0 ms  peer 0 left
        @5083 ms  peer 0 readmitted
        @5083 ms  peer 0 joined
        @10000 ms  fetch 0 http://p0.example/ask/1
        @10000 ms  the first answer ends the probation
        @10000 ms  ask 1 answered by peer 0 with 200
        @10000 ms  fetch 1 http://p0.example/ask/2
        @10000 ms  fetch 2 http://p0.example/ask/3
    "#]]);
    crowd.blame(0, Verdict::Refusing);
    crowd.expect(expect![[r#"
        @10000 ms  peer 0 quarantined for 10281 ms: refusing
        @10000 ms  peer 0 left
        @10000 ms  cancel fetch 1
        @10000 ms  ask 2 unanswered, tried 1, last peer 0 refusing
        @10000 ms  cancel fetch 2
        @10000 ms  ask 3 unanswered, tried 1, last peer 0 refusing
    "#]]);
}

#[test]
fn quarantine_cancels_what_is_under_way_and_what_waits() {
    let mut crowd = Crowd::new(2);
    for id in 1..=FETCHES_PER_PEER_MAX as u64 + 1 {
        crowd.ask(id, To::Only(PeerId(0)));
    }
    crowd.ask(20, To::Any);
    crowd.text.clear();
    crowd.blame(0, Verdict::Lying).ask(30, To::Only(PeerId(0)));
    crowd.expect(expect![[r#"
        @0 ms  peer 0 quarantined for 683833 ms: lying
        @0 ms  peer 0 left
        @0 ms  cancel fetch 0
        @0 ms  ask 1 unanswered, tried 1, last peer 0 lying
        @0 ms  cancel fetch 1
        @0 ms  ask 2 unanswered, tried 1, last peer 0 lying
        @0 ms  cancel fetch 2
        @0 ms  ask 3 unanswered, tried 1, last peer 0 lying
        @0 ms  cancel fetch 3
        @0 ms  ask 4 unanswered, tried 1, last peer 0 lying
        @0 ms  cancel fetch 4
        @0 ms  ask 5 unanswered, tried 1, last peer 0 lying
        @0 ms  cancel fetch 5
        @0 ms  ask 6 unanswered, tried 1, last peer 0 lying
        @0 ms  cancel fetch 6
        @0 ms  ask 7 unanswered, tried 1, last peer 0 lying
        @0 ms  cancel fetch 7
        @0 ms  ask 8 unanswered, tried 1, last peer 0 lying
        @0 ms  ask 9 unanswered, tried 0, last peer 0 lying
        @0 ms  ask 30 unanswered, tried 0, last peer 0 lying
    "#]]);
}

#[test]
fn an_ask_to_any_moves_on_when_its_peer_is_put_into_quarantine() {
    let mut crowd = Crowd::new(2);
    crowd.ask(1, To::Any).blame(0, Verdict::Lying).answer(0, 200, b"late").answer(1, 200, b"x");
    crowd.expect(expect![[r#"
        @0 ms  fetch 0 http://p0.example/ask/1
        @0 ms  peer 0 quarantined for 683833 ms: lying
        @0 ms  peer 0 left
        @0 ms  cancel fetch 0
        @0 ms  fetch 1 http://p1.example/ask/1
        @0 ms  ask 1 answered by peer 1 with 200
    "#]]);
}

#[test]
fn when_all_are_out_the_least_bad_is_back_early_and_liars_are_not() {
    let mut crowd = Crowd::new(3);
    crowd.blame(1, Verdict::Lying);
    for _ in 0..3 {
        crowd.blame(0, Verdict::Refusing);
    }
    for _ in 0..3 {
        crowd.blame(2, Verdict::Slow);
    }
    crowd.ask(1, To::Any).at(3_000);
    crowd.expect(expect![[r#"
        @0 ms  peer 1 quarantined for 657276 ms: lying
        @0 ms  peer 1 left
        @0 ms  peer 0 quarantined for 11333 ms: refusing
        @0 ms  peer 0 left
        @0 ms  peer 2 quarantined for 5590 ms: slow
        @0 ms  peer 2 left
        @1397 ms  peer 2 readmitted
        @1397 ms  peer 2 joined
        @1397 ms  fetch 0 http://p2.example/ask/1
    "#]]);
    let mut liars = Crowd::new(2);
    liars.blame(0, Verdict::Lying).blame(1, Verdict::Lying).ask(1, To::Any).at(599_999);
    liars.expect(expect![[r#"
        @0 ms  peer 0 quarantined for 683833 ms: lying
        @0 ms  peer 0 left
        @0 ms  peer 1 quarantined for 657276 ms: lying
        @0 ms  peer 1 left
        @10000 ms  ask 1 unanswered, tried 0, last nobody
    "#]]);
    liars.at(800_000);
    liars.expect(expect![[r#"
        @657276 ms  peer 1 readmitted
        @657276 ms  peer 1 joined
        @683833 ms  peer 0 readmitted
        @683833 ms  peer 0 joined
    "#]]);
}

#[test]
fn a_graver_verdict_lengthens_a_quarantine() {
    let mut crowd = Crowd::new(2);
    crowd.blame(0, Verdict::Slow).blame(0, Verdict::Slow).blame(0, Verdict::Slow);
    crowd.blame(0, Verdict::Slow).blame(0, Verdict::Lying).at(100_000);
    crowd.expect(expect![[r#"
        @0 ms  peer 0 quarantined for 5083 ms: slow
        @0 ms  peer 0 left
        @0 ms  peer 0 quarantined for 630281 ms: lying
    "#]]);
}

#[test]
fn retry_after_is_honoured_up_to_a_bound_even_when_nobody_else_is_there() {
    let mut crowd = Crowd::new(1);
    for (id, (status, seconds)) in [(429, 20), (503, 0), (429, 1_000_000)].into_iter().enumerate() {
        crowd.ask(id as u64, To::Any);
        let fetch = crowd.last_fetch();
        crowd.fetched(fetch, Ok(Fetched { status, retry_after_s: Some(seconds), body: b"" })).after(400_000);
    }
    crowd.expect(expect![[r#"
        @0 ms  fetch 0 http://p0.example/ask/0
        @0 ms  peer 0 quarantined for 23833 ms: refusing
        @0 ms  peer 0 left
        @0 ms  ask 0 unanswered, tried 1, last peer 0 refusing
        @23833 ms  peer 0 readmitted
        @23833 ms  peer 0 joined
        @400000 ms  fetch 1 http://p0.example/ask/1
        @400000 ms  peer 0 quarantined for 1031 ms: refusing
        @400000 ms  peer 0 left
        @400000 ms  ask 1 unanswered, tried 1, last peer 0 refusing
        @401031 ms  peer 0 readmitted
        @401031 ms  peer 0 joined
        @800000 ms  fetch 2 http://p0.example/ask/2
        @800000 ms  peer 0 quarantined for 301707 ms: refusing
        @800000 ms  peer 0 left
        @800000 ms  ask 2 unanswered, tried 1, last peer 0 refusing
        @1101707 ms  peer 0 readmitted
        @1101707 ms  peer 0 joined
    "#]]);
}

#[test]
fn a_cancelled_ask_cancels_its_fetches_and_gives_up_its_slot() {
    let mut crowd = Crowd::new(1);
    for id in 1..=FETCHES_PER_PEER_MAX as u64 + 2 {
        crowd.ask(id, To::Any);
    }
    crowd.text.clear();
    crowd.cancel(10).cancel(3).cancel(3).answer(2, 200, b"late");
    crowd.expect(expect![[r#"
        @0 ms  cancel fetch 2
        @0 ms  fetch 8 http://p0.example/ask/9
    "#]]);
}

#[test]
fn asks_wait_their_turn_whoever_they_go_to() {
    let mut crowd = Crowd::new(2);
    for id in 1..=2 * FETCHES_PER_PEER_MAX as u64 {
        crowd.ask(id, To::Any);
    }
    crowd.text.clear();
    crowd.ask(20, To::Any).ask(21, To::Only(PeerId(0))).ask(22, To::Only(PeerId(1))).ask(23, To::Any);
    crowd.expect(expect![[""]]);
    crowd.answer(1, 200, b"x").answer(3, 200, b"x").answer(5, 200, b"x").answer(0, 200, b"x");
    crowd.expect(expect![[r#"
        @0 ms  ask 2 answered by peer 1 with 200
        @0 ms  fetch 16 http://p1.example/ask/20
        @0 ms  ask 4 answered by peer 1 with 200
        @0 ms  fetch 17 http://p1.example/ask/22
        @0 ms  ask 6 answered by peer 1 with 200
        @0 ms  fetch 18 http://p1.example/ask/23
        @0 ms  ask 1 answered by peer 0 with 200
        @0 ms  fetch 19 http://p0.example/ask/21
    "#]]);
}

#[test]
fn the_queue_is_bounded() {
    let mut crowd = Crowd::new(1);
    for id in 0..ASKS_PER_CHAIN_MAX as u64 {
        crowd.ask(id, To::Any);
    }
    crowd.text.clear();
    crowd.ask(ASKS_PER_CHAIN_MAX as u64, To::Any);
    crowd.expect(expect![[r#"
        @0 ms  ask 4096 unanswered, tried 0, last nobody
    "#]]);
}

#[test]
fn a_fast_peer_is_preferred_and_a_much_slower_one_is_not_asked_instead_of_waiting() {
    let mut crowd = Crowd::new(3);
    crowd.practise(0, &[900; 10]).practise(1, &[20; 10]).practise(2, &[30; 10]);
    crowd.text.clear();
    for id in 1..=20 {
        crowd.ask(id, To::Any);
    }
    crowd.expect(expect![[r#"
        @9500 ms  fetch 30 http://p1.example/ask/1
        @9500 ms  fetch 31 http://p2.example/ask/2
        @9500 ms  fetch 32 http://p1.example/ask/3
        @9500 ms  fetch 33 http://p1.example/ask/4
        @9500 ms  fetch 34 http://p2.example/ask/5
        @9500 ms  fetch 35 http://p1.example/ask/6
        @9500 ms  fetch 36 http://p2.example/ask/7
        @9500 ms  fetch 37 http://p1.example/ask/8
        @9500 ms  fetch 38 http://p1.example/ask/9
        @9500 ms  fetch 39 http://p2.example/ask/10
        @9500 ms  fetch 40 http://p1.example/ask/11
        @9500 ms  fetch 41 http://p2.example/ask/12
        @9500 ms  fetch 42 http://p1.example/ask/13
        @9500 ms  fetch 43 http://p2.example/ask/14
        @9500 ms  fetch 44 http://p2.example/ask/15
        @9500 ms  fetch 45 http://p2.example/ask/16
    "#]]);
}

#[test]
fn a_slow_peer_that_is_always_beaten_is_found_out() {
    let mut crowd = Crowd::new(2);
    crowd.practise(0, &[10; 10]).practise(1, &[50; 10]);
    for id in 1..=12 {
        crowd.ask(id, To::Any);
        let first = crowd.last_fetch();
        crowd.after(60).answer(first + 1, 200, b"hedge").after(1).answer(first, 200, b"first");
        crowd.text.clear();
    }
    crowd.ask(100, To::Any);
    crowd.expect(expect![[r#"
        @1332 ms  fetch 44 http://p1.example/ask/100
    "#]]);
}

#[test]
fn deadlines_come_in_order() {
    let mut crowd = Crowd::new(2);
    assert_eq!(crowd.peers.deadline(), None);
    crowd.blame(0, Verdict::Lying);
    let readmission = crowd.peers.deadline().unwrap();
    assert!(readmission > Instant(600_000_000_000));
    crowd.ask(1, To::Any);
    assert_eq!(crowd.peers.deadline(), Some(Instant(1_000_000_000)), "the hedge");
    crowd.at(1_000);
    assert_eq!(crowd.peers.deadline(), Some(Instant(10_000_000_000)), "patience");
    crowd.at(10_000);
    assert_eq!(crowd.peers.deadline(), Some(readmission));
    crowd.text.clear();
    crowd.at(10_000);
    crowd.expect(expect![[""]]);
}

#[test]
fn a_removed_chain_leaves_nothing_behind() {
    let mut crowd = Crowd::new(2);
    crowd.ask(1, To::Any).ask(2, To::Only(PeerId(1))).blame(0, Verdict::Lying);
    crowd.text.clear();
    crowd.peers.remove_chain(CHAIN);
    crowd.drain().answer(1, 200, b"late");
    assert_eq!((crowd.peers.deadline(), crowd.peers.fetches_pending(), crowd.peers.stats()), (None, 0, vec![]));
    crowd.ask(3, To::Any).at(100_000);
    crowd.expect(expect![[r#"
        @0 ms  cancel fetch 2
        @0 ms  cancel fetch 1
        @10000 ms  ask 3 unanswered, tried 0, last nobody
    "#]]);
}

#[test]
fn what_cannot_be_asked_fails_at_once() {
    let mut crowd = Crowd::new(1);
    crowd.ask(1, To::Only(PeerId(9)));
    for target in ["", "status", "/a b", "/a\r\nhost: evil", "/a#b"] {
        crowd.put(2, Ask::to_read(To::Any, HttpQuestion::Get(target.into()), 1, PATIENCE));
    }
    crowd.expect(expect![[r#"
        @0 ms  ask 1 unanswered, tried 0, last nobody
        @0 ms  ask 2 unanswered, tried 0, last nobody
        @0 ms  ask 2 unanswered, tried 0, last nobody
        @0 ms  ask 2 unanswered, tried 0, last nobody
        @0 ms  ask 2 unanswered, tried 0, last nobody
        @0 ms  ask 2 unanswered, tried 0, last nobody
    "#]]);
}

/// What an ask that is refused says of a peer in quarantine is what the peer is there for, and stays so when more is held
/// against it meanwhile.
#[test]
fn why_a_peer_is_in_quarantine_is_what_asks_are_told() {
    let mut peers = Peers::new([0; 32]);
    let peer = peers.add(CHAIN, "http://p0.example/key").unwrap();
    let now = Instant(0);
    peers.blame(now, peer, Verdict::Lying, &"é".repeat(400));
    peers.blame(now, peer, Verdict::Slow, "it is slow too");
    let question = HttpQuestion::Get("/status".into());
    peers.ask(now, CHAIN, AskId(1), Ask::to_read(To::Only(peer), question, 1, PATIENCE));
    let outputs: Vec<PeersOutput> = std::iter::from_fn(|| peers.poll()).collect();
    let told: Vec<&str> = outputs
        .iter()
        .filter_map(|output| match output {
            PeersOutput::Quarantined { why, .. } => Some(why.as_str()),
            PeersOutput::Unanswered { failed, .. } => failed.last.as_ref().map(|fault| fault.why.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["é".repeat(256), "é".repeat(256)]);
    assert_eq!(peers.stats()[0].last_fault, Some((Verdict::Lying, "é".repeat(256))));
}

#[test]
fn an_ask_among_some_goes_to_nobody_else() {
    let mut crowd = Crowd::new(4);
    let two = To::Among([PeerId(1), PeerId(3)].into());
    crowd.practise(0, &[1]).ask(1, two.clone());
    let first = crowd.last_fetch();
    // Hedged within them, and tried with each of them once.
    crowd.after(1_000).answer(first, 404, b"").answer(first + 1, 404, b"").expect(expect![[r#"
        @1 ms  fetch 1 http://p1.example/ask/1
        @1001 ms  fetch 2 http://p3.example/ask/1
        @1001 ms  ask 1 unanswered, tried 2, last peer 3 refusing
    "#]]);
    crowd.ask(2, To::Among([PeerId(9)].into())).ask(3, To::Among([].into())).expect(expect![[r#"
        @1001 ms  ask 2 unanswered, tried 0, last nobody
        @1001 ms  ask 3 unanswered, tried 0, last nobody
    "#]]);
    crowd.blame(1, Verdict::Lying).blame(3, Verdict::Lying);
    crowd.text.clear();
    crowd.ask(4, two).expect(expect![[r#"
        @1001 ms  ask 4 unanswered, tried 0, last nobody
    "#]]);
}

/// What one client wants may cost a peer too much, or be refused: that is no reason not to ask it for anything else.
#[test]
fn what_is_not_held_against_a_peer_leaves_it_where_it_is() {
    let mut crowd = Crowd::new(1);
    for id in 0..40 {
        let question = HttpQuestion::Get("/for/a/client".into());
        crowd.put(id, Ask::to_read(To::Any, question, 100, PATIENCE).for_client());
        let fetch = crowd.last_fetch();
        match id % 4 {
            0 => crowd.answer(fetch, 404, b""),
            1 => crowd.fetched(fetch, Err(FetchFailed::TooLarge)),
            2 => crowd.fetched(fetch, Err(FetchFailed::TimedOut)),
            _ => crowd.after(10_000),
        };
    }
    assert_eq!(crowd.text.matches("unanswered").count(), 40, "{}", crowd.text);
    assert_eq!(crowd.text.matches("left").count(), 0, "{}", crowd.text);
}

/// A driver that has no connection or no memory for an answer makes nobody slow.
#[test]
fn time_that_the_driver_takes_is_nobodys() {
    let mut crowd = Crowd::new(1);
    crowd.ask(1, To::Only(PeerId(0)));
    let fetch = crowd.last_fetch();
    crowd.after(9_000).hold(fetch, true).after(60_000).hold(fetch, false);
    crowd.after(500).answer(fetch, 200, b"x").expect(expect![[r#"
        @0 ms  fetch 0 http://p0.example/ask/1
        @69500 ms  ask 1 answered by peer 0 with 200
    "#]]);
    let stats = crowd.practise(0, &[1; 7]).peers.stats().remove(0);
    assert_eq!((stats.p95_ms, stats.faults.len()), (Some(9_500), 0));
    // After it was released it is as slow as any other.
    crowd.ask(2, To::Only(PeerId(0)));
    let fetch = crowd.last_fetch();
    crowd.text.clear();
    crowd.hold(fetch, true).after(3_000).hold(fetch, false).after(10_000).expect(expect![[r#"
        @82507 ms  cancel fetch 8
        @82507 ms  ask 2 unanswered, tried 1, last peer 0 slow
    "#]]);
}

/// What is larger than its bound was not read in whole, so nobody can say that it is wrong.
#[test]
fn an_answer_that_is_too_large_is_no_lie() {
    let mut crowd = Crowd::new(1);
    for _ in 0..20 {
        crowd.ask(1, To::Only(PeerId(0)));
        let fetch = crowd.last_fetch();
        crowd.fetched(fetch, Err(FetchFailed::TooLarge));
        crowd.ask(2, To::Only(PeerId(0)));
        crowd.answer(fetch + 1, 200, &[b'x'; 101]);
    }
    assert!(crowd.text.contains("ask 2 unanswered, tried 1, last peer 0 another_form"), "{}", crowd.text);
    assert!(!crowd.text.contains("left"), "{}", crowd.text);
    assert_eq!(crowd.peers.stats()[0].faults.get(&Verdict::AnotherForm), Some(&40));
}

/// Nobody knows whether a request that failed was carried out: what must not be done twice is put once, to one peer.
#[test]
fn what_may_not_be_repeated_is_put_once() {
    let mut crowd = Crowd::new(3);
    for (id, failed) in [(1, FetchFailed::Refused), (2, FetchFailed::Broken), (3, FetchFailed::TimedOut)] {
        crowd.practise(0, &[1; 10]).practise(1, &[1; 10]).practise(2, &[1; 10]);
        let question = HttpQuestion::Post("{}".into());
        let ask = Ask { is_repeated: false, ..Ask::to_read(To::Any, question, 100, PATIENCE) };
        crowd.text.clear();
        crowd.put(id, ask).after(9_000);
        let fetch = crowd.last_fetch();
        crowd.fetched(fetch, Err(failed));
        assert_eq!(crowd.text.matches("ms  fetch").count(), 1, "{}", crowd.text);
        assert!(crowd.text.contains(&format!("ask {id} unanswered, tried 1")), "{}", crowd.text);
    }
}

/// A peer that serves two chains is one peer: who lies to one is asked by neither.
#[test]
fn a_peer_of_two_chains_is_one_peer() {
    let (mut crowd, other) = (Crowd::new(1), ChainId(2));
    assert_eq!(crowd.peers.add(other, "http://p0.example/").unwrap(), PeerId(0));
    assert!(crowd.peers.add(other, "http://p0.example").is_err());
    assert_eq!(crowd.peers.stats()[0].chains, [CHAIN, other]);
    crowd.drain().ask(1, To::Any);
    crowd.peers.ask(crowd.now, other, AskId(2), Ask::to_read(To::Any, HttpQuestion::Get("/2".into()), 9, PATIENCE));
    crowd.drain().blame(0, Verdict::Lying).expect(expect![[r#"
        @0 ms  peer 0 joined
        @0 ms  fetch 0 http://p0.example/ask/1
        @0 ms  fetch 1 http://p0.example/2
        @0 ms  peer 0 quarantined for 683833 ms: lying
        @0 ms  peer 0 left
        @0 ms  peer 0 left
        @0 ms  cancel fetch 0
        @0 ms  cancel fetch 1
        @0 ms  ask 1 unanswered, tried 1, last peer 0 lying
        @0 ms  ask 2 unanswered, tried 1, last peer 0 lying
    "#]]);
    crowd.peers.remove_chain(CHAIN);
    crowd.at(800_000).text.clear();
    assert_eq!(crowd.peers.stats()[0].chains, [other]);
    crowd.peers.ask(crowd.now, other, AskId(3), Ask::to_read(To::Any, HttpQuestion::Get("/3".into()), 9, PATIENCE));
    assert!(crowd.drain().text.contains("http://p0.example/3"), "{}", crowd.text);
}

/// What a peer that is removed was asked goes to another one, or fails if only it could answer.
#[test]
fn a_peer_may_leave() {
    let mut crowd = Crowd::new(2);
    crowd.practise(0, &[1]).ask(1, To::Any).ask(2, To::Only(PeerId(0)));
    crowd.peers.remove(crowd.now, CHAIN, PeerId(0));
    crowd.drain().ask(3, To::Only(PeerId(0))).expect(expect![[r#"
        @1 ms  fetch 1 http://p0.example/ask/1
        @1 ms  fetch 2 http://p0.example/ask/2
        @1 ms  peer 0 left
        @1 ms  cancel fetch 1
        @1 ms  cancel fetch 2
        @1 ms  ask 2 unanswered, tried 1, last peer 0 refusing
        @1 ms  fetch 3 http://p1.example/ask/1
        @1 ms  ask 3 unanswered, tried 0, last nobody
    "#]]);
    assert_eq!(crowd.peers.stats().len(), 1);
    assert_eq!(crowd.peers.add(CHAIN, "http://p0.example").unwrap(), PeerId(2));
}
