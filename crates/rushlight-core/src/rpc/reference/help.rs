//! The result of `rushlight_methods`.

use crate::rpc::{Param, Row};
use alloc::string::String;
use alloc::vec::Vec;

#[derive(serde::Serialize)]
struct Help {
    methods: Vec<Method>,
}

#[derive(serde::Serialize)]
struct Method {
    name: &'static str,
    params: &'static [Param],
    returns: &'static str,
    doc: &'static str,
    notifies: Option<&'static str>,
}

/// Returns what `rows` are, as JSON text.
pub(in crate::rpc) fn help(rows: &[&'static Row]) -> String {
    let method = |row: &&'static Row| {
        let Row { name, params, returns, doc, topic, .. } = **row;
        Method { name, params, returns, doc, notifies: topic }
    };
    let help = Help { methods: rows.iter().map(method).collect() };
    // Strings, lists and booleans without maps: serialising them has no way to fail.
    serde_json::to_string(&help).unwrap_or_default()
}
