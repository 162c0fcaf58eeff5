//! JSON-RPC 2.0 text for local clients: what a call is, how it is answered, which methods exist, what is refused.

mod call;

pub use call::{Answer, Call, Certainty, Dialect, Etag, Finality, Proven, Scope};
