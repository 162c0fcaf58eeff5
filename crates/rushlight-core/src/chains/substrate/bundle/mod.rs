//! Bundles of this family: a finalized header with its proof from a checkpoint, and values of the state under it.
//!
//! A step begins with a byte that says what it is, and steps stand in this order:
//!
//! | byte | what follows |
//! |---|---|
//! | 0 | width of block numbers, one byte; the checkpoint's header; the SCALE list of the authorities who vote after it; once, first |
//! | 1 | a fragment: the last block of a set, with its justification, as in the answers of warp sync |
//! | 2 | the header of the parent of the block proven so far |
//!
//! What is proven is the last step's block. A state section holds the keys that are asked for, in ascending order, and the
//! nodes that answer for them, in ascending order of their hashes and none too many; both in SCALE, see [`StateClaim`].

mod error;
mod state;

use super::grandpa::{AuthoritySet, BlockId};
use super::header::authorities::AuthoritiesRef;
use super::header::{HEADER_BYTES_MAX, HeaderError, HeaderRef, NumberWidth};
use super::warp::{FragmentStream, ProofRun, VerifiedHead, WarpError, WarpRules};
use super::{NAME, NUMBER};
use crate::base::Hash;
use crate::bundle::{Anchor, Bundle, Checkpoint, CheckpointError, Section, SectionKind, StartError};
use crate::codec::scale::{Reader, put_byte_string};
use crate::codec::text;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use error::{BundleRefused, StateRefused};
pub use state::{KEY_BYTES_MAX, KEYS_MAX, ProvenValue, StateClaim, StateKey, VALUES_BYTES_MAX};

const ANCHOR: u8 = 0;
const FRAGMENT: u8 = 1;
const ANCESTOR: u8 = 2;

/// Returns the anchor of a checkpoint: who finalizes what comes after the header. Headers name neither their authority set nor
/// its number.
pub fn authorities_anchor(set_id: u64, digest: &Hash) -> Anchor {
    Anchor::new(alloc::format!("{set_id}.{digest}"))
}

/// Returns number and digest of the set that an anchor tells.
/// # Errors
/// [`CheckpointError::Part`]: it is not their one text.
pub fn anchor_authorities(anchor: &Anchor) -> Result<(u64, Hash), CheckpointError> {
    let read = |text: &str| {
        let (set_id, digest) = text.split_once('.')?;
        Some((set_id.parse().ok()?, Hash(text::hex_array(digest).ok()?)))
    };
    let read = read(anchor.as_str()).filter(|(set_id, digest)| authorities_anchor(*set_id, digest) == *anchor);
    read.ok_or(CheckpointError::Part { part: "authorities" })
}

/// What a bundle proves. Made by [`verify`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBundle {
    header: Vec<u8>,
    block: BlockId,
    state_root: Hash,
    set: Arc<AuthoritySet>,
    values: Vec<ProvenValue>,
}

impl VerifiedBundle {
    /// Returns the bytes of the finalized header that is proven.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Returns the block.
    pub fn block(&self) -> BlockId {
        self.block
    }

    /// Returns the root of the state under the block.
    pub fn state_root(&self) -> Hash {
        self.state_root
    }

    /// Returns the set that votes after the highest block that the bundle's fragments finalize.
    pub fn authority_set(&self) -> &AuthoritySet {
        &self.set
    }

    /// Returns what is proven of keys of the state, in the order of the sections.
    pub fn values(&self) -> &[ProvenValue] {
        &self.values
    }
}

/// What goes into a bundle. [`encode`] checks none of it.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// Width of block numbers.
    pub width: NumberWidth,
    /// The checkpoint's header, encoded.
    pub anchor: &'a [u8],
    /// The set that votes after it.
    pub set: &'a AuthoritySet,
    /// Fragments from the checkpoint up, each a header and its justification, as in the answers of warp sync.
    pub fragments: &'a [Vec<u8>],
    /// Headers from the parent of the last fragment's block down to the block to be proven.
    pub ancestors: &'a [Vec<u8>],
    /// Claims about the state under that block.
    pub state: &'a [StateClaim],
}

/// Returns the checkpoint of the chain `chain_id` at the encoded `header`, after which `set` votes.
/// # Errors
/// [`HeaderError`].
pub fn checkpoint(
    chain_id: &str,
    header: &[u8],
    set: &AuthoritySet,
    width: NumberWidth,
) -> Result<Checkpoint, HeaderError> {
    let header = HeaderRef::decode(header, width)?;
    Ok(Checkpoint {
        family: NAME,
        chain_id: chain_id.into(),
        height: header.number(),
        hash: header.hash(),
        anchor: authorities_anchor(set.id(), &set.digest()),
    })
}

/// Returns the bundle of `proof` from `checkpoint`. Keys and nodes are put in order, nodes that no key needs are left out.
/// # Errors
/// [`BundleRefused::Container`] when it becomes too large, [`BundleRefused::Start`] when the checkpoint cannot be written.
pub fn encode(checkpoint: &Checkpoint, proof: &Proof<'_>) -> Result<Vec<u8>, BundleRefused> {
    let mut sections = Vec::from([Section::checkpoint(checkpoint).map_err(StartError::from)?]);
    let mut anchor = Vec::from([ANCHOR, proof.width.bytes() as u8]);
    put_byte_string(&mut anchor, proof.anchor);
    anchor.extend_from_slice(&proof.set.encode_list());
    sections.push(Section { kind: SectionKind::Step, content: anchor });
    let of = |kind: u8, content: &Vec<u8>| {
        let content = [&[kind], content.as_slice()].concat();
        Section { kind: SectionKind::Step, content }
    };
    sections.extend(proof.fragments.iter().map(|fragment| of(FRAGMENT, fragment)));
    sections.extend(proof.ancestors.iter().map(|header| of(ANCESTOR, header)));
    let state = proof.state.iter().map(|claim| Section { kind: SectionKind::State, content: claim.encode() });
    sections.extend(state);
    Ok(Bundle { family: NUMBER, sections }.encode()?)
}

/// Verifies that `bundle` proves a header from `checkpoint`, and values under it, on a chain with `rules`. Needs nothing else:
/// no network, no store, no clock. How old a checkpoint may be is for the reader to say: a header does not tell its time.
///
/// Costs a signature check per vote.
/// # Errors
/// [`BundleRefused`].
pub fn verify(bundle: &Bundle, checkpoint: &Checkpoint, rules: &WarpRules) -> Result<VerifiedBundle, BundleRefused> {
    let sections = bundle.sections_from(checkpoint)?;
    if checkpoint.family != NAME {
        let got = checkpoint.family.clone();
        return Err(StartError::from(CheckpointError::OtherFamily { got, want: NAME }).into());
    }
    let (set_id, digest) = anchor_authorities(&checkpoint.anchor).map_err(StartError::from)?;
    let steps = sections.iter().filter(|section| section.kind == SectionKind::Step);
    let steps: Vec<&[u8]> = steps.map(|section| &*section.content).collect();
    let (anchor, steps) = steps.split_first().ok_or(BundleRefused::NoAnchor)?;
    let (width, header, set) = read_anchor(anchor, set_id)?;
    let block = BlockId { hash: header.hash(), number: header.number() };
    if block != (BlockId { hash: checkpoint.hash, number: checkpoint.height }) {
        let (got_number, got, want_number, want) = (block.number, block.hash, checkpoint.height, checkpoint.hash);
        return Err(BundleRefused::AnchorHeader { got_number, got, want_number, want });
    }
    rules.blocks.check(block.number, &block.hash).map_err(|why| BundleRefused::Block { index: 0, why })?;
    if set.digest() != digest {
        return Err(BundleRefused::AnchorAuthorities { got: set.digest(), want: digest });
    }
    let fragments = steps.iter().take_while(|step| step.first() == Some(&FRAGMENT)).count();
    let (fragments, ancestors) = steps.split_at_checked(fragments).unwrap_or_default();
    let head = read_fragments(fragments, VerifiedHead::trusted(block, set), width, rules)?;
    let (header, set) = (head.header().unwrap_or(header.bytes()), Arc::clone(head.set()));
    let header = walk_down(header, ancestors, fragments.len().saturating_add(1), width, rules)?;
    let mut values = Vec::new();
    for (index, section) in sections.iter().filter(|section| section.kind == SectionKind::State).enumerate() {
        let state = state::read(&section.content, header.state_root());
        values.extend(state.map_err(|why| BundleRefused::State { index, why })?);
    }
    let block = BlockId { hash: header.hash(), number: header.number() };
    Ok(VerifiedBundle { header: header.bytes().to_vec(), block, state_root: header.state_root(), set, values })
}

fn read_anchor(step: &[u8], set_id: u64) -> Result<(NumberWidth, HeaderRef<'_>, AuthoritySet), BundleRefused> {
    let scale = |why| BundleRefused::Step { index: 0, why };
    let mut reader = Reader::new(step);
    if reader.u8().map_err(scale)? != ANCHOR {
        return Err(BundleRefused::NoAnchor);
    }
    let width = reader.u8().map_err(scale)?;
    let width = NumberWidth::new(width.into()).ok_or(BundleRefused::Width { got: width })?;
    let header = reader.byte_string(HEADER_BYTES_MAX).map_err(scale)?;
    let header = HeaderRef::decode(header, width).map_err(|why| BundleRefused::Header { index: 0, why })?;
    let list = AuthoritiesRef::read(&mut reader).map_err(scale)?;
    reader.finish().map_err(scale)?;
    Ok((width, header, AuthoritySet::listed(set_id, &list)?))
}

/// Verifies fragments from `trusted` up; returns the block that the last one finalizes.
fn read_fragments(
    steps: &[&[u8]],
    trusted: VerifiedHead,
    width: NumberWidth,
    rules: &WarpRules,
) -> Result<VerifiedHead, BundleRefused> {
    let mut proof = ProofRun::start(&trusted, rules);
    for (index, step) in steps.iter().enumerate().map(|(index, step)| (index.saturating_add(1), step)) {
        let stream_error = |why| BundleRefused::Fragment { index, why };
        let mut stream = FragmentStream::new(width);
        // An answer of one fragment that is finished.
        let content = step.get(1..).unwrap_or_default();
        stream.receive(&[&[4], content, &[1]].concat()).map_err(stream_error)?;
        let Ok(fragment) = stream.end().map_err(stream_error)? else { return Err(WarpError::Empty.into()) };
        // There is no second one; this finds bytes behind the first.
        let _ = stream.end().map_err(stream_error)?;
        let block = fragment.block();
        if block == proof.tip() {
            return Err(BundleRefused::NotAbove { index, number: block.number });
        }
        proof.push(&fragment)?;
    }
    // A bundle is all that there is to come.
    Ok(proof.end(true)?.unwrap_or(trusted))
}

/// Walks from the encoded `header`, which is proven, to its ancestors; returns the last of them.
fn walk_down<'a>(
    header: &'a [u8],
    ancestors: &[&'a [u8]],
    first: usize,
    width: NumberWidth,
    rules: &WarpRules,
) -> Result<HeaderRef<'a>, BundleRefused> {
    let mut header = HeaderRef::decode(header, width).map_err(|why| BundleRefused::Header { index: 0, why })?;
    for (index, step) in ancestors.iter().enumerate().map(|(index, step)| (index.saturating_add(first), step)) {
        let Some((&ANCESTOR, content)) = step.split_first() else {
            return Err(BundleRefused::StepKind { index, kind: step.first().copied().unwrap_or_default() });
        };
        let parent = HeaderRef::decode(content, width).map_err(|why| BundleRefused::Header { index, why })?;
        let (got, want, child) = (parent.hash(), header.parent_hash(), header.number());
        if got != want {
            return Err(BundleRefused::NotTheParent { index, got, want, child });
        }
        rules.blocks.check(parent.number(), &got).map_err(|why| BundleRefused::Block { index, why })?;
        header = parent;
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::CHECKPOINT_BYTES_MAX;

    #[test]
    fn an_anchor_is_the_one_text_of_a_set() {
        let digest = Hash([0xcd; 32]);
        assert_eq!(anchor_authorities(&authorities_anchor(u64::MAX, &digest)), Ok((u64::MAX, digest)));
        let lower = alloc::format!("{digest:x}");
        for text in [
            "0.0",
            "",
            ".",
            &alloc::format!("00.{digest}"),
            &alloc::format!("0.{lower}"),
            &alloc::format!("-1.{digest}"),
        ] {
            let refused = anchor_authorities(&Anchor::new(text));
            assert_eq!(refused, Err(CheckpointError::Part { part: "authorities" }), "{text:?}");
        }
    }

    #[test]
    fn a_checkpoint_fits_a_qr_code() {
        // A block number of 32 bits and a set number of five digits leave room for an id of 21 characters.
        let (height, hash) = (u32::MAX.into(), Hash([0xab; 32]));
        let anchor = authorities_anchor(99_999, &Hash([0xcd; 32]));
        let checkpoint = Checkpoint { family: NAME, chain_id: "x".repeat(21), height, hash, anchor };
        let text = checkpoint.to_text().unwrap();
        assert!(text.len() < CHECKPOINT_BYTES_MAX, "{}", text.len());
        assert_eq!(Checkpoint::from_text(&text), Ok(checkpoint));
    }
}
