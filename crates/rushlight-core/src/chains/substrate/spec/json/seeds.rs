//! What serde calls while it goes over the text: one visitor for each level of the JSON that is read by hand.

use super::super::genesis::{Broken, Builder};
use super::super::rules::{BLOCK_RULES_MAX, CodeSubstitute};
use super::{Draft, SpecError, append_hex, hex_bytes, shown};
use crate::codec::text;
use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Bytes reserved ahead for the genesis state; it grows from there.
const RESERVED_BYTES_MAX: usize = 32 << 20;

impl<'de> DeserializeSeed<'de> for &mut Draft {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Draft {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the fields of a chain specification")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            self.field(&key, &mut map)?;
            self.field = "the whole";
        }
        Ok(())
    }
}

/// `genesis`: which kind of it there is.
pub(super) struct GenesisSeed<'s>(pub(super) &'s mut Draft);

impl<'de> DeserializeSeed<'de> for GenesisSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for GenesisSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with raw or stateRootHash")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(draft) = self;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "raw" => {
                    draft.begin("genesis.raw")?;
                    let mut builder = Builder::with_capacity((draft.text_len / 2).min(RESERVED_BYTES_MAX));
                    map.next_value_seed(RawSeed { draft, builder: &mut builder })?;
                    draft.storage = Some(builder.finish().map_err(|broken| draft.broken(broken))?);
                }
                "stateRootHash" | "state_root_hash" => {
                    draft.begin("genesis.stateRootHash")?;
                    let text = map.next_value::<Cow<'de, str>>()?;
                    draft.state_root = Some(draft.hash("genesis.stateRootHash", &text)?);
                }
                "runtimeGenesis" | "runtime_genesis" => draft.human(&mut map, "runtimeGenesis")?,
                "runtime" => draft.human(&mut map, "runtime")?,
                "runtimeAndCode" => draft.human(&mut map, "runtimeAndCode")?,
                _ => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(())
    }
}

impl Draft {
    fn human<'de, A: MapAccess<'de>>(&mut self, map: &mut A, got: &'static str) -> Result<(), A::Error> {
        self.human = Some(got);
        map.next_value::<IgnoredAny>().map(|_| ())
    }

    fn broken<E: Error>(&mut self, broken: Broken) -> E {
        let field = self.field;
        self.fail(match broken {
            Broken::TooMany { max } => SpecError::TooMany { field, max },
            Broken::Twice { key } => {
                SpecError::KeyTwice { field, key: shown(&alloc::format!("0x{}", text::to_hex(&key).to_lowercase())) }
            }
        })
    }
}

/// `genesis.raw`: an object with `top` and `childrenDefault`, or in old specifications a list of the two.
struct RawSeed<'s> {
    draft: &'s mut Draft,
    builder: &'s mut Builder,
}

impl<'de> DeserializeSeed<'de> for RawSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RawSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with top and childrenDefault, or a list of the two")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { draft, builder } = self;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "top" => {
                    draft.begin("genesis.raw.top")?;
                    map.next_value_seed(StorageSeed { draft, builder, in_child: false })?;
                }
                "childrenDefault" | "children_default" | "children" => {
                    draft.begin("genesis.raw.childrenDefault")?;
                    map.next_value_seed(ChildrenSeed { draft, builder })?;
                }
                _ => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { draft, builder } = self;
        draft.begin("genesis.raw.top")?;
        if list.next_element_seed(StorageSeed { draft, builder, in_child: false })?.is_some() {
            draft.begin("genesis.raw.childrenDefault")?;
            list.next_element_seed(ChildrenSeed { draft, builder })?;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Child tries by their names.
struct ChildrenSeed<'s> {
    draft: &'s mut Draft,
    builder: &'s mut Builder,
}

impl<'de> DeserializeSeed<'de> for ChildrenSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ChildrenSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of child tries by their names in hex")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { draft, builder } = self;
        while let Some(name) = map.next_key_seed(HexSeed { draft, builder })? {
            builder.child(name).map_err(|broken| draft.broken(broken))?;
            map.next_value_seed(StorageSeed { draft, builder, in_child: true })?;
        }
        Ok(())
    }
}

/// Keys and values of one trie.
struct StorageSeed<'s> {
    draft: &'s mut Draft,
    builder: &'s mut Builder,
    in_child: bool,
}

impl<'de> DeserializeSeed<'de> for StorageSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for StorageSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of keys and values in hex")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { draft, builder, in_child } = self;
        while let Some(key) = map.next_key_seed(HexSeed { draft, builder })? {
            let value = map.next_value_seed(HexSeed { draft, builder })?;
            builder.entry(key, value, in_child).map_err(|broken| draft.broken(broken))?;
        }
        Ok(())
    }
}

/// One text of hex into the buffer of the genesis state; gives its place there.
struct HexSeed<'s> {
    draft: &'s mut Draft,
    builder: &'s mut Builder,
}

impl<'de> DeserializeSeed<'de> for HexSeed<'_> {
    type Value = (usize, usize);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for HexSeed<'_> {
    type Value = (usize, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hex behind 0x")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let Self { draft, builder } = self;
        builder.append(|out| append_hex(draft.field, text, out)).map_err(|fault| draft.fail(fault))
    }
}

/// `codeSubstitutes`: code by the number of the block from which on it holds.
pub(super) struct SubstitutesSeed<'s>(pub(super) &'s mut Draft);

impl<'de> DeserializeSeed<'de> for SubstitutesSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SubstitutesSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of code in hex by block number")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (Self(draft), field) = (self, "codeSubstitutes");
        while let Some(number) = map.next_key::<Cow<'de, str>>()? {
            if draft.rules.code_substitutes.len() >= BLOCK_RULES_MAX {
                return Err(draft.fail(SpecError::TooMany { field, max: BLOCK_RULES_MAX }));
            }
            let number = draft.block_number(field, &number)?;
            let code = map.next_value_seed(CodeSeed(draft))?;
            if draft.rules.code_substitutes.insert(number, CodeSubstitute { code }).is_some() {
                return Err(draft.fail(SpecError::KeyTwice { field, key: number.to_string() }));
            }
        }
        Ok(())
    }
}

/// One text of hex into bytes of its own.
struct CodeSeed<'s>(&'s mut Draft);

impl<'de> DeserializeSeed<'de> for CodeSeed<'_> {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for CodeSeed<'_> {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hex behind 0x")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        let Self(draft) = self;
        hex_bytes(draft.field, text).map_err(|fault| draft.fail(fault))
    }
}
