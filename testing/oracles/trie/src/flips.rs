//! One bit of a valid proof is flipped: what is still accepted must mean what it meant.

use crate::Counts;
use crate::dice::Dice;
use crate::trial::{World, encoded, hash};
use rushlight_core::trie::patricia16::{Proven, VerifiedProof};

pub fn run(seed: u64, counts: &mut Counts) -> Result<(), String> {
    let mut dice = Dice(seed);
    let (world, proof, keys) = loop {
        let world = World::draw(&mut dice);
        let (proof, keys) = world.prove(&mut dice);
        if !proof.is_empty() {
            break (world, proof, keys);
        }
    };
    let root = hash(world.root);
    let list: Vec<Vec<u8>> = proof.iter_nodes().cloned().collect();
    let plain = encoded(&list);
    let compact = proof.to_compact_proof::<sp_core::Blake2Hasher>(world.root).map_err(|error| format!("{error:?}"))?;
    let compact = encoded(&compact.encoded_nodes);
    for (scale, is_compact) in [(plain, false), (compact, true)] {
        let mut flipped = scale;
        let at = dice.below(flipped.len());
        flipped[at] ^= 1 << dice.below(8);
        counts.flips += 1;
        let read = match is_compact {
            true => VerifiedProof::verify_compact(root, &flipped).ok(),
            false => VerifiedProof::verify(root, &flipped[..]).ok(),
        };
        let Some(read) = read else {
            counts.flips_refused += 1;
            continue;
        };
        if is_compact {
            // Every byte of a compact proof goes into the root, or into a child trie's.
            return Err(format!("a compact proof with bit flipped in byte {at}"));
        }
        counts.flips_harmless += 1;
        for key in keys.iter().chain(world.map.keys()) {
            let meant = world.map.get(key).map(Vec::as_slice);
            match read.trie().value(key) {
                Ok(Proven::Present(value)) if Some(value.bytes()) != meant => {
                    return Err(format!("another value of {key:02x?}"));
                }
                Ok(Proven::Absent) if meant.is_some() => return Err(format!("{key:02x?} is absent")),
                _ => {}
            }
            if let Ok(Proven::Present(next)) = read.trie().next_key(key)
                && world.map.range([&key[..], &[0]].concat()..).next().map(|(next, _)| next) != Some(&next)
            {
                return Err(format!("another key after {key:02x?}"));
            }
        }
    }
    Ok(())
}
