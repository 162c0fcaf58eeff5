//! Nodes as bytes: decoding that borrows, and encoding.
//!
//! The reader trusts nothing and takes one encoding per node: what the reference refuses is refused, and so is what it
//! takes and never writes (bytes behind the node, a branch that should have been merged with its only child, an inline
//! child of 32 bytes or more). Source: `sp-trie` 47 `node_header.rs` and `node_codec.rs`; Polkadot specification, state storage.

use super::nibbles::Nibbles;
use crate::base::Hash;
use crate::codec::scale::{Reader, ScaleError, put_compact};
use alloc::vec::Vec;

/// Longest value of one node or entry, in bytes: what a proof of the largest allowed size can hold.
pub const VALUE_BYTES_MAX: usize = super::PROOF_BYTES_MAX;

/// Why bytes are not a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The first byte is that of no kind of node.
    #[error("{got:#04x} begins no node")]
    Header {
        /// The first byte.
        got: u8,
    },
    /// A length or the end of the bytes.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The unused half byte before a path of odd length is not zero.
    #[error("the path begins with {got:#04x}, its unused half must be zero")]
    Padding {
        /// The first byte of the path.
        got: u8,
    },
    /// A branch without children.
    #[error("branch has no child")]
    Childless,
    /// A branch without a value has one child: it should have been merged with it.
    #[error("branch without a value has one child, at least 2 are wanted")]
    LoneChild,
    /// A child's length is that of neither a hash nor an inline node.
    #[error("child {index} has {got} bytes, an inline node has 1 to 31 and a hash has 32")]
    ChildLength {
        /// Which child.
        index: u8,
        /// Its length.
        got: usize,
    },
    /// The node has fewer bytes than a hash, so it should have been inline in its parent.
    #[error("node of {got} bytes stands under a hash, from 32 bytes on it may")]
    NotInline {
        /// Its length.
        got: usize,
    },
}

/// A node that borrows from its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// The path between its place in the parent and its own place.
    pub partial: Nibbles<'a>,
    /// The value.
    pub value: Option<NodeValue<'a>>,
    /// The children; empty for a leaf.
    pub children: Children<'a>,
}

/// The value of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeValue<'a> {
    /// The value itself.
    Inline(&'a [u8]),
    /// The BLAKE2b-256 of the value, which is elsewhere.
    Hashed(Hash),
}

/// How a parent names a child: by the hash of its encoding, or by the encoding itself when that has fewer than 32 bytes.
///
/// For the root it is always the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MerkleValue<'a> {
    /// The BLAKE2b-256 of the node.
    Hash(Hash),
    /// The node.
    Inline(&'a [u8]),
}

impl AsRef<[u8]> for MerkleValue<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            MerkleValue::Hash(hash) => hash.as_bytes(),
            MerkleValue::Inline(node) => node,
        }
    }
}

/// The children of a node: which there are, and their encodings one behind the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Children<'a> {
    bitmap: u16,
    bytes: &'a [u8],
}

impl<'a> Children<'a> {
    /// Returns the children in order, with their index.
    pub fn iter(self) -> impl Iterator<Item = (u8, MerkleValue<'a>)> {
        let mut reader = Reader::new(self.bytes);
        self.indices().filter_map(move |index| {
            // Every length was read once, by `decode`.
            let bytes = reader.byte_string(Hash::LEN).ok()?;
            Some((index, Hash::from_slice(bytes).map_or(MerkleValue::Inline(bytes), MerkleValue::Hash)))
        })
    }

    /// Returns the child at `index`.
    pub fn get(self, index: u8) -> Option<MerkleValue<'a>> {
        if self.bitmap.checked_shr(u32::from(index)).unwrap_or(0) & 1 == 0 {
            return None;
        }
        self.iter().find(|(at, _)| *at == index).map(|(_, child)| child)
    }

    /// Tells whether there is none, as in a leaf.
    pub fn is_empty(self) -> bool {
        self.bitmap == 0
    }

    /// Returns the bit per child, the lowest for index 0.
    pub fn bitmap(self) -> u16 {
        self.bitmap
    }

    fn indices(self) -> impl Iterator<Item = u8> {
        (0..16_u8).filter(move |index| self.bitmap >> index & 1 == 1)
    }
}

/// Kind of a node: the bits that its first byte begins with, and how many of them there are.
#[derive(Clone, Copy)]
struct Kind {
    bits: u8,
    width: u32,
    is_branch: bool,
    has_value: bool,
    is_hashed: bool,
}

const LEAF: Kind = Kind { bits: 0b0100_0000, width: 2, is_branch: false, has_value: true, is_hashed: false };
const BRANCH: Kind = Kind { bits: 0b1000_0000, width: 2, is_branch: true, has_value: false, is_hashed: false };
const BRANCH_WITH_VALUE: Kind =
    Kind { bits: 0b1100_0000, width: 2, is_branch: true, has_value: true, is_hashed: false };
const LEAF_HASHED: Kind = Kind { bits: 0b0010_0000, width: 3, is_branch: false, has_value: true, is_hashed: true };
const BRANCH_HASHED: Kind = Kind { bits: 0b0001_0000, width: 4, is_branch: true, has_value: true, is_hashed: true };
const KINDS: [Kind; 5] = [LEAF, BRANCH, BRANCH_WITH_VALUE, LEAF_HASHED, BRANCH_HASHED];

impl Kind {
    /// Returns the largest number that the first byte has room for beside the bits.
    fn room(self) -> u8 {
        u8::MAX >> self.width
    }

    fn of(first: u8) -> Option<Self> {
        KINDS.into_iter().find(|kind| first & !kind.room() == kind.bits)
    }
}

/// Returns the node of `bytes`. The empty trie's node, a single zero byte, is none: it occurs nowhere but as a root.
/// # Errors
/// [`NodeError`].
pub fn decode(bytes: &[u8]) -> Result<Node<'_>, NodeError> {
    read(bytes, false)
}

/// Returns the node of `bytes` as it stands in a compact proof, where the hash of a child that follows is left out: such a
/// child is an inline node of no bytes.
pub(super) fn decode_compact(bytes: &[u8]) -> Result<Node<'_>, NodeError> {
    read(bytes, true)
}

fn read(bytes: &[u8], may_omit: bool) -> Result<Node<'_>, NodeError> {
    let mut reader = Reader::new(bytes);
    let first = reader.u8()?;
    let kind = Kind::of(first).ok_or(NodeError::Header { got: first })?;
    let partial = read_partial(&mut reader, first & kind.room(), kind.room())?;
    let bitmap = if kind.is_branch { u16::from_le_bytes(*reader.array()?) } else { 0 };
    if kind.is_branch && bitmap == 0 {
        return Err(NodeError::Childless);
    }
    if kind.is_branch && !kind.has_value && bitmap.is_power_of_two() {
        return Err(NodeError::LoneChild);
    }
    let value = match (kind.has_value, kind.is_hashed) {
        (false, _) => None,
        (true, false) => Some(NodeValue::Inline(reader.byte_string(VALUE_BYTES_MAX)?)),
        (true, true) => Some(NodeValue::Hashed(Hash(*reader.array()?))),
    };
    let children = Children { bitmap, bytes: reader.rest() };
    for index in children.indices() {
        let got = reader.length(VALUE_BYTES_MAX, 1)?;
        if got > Hash::LEN || got == 0 && !may_omit {
            return Err(NodeError::ChildLength { index, got });
        }
        reader.bytes(got)?;
    }
    reader.finish()?;
    Ok(Node { partial, value, children })
}

/// Reads length and half bytes of a path. A length that does not fit the first byte goes on in bytes that are added up, the
/// last of them below 255: each length has one encoding.
fn read_partial<'a>(reader: &mut Reader<'a>, first: u8, room: u8) -> Result<Nibbles<'a>, NodeError> {
    let mut len = usize::from(first);
    if first == room {
        loop {
            let more = reader.u8()?;
            len = len.saturating_add(usize::from(more));
            if more < u8::MAX {
                break;
            }
            // More than the rest can hold: the loop needs not go on, whatever follows.
            let (wanted, left) = (len / 2, reader.rest().len());
            if wanted > left {
                return Err(ScaleError::Truncated { wanted, left }.into());
            }
        }
    }
    let bytes = reader.bytes(len.div_ceil(2))?;
    match bytes.first() {
        Some(got) if len % 2 == 1 && got >> 4 != 0 => Err(NodeError::Padding { got: *got }),
        _ => Ok(Nibbles::last_of(bytes, len)),
    }
}

/// Appends the header and the path of a node.
fn put_head(out: &mut Vec<u8>, kind: Kind, partial: Nibbles<'_>) {
    let room = kind.room();
    match u8::try_from(partial.len()) {
        Ok(len) if len < room => out.push(kind.bits | len),
        _ => {
            out.push(kind.bits | room);
            let mut rest = partial.len().saturating_sub(usize::from(room));
            while rest >= 255 {
                out.push(255);
                rest -= 255;
            }
            out.extend(u8::try_from(rest));
        }
    }
    partial.put(out);
}

/// Appends a leaf.
pub(super) fn put_leaf(out: &mut Vec<u8>, partial: Nibbles<'_>, value: NodeValue<'_>) {
    put_head(out, if matches!(value, NodeValue::Hashed(_)) { LEAF_HASHED } else { LEAF }, partial);
    put_value(out, value);
}

/// Appends a leaf up to its value, which has `value_bytes` bytes.
pub(super) fn put_inline_leaf_head(out: &mut Vec<u8>, partial: Nibbles<'_>, value_bytes: usize) {
    put_head(out, LEAF, partial);
    put_compact(out, value_bytes as u64);
}

/// Appends a branch up to its children, of which `bitmap` has a bit each; they follow with [`put_child`].
pub(super) fn put_branch(out: &mut Vec<u8>, partial: Nibbles<'_>, value: Option<NodeValue<'_>>, bitmap: u16) {
    let kind = match value {
        None => BRANCH,
        Some(NodeValue::Inline(_)) => BRANCH_WITH_VALUE,
        Some(NodeValue::Hashed(_)) => BRANCH_HASHED,
    };
    put_head(out, kind, partial);
    out.extend_from_slice(&bitmap.to_le_bytes());
    if let Some(value) = value {
        put_value(out, value);
    }
}

/// Appends a child of a branch.
pub(super) fn put_child(out: &mut Vec<u8>, child: MerkleValue<'_>) {
    let bytes = child.as_ref();
    put_compact(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_value(out: &mut Vec<u8>, value: NodeValue<'_>) {
    match value {
        NodeValue::Inline(bytes) => {
            put_compact(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        NodeValue::Hashed(hash) => out.extend_from_slice(hash.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn encode(node: &Node<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        match (node.children.is_empty(), node.value) {
            (true, Some(value)) => put_leaf(&mut out, node.partial, value),
            (_, value) => {
                put_branch(&mut out, node.partial, value, node.children.bitmap());
                node.children.iter().for_each(|(_, child)| put_child(&mut out, child));
            }
        }
        out
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        let check = |bytes: &[u8], want: NodeError| assert_eq!(decode(bytes).err(), Some(want));
        let truncated = |wanted, left| NodeError::Scale(ScaleError::Truncated { wanted, left });
        check(&[], truncated(1, 0));
        check(&[0], NodeError::Header { got: 0 });
        check(&[1], NodeError::Header { got: 1 });
        check(&[0x0F], NodeError::Header { got: 15 });
        check(&[0x41, 0x10, 0], NodeError::Padding { got: 0x10 });
        check(&[0x80, 0, 0], NodeError::Childless);
        check(&[0xC0, 0, 0, 0], NodeError::Childless);
        check(&[0x80, 1, 0, 8, 0x40, 0], NodeError::LoneChild);
        check(&[0xC0, 1, 0, 0, 0], NodeError::ChildLength { index: 0, got: 0 });
        check(&[&[0xC0, 2, 0, 0, 33 << 2][..], &[0; 33]].concat(), NodeError::ChildLength { index: 1, got: 33 });
        check(&[0x40, 0, 7], NodeError::Scale(ScaleError::Trailing { left: 1 }));
        check(&[0x40, 1, 0], NodeError::Scale(ScaleError::NotShortest { value: 0 }));
        check(&[0x20, 1], truncated(32, 1));
        // One byte that wants more, of each kind: the reference once panicked at these (polkadot-sdk, issue 6485).
        for first in 2..=255_u8 {
            assert!(decode(&[first]).is_err(), "{first:#x}");
            assert!(decode_compact(&[first]).is_err(), "{first:#x}");
        }
        check(&[&[0x7F][..], &[255; 70_000]].concat(), truncated(69_519, 69_455));
        assert!(decode_compact(&[0xC0, 1, 0, 0, 0]).is_ok());
    }

    #[test]
    fn lengths_of_paths_have_the_encodings_of_the_specification() {
        let check = |len: usize, want: &[u8]| {
            let bytes = vec![0; len.div_ceil(2)];
            let mut out = Vec::new();
            put_leaf(&mut out, Nibbles::last_of(&bytes, len), NodeValue::Inline(b""));
            assert_eq!(out[..want.len()], *want, "{len}");
            assert_eq!(out.len(), want.len() + bytes.len() + 1);
            assert_eq!(decode(&out).unwrap().partial.len(), len);
        };
        check(0, &[0x40]);
        check(62, &[0x7E]);
        check(63, &[0x7F, 0]);
        check(317, &[0x7F, 254]);
        check(318, &[0x7F, 255, 0]);
        check(573, &[0x7F, 255, 255, 0]);
        check(100_000, &[&[0x7F][..], &[255; 391], &[232]].concat());
    }

    proptest! {
        #[test]
        fn decoding_is_the_inverse_of_encoding(
            path: Vec<u8>,
            is_odd: bool,
            value in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
            is_hashed: bool,
            children in prop::collection::btree_map(0_u8..16, prop::collection::vec(any::<u8>(), 1..33), 0..17),
        ) {
            let partial = Nibbles::from(&path[..]).skip(usize::from(is_odd));
            let hash = Hash([7; 32]);
            let value = value.as_deref().map(|value| if is_hashed { NodeValue::Hashed(hash) } else { NodeValue::Inline(value) });
            let bitmap = children.keys().fold(0, |bitmap, index| bitmap | 1 << index);
            let mut bytes = Vec::new();
            match value {
                Some(value) if children.is_empty() => put_leaf(&mut bytes, partial, value),
                _ => {
                    put_branch(&mut bytes, partial, value, bitmap);
                    children.values().for_each(|child| put_child(&mut bytes, MerkleValue::Inline(child)));
                }
            }
            match decode(&bytes) {
                Ok(node) => {
                    prop_assert_eq!(node.partial, partial);
                    prop_assert_eq!(node.value, value);
                    let got: Vec<_> = node.children.iter().map(|(index, child)| (index, child.as_ref().to_vec())).collect();
                    prop_assert_eq!(&got, &children.clone().into_iter().collect::<Vec<_>>());
                    for index in 0..16 {
                        let got = node.children.get(index).map(|child| child.as_ref().to_vec());
                        prop_assert_eq!(got.as_ref(), children.get(&index));
                    }
                }
                Err(NodeError::Childless) => prop_assert!(children.is_empty() && value.is_none()),
                Err(NodeError::LoneChild) => prop_assert!(children.len() == 1 && value.is_none()),
                Err(error) => prop_assert!(false, "{}", error),
            }
        }

        #[test]
        fn a_node_that_is_read_has_one_encoding(mut bytes: Vec<u8>, first in prop::sample::select(vec![0x40_u8, 0x41, 0x80, 0xC0, 0x21, 0x10])) {
            bytes.insert(0, first);
            for end in 0..bytes.len() {
                if let Ok(node) = decode(&bytes[..=end]) {
                    prop_assert_eq!(&encode(&node)[..], &bytes[..=end]);
                }
            }
        }
    }
}
