//! The contract between the node and a chain: what a chain is told, what it wants done, and what it says of itself.

mod action;
mod chain;
mod event;
mod fact;
mod head;
mod notice;
mod query;
mod status;

pub use action::Action;
pub use chain::Chain;
pub use event::Event;
pub(crate) use fact::facts_json;
pub use fact::{Fact, Facts, fact_at};
pub use head::Head;
pub use notice::{ChainNotice, Level};
pub use query::Query;
pub use status::{ChainStatus, PeerStatus, SyncState};
