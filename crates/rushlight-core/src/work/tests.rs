use super::{Done, Kind, Lane, NotDone, Outcome, StopFlag, Stopped, Ticket, Work};
use crate::base::Hash;
use alloc::string::ToString;
use alloc::vec::Vec;

const HERE: Hash = Hash([1; 32]);
const ELSEWHERE: Hash = Hash([2; 32]);

/// Halves a number as long as it is even; one step takes as long as it takes.
struct Halve(u64);

impl Kind for Halve {
    const NAME: &'static str = "halve";
    const LANE: Lane = Lane::Long;
    type Outcome = Result<u64, &'static str>;

    fn size_bytes(&self) -> usize {
        8
    }

    fn digest(&self) -> Hash {
        Hash([self.0.to_le_bytes(); 4].as_flattened().try_into().unwrap())
    }

    fn run(self, stop: &StopFlag) -> Result<Self::Outcome, Stopped> {
        let mut left = self.0;
        while left != 0 && left.is_multiple_of(2) {
            stop.go_on()?;
            left /= 2;
        }
        Ok(if left == 0 { Err("zero has no odd part") } else { Ok(left) })
    }

    fn is_valid(outcome: &Self::Outcome) -> bool {
        outcome.is_ok()
    }
}

/// Has the name of another kind.
struct Impostor;

impl Kind for Impostor {
    const NAME: &'static str = "halve";
    const LANE: Lane = Lane::Short;
    type Outcome = u8;

    fn size_bytes(&self) -> usize {
        0
    }

    fn digest(&self) -> Hash {
        Halve(6).digest()
    }

    fn run(self, _: &StopFlag) -> Result<u8, Stopped> {
        Ok(3)
    }

    fn is_valid(_: &u8) -> bool {
        true
    }
}

/// Is of another name.
struct Other;

impl Kind for Other {
    const NAME: &'static str = "other";
    const LANE: Lane = Lane::Short;
    type Outcome = ();

    fn size_bytes(&self) -> usize {
        0
    }

    fn digest(&self) -> Hash {
        HERE
    }

    fn run(self, _: &StopFlag) -> Result<(), Stopped> {
        Ok(())
    }

    fn is_valid((): &()) -> bool {
        true
    }
}

fn done<K: Kind>(from: Hash, input: K) -> Done {
    Work::new(from, input).0.run()
}

fn ticket() -> Ticket<Halve> {
    Work::new(HERE, Halve(6)).1
}

#[test]
fn a_ticket_opens_its_own_work_and_no_other() {
    assert_eq!(ticket().redeem(done(HERE, Halve(6))), Ok(Ok(3)));
    // Whoever ran it, the same work is the same work.
    let cases = [
        (done(HERE, Other), "the finished work is of kind other, expected halve"),
        (done(HERE, Impostor), "the finished work is of kind halve, expected halve"),
        (done(ELSEWHERE, Halve(6)), "the finished work starts from 0202"),
        (done(HERE, Halve(8)), "the finished work had the input 0800"),
    ];
    for (done, want) in cases {
        let said = ticket().redeem(done).unwrap_err().to_string();
        assert!(said.starts_with(want), "{said}");
    }
}

#[test]
fn drivers_see_how_a_work_ended_and_not_what_came_out() {
    let (work, _) = Work::new(HERE, Halve(6));
    assert_eq!((work.kind(), work.lane(), work.size_bytes()), ("halve", Lane::Long, 8));
    let receipt = work.receipt();
    let stopped = StopFlag::new();
    stopped.stop();
    let ends = [
        (done(HERE, Halve(6)), Outcome::Valid),
        (done(HERE, Halve(0)), Outcome::Invalid),
        (work.run_until(&stopped), Outcome::Stopped),
        (receipt.panicked("index out of bounds".to_string()), Outcome::Panicked),
    ];
    for (done, outcome) in &ends {
        assert_eq!((done.kind(), done.outcome()), ("halve", *outcome));
        assert_eq!(done.panic().is_some(), *outcome == Outcome::Panicked);
    }
    let words: Vec<_> = ends.iter().map(|(done, _)| done.outcome().word()).collect();
    assert_eq!(words, ["valid", "invalid", "stopped", "panicked"]);
}

#[test]
fn a_work_without_a_result_opens_nothing() {
    let stop = StopFlag::new();
    stop.clone().stop();
    let (work, ticket) = Work::new(HERE, Halve(6));
    assert_eq!(ticket.redeem(work.run_until(&stop)), Err(NotDone::Stopped { kind: "halve" }));
    // It is asked before each step only: what has no step left comes to its end.
    assert_eq!(Work::new(HERE, Halve(7)).0.run_until(&stop).outcome(), Outcome::Valid);
    let (work, ticket) = Work::new(HERE, Halve(6));
    let refused = ticket.redeem(work.receipt().panicked("index out of bounds".to_string()));
    let said = refused.unwrap_err().to_string();
    assert_eq!(said, "a work of kind halve panicked (index out of bounds); this is a bug, please report it");
}

#[cfg(any(feature = "substrate", feature = "tendermint"))]
#[test]
fn signatures_are_a_kind_of_work() {
    use crate::crypto::PublicKey;
    use crate::crypto::batch::SignatureBatch;
    let mut batch = SignatureBatch::new();
    batch.push(&PublicKey::Ed25519([7; 32]), b"message", &[9; 64]);
    batch.end_group();
    let held = batch.size_bytes();
    let (work, ticket) = Work::new(HERE, batch.clone());
    assert_eq!((work.kind(), work.lane(), work.size_bytes()), ("signatures", Lane::Short, held));
    let done = work.run();
    assert_eq!(done.outcome(), Outcome::Invalid);
    assert!(ticket.redeem(done).is_ok_and(|verdict| verdict.outcome().is_err()));
    let stop = StopFlag::new();
    stop.stop();
    assert_eq!(Work::new(HERE, batch).0.run_until(&stop).outcome(), Outcome::Stopped);
}
