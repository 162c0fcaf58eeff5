//! Rushlight's own checks and automation. [`tidy`] holds the house rules; `cargo test --workspace` runs them.

mod lexer;
pub mod tidy;
