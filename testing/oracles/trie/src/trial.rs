//! One case: a trie, a proof of it, all questions.

use crate::Counts;
use crate::dice::{Dice, Map};
use crate::reference::{self, Answer, Db};
use rushlight_core::base::Hash;
use rushlight_core::trie::patricia16::{
    CHILD_STORAGE_PREFIX, ChangesError, LookupError, MerkleValue, PrefixScan, Proven, ScanStep, StateVersion, Trie,
    VerifiedProof, nodes, ordered_root, root, root_after,
};
use sp_core::{H256, Hasher};
use sp_trie::{LayoutV0, LayoutV1, StorageProof, TrieConfiguration};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// A trie with its child tries, in both implementations.
pub struct World {
    pub map: Map,
    pub children: Vec<(Vec<u8>, Map, H256)>,
    pub is_v1: bool,
    /// Keys whose values were written under version 1.
    pub in_v1: BTreeSet<Vec<u8>>,
    pub root: H256,
    pub db: Db,
}

fn entries(map: &Map) -> impl Iterator<Item = (&[u8], &[u8])> {
    map.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
}

pub fn version(is_v1: bool) -> StateVersion {
    if is_v1 { StateVersion::V1 } else { StateVersion::V0 }
}

pub fn same<T: PartialEq + Debug>(what: &str, ours: T, theirs: T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: ours {ours:?}, theirs {theirs:?}")) }
}

pub fn hash(hash: H256) -> Hash {
    Hash(hash.0)
}

impl World {
    pub fn draw(dice: &mut Dice) -> Self {
        let is_v1 = dice.one_in(2);
        let mut db = Db::default();
        let mut map = dice.map();
        let mut children = Vec::new();
        if dice.one_in(5) {
            for name in 0..1 + dice.below(3) {
                let child = dice.map();
                let root = reference::insert(&mut db, &child, is_v1);
                let name = vec![b'a' + name as u8; 1 + dice.below(4)];
                map.insert([CHILD_STORAGE_PREFIX, &name].concat(), root.0.to_vec());
                children.retain(|(other, _, _)| *other != name);
                children.push((name, child, root));
            }
        }
        let mut root = reference::insert(&mut db, &map, is_v1);
        let mut in_v1: BTreeSet<Vec<u8>> = if is_v1 { map.keys().cloned().collect() } else { BTreeSet::new() };
        if !is_v1 && dice.one_in(3) {
            // A chain that went over to version 1: what is written since is in the new form.
            let mut more = dice.changes(&map);
            more.retain(|key, _| !key.starts_with(b":child"));
            for (key, value) in more {
                match value {
                    Some(value) => {
                        in_v1.insert(key.clone());
                        map.insert(key, value);
                    }
                    None => drop(map.remove(&key)),
                }
            }
            in_v1.retain(|key| map.contains_key(key));
            db = Db::default();
            for (_, child, _) in &children {
                reference::insert(&mut db, child, is_v1);
            }
            root = reference::insert_both(&mut db, &map, &in_v1);
        }
        Self { map, children, is_v1, in_v1, root, db }
    }

    /// Returns the root after changes as the reference has it when it only inserts.
    pub fn anew(&self, changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>, is_v1: bool) -> H256 {
        let (mut map, mut in_v1) = (self.map.clone(), self.in_v1.clone());
        for (key, value) in changes {
            in_v1.remove(key);
            match value {
                Some(value) => {
                    in_v1.extend(is_v1.then(|| key.clone()));
                    map.insert(key.clone(), value.clone());
                }
                None => drop(map.remove(key)),
            }
        }
        reference::insert_both(&mut Db::default(), &map, &in_v1)
    }

    /// Returns the reference's proof of some keys, and the keys.
    pub fn prove(&self, dice: &mut Dice) -> (StorageProof, Vec<Vec<u8>>) {
        let keys: Vec<_> = (0..1 + dice.below(4)).map(|_| dice.question(&self.map)).collect();
        let mut asked = vec![(self.root, keys.clone())];
        for (name, child, root) in &self.children {
            if dice.one_in(2) {
                asked[0].1.push([CHILD_STORAGE_PREFIX, name].concat());
                asked.push((*root, (0..1 + dice.below(3)).map(|_| dice.question(child)).collect()));
            }
        }
        // A root that nothing was read of has no node.
        asked.retain(|(root, _)| hash(*root) != rushlight_core::trie::patricia16::EMPTY_ROOT);
        (reference::prove(&self.db, &asked), keys)
    }
}

pub fn run(seed: u64, counts: &mut Counts) -> Result<(), String> {
    let mut dice = Dice(seed);
    let world = World::draw(&mut dice);
    counts.tries += 1;
    counts.with_children += u64::from(!world.children.is_empty());
    roots(&world, &mut dice, counts)?;

    let all: Vec<Vec<u8>> =
        world.db.clone().drain().into_values().filter(|(_, count)| *count > 0).map(|(node, _)| node).collect();
    let whole =
        VerifiedProof::from_nodes(hash(world.root), all.iter().map(Vec::as_slice)).map_err(|e| e.to_string())?;
    let (proof, keys) = world.prove(&mut dice);
    compact(&world, &proof, &keys, counts)?;

    let mut list: Vec<Vec<u8>> = proof.iter_nodes().cloned().collect();
    let is_cut = dice.one_in(4) && list.len() > 1;
    if is_cut {
        let at = dice.below(list.len());
        if sp_core::Blake2Hasher::hash(&list[at]) != world.root {
            list.remove(at);
        }
    }
    if dice.one_in(4) {
        // Entries that nothing needs, and one twice.
        list.extend([dice.value(), dice.key()]);
        list.extend(list.first().cloned());
    }
    dice.shuffle(&mut list);
    counts.proofs += 1;
    counts.incomplete += u64::from(is_cut);
    let ours =
        VerifiedProof::from_nodes(hash(world.root), list.iter().map(Vec::as_slice)).map_err(|e| e.to_string())?;
    let theirs: Db = StorageProof::new(list).to_memory_db();

    let mut asked = keys;
    asked.extend((0..2).map(|_| dice.question(&world.map)));
    for key in &asked {
        questions(&ours.trie(), &theirs, &whole.trie(), &world.db, &world.root, key, counts)?;
        // Of the whole trie both must know everything.
        questions(&whole.trie(), &world.db, &whole.trie(), &world.db, &world.root, key, counts)?;
    }
    for (name, child, root) in &world.children {
        let Proven::Present(in_whole) = whole.trie().child(name).map_err(|e| e.to_string())? else {
            return Err("a child trie is not found".into());
        };
        let keys: Vec<_> = (0..2).map(|_| dice.question(child)).collect();
        for key in &keys {
            counts.child_values += 1;
            questions(&in_whole, &world.db, &in_whole, &world.db, root, key, counts)?;
            if let Proven::Present(trie) = ours.trie().child(name).map_err(|e| e.to_string())? {
                questions(&trie, &theirs, &in_whole, &world.db, root, key, counts)?;
            }
        }
    }
    changes(&world, &mut dice, &ours, &theirs, &whole, counts)
}

fn roots(world: &World, dice: &mut Dice, counts: &mut Counts) -> Result<(), String> {
    let want = reference::root_of(&world.map, world.is_v1);
    let version = version(world.is_v1);
    same("root", root(version, entries(&world.map)), Ok(hash(want)))?;
    same("root with nodes", nodes(version, entries(&world.map), |_| ()), Ok(hash(want)))?;
    counts.roots += 2;
    if dice.one_in(8) {
        let values: Vec<Vec<u8>> = (0..dice.below(90)).map(|_| dice.value()).collect();
        let theirs = match world.is_v1 {
            true => LayoutV1::<sp_core::Blake2Hasher>::ordered_trie_root(&values),
            false => LayoutV0::<sp_core::Blake2Hasher>::ordered_trie_root(&values),
        };
        same("ordered root", ordered_root(version, values.iter().map(Vec::as_slice)), hash(theirs))?;
        counts.roots += 1;
    }
    Ok(())
}

/// Compares an answer. Ours may go further than the reference; then it must be that of the whole trie.
fn compare<T: PartialEq + Debug>(
    what: &str,
    ours: Result<Proven<T>, LookupError>,
    theirs: Answer<T>,
    whole: impl FnOnce() -> Answer<T>,
    counts: &mut Counts,
) -> Result<(), String> {
    let ours = ours.map_err(|error| format!("{what}: {error}"))?;
    match (ours, theirs) {
        (Proven::Present(ours), Answer::Known(theirs)) => same(what, Some(ours), theirs),
        (Proven::Absent, Answer::Known(theirs)) => same(what, None, theirs),
        (Proven::Unknown(ours), Answer::Missing(theirs)) => same(what, ours.hash, hash(theirs)),
        (Proven::Unknown(ours), theirs) => Err(format!("{what}: ours lacks {ours:?}, theirs {theirs:?}")),
        (ours, Answer::Missing(_)) => {
            counts.further += 1;
            let known = if let Proven::Present(ours) = ours { Some(ours) } else { None };
            same(what, Answer::Known(known), whole())
        }
        (ours, theirs) => Err(format!("{what}: ours {ours:?}, theirs {theirs:?}")),
    }
}

fn questions(
    ours: &Trie<'_>,
    theirs: &Db,
    whole: &Trie<'_>,
    db: &Db,
    root: &H256,
    key: &[u8],
    counts: &mut Counts,
) -> Result<(), String> {
    let value = ours.value(key).map(|found| found.map(|value| value.bytes().to_vec()));
    compare("value", value, reference::value(theirs, root, key), || reference::value(db, root, key), counts)?;
    let found = ours.value_hash(key).map(|found| found.map(|hash| H256(hash.0)));
    let theirs_hash = reference::value_hash(theirs, root, key);
    compare("value hash", found, theirs_hash, || reference::value_hash(db, root, key), counts)?;
    let next = reference::next_key(theirs, root, key);
    // The reference enters subtrees that it leaves again, so only that both lack something is compared.
    match (ours.next_key(key), &next) {
        (Ok(Proven::Unknown(_)), Answer::Missing(_)) => {}
        (found, _) => compare("next key", found, next, || reference::next_key(db, root, key), counts)?,
    }
    let merkle = ours.closest_descendant_merkle_value(key).map(|found| {
        found.map(|merkle| match merkle {
            MerkleValue::Hash(hash) => sp_trie::MerkleValue::Hash(H256(hash.0)),
            MerkleValue::Inline(node) => sp_trie::MerkleValue::Node(node.to_vec()),
        })
    });
    descendant(merkle, theirs, db, root, key, counts)?;
    let mut found = Vec::new();
    let mut scan = PrefixScan::new(whole.root(), key, true);
    let step = scan.advance(whole, 100_000, |key, value| {
        found.push((key.to_vec(), value.map(|value| value.bytes().to_vec()).unwrap_or_default()));
    });
    same("scan", step, Ok(ScanStep::Done))?;
    same("prefix", found, reference::below(db, root, key))?;
    counts.values += 1;
    counts.hashes += 1;
    counts.next_keys += 1;
    counts.descendants += 1;
    counts.prefixes += 1;
    Ok(())
}

type Merkle = sp_trie::MerkleValue<H256>;

fn descendant(
    ours: Result<Proven<Merkle>, LookupError>,
    theirs: &Db,
    db: &Db,
    root: &H256,
    key: &[u8],
    counts: &mut Counts,
) -> Result<(), String> {
    // For a node that is inline the reference gives the bytes of the node around it (trie-db 0.32, `lookup.rs`), where the
    // JSON-RPC specification wants those of the node itself. That ours is in it is all that can be compared.
    let inline = |answer: &Answer<Merkle>| match (&ours, answer) {
        (Ok(Proven::Present(Merkle::Node(ours))), Answer::Known(Some(Merkle::Node(theirs)))) => {
            theirs.windows(ours.len()).any(|part| part == &ours[..])
        }
        _ => false,
    };
    let theirs = reference::descendant(theirs, root, key);
    let whole = reference::descendant(db, root, key);
    if inline(&theirs) || matches!(theirs, Answer::Missing(_)) && inline(&whole) {
        counts.descendants_inline += 1;
        return Ok(());
    }
    compare("descendant", ours, theirs, || whole, counts)
}

fn compact(world: &World, proof: &StorageProof, keys: &[Vec<u8>], counts: &mut Counts) -> Result<(), String> {
    let Ok(compact) = proof.to_compact_proof::<sp_core::Blake2Hasher>(world.root) else {
        // The empty trie's proof has no node.
        return same("an empty proof", proof.is_empty(), true);
    };
    let scale = encoded(&compact.encoded_nodes);
    let ours = VerifiedProof::verify_compact(hash(world.root), &scale).map_err(|error| format!("compact: {error}"))?;
    let theirs =
        compact.to_storage_proof::<sp_core::Blake2Hasher>(&world.root).map_err(|e| format!("compact: {e:?}"))?.0;
    let ours_set: BTreeSet<&[u8]> = ours.nodes().collect();
    let their_set: BTreeSet<&[u8]> = theirs.iter_nodes().map(Vec::as_slice).collect();
    same("nodes of a compact proof", ours_set, their_set)?;
    let db: Db = theirs.to_memory_db();
    for key in keys {
        let value = ours.trie().value(key).map(|found| found.map(|value| value.bytes().to_vec()));
        let whole = || reference::value(&world.db, &world.root, key);
        compare("compact value", value, reference::value(&db, &world.root, key), whole, counts)?;
    }
    counts.compact += 1;
    Ok(())
}

/// Returns the SCALE encoding of a list of byte strings.
pub fn encoded(list: &[Vec<u8>]) -> Vec<u8> {
    let mut scale = Vec::new();
    rushlight_core::codec::scale::put_compact(&mut scale, list.len() as u64);
    list.iter().for_each(|node| rushlight_core::codec::scale::put_byte_string(&mut scale, node));
    scale
}

fn changes(
    world: &World,
    dice: &mut Dice,
    ours: &VerifiedProof<'_>,
    theirs: &Db,
    whole: &VerifiedProof<'_>,
    counts: &mut Counts,
) -> Result<(), String> {
    let changes = dice.changes(&world.map);
    let is_v1 = world.is_v1 || dice.one_in(4);
    let list = || changes.iter().map(|(key, value)| (key.as_slice(), value.as_deref()));
    let after = |trie: Trie<'_>| root_after(trie, version(is_v1), list().map(|(key, value)| (key, value)));
    // What the reference has when it only inserts, for its deleting has faults.
    let want = world.anew(&changes, is_v1);
    let ours_whole = after(whole.trie());
    if ours_whole != Ok(hash(want)) {
        let (map, in_v1) = (&world.map, &world.in_v1);
        return Err(format!(
            "root after changes: ours {ours_whole:?}, theirs {want:?}, {map:02x?}, {in_v1:02x?}, {changes:02x?}, {is_v1}"
        ));
    }
    match reference::changed(&mut world.db.clone(), world.root, &changes, is_v1) {
        Answer::Known(Some(theirs)) if theirs == want => {}
        // The reference deletes too much (trie-db 0.32, `triedbmut.rs` 1394): of a key that ends where a branch with a value
        // hangs, it deletes that branch's value, whose key is longer. What it has when it only inserts counts.
        Answer::Known(_) => {
            counts.reference_contradictions += 1;
            return Ok(());
        }
        Answer::Panicked => counts.reference_panics += 1,
        other => return Err(format!("the reference cannot change the whole trie: {other:?}")),
    }
    let their_answer = reference::changed(&mut theirs.clone(), world.root, &changes, is_v1);
    match (after(ours.trie()), their_answer) {
        (Ok(ours), Answer::Known(Some(theirs))) => same("root after changes", ours, hash(theirs))?,
        (Ok(ours), Answer::Missing(_) | Answer::Panicked) => {
            counts.further += 1;
            same("root after changes", ours, hash(want))?;
        }
        (Err(ChangesError::Missing { .. }), Answer::Missing(_) | Answer::Panicked) => {}
        (ours, theirs) => return Err(format!("root after changes: ours {ours:?}, theirs {theirs:?}")),
    }
    counts.changed_roots += 2;
    Ok(())
}
