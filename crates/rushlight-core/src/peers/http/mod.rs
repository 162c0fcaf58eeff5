//! Peers over HTTP: their addresses, what is exchanged with them, and what an answer says of them.

mod address;
mod exchange;
mod judge;

pub(super) use address::is_request_target;
pub use address::{ADDRESS_BYTES_MAX, Address, AddressError, HOST_BYTES_MAX, LABEL_BYTES_MAX, shown};
pub use exchange::{Fetch, FetchFailed, Fetched, Method, Share};
pub(super) use judge::judge;
