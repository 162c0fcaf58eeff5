//! SCALE of `fork_tree::ForkTree`: nodes that hold their children, read without recursion.
//!
//! Source: `fork-tree` 13, `ForkTree` and `Node`.

use super::super::super::header::NumberWidth;
use crate::base::Hash;
use crate::codec::scale::{Reader, ScaleError};
use alloc::vec::Vec;

/// The most nodes of one tree.
pub const FORK_TREE_NODES_MAX: usize = 10_000;

/// Hash and number: the least that a node takes, its children and an empty value apart.
const NODE_BYTES_MIN: usize = 33;

/// A block with what it announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkTreeNode<V> {
    /// The block's hash.
    pub hash: Hash,
    /// Its number.
    pub number: u64,
    /// What it announced.
    pub value: V,
    /// Place in the list of the nearest ancestor that announced something too.
    pub parent: Option<usize>,
}

/// Reads a tree; the nodes come in depth-first order, parents before their children.
pub(super) fn read<'a, V>(
    reader: &mut Reader<'a>,
    width: NumberWidth,
    mut value: impl FnMut(&mut Reader<'a>) -> Result<V, ScaleError>,
) -> Result<Vec<ForkTreeNode<V>>, ScaleError> {
    let mut nodes: Vec<ForkTreeNode<V>> = Vec::new();
    // Siblings still to be read at each depth, with their parent.
    let mut open: Vec<(usize, Option<usize>)> = Vec::new();
    open.push((reader.length(FORK_TREE_NODES_MAX, NODE_BYTES_MIN)?, None));
    while let Some((left, parent)) = open.last_mut() {
        let parent = *parent;
        if *left == 0 {
            open.pop();
            continue;
        }
        *left = left.saturating_sub(1);
        if nodes.len() >= FORK_TREE_NODES_MAX {
            return Err(ScaleError::TooLong { got: nodes.len() as u64 + 1, max: FORK_TREE_NODES_MAX });
        }
        let hash = Hash(*reader.array()?);
        let number = width.read(reader)?;
        let value = value(reader)?;
        let children = reader.length(FORK_TREE_NODES_MAX, NODE_BYTES_MIN)?;
        open.push((children, Some(nodes.len())));
        nodes.push(ForkTreeNode { hash, number, value, parent });
    }
    // The best finalized number that the tree was pruned to.
    if reader.is_some()? {
        width.read(reader)?;
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn node(byte: u8, children: u8) -> Vec<u8> {
        let mut bytes = vec![byte; 32];
        bytes.extend([byte, 0, 0, 0, byte, children << 2]);
        bytes
    }

    fn tree(bytes: &[u8]) -> Result<Vec<ForkTreeNode<u8>>, ScaleError> {
        let mut reader = Reader::new(bytes);
        let nodes = read(&mut reader, NumberWidth::U32, Reader::u8)?;
        reader.finish().map(|()| nodes)
    }

    #[test]
    fn parents_are_found_at_every_depth() {
        // 1(2(3) 4) 5
        let bytes =
            [&[8][..], &node(1, 2), &node(2, 1), &node(3, 0), &node(4, 0), &node(5, 0), &[1, 9, 0, 0, 0]].concat();
        let got: Vec<_> = tree(&bytes).unwrap().iter().map(|node| (node.value, node.number, node.parent)).collect();
        assert_eq!(got, [(1, 1, None), (2, 2, Some(0)), (3, 3, Some(1)), (4, 4, Some(0)), (5, 5, None)]);
        assert_eq!(tree(&[0, 0]), Ok(vec![]));
    }

    #[test]
    fn depth_costs_no_stack() {
        let mut bytes = vec![4];
        for _ in 1..FORK_TREE_NODES_MAX {
            bytes.extend(node(1, 1));
        }
        let deep = [&bytes[..], &node(1, 0), &[0]].concat();
        assert_eq!(tree(&deep).unwrap().len(), FORK_TREE_NODES_MAX);
        let deeper = [&bytes[..], &node(1, 1), &node(1, 0), &[0]].concat();
        assert_eq!(tree(&deeper), Err(ScaleError::TooLong { got: 10_001, max: FORK_TREE_NODES_MAX }));
        assert!(matches!(tree(&bytes), Err(ScaleError::Truncated { .. })));
    }
}
