//! Warp sync: from a trusted block to the newest finalized one by the changes of the authority set between.
//!
//! A *fragment* is the last block of a set with a justification by that set; its header announces the next set. So a
//! chain of fragments hands trust from set to set, and only the last one, which proves the newest finalized block, need
//! not announce anything. It trusts one block and the set that votes after it, and proves finality of each fragment's
//! block; what it cannot see is a set that sold its keys long ago, which is why checkpoints age.
//!
//! [`FragmentStream`] takes an answer apart while it comes in, [`Run`] checks links and collects signatures,
//! [`ProofRun`] verifies one proof, [`Warp`] asks several peers for parts of the way at once.
//! Source: `sc-consensus-grandpa` 0.45, `warp_proof.rs`; `sc-network-sync` 0.59, `strategy/warp.rs`.

mod fragment;
mod machine;
mod part;
mod proof;
mod rules;
mod run;
mod stream;

pub use fragment::Fragment;
pub use machine::{
    Action, Blame, Event, HELD_BYTES_MAX, NO_PROGRESS_MAX, PARTS_MAX, PEERS_MAX, WAITING_BYTES_MAX, WORKS_MAX, Warp,
    WarpSettings,
};
pub use proof::{ProofRun, verify_proof};
pub use rules::WarpRules;
pub use run::{Released, Run, SIGNATURES_BYTES_AIM, SealedRun, VerifiedHead, WarpError};
pub use stream::{FRAGMENT_BYTES_MAX, FRAGMENTS_MAX, FragmentStream, RESPONSE_BYTES_MAX, StreamError};
