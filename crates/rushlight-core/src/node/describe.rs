//! Descriptions of chains, read by the table of families and by what the node itself asks of them.

use crate::chains::{ChainSpec, Families, Key, SHOWN_CHARS_MAX, SpecError};
use crate::peers::{check_addresses, shown};
use alloc::format;
use alloc::string::String;

/// Reads a chain's description: what the table of families refuses, and addresses of peers that [`super::Node::add_chain`] would.
/// `own` are keys of the caller, which the families need not know.
/// # Errors
/// [`SpecError`].
pub fn describe(families: &Families, json: &str, own: &[Key]) -> Result<ChainSpec, SpecError> {
    let spec = families.describe_with(json, own)?;
    match check_addresses(spec.providers()) {
        Ok(()) => Ok(spec),
        Err((index, error)) => {
            let given = spec.providers().get(index).map_or("", |address| shown(address));
            let given: String = given.chars().take(SHOWN_CHARS_MAX).collect();
            Err(SpecError::Rule { pointer: format!("/providers/{index}"), why: format!("providers: {given}: {error}") })
        }
    }
}
