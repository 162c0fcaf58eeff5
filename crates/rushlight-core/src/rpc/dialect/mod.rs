//! How clients of one protocol write what they ask and expect what they get: the same rows, in other forms.
//!
//! A dialect decides nothing about what is true and nothing about who may ask. It reads parameters, and it writes ids,
//! errors, statuses and notifications as the clients of its protocol know them.

mod read;
mod rushlight;

use read::from_json;
pub use rushlight::RUSHLIGHT;

use super::limits::{BODY_BYTES_MAX, SUBSCRIPTIONS_MAX};
use super::{ParamKind, Value};
use core::fmt;

/// The forms of one protocol. What is not said otherwise is JSON-RPC 2.0 as Rushlight's own methods have it.
pub trait Dialect: fmt::Debug + Sync {
    /// Returns its name, which no other dialect has.
    fn name(&self) -> &'static str;

    /// Tells whether a parameter that the row does not name is refused; otherwise it is read over.
    fn is_strict(&self) -> bool {
        true
    }

    /// Returns how many bytes of text one call may have.
    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    /// Returns how many subscriptions one client may have.
    fn subscriptions_max(&self) -> usize {
        SUBSCRIPTIONS_MAX
    }

    /// Returns what a parameter holds that came as the JSON text `raw`; `None` when it is not of this kind.
    fn read(&self, kind: ParamKind, raw: &str) -> Option<Value> {
        from_json(kind, raw)
    }
}
