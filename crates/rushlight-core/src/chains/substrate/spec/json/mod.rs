//! The JSON of a specification, read in one pass: megabytes of hex go straight into the buffer of the genesis state, and
//! no tree of values is built.

mod seeds;
mod small;

use super::boot_node::BootNode;
use super::genesis::{Genesis, GenesisStorage};
use super::light_sync_state::{LightSyncState, LightSyncStateParts};
use super::rules::BlockRules;
use super::{NAME_BYTES_MAX, Parachain, Spec, SpecError, SpecWarning, hex};
use crate::base::Hash;
use crate::chains::substrate::header::NumberWidth;
use crate::codec::text;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use seeds::{GenesisSeed, SubstitutesSeed};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess};
use serde_json::value::RawValue;
use small::{ChainType, ForkBlocksSeed, TextsSeed, Weight};

/// Bytes of a text that an error repeats.
const SHOWN_CHARS_MAX: usize = 40;

/// Reads a specification of bounded length.
pub(super) fn read(text: &str) -> Result<Spec, SpecError> {
    let mut draft = Draft { text_len: text.len(), field: "the whole", ..Draft::default() };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = (&mut draft).deserialize(&mut json).and_then(|()| json.end());
    if let Some(fault) = draft.fault {
        return Err(fault);
    }
    read.map_err(|error| SpecError::Json { field: draft.field, why: error.to_string() })?;
    draft.finish()
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    text_len: usize,
    /// The field being read, for an error's text.
    field: &'static str,
    /// A rule of ours that was broken; the parser's own error is only the way out then.
    fault: Option<SpecError>,
    seen: Vec<&'static str>,
    name: Option<String>,
    id: Option<String>,
    chain_type: Option<String>,
    boot_nodes: Vec<BootNode>,
    warnings: Vec<SpecWarning>,
    boot_nodes_left_out: usize,
    protocol_id: Option<String>,
    fork_id: Option<String>,
    block_number_bytes: Option<u64>,
    properties: Option<Box<RawValue>>,
    relay_chain: Option<String>,
    para_id: Option<u32>,
    storage: Option<GenesisStorage>,
    state_root: Option<Hash>,
    human: Option<&'static str>,
    light_sync_state: Option<RawLightSyncState>,
    rules: BlockRules,
}

#[derive(Deserialize)]
struct RawLightSyncState {
    #[serde(rename = "finalizedBlockHeader", alias = "finalized_block_header")]
    header: Option<String>,
    #[serde(rename = "babeEpochChanges", alias = "babe_epoch_changes")]
    babe_epoch_changes: Option<String>,
    #[serde(rename = "babeFinalizedBlockWeight", alias = "babe_finalized_block_weight")]
    babe_weight: Option<Weight>,
    #[serde(rename = "grandpaAuthoritySet", alias = "grandpa_authority_set")]
    grandpa: Option<String>,
}

impl Draft {
    /// Ends the parse with an error of ours.
    fn fail<E: Error>(&mut self, fault: SpecError) -> E {
        self.fault = Some(fault);
        E::custom("a rule of chain specifications is broken")
    }

    /// Notes that `field` is being read. A second time is an error.
    fn begin<E: Error>(&mut self, field: &'static str) -> Result<(), E> {
        self.field = field;
        if self.seen.contains(&field) {
            return Err(self.fail(SpecError::FieldTwice { field }));
        }
        self.seen.push(field);
        Ok(())
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        // Each field in the spelling of nodes and in that of Rust; nodes of parachains read their two in a third one too.
        match key {
            "name" => {
                self.begin("name")?;
                self.name = map.next_value()?;
            }
            "id" => {
                self.begin("id")?;
                self.id = map.next_value()?;
            }
            "chainType" | "chain_type" => {
                self.begin("chainType")?;
                self.chain_type = map.next_value::<ChainType>()?.0;
            }
            "bootNodes" | "boot_nodes" => {
                self.begin("bootNodes")?;
                map.next_value_seed(TextsSeed::BootNodes(self))?;
            }
            "protocolId" | "protocol_id" => {
                self.begin("protocolId")?;
                self.protocol_id = map.next_value()?;
            }
            "forkId" | "fork_id" => {
                self.begin("forkId")?;
                self.fork_id = map.next_value()?;
            }
            "blockNumberBytes" | "block_number_bytes" => {
                self.begin("blockNumberBytes")?;
                self.block_number_bytes = map.next_value()?;
            }
            "properties" => {
                self.begin("properties")?;
                self.properties = map.next_value()?;
            }
            "relayChain" | "relay_chain" | "RelayChain" => {
                self.begin("relayChain")?;
                self.relay_chain = map.next_value()?;
            }
            "paraId" | "para_id" | "ParaId" => {
                self.begin("paraId")?;
                self.para_id = map.next_value()?;
            }
            "lightSyncState" | "light_sync_state" => {
                self.begin("lightSyncState")?;
                self.light_sync_state = map.next_value()?;
            }
            _ => return self.large_field(key, map),
        }
        Ok(())
    }

    /// Reads a field that has a reader of its own, or passes over one that nobody knows.
    fn large_field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "genesis" => {
                self.begin("genesis")?;
                map.next_value_seed(GenesisSeed(self))
            }
            "forkBlocks" | "fork_blocks" => {
                self.begin("forkBlocks")?;
                map.next_value_seed(ForkBlocksSeed(self))
            }
            "badBlocks" | "bad_blocks" => {
                self.begin("badBlocks")?;
                map.next_value_seed(TextsSeed::BadBlocks(self))
            }
            "codeSubstitutes" | "code_substitutes" => {
                self.begin("codeSubstitutes")?;
                map.next_value_seed(SubstitutesSeed(self))
            }
            _ => map.next_value::<IgnoredAny>().map(|_| ()),
        }
    }

    fn hash<E: Error>(&mut self, field: &'static str, text: &str) -> Result<Hash, E> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        text::hex_array(digits).map(Hash).map_err(|_| self.fail(SpecError::Hash { field, text: shown(text) }))
    }

    fn block_number<E: Error>(&mut self, field: &'static str, text: &str) -> Result<u64, E> {
        text.parse().map_err(|_| self.fail(SpecError::BlockNumber { field, text: shown(text) }))
    }

    fn finish(self) -> Result<Spec, SpecError> {
        let name = self.name.ok_or(SpecError::Missing { field: "name" })?;
        let id = self.id.ok_or(SpecError::Missing { field: "id" })?;
        check_text("name", Some(&name))?;
        check_text("id", Some(&id))?;
        check_text("chainType", self.chain_type.as_ref())?;
        check_text("protocolId", self.protocol_id.as_ref())?;
        check_text("forkId", self.fork_id.as_ref())?;
        check_text("relayChain", self.relay_chain.as_ref())?;
        let genesis = match (self.storage, self.state_root, self.human) {
            (Some(_), Some(_), _) => return Err(SpecError::TwoGeneses),
            (Some(storage), None, _) => Genesis::Storage(storage),
            (None, Some(root), _) => Genesis::StateRoot(root),
            (None, None, Some(got)) => return Err(SpecError::HumanGenesis { got }),
            (None, None, None) if self.seen.contains(&"genesis") => return Err(SpecError::NoGenesis),
            (None, None, None) => return Err(SpecError::Missing { field: "genesis" }),
        };
        let number_width = self
            .block_number_bytes
            .map_or(Ok(NumberWidth::U32), |got| NumberWidth::new(got).ok_or(SpecError::BlockNumberBytes { got }))?;
        let parachain = match (self.relay_chain, self.para_id) {
            (Some(relay_chain), para_id) => Some(Parachain { relay_chain, para_id }),
            (None, Some(para_id)) => return Err(SpecError::NoRelayChain { para_id }),
            (None, None) => None,
        };
        let light_sync_state = self.light_sync_state.map(|raw| light_sync_state(raw, number_width)).transpose()?;
        if let Some(state) = &light_sync_state {
            self.rules.check(state.number, &state.hash).map_err(SpecError::CheckpointRefused)?;
        }
        let mut warnings = self.warnings;
        if let Some(Parachain { relay_chain, para_id: None }) = &parachain {
            warnings.push(SpecWarning::NoParaId { relay_chain: relay_chain.clone() });
        }
        if self.boot_nodes_left_out > 0 {
            warnings.push(SpecWarning::BootNodesLeftOut { count: self.boot_nodes_left_out });
        }
        Ok(Spec {
            name,
            id,
            chain_type: self.chain_type,
            boot_nodes: self.boot_nodes,
            warnings,
            protocol_id: self.protocol_id,
            fork_id: self.fork_id,
            number_width,
            properties: self.properties.map(|raw| String::from(raw.get())).filter(|raw| raw != "null"),
            parachain,
            genesis,
            light_sync_state,
            rules: self.rules,
        })
    }
}

fn check_text(field: &'static str, text: Option<&String>) -> Result<(), SpecError> {
    match text {
        Some(text) if text.is_empty() || text.len() > NAME_BYTES_MAX => {
            Err(SpecError::TextLength { field, got: text.len(), max: NAME_BYTES_MAX })
        }
        _ => Ok(()),
    }
}

fn light_sync_state(raw: RawLightSyncState, width: NumberWidth) -> Result<LightSyncState, SpecError> {
    let bytes = |field: &'static str, text: Option<String>| text.map(|text| hex_bytes(field, &text)).transpose();
    let (babe_weight, weight_text) = match raw.babe_weight {
        Some(Weight::Number(number)) => (Some(number), None),
        Some(Weight::Hex(text)) => (None, Some(text)),
        None => (None, None),
    };
    let parts = LightSyncStateParts {
        header: bytes("lightSyncState.finalizedBlockHeader", raw.header)?,
        babe_epoch_changes: bytes("lightSyncState.babeEpochChanges", raw.babe_epoch_changes)?,
        babe_weight,
        babe_weight_bytes: bytes("lightSyncState.babeFinalizedBlockWeight", weight_text)?,
        grandpa: bytes("lightSyncState.grandpaAuthoritySet", raw.grandpa)?,
    };
    Ok(LightSyncState::decode(parts, width)?)
}

fn hex_bytes(field: &'static str, text: &str) -> Result<Vec<u8>, SpecError> {
    let mut bytes = Vec::new();
    append_hex(field, text, &mut bytes).map(|()| bytes)
}

fn append_hex(field: &'static str, text: &str, out: &mut Vec<u8>) -> Result<(), SpecError> {
    let digits = text.strip_prefix("0x").ok_or(hex::NotHex);
    let wrong = |hex::NotHex| SpecError::Hex { field, text: shown(text) };
    digits.and_then(|digits| hex::append(out, digits.as_bytes())).map_err(wrong)
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}
