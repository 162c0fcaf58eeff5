//! Linear passes over JSON text that bound it before and while the parser reads it.

use super::RpcError;
use super::limits::{BATCH_REQUESTS_MAX, BODY_BYTES_MAX, DEPTH_MAX, NAME_BYTES_MAX};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Refuses text that is too long, nested too deeply or a batch of too many; says nothing about whether it is JSON.
///
/// One pass without allocation, aware of strings, so that a bracket in a string does not count. It runs before the
/// parser: a megabyte of `[` would otherwise be a stack overflow in whoever recurses over it, and a batch of half a
/// million ones half a million answers.
/// # Errors
/// [`RpcError::BodyTooLarge`], [`RpcError::TooDeep`], [`RpcError::BatchTooLong`].
pub(super) fn scan(text: &str) -> Result<(), RpcError> {
    if text.len() > BODY_BYTES_MAX {
        return Err(RpcError::BodyTooLarge { got: text.len() });
    }
    let is_batch = text.trim_ascii_start().starts_with('[');
    let (mut depth, mut requests) = (0_usize, 1_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                if depth > DEPTH_MAX {
                    return Err(RpcError::TooDeep { got: depth });
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if is_batch && depth == 1 => {
                requests = requests.saturating_add(1);
                if requests > BATCH_REQUESTS_MAX {
                    return Err(RpcError::BatchTooLong);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a JSON array or object holds, up to a bound.
pub(super) struct Bounded<T> {
    /// The first of them.
    pub(super) items: Vec<T>,
    /// Whether there were more, which were read over.
    pub(super) has_more: bool,
}

/// Returns the first `max` elements of the JSON array `raw`.
pub(super) fn elements(raw: &RawValue, max: usize) -> Result<Bounded<&RawValue>, serde_json::Error> {
    serde_json::Deserializer::from_str(raw.get()).deserialize_seq(Elements { max })
}

/// Returns the first `max` members of the JSON object `raw`, in its order, keys unescaped, duplicates kept.
pub(super) fn members(raw: &RawValue, max: usize) -> Result<Bounded<(String, &RawValue)>, serde_json::Error> {
    serde_json::Deserializer::from_str(raw.get()).deserialize_map(Members { max })
}

struct Elements {
    max: usize,
}

impl<'de> Visitor<'de> for Elements {
    type Value = Bounded<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < self.max {
            match seq.next_element()? {
                Some(item) => items.push(item),
                None => return Ok(Bounded { items, has_more: false }),
            }
        }
        let mut has_more = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            has_more = true;
        }
        Ok(Bounded { items, has_more })
    }
}

struct Members {
    max: usize,
}

impl<'de> Visitor<'de> for Members {
    type Value = Bounded<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < self.max {
            match map.next_entry()? {
                Some(item) => items.push(item),
                None => return Ok(Bounded { items, has_more: false }),
            }
        }
        let mut has_more = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            has_more = true;
        }
        Ok(Bounded { items, has_more })
    }
}

/// Returns `text` as a JSON string with its quotes.
pub(in crate::rpc) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Returns the start of `text`, at most `max` bytes and whole characters, with `…` where something was left out.
pub(in crate::rpc) fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_string();
    }
    let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut start = text.get(..end).unwrap_or("").to_string();
    start.push('…');
    start
}

/// Returns the candidate nearest to `name`, if it is near enough to have been meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    candidates
        .map(|candidate| (edits(&lower, &candidate.to_ascii_lowercase()), candidate))
        .min()
        .filter(|(edits, candidate)| *edits <= candidate.len() / 4 + 1)
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance of two short texts, in bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (to, above) in b.bytes().zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(from != to));
            left = replaced.min(left.saturating_add(1)).min(above.saturating_add(1));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
