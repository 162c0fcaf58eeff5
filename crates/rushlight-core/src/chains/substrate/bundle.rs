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

use super::grandpa::{AuthoritySet, BlockId, SetError};
use super::header::authorities::AuthoritiesRef;
use super::header::grandpa::Log;
use super::header::{HEADER_BYTES_MAX, HeaderError, HeaderRef, NumberWidth};
use super::warp::{Fragment, FragmentStream, Run, StreamError, VerifiedHead, WarpError};
use crate::base::{Hash, PeerId};
use crate::bundle::{Anchor, Bundle, BundleError, Checkpoint, CheckpointError, Family, Section, SectionKind};
use crate::codec::scale::{Reader, ScaleError, put_byte_string, put_compact};
use crate::trie::patricia16::{LookupError, Missing, ProofError, Proven, Trie, VerifiedProof};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

const ANCHOR: u8 = 0;
const FRAGMENT: u8 = 1;
const ANCESTOR: u8 = 2;

/// The most keys that one state section answers for.
pub const KEYS_MAX: usize = 100_000;
/// The longest key or name of a child trie in bytes.
pub const KEY_BYTES_MAX: usize = 4_096;
/// The most bytes of values that one state section answers with: many keys may have the same large value, which the proof
/// holds once.
pub const VALUES_BYTES_MAX: usize = 32 << 20;

/// Why a bundle does not prove what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleRefused {
    /// The container is damaged, or too much is to go into it.
    #[error(transparent)]
    Container(#[from] BundleError),
    /// It has no checkpoint section.
    #[error("bundle names no checkpoint")]
    NoCheckpoint,
    /// A checkpoint is not readable, or of another family.
    #[error("bundle's checkpoint: {0}")]
    CheckpointText(CheckpointError),
    /// It starts from another checkpoint than the user trusts.
    #[error("bundle starts from checkpoint {got_number} {got:#x}, trusted is {want_number} {want:#x}")]
    OtherCheckpoint {
        /// Number in the bundle.
        got_number: u64,
        /// Hash in the bundle.
        got: Hash,
        /// Number trusted.
        want_number: u64,
        /// Hash trusted.
        want: Hash,
    },
    /// It does not begin with the checkpoint's header and authorities.
    #[error("bundle's first step is not the checkpoint's header with its authorities")]
    NoAnchor,
    /// A step is not SCALE, or more stands behind it.
    #[error("step {index}: {why}")]
    Step {
        /// Index of the step, from 0.
        index: usize,
        /// The broken rule.
        why: ScaleError,
    },
    /// A step of unknown kind, or of a kind that belongs before the one before it.
    #[error("step {index} is of kind {kind}, which cannot stand there")]
    StepKind {
        /// Index of the step, from 0.
        index: usize,
        /// Its kind.
        kind: u8,
    },
    /// A width of block numbers that there is not.
    #[error("block numbers have {got} bytes, wanted are 1 to 8")]
    Width {
        /// The width.
        got: u8,
    },
    /// A header is none.
    #[error("step {index}: {why}")]
    Header {
        /// Index of the step, from 0.
        index: usize,
        /// The broken rule.
        why: HeaderError,
    },
    /// The header of the first step is not the checkpoint's.
    #[error("bundle begins with block {got_number} {got:#x}, the checkpoint is {want_number} {want:#x}")]
    AnchorHeader {
        /// Number of the header.
        got_number: u64,
        /// Its hash.
        got: Hash,
        /// Number of the checkpoint.
        want_number: u64,
        /// Its hash.
        want: Hash,
    },
    /// The authorities are not those that the checkpoint commits to.
    #[error("authorities have digest {got:#x}, the checkpoint wants {want:#x}")]
    AnchorAuthorities {
        /// Their digest.
        got: Hash,
        /// The digest wanted.
        want: Hash,
    },
    /// The authorities cannot vote.
    #[error(transparent)]
    Set(#[from] SetError),
    /// A fragment cannot be taken apart.
    #[error("step {index}: {why}")]
    Fragment {
        /// Index of the step, from 0.
        index: usize,
        /// The broken rule.
        why: StreamError,
    },
    /// A fragment is refused.
    #[error("fragments: {0}")]
    Warp(#[from] WarpError),
    /// A fragment proves nothing new: equal proofs must be equal files.
    #[error("step {index} is of block {number}, which is not above the one before")]
    NotAbove {
        /// Index of the step, from 0.
        index: usize,
        /// Number of the block.
        number: u64,
    },
    /// A header is not the parent of the block proven so far.
    #[error("step {index} is block {got:#x}, the parent of block {child} is {want:#x}")]
    NotTheParent {
        /// Index of the step, from 0.
        index: usize,
        /// Hash of the header.
        got: Hash,
        /// Hash of the parent.
        want: Hash,
        /// Number of the block whose parent it should be.
        child: u64,
    },
    /// A state section is refused.
    #[error("state section {index}: {why}")]
    State {
        /// Index of the section among those of state, from 0.
        index: usize,
        /// The broken rule.
        why: StateRefused,
    },
}

/// Why a state section does not prove its values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateRefused {
    /// It is not SCALE, or more stands behind it.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The proof is none.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A node is none.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A key does not come behind the one before it.
    #[error("key {index} is not above the one before it")]
    KeyOrder {
        /// Its place, from 0.
        index: usize,
    },
    /// The proof lacks what answers for a key.
    #[error("nothing answers for key {index}: {:#x} is missing", missing.hash)]
    Incomplete {
        /// Place of the key, from 0.
        index: usize,
        /// What is missing.
        missing: Missing,
    },
    /// The values are too large together.
    #[error("values up to key {index} have {got} bytes, at most {VALUES_BYTES_MAX} are allowed")]
    ValuesTooLarge {
        /// Place of the key that goes beyond, from 0.
        index: usize,
        /// Bytes with its value.
        got: usize,
    },
    /// Nodes that no key needs, twice the same, or in another order: equal proofs must be equal files.
    #[error("{got} nodes stand there, the keys need {needed}, each once and in ascending order of hashes")]
    NotMinimal {
        /// Nodes in the proof.
        got: usize,
        /// Nodes needed.
        needed: usize,
    },
}

/// A key of the state, of the main trie or of a default child trie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateKey {
    /// Name of the child trie, without prefix; `None` is the main trie.
    pub child: Option<Vec<u8>>,
    /// The key.
    pub key: Vec<u8>,
}

/// Keys, and the nodes that prove what stands under them. Nothing in it is believed.
///
/// Encoding: a SCALE list of keys, each an optional child trie's name and the key, both byte strings; a SCALE list of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateClaim {
    /// The keys.
    pub keys: Vec<StateKey>,
    /// The nodes, encoded.
    pub nodes: Vec<Vec<u8>>,
}

/// What is proven of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenValue {
    /// The key.
    pub key: StateKey,
    /// Its value; `None`: it has none.
    pub value: Option<Vec<u8>>,
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
        family: Family::Substrate,
        chain_id: chain_id.into(),
        height: header.number(),
        hash: header.hash(),
        anchor: Anchor::Authorities { set_id: set.id(), digest: set.digest() },
    })
}

/// Returns the bundle of `proof` from `checkpoint`. Keys and nodes are put in order, nodes that no key needs are left out.
/// # Errors
/// [`BundleRefused::Container`] when it becomes too large, [`BundleRefused::CheckpointText`] when the checkpoint cannot be
/// written.
pub fn encode(checkpoint: &Checkpoint, proof: &Proof<'_>) -> Result<Vec<u8>, BundleRefused> {
    let text = checkpoint.to_text().map_err(BundleRefused::CheckpointText)?;
    let mut sections = Vec::new();
    sections.push(Section { kind: SectionKind::Checkpoint, content: text.into_bytes() });
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
    Ok(Bundle { family: Family::Substrate, sections }.encode()?)
}

impl StateClaim {
    /// Returns what `keys` need of `proof`, in the one order that a bundle has.
    /// # Errors
    /// [`StateRefused::Lookup`], [`StateRefused::ValuesTooLarge`], [`StateRefused::Incomplete`] with the first key in ascending order that has no answer.
    pub fn of(mut keys: Vec<StateKey>, proof: &VerifiedProof<'_>) -> Result<Self, StateRefused> {
        keys.sort();
        keys.dedup();
        let (_, needed) = look_up(&keys, proof)?;
        let hashes = proof.nodes().map(|node| (crate::crypto::blake2b::blake2b_256(node), node));
        let nodes = hashes.filter(|(hash, _)| needed.contains(hash)).map(|(_, node)| node.to_vec()).collect();
        Ok(Self { keys, nodes })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_compact(&mut out, self.keys.len() as u64);
        for StateKey { child, key } in &self.keys {
            match child {
                None => out.push(0),
                Some(name) => {
                    out.push(1);
                    put_byte_string(&mut out, name);
                }
            }
            put_byte_string(&mut out, key);
        }
        put_compact(&mut out, self.nodes.len() as u64);
        self.nodes.iter().for_each(|node| put_byte_string(&mut out, node));
        out
    }
}

/// Verifies that `bundle` proves a header from `checkpoint`, and values under it. Needs nothing else: no network, no store,
/// no clock. How old a checkpoint may be is for the reader to say: a header does not tell its time.
///
/// Costs a signature check per vote.
/// # Errors
/// [`BundleRefused`].
pub fn verify(bundle: &Bundle, checkpoint: &Checkpoint) -> Result<VerifiedBundle, BundleRefused> {
    let (Family::Substrate, Anchor::Authorities { set_id, digest }) = (checkpoint.family, checkpoint.anchor) else {
        return Err(BundleRefused::CheckpointText(CheckpointError::Anchor { family: checkpoint.family }));
    };
    let mut sections = bundle.sections.iter();
    let first = sections.next().filter(|section| section.kind == SectionKind::Checkpoint);
    let text = core::str::from_utf8(&first.ok_or(BundleRefused::NoCheckpoint)?.content).unwrap_or_default();
    let named = Checkpoint::from_text(text).map_err(BundleRefused::CheckpointText)?;
    // Around a checkpoint's text there may be white space, but not in a bundle.
    if named != *checkpoint || named.to_text().as_deref() != Ok(text) {
        let (got_number, got, want_number, want) = (named.height, named.hash, checkpoint.height, checkpoint.hash);
        return Err(BundleRefused::OtherCheckpoint { got_number, got, want_number, want });
    }
    let steps: Vec<&[u8]> =
        bundle.sections.iter().filter(|s| s.kind == SectionKind::Step).map(|s| &*s.content).collect();
    let (anchor, steps) = steps.split_first().ok_or(BundleRefused::NoAnchor)?;
    let (width, header, set) = read_anchor(anchor, set_id)?;
    let block = BlockId { hash: header.hash(), number: header.number() };
    if block != (BlockId { hash: checkpoint.hash, number: checkpoint.height }) {
        let (got_number, got, want_number, want) = (block.number, block.hash, checkpoint.height, checkpoint.hash);
        return Err(BundleRefused::AnchorHeader { got_number, got, want_number, want });
    }
    if set.digest() != digest {
        return Err(BundleRefused::AnchorAuthorities { got: set.digest(), want: digest });
    }
    let fragments = steps.iter().take_while(|step| step.first() == Some(&FRAGMENT)).count();
    let (fragments, ancestors) = steps.split_at_checked(fragments).unwrap_or_default();
    let head = read_fragments(fragments, VerifiedHead::trusted(block, set), width)?;
    let (header, set) = (head.header().unwrap_or(header.bytes()), Arc::clone(head.set()));
    let header = walk_down(header, ancestors, fragments.len().saturating_add(1), width)?;
    let mut values = Vec::new();
    for (index, section) in bundle.sections.iter().filter(|s| s.kind == SectionKind::State).enumerate() {
        let state = read_state(&section.content, header.state_root());
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
    Ok((width, header, AuthoritySet::announced(set_id, &list)?))
}

/// Verifies fragments from `head` up; returns the block that the last one finalizes.
fn read_fragments(steps: &[&[u8]], mut head: VerifiedHead, width: NumberWidth) -> Result<VerifiedHead, BundleRefused> {
    let mut run = Run::start(&head);
    for (index, step) in steps.iter().enumerate().map(|(index, step)| (index.saturating_add(1), step)) {
        let stream_error = |why| BundleRefused::Fragment { index, why };
        let mut stream = FragmentStream::new(width);
        // An answer of one fragment that is finished.
        let content = step.get(1..).unwrap_or_default();
        stream.receive(&[&[4], content, &[1]].concat()).map_err(stream_error)?;
        let Ok(fragment) = stream.end().map_err(stream_error)? else { return Err(WarpError::Empty.into()) };
        // There is no second one; this finds bytes behind the first.
        let _ = stream.end().map_err(stream_error)?;
        let tip = run.tip();
        run.push(&fragment, PeerId(0))?;
        if run.tip() == tip {
            return Err(BundleRefused::NotAbove { index, number: tip.number });
        }
        let is_last = index == steps.len();
        if !is_last && !changes_set(&fragment, width) {
            return Err(WarpError::NotMinimal { number: run.tip().number }.into());
        }
        if run.is_full() || is_last {
            head = released(&mut run, head)?;
        }
    }
    Ok(head)
}

fn changes_set(fragment: &Fragment, width: NumberWidth) -> bool {
    let header = HeaderRef::read(&mut Reader::new(fragment.bytes()), width);
    header.is_ok_and(|header| header.grandpa_logs().any(|log| matches!(log, Log::ScheduledChange(_))))
}

fn released(run: &mut Run, head: VerifiedHead) -> Result<VerifiedHead, BundleRefused> {
    let (work, sealed) = run.seal();
    let released = sealed.release(&work.run());
    match released.refused {
        Some((_, why)) => Err(why.into()),
        None => Ok(released.head.unwrap_or(head)),
    }
}

/// Walks from the encoded `header`, which is proven, to its ancestors; returns the last of them.
fn walk_down<'a>(
    header: &'a [u8],
    ancestors: &[&'a [u8]],
    first: usize,
    width: NumberWidth,
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
        header = parent;
    }
    Ok(header)
}

fn read_state(content: &[u8], root: Hash) -> Result<Vec<ProvenValue>, StateRefused> {
    let mut reader = Reader::new(content);
    let mut keys: Vec<StateKey> = Vec::new();
    for index in 0..reader.length(KEYS_MAX, 2)? {
        let child = reader.is_some()?.then(|| reader.byte_string(KEY_BYTES_MAX)).transpose()?;
        let key = StateKey { child: child.map(<[u8]>::to_vec), key: reader.byte_string(KEY_BYTES_MAX)?.to_vec() };
        if keys.last().is_some_and(|before| *before >= key) {
            return Err(StateRefused::KeyOrder { index });
        }
        keys.push(key);
    }
    let proof = VerifiedProof::verify(root, reader.rest())?;
    let (values, needed) = look_up(&keys, &proof)?;
    // The proof lists each node once, in ascending order of hashes; so must the bundle, and none that is not needed.
    let mut ordered = Vec::new();
    put_compact(&mut ordered, proof.len() as u64);
    proof.nodes().for_each(|node| put_byte_string(&mut ordered, node));
    if proof.len() != needed.len() || ordered != reader.rest() {
        return Err(StateRefused::NotMinimal { got: proof.len(), needed: needed.len() });
    }
    Ok(keys.into_iter().zip(values).map(|(key, value)| ProvenValue { key, value }).collect())
}

type Values = Vec<Option<Vec<u8>>>;

/// Returns the value of each key, and the hashes of the nodes that this takes.
fn look_up(keys: &[StateKey], proof: &VerifiedProof<'_>) -> Result<(Values, BTreeSet<Hash>), StateRefused> {
    let mut needed = BTreeSet::new();
    let mut values = Vec::with_capacity(keys.len());
    let mut values_bytes = 0_usize;
    for (index, StateKey { child, key }) in keys.iter().enumerate() {
        let mut need = |hash| {
            needed.insert(hash);
        };
        let trie: Proven<Trie<'_>> = match child {
            None => Proven::Present(proof.trie()),
            Some(name) => proof.trie().child_by(name, &mut need)?,
        };
        let value = match trie {
            Proven::Present(trie) => trie.value_by(key, &mut need)?,
            Proven::Absent => Proven::Absent,
            Proven::Unknown(missing) => Proven::Unknown(missing),
        };
        values.push(match value {
            Proven::Present(value) => {
                values_bytes = values_bytes.saturating_add(value.bytes().len());
                if values_bytes > VALUES_BYTES_MAX {
                    return Err(StateRefused::ValuesTooLarge { index, got: values_bytes });
                }
                Some(value.bytes().to_vec())
            }
            Proven::Absent => None,
            Proven::Unknown(missing) => return Err(StateRefused::Incomplete { index, missing }),
        });
    }
    Ok((values, needed))
}
