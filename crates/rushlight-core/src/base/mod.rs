//! Plain values that every row uses: time, hashes, ids. Nothing here decides anything.

mod clock;
mod hash;
mod ids;
mod seed;
mod time;

pub use clock::TrustClock;
pub use hash::Hash;
pub use ids::{AskId, ChainId, ClientId, ConnId, FetchId, LoadId, PeerId, QueryId, SaveId, SubscriptionId, WorkId};
pub use seed::Seed;
pub use time::{Instant, Now, TimeError, UnixTime};
