//! Descents: headers between two trusted heights, by the hash chain down from the upper one.
//!
//! No signature and no trusting period is needed below a verified header. What is walked over is not indexed, as heights
//! below the checkpoint are; so a descent is short.

use crate::base::PeerId;
use crate::chains::Verdict;
use crate::chains::tendermint::sync::ask::{Failed, Fetcher, Got, HEADERS_PER_ASK, RequestId};
use crate::chains::tendermint::types::Header;
use crate::chains::tendermint::verify::{self, VerifiedHeader};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

/// The most heights of one descent: 1,000 answers of a provider.
pub const DESCENT_HEIGHTS_MAX: u64 = 20_000;

/// A walk down from a verified header to a target height.
#[derive(Debug)]
pub struct Descent {
    lowest: VerifiedHeader,
    target: u64,
    waiting: RequestId,
}

/// Where a descent stands.
#[derive(Debug)]
pub enum Descended {
    /// It waits.
    Pending,
    /// The header at the target is verified.
    Reached(Box<VerifiedHeader>),
    /// An answer was of no use; the same heights have been asked for again.
    Failed(Failed),
}

impl Descent {
    /// Starts a descent from `above` to `target`, which is below it.
    pub fn start(above: VerifiedHeader, target: u64, fetcher: &mut Fetcher) -> Self {
        let waiting = ask(&above, target, fetcher);
        Self { lowest: above, target, waiting }
    }

    /// Tells whether the descent waits for this request.
    pub fn waits_for_request(&self, request: RequestId) -> bool {
        self.waiting == request
    }

    /// Forgets what is asked for.
    pub fn cancel(&self, fetcher: &mut Fetcher) {
        fetcher.cancel(self.waiting);
    }

    /// Takes in what the request that the descent waits for came to.
    pub fn got(&mut self, got: Got, fetcher: &mut Fetcher) -> Descended {
        let failed = match got {
            Got::Headers(peer, headers) => self.link(peer, headers),
            Got::Failed(failed) => Some(failed),
            _ => None,
        };
        if failed.is_none() && self.lowest.height() <= self.target {
            return Descended::Reached(Box::new(self.lowest.clone()));
        }
        self.waiting = ask(&self.lowest, self.target, fetcher);
        failed.map_or(Descended::Pending, Descended::Failed)
    }

    /// Links headers, highest first; those before one that does not fit stay.
    fn link(&mut self, peer: PeerId, headers: Vec<Header>) -> Option<Failed> {
        let below = self.lowest.height();
        for header in headers {
            if self.lowest.height() <= self.target {
                break;
            }
            if header.height.saturating_add(1) != self.lowest.height() {
                let (want, got) = (self.lowest.height().saturating_sub(1), header.height);
                let why = format!("asked for the header of height {want}, it gave {got}");
                return Some(Failed::by(peer, Verdict::Refusing, why));
            }
            match verify::backwards(&self.lowest, header) {
                Ok(verified) => self.lowest = verified,
                Err(error) => return Some(Failed::by(peer, Verdict::Lying, error.to_string())),
            }
        }
        (self.lowest.height() == below).then(|| {
            let why = format!("asked for the headers below height {below}, it gave none");
            Failed::by(peer, Verdict::Refusing, why)
        })
    }
}

fn ask(lowest: &VerifiedHeader, target: u64, fetcher: &mut Fetcher) -> RequestId {
    let high = lowest.height().saturating_sub(1).max(1);
    let low = high.saturating_sub(HEADERS_PER_ASK.saturating_sub(1)).max(target).max(1);
    fetcher.headers(low.min(high), high)
}
