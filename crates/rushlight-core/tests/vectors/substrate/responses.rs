//! Blocks that a node sent when it was asked for them: headers, bodies and justifications, as the request wanted.

use super::files::Message;
use super::history::History;
use super::trie::is_body_of;
use crate::report::Report;
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::grandpa::{BlockId, JustificationRef, Proofs};
use rushlight_core::chains::substrate::header::{EngineId, HeaderRef, NumberWidth};
use rushlight_core::codec::scale::Reader;
use std::collections::BTreeMap;

const WIDTH: NumberWidth = NumberWidth::U32;

/// What a request may ask for, as bits. Source: `sc-network-sync`, `BlockAttributes`, which go over the wire byte-swapped.
const HEADER: u32 = 1 << 24;
const BODY: u32 = 2 << 24;
const JUSTIFICATION: u32 = 16 << 24;

/// One block of a response. Source: `sc-network-sync`, `schema/api.v1.proto`.
struct Answered<'a> {
    hash: Hash,
    header: Option<HeaderRef<'a>>,
    body: Vec<&'a [u8]>,
    justification: Option<Vec<u8>>,
}

/// Verifies the blocks of a response to `request`.
pub fn answer(
    name: &str,
    request: &[u8],
    response: &[u8],
    history: &History,
    counts: &mut BTreeMap<&'static str, usize>,
    report: &mut Report,
) -> Result<(), String> {
    let request = Message::read(request)?;
    let wants = u32::try_from(request.uint(1)).expect("flags have 32 bits");
    let is_downwards = request.uint(5) == 1;
    let first_hash = request.one(2).map(|hash| Hash::from_slice(hash).expect("a hash has 32 bytes"));
    let first_number =
        request.one(3).map(|number| u32::from_le_bytes(number.try_into().expect("a number has 4 bytes")));
    let blocks: Vec<Answered<'_>> =
        Message::read(response)?.all(1).into_iter().map(block).collect::<Result<_, String>>()?;
    let is_known = first_hash.is_none_or(|hash| history.header(&hash).is_some());
    if blocks.is_empty() {
        // Nothing is known of the block, or the chain was not so long yet.
        let is_right = !is_known || first_number.is_some();
        return if is_right { Ok(()) } else { Err("nothing of a block that is known".into()) };
    }
    report.equal(name, "not more than asked for", blocks.len() as u64 <= request.uint(6), true);
    let mut before: Option<HeaderRef<'_>> = None;
    for (place, block) in blocks.iter().enumerate() {
        *counts.entry("blocks").or_default() += 1;
        let header = if wants & HEADER > 0 { block.header } else { history.header(&block.hash) };
        let header = header.ok_or("a block without its header")?;
        let what = format!("block {}", header.number());
        report.equal(name, format_args!("{what}: hash"), header.hash(), block.hash);
        report.equal(name, format_args!("{what}: encoded again"), &header.to_header().encode()[..], header.bytes());
        if place == 0 {
            report.equal(name, "the first block", block.hash, first_hash.unwrap_or(block.hash));
            let wanted = first_number.map_or(header.number(), u64::from);
            report.equal(name, "the first number", header.number(), wanted);
        }
        if let Some(before) = before {
            let (upper, lower) = if is_downwards { (before, header) } else { (header, before) };
            report.equal(name, format_args!("{what}: link"), upper.parent_hash(), lower.hash());
            report.equal(name, format_args!("{what}: next number"), upper.number(), lower.number() + 1);
        }
        match history.is_authored(&header) {
            Some(is_authored) => {
                *counts.entry("authors").or_default() += 1;
                report.equal(name, format_args!("{what} is by its author"), is_authored, true);
            }
            None => *counts.entry("blocks above ones that were not recorded").or_default() += 1,
        }
        if wants & BODY > 0 {
            *counts.entry("bodies").or_default() += 1;
            report.case(name, is_body_of(&block.body, &header).map_err(|why| format!("{what}: {why}")));
        }
        if let Some(justification) = &block.justification {
            *counts.entry("justifications").or_default() += 1;
            report.equal(name, format_args!("{what}: justification was asked for"), wants & JUSTIFICATION > 0, true);
            report.case(name, finalizes(justification, &header, history).map_err(|why| format!("{what}: {why}")));
        }
        before = Some(header);
    }
    Ok(())
}

fn block(bytes: &[u8]) -> Result<Answered<'_>, String> {
    let message = Message::read(bytes)?;
    let hash = message.one(1).and_then(Hash::from_slice).ok_or("a block without its hash")?;
    let header = message.one(2).filter(|header| !header.is_empty());
    let header = header.map(|bytes| HeaderRef::decode(bytes, WIDTH)).transpose().map_err(|error| error.to_string())?;
    let single = message.one(6).filter(|justification| !justification.is_empty()).map(<[u8]>::to_vec);
    let several = message.one(8).filter(|justifications| !justifications.is_empty()).map(of_grandpa).transpose()?;
    Ok(Answered { hash, header, body: message.all(3), justification: single.or(several.flatten()) })
}

/// Returns GRANDPA's among several justifications: a list of engine and bytes.
fn of_grandpa(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut reader = Reader::new(bytes);
    let mut found = None;
    let mut read = || {
        for _ in 0..reader.length(16, 5)? {
            let engine = *reader.array::<4>()?;
            let bytes = reader.byte_string(1 << 20)?;
            if engine == EngineId::GRANDPA.0 {
                found = Some(bytes.to_vec());
            }
        }
        reader.clone().finish()
    };
    read().map_err(|error| error.to_string())?;
    Ok(found)
}

/// Verifies a justification of `header` with the set of its time.
pub fn finalizes(justification: &[u8], header: &HeaderRef<'_>, history: &History) -> Result<(), String> {
    let justification = JustificationRef::decode(justification, WIDTH).map_err(|why| why.to_string())?;
    let target = BlockId { hash: header.hash(), number: header.number() };
    let mut proofs = Proofs::start(header.hash());
    proofs.push(&justification, target, history.voters_of(target.number)).map_err(|why| why.to_string())?;
    match proofs.verify_in_place() {
        (verified, None) if verified.len() == 1 && verified[0].block() == target => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
