//! Peers that answer asks: addresses, outstanding asks, deadlines, hedging, scores, quarantine. Once, for all families.

mod ask;
mod fetch;

pub use ask::{Ask, AskBody, AskFailed, Reply, To};
pub use fetch::{Fetch, FetchFailed, Fetched, Method};
pub use verdict::Verdict;

mod verdict;
