//! Answers to warp requests: the stream in pieces, and the machine that asked for them.

use rushlight_core::base::{Hash, PeerId};
use rushlight_core::chains::substrate::grandpa::{Authority, AuthoritySet, BlockId};
use rushlight_core::chains::substrate::header::NumberWidth;
use rushlight_core::chains::substrate::warp::{
    Action, Event, FragmentStream, HELD_BYTES_MAX, VerifiedHead, WAITING_BYTES_MAX, Warp, WarpRules, WarpSettings,
};

const WIDTH: NumberWidth = NumberWidth::U32;

/// The most actions that the machine is followed through.
const ACTIONS_MAX: usize = 64;

/// Takes `bytes` apart as an answer, in one piece and in small ones, which must give the same; then three peers answer a
/// machine with it. The first byte is the size of the pieces. Returns whether a fragment was read.
pub fn run(bytes: &[u8]) -> bool {
    let Some((size, answer)) = bytes.split_first() else { return false };
    let size = usize::from(*size) + 1;
    let whole = fragments(answer, answer.len().max(1));
    assert_eq!(whole, fragments(answer, size), "pieces of {size} bytes");
    machine(answer, size);
    whole.is_ok_and(|count| count > 0)
}

/// Returns how many fragments there are, or that the answer is none.
fn fragments(answer: &[u8], size: usize) -> Result<usize, ()> {
    let mut stream = FragmentStream::new(WIDTH);
    let mut count = 0;
    for chunk in answer.chunks(size) {
        stream.receive(chunk).map_err(|_| ())?;
        while stream.next_fragment().map_err(|_| ())?.is_some() {
            count += 1;
        }
    }
    while stream.end().map_err(|_| ())?.is_ok() {
        count += 1;
    }
    Ok(count)
}

fn machine(answer: &[u8], size: usize) {
    let list = vec![Authority { key: [0x88; 32], weight: 1 }];
    let set = AuthoritySet::new(0, list).expect("one authority is a set");
    let settings = WarpSettings { number_width: WIDTH, part_blocks: 4, gap_blocks: 1 };
    let mut warp = Warp::new(
        VerifiedHead::trusted(BlockId { hash: Hash::default(), number: 0 }, set),
        settings,
        WarpRules::default(),
    );
    (1..=3).for_each(|peer| warp.handle(Event::Peer(PeerId(peer), 4_000_000_000)));
    for _ in 0..ACTIONS_MAX {
        let Some(action) = warp.poll() else { break };
        match action {
            Action::AskHash { ask, .. } => warp.handle(Event::HashTold(ask, Some(Hash([7; 32])))),
            Action::AskFragments { ask, .. } => {
                answer.chunks(size).for_each(|chunk| warp.handle(Event::Received(ask, chunk)));
                warp.handle(Event::Ended(ask));
            }
            Action::Work(id, work) => warp.handle(Event::Worked(id, work.run())),
            Action::Progress(_) | Action::Finished(_) | Action::Cancel(_) | Action::Blame(..) => {}
        }
        assert!(warp.waiting_bytes() <= WAITING_BYTES_MAX && warp.size_bytes() <= HELD_BYTES_MAX);
    }
}
