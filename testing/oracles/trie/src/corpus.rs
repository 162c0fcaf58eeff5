//! Seeds for the fuzz targets: nodes, proofs and compact proofs of the reference.

use crate::dice::Dice;
use crate::trial::{World, encoded};
use sp_core::Hasher;
use std::fs::{create_dir_all, write as put};
use std::io;
use std::path::Path;

/// Files of each kind.
const FILES: u64 = 16;

/// Writes the corpus of each target into its folder below `folder`.
pub fn write(folder: &Path) -> io::Result<()> {
    for target in ["trie_node", "trie_proof", "trie_compact", "trie_changes"] {
        create_dir_all(folder.join(target))?;
    }
    let mut written = 0;
    for seed in 0.. {
        if written == FILES {
            break;
        }
        let mut dice = Dice(seed);
        let world = World::draw(&mut dice);
        let (proof, _) = world.prove(&mut dice);
        let size: usize = proof.iter_nodes().map(Vec::len).sum();
        let Ok(compact) = proof.to_compact_proof::<sp_core::Blake2Hasher>(world.root) else { continue };
        // One in two with child tries, and none that slows a fuzzer down.
        if size > 1_500 || proof.len() < 3 || world.children.is_empty() != (written % 2 == 0) {
            continue;
        }
        // The root first: the target takes it from there.
        let mut list: Vec<Vec<u8>> = proof.iter_nodes().cloned().collect();
        list.sort_by_key(|node| sp_core::Blake2Hasher::hash(node) != world.root);
        put(folder.join(format!("trie_proof/reference-{written}")), encoded(&list))?;
        put(folder.join(format!("trie_compact/reference-{written}")), encoded(&compact.encoded_nodes))?;
        put(folder.join(format!("trie_node/reference-{written}")), &list[dice.below(list.len())])?;
        let random: Vec<u8> = (0..40 + dice.below(100)).map(|_| dice.next() as u8).collect();
        let changes: Vec<u8> =
            random.iter().enumerate().map(|(at, byte)| if at % 5 == 0 { byte & 0xF3 } else { byte & 0x11 }).collect();
        let first = [4 + (dice.below(3) as u8) * 2 + (written % 2) as u8];
        put(folder.join(format!("trie_changes/random-{written}")), [&first[..], &changes].concat())?;
        written += 1;
    }
    Ok(())
}
