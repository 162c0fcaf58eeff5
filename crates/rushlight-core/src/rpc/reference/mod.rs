//! What the rows say of themselves: to clients that ask, and in the documentation.

mod help;
mod markdown;

pub(super) use help::help;
pub use markdown::markdown;
