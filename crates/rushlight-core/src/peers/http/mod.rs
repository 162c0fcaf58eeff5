//! Peers over HTTP: their addresses, what is exchanged with them, and what an answer says of them.

mod address;
mod exchange;
mod judge;

pub use address::{ADDRESS_BYTES_MAX, AddressError, HOST_BYTES_MAX, LABEL_BYTES_MAX};
pub(super) use address::{Address, is_request_target};
pub use exchange::{Fetch, FetchFailed, Fetched, Method, Share};
pub(super) use judge::judge;
