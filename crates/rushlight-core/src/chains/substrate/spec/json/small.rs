//! Readers of small fields that have several forms. Each looks at one value at a time and stops at its bound: serde's own way
//! of telling forms apart would first keep the whole value, many times larger than its text.

use super::super::boot_node::{BOOT_NODES_MAX, BootNode};
use super::super::rules::BLOCK_RULES_MAX;
use super::super::{SpecError, SpecWarning};
use super::{Draft, shown};
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// `chainType`: a name, or `{"Custom": name}`.
pub(super) struct ChainType(pub(super) Option<String>);

impl<'de> Deserialize<'de> for ChainType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChainTypeVisitor)
    }
}

struct ChainTypeVisitor;

impl<'de> Visitor<'de> for ChainTypeVisitor {
    type Value = ChainType;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name, or an object with Custom")
    }

    fn visit_unit<E: Error>(self) -> Result<ChainType, E> {
        Ok(ChainType(None))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<ChainType, E> {
        Ok(ChainType(Some(String::from(name))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ChainType, A::Error> {
        let mut name = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == "Custom" {
                name = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(ChainType(name))
    }
}

/// `babeFinalizedBlockWeight`: a number, or the number in SCALE as hex.
pub(super) enum Weight {
    Number(u32),
    Hex(String),
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WeightVisitor)
    }
}

struct WeightVisitor;

impl Visitor<'_> for WeightVisitor {
    type Value = Weight;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of 32 bits, or hex")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Weight, E> {
        u32::try_from(number).map(Weight::Number).map_err(|_| E::custom("a weight has 32 bits"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Weight, E> {
        Ok(Weight::Hex(String::from(text)))
    }
}

/// A list of texts, one after the other into the draft.
pub(super) enum TextsSeed<'s> {
    BootNodes(&'s mut Draft),
    BadBlocks(&'s mut Draft),
}

impl<'de> DeserializeSeed<'de> for TextsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(text) = list.next_element::<Cow<'de, str>>()? {
            match &mut self {
                Self::BootNodes(draft) => draft.boot_node(&text),
                Self::BadBlocks(draft) => draft.bad_block(&text)?,
            }
        }
        Ok(())
    }
}

/// `forkBlocks`: an object of hashes by number, or a list of pairs.
pub(super) struct ForkBlocksSeed<'s>(pub(super) &'s mut Draft);

impl<'de> DeserializeSeed<'de> for ForkBlocksSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ForkBlocksSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of hashes by block number, or a list of pairs of the two")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some((number, hash)) = list.next_element::<(u64, Cow<'de, str>)>()? {
            self.0.fork_block(number, &hash)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((number, hash)) = map.next_entry::<Cow<'de, str>, Cow<'de, str>>()? {
            let number = self.0.block_number("forkBlocks", &number)?;
            self.0.fork_block(number, &hash)?;
        }
        Ok(())
    }
}

impl Draft {
    /// Keeps a boot node, or a warning; of those beyond the bound only the number.
    fn boot_node(&mut self, text: &str) {
        if self.boot_nodes.len().saturating_add(self.warnings.len()) >= BOOT_NODES_MAX {
            self.boot_nodes_left_out = self.boot_nodes_left_out.saturating_add(1);
            return;
        }
        match BootNode::from_text(text) {
            Ok(node) => self.boot_nodes.push(node),
            Err(why) => self.warnings.push(SpecWarning::BootNode { text: shown(text), why }),
        }
    }

    fn bad_block<E: Error>(&mut self, text: &str) -> Result<(), E> {
        let field = "badBlocks";
        let hash = self.hash(field, text)?;
        self.rules.bad_blocks.insert(hash);
        if self.rules.bad_blocks.len() > BLOCK_RULES_MAX {
            return Err(self.fail(SpecError::TooMany { field, max: BLOCK_RULES_MAX }));
        }
        Ok(())
    }

    fn fork_block<E: Error>(&mut self, number: u64, hash: &str) -> Result<(), E> {
        let field = "forkBlocks";
        let hash = self.hash(field, hash)?;
        if self.rules.fork_blocks.insert(number, hash).is_some() {
            return Err(self.fail(SpecError::KeyTwice { field, key: number.to_string() }));
        }
        if self.rules.fork_blocks.len() > BLOCK_RULES_MAX {
            return Err(self.fail(SpecError::TooMany { field, max: BLOCK_RULES_MAX }));
        }
        Ok(())
    }
}
