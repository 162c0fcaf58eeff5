//! Works under way: whose they are, and how much memory long ones may take together.

use crate::base::{ChainId, WorkId};
use crate::work::{Done, Lane, Work};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

/// The most memory that all long works with the driver may take together, in bytes. One that does not fit waits until others
/// have ended; one that never could is given back.
pub const LONG_WORKS_BYTES_MAX: usize = 512 << 20;

/// The works of all chains.
#[derive(Debug, Default)]
pub(super) struct Works {
    /// Whose work it is, and its id there. What nobody waits for any more is not here.
    owners: BTreeMap<WorkId, (ChainId, WorkId)>,
    /// Long works for which there is no room yet, in the order in which they came.
    waiting: VecDeque<(WorkId, Work)>,
    /// What each long work with the driver may take. A cancelled one counts until the driver says that it has ended.
    long: BTreeMap<WorkId, usize>,
}

/// What becomes of a work that a chain sends.
#[derive(Debug)]
pub(super) enum Sent {
    /// It may run now.
    Run(WorkId, Work),
    /// It waits for others.
    Waits,
    /// It can never run.
    Refused(Done),
}

/// What becomes of a work that a chain cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancelled {
    /// The driver has it.
    AtDriver(WorkId),
    /// Nobody has it any more.
    Gone,
}

impl Works {
    /// Takes in a work of a chain; `id` is fresh.
    pub(super) fn send(&mut self, id: WorkId, chain: ChainId, local: WorkId, work: Work) -> Sent {
        if work.lane() == Lane::Long {
            let bytes = work.size_bytes();
            if bytes > LONG_WORKS_BYTES_MAX {
                return Sent::Refused(work.receipt().too_large(bytes, LONG_WORKS_BYTES_MAX));
            }
            self.owners.insert(id, (chain, local));
            // None overtakes another: a large one would wait for ever behind small ones.
            self.waiting.push_back((id, work));
            return self.next().map_or(Sent::Waits, |(id, work)| Sent::Run(id, work));
        }
        self.owners.insert(id, (chain, local));
        Sent::Run(id, work)
    }

    /// Returns the long work that may run now, if there is one.
    pub(super) fn next(&mut self) -> Option<(WorkId, Work)> {
        let held = self.long.values().fold(0, |sum: usize, bytes| sum.saturating_add(*bytes));
        let (_, first) = self.waiting.front()?;
        if held.saturating_add(first.size_bytes()) > LONG_WORKS_BYTES_MAX {
            return None;
        }
        let (id, work) = self.waiting.pop_front()?;
        self.long.insert(id, work.size_bytes());
        Some((id, work))
    }

    /// Notes that the driver has ended a work; returns whose it is, if anybody waits for it.
    pub(super) fn ended(&mut self, id: WorkId) -> Option<(ChainId, WorkId)> {
        self.long.remove(&id);
        self.owners.remove(&id)
    }

    /// Notes that a chain waits for a work no longer; `None` when it is not under way.
    pub(super) fn cancel(&mut self, chain: ChainId, local: WorkId) -> Option<Cancelled> {
        let id = self.owners.iter().find(|(_, owner)| **owner == (chain, local)).map(|(id, _)| *id)?;
        Some(self.forget(id))
    }

    /// Forgets the works of a chain; returns those that the driver has.
    pub(super) fn remove_chain(&mut self, chain: ChainId) -> Vec<WorkId> {
        let of_chain = self.owners.iter().filter(|(_, (of, _))| *of == chain).map(|(id, _)| *id);
        let at_driver = |cancelled| match cancelled {
            Cancelled::AtDriver(id) => Some(id),
            Cancelled::Gone => None,
        };
        of_chain.collect::<Vec<_>>().into_iter().filter_map(|id| at_driver(self.forget(id))).collect()
    }

    fn forget(&mut self, id: WorkId) -> Cancelled {
        self.owners.remove(&id);
        let before = self.waiting.len();
        self.waiting.retain(|(waiting, _)| *waiting != id);
        if self.waiting.len() < before { Cancelled::Gone } else { Cancelled::AtDriver(id) }
    }

    /// Returns how many are under way.
    pub(super) fn len(&self) -> usize {
        self.owners.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Hash;
    use crate::work::{Kind, Outcome, StopFlag, Stopped};
    use alloc::vec;

    struct Long(usize);

    impl Kind for Long {
        const NAME: &'static str = "long";
        const LANE: Lane = Lane::Long;
        type Outcome = ();

        fn size_bytes(&self) -> usize {
            self.0
        }

        fn digest(&self) -> Hash {
            Hash([0; 32])
        }

        fn run(self, _: &StopFlag) -> Result<(), Stopped> {
            Ok(())
        }

        fn is_valid((): &()) -> bool {
            true
        }
    }

    const HALF: usize = LONG_WORKS_BYTES_MAX / 2;

    struct Driver {
        works: Works,
        at_driver: Vec<WorkId>,
    }

    impl Driver {
        fn send(&mut self, id: u64, chain: u32, bytes: usize) {
            let (work, _) = Work::new(Hash([0; 32]), Long(bytes));
            if let Sent::Run(id, _) = self.works.send(WorkId(id), ChainId(chain), WorkId(id + 100), work) {
                self.at_driver.push(id);
            }
        }

        fn start(&mut self) {
            while let Some((id, _)) = self.works.next() {
                self.at_driver.push(id);
            }
        }
    }

    fn driver() -> Driver {
        Driver { works: Works::default(), at_driver: Vec::new() }
    }

    #[test]
    fn long_works_together_take_no_more_than_there_is() {
        let mut driver = driver();
        for (id, bytes) in [(1, HALF), (2, HALF - 1), (3, HALF), (4, 1), (5, 1)] {
            driver.send(id, 1, bytes);
        }
        assert_eq!(driver.at_driver, [WorkId(1), WorkId(2)], "small ones do not overtake the third");
        assert_eq!(driver.works.len(), 5);
        assert_eq!(driver.works.ended(WorkId(2)), Some((ChainId(1), WorkId(102))));
        driver.start();
        assert_eq!(driver.at_driver, [WorkId(1), WorkId(2), WorkId(3)], "two halves");
        assert_eq!(driver.works.ended(WorkId(1)), Some((ChainId(1), WorkId(101))));
        driver.start();
        assert_eq!(driver.at_driver[3..], [WorkId(4), WorkId(5)]);
    }

    #[test]
    fn a_cancelled_long_work_counts_until_it_has_ended() {
        let mut driver = driver();
        for id in 1..=3 {
            driver.send(id, 1, LONG_WORKS_BYTES_MAX);
        }
        let cancelled = driver.works.cancel(ChainId(1), WorkId(101));
        assert_eq!(cancelled, Some(Cancelled::AtDriver(WorkId(1))));
        assert_eq!(driver.works.cancel(ChainId(1), WorkId(102)), Some(Cancelled::Gone));
        assert_eq!(driver.works.cancel(ChainId(2), WorkId(103)), None, "another chain's");
        driver.start();
        assert_eq!(driver.at_driver, [WorkId(1)]);
        assert_eq!(driver.works.ended(WorkId(1)), None, "nobody waits for it");
        driver.start();
        assert_eq!(driver.at_driver, [WorkId(1), WorkId(3)]);
    }

    #[test]
    fn a_chain_takes_its_works_with_it() {
        let mut driver = driver();
        for (id, chain) in [(1, 1), (2, 2), (3, 1), (4, 2)] {
            driver.send(id, chain, LONG_WORKS_BYTES_MAX);
        }
        assert_eq!(driver.works.remove_chain(ChainId(1)), vec![WorkId(1)]);
        assert_eq!(driver.works.ended(WorkId(1)), None);
        driver.start();
        assert_eq!((driver.at_driver.len(), driver.works.len()), (2, 2));
    }

    #[test]
    fn what_can_never_run_is_given_back() {
        let mut works = Works::default();
        let (work, ticket) = Work::new(Hash([0; 32]), Long(LONG_WORKS_BYTES_MAX + 1));
        let sent = works.send(WorkId(1), ChainId(1), WorkId(1), work);
        let Sent::Refused(done) = sent else { panic!("{sent:?}") };
        assert_eq!((done.outcome(), works.len()), (Outcome::Stopped, 0));
        let error = ticket.redeem(done).unwrap_err();
        let said = "a work of kind long takes up to 536870913 bytes, at most 536870912 are allowed";
        assert_eq!(alloc::string::ToString::to_string(&error), said);
    }
}
