//! Chain specifications: both spellings, old and new forms, and one broken specification for every rule.
#![cfg(feature = "substrate")]

use expect_test::{Expect, expect};
use rushlight_core::base::Hash;
use rushlight_core::chains::substrate::authorship::babe::{BabeAuthority, Epoch};
use rushlight_core::chains::substrate::authorship::{AuthorshipState, ConsensusConfig, Unchecked, at_checkpoint};
use rushlight_core::chains::substrate::header::babe::AllowedSlots;
use rushlight_core::chains::substrate::header::babe::{Claim, PreDigest};
use rushlight_core::chains::substrate::header::{DigestItem, EngineId, Header, NumberWidth};
use rushlight_core::chains::substrate::spec::genesis::{Genesis, GenesisError};
use rushlight_core::chains::substrate::spec::light_sync_state::{
    DelayKind, LightSyncState, LightSyncStateError, OtherHistory,
};
use rushlight_core::chains::substrate::spec::{Parachain, SPEC_BYTES_MAX, Spec, SpecError};
use rushlight_core::trie::patricia16::{EMPTY_ROOT, StateVersion, root};
use serde_json::{Map, Value, json};

/// A wasm module without sections.
const CODE: &str = "0x0061736d01000000";

fn plain() -> Map<String, Value> {
    let spec = json!({
        "name": "Test", "id": "test", "bootNodes": [],
        "genesis": { "raw": { "top": { "0x3a636f6465": CODE, "0x01": "0x02" }, "childrenDefault": {} } },
    });
    spec.as_object().cloned().expect("an object")
}

fn with(changes: Value) -> Result<Spec, SpecError> {
    let mut spec = plain();
    for (field, value) in changes.as_object().expect("an object") {
        if value == "absent" {
            spec.remove(field);
        } else {
            spec.insert(field.clone(), value.clone());
        }
    }
    Spec::from_json(&Value::Object(spec).to_string())
}

fn check(changes: Value, want: Expect) {
    want.assert_eq(&with(changes).expect_err("it is broken").to_string());
}

fn hash(byte: u8) -> Hash {
    Hash([byte; 32])
}

#[test]
fn every_field_is_read_in_both_spellings() {
    let camel = json!({
        "chainType": "Live", "protocolId": "dot", "forkId": "f", "blockNumberBytes": 8,
        "properties": { "ss58Format": 0, "tokenDecimals": [10, 12] },
        "relayChain": "polkadot", "paraId": 1000,
        "forkBlocks": [[5, hash(5).0.hex()]], "badBlocks": [hash(9).0.hex()], "codeSubstitutes": { "7": "0xabcd" },
        "telemetryEndpoints": [["wss://a", 0]], "consensusEngine": null, "something": { "else": [1, 2, { "x": null }] },
    });
    let snake = json!({
        "chain_type": { "Custom": "Live" }, "protocol_id": "dot", "fork_id": "f", "block_number_bytes": 8,
        "properties": { "ss58Format": 0, "tokenDecimals": [10, 12] },
        "relay_chain": "polkadot", "para_id": 1000,
        "fork_blocks": { "5": hash(5).0.hex() }, "bad_blocks": [hash(9).0.hex()], "code_substitutes": { "7": "0xabcd" },
    });
    let spec = with(camel).unwrap();
    assert_eq!(spec, with(snake).unwrap());
    assert_eq!((spec.name.as_str(), spec.id.as_str(), spec.chain_type.as_deref()), ("Test", "test", Some("Live")));
    assert_eq!((spec.protocol_id.as_deref(), spec.fork_id.as_deref()), (Some("dot"), Some("f")));
    assert_eq!(spec.number_width, NumberWidth::new(8).unwrap());
    assert_eq!(spec.parachain, Some(Parachain { relay_chain: "polkadot".into(), para_id: Some(1000) }));
    assert_eq!(spec.properties.as_deref(), Some(r#"{"ss58Format":0,"tokenDecimals":[10,12]}"#));
    assert!(spec.rules.check(5, &hash(4)).is_err() && spec.rules.check(5, &hash(5)).is_ok());
    assert!(spec.rules.check(1, &hash(9)).is_err());
    let substitutes: Vec<_> = spec.rules.code_substitutes().map(|(from, code)| (from, code.code())).collect();
    assert_eq!(substitutes, [(7, &[0xab, 0xcd][..])]);
    let nothing = with(json!({
        "chainType": null, "protocolId": null, "forkId": null, "properties": null, "bootNodes": null,
        "forkBlocks": null, "badBlocks": null, "codeSubstitutes": null, "lightSyncState": null, "relayChain": null,
    }));
    assert_eq!(nothing, with(json!({})));
}

/// As JSON: what a test writes into a specification.
trait Hex {
    fn hex(&self) -> String;
}

impl Hex for [u8] {
    fn hex(&self) -> String {
        self.iter().fold(String::from("0x"), |text, byte| format!("{text}{byte:02x}"))
    }
}

#[test]
fn boot_nodes_that_cannot_be_read_are_warnings() {
    let id = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    let spec = with(json!({ "bootNodes": [format!("/dns/a/tcp/1/p2p/{id}"), "/dns/b/tcp/2", "nonsense"] })).unwrap();
    assert_eq!(spec.boot_nodes.len(), 1);
    let warnings: Vec<_> = spec.warnings.iter().map(ToString::to_string).collect();
    expect![[r#"
        bootNodes: "/dns/b/tcp/2" does not end in /p2p/ and the id of the node
        bootNodes: "nonsense" is no multiaddress, which begins with /ip4, /ip6, /dns, /dns4, /dns6 or /dnsaddr"#]]
    .assert_eq(&warnings.join("\n"));
    let many = with(json!({ "bootNodes": vec![format!("/dns/a/tcp/1/p2p/{id}"); 1_001] })).unwrap();
    assert_eq!((many.boot_nodes.len(), many.warnings.len()), (1_000, 1));
    expect!["bootNodes: 1 are left out, for there are 1000 before them"].assert_eq(&many.warnings[0].to_string());
}

/// Nodes from `stable2512` on ask the runtime, and so must whoever reads their specifications.
#[test]
fn a_parachain_may_leave_its_number_to_the_runtime() {
    let spec = with(json!({ "relayChain": "polkadot" })).unwrap();
    assert_eq!(spec.parachain, Some(Parachain { relay_chain: "polkadot".into(), para_id: None }));
    let warnings: Vec<_> = spec.warnings.iter().map(ToString::to_string).collect();
    expect![[r#"relayChain is "polkadot", but paraId is missing: it is unknown until the runtime tells it"#]]
        .assert_eq(&warnings.join("\n"));
    // The spellings that nodes of parachains read besides.
    let spec = with(json!({ "RelayChain": "polkadot", "ParaId": 1000 })).unwrap();
    assert_eq!(spec.parachain, Some(Parachain { relay_chain: "polkadot".into(), para_id: Some(1000) }));
    assert_eq!(spec.warnings, []);
}

#[test]
fn a_genesis_state_has_a_root_and_a_hash() {
    let spec = with(json!({})).unwrap();
    let code = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    let want = root(StateVersion::V0, [(&[1][..], &[2][..]), (b":code", &code)]).unwrap();
    let header = spec.genesis_header().unwrap();
    assert_eq!((header.state_root, header.extrinsics_root, header.number), (want, EMPTY_ROOT, 0));
    assert_eq!(header.parent_hash, Hash([0; 32]));
    assert_eq!(spec.genesis_hash(), Ok(header.hash()));
    // The same from the root alone, and from the old form of a list.
    let short = with(json!({ "genesis": { "stateRootHash": want.as_bytes().hex() } })).unwrap();
    assert_eq!((short.genesis_hash(), &short.genesis), (spec.genesis_hash(), &Genesis::StateRoot(want)));
    let list = with(json!({ "genesis": { "raw": [{ "0x3a636f6465": CODE, "0x01": "0x02" }, {}] } })).unwrap();
    assert_eq!(list, spec);
    assert_eq!(Spec::check_genesis(hash(1), hash(1)), Ok(()));
    let other = Spec::check_genesis(hash(1), hash(2));
    assert_eq!(other, Err(SpecError::OtherGenesis { got: hash(1), want: hash(2) }));
}

#[test]
fn child_tries_hang_in_the_main_trie() {
    let name = |name: &[u8]| [b":child_storage:default:", name].concat();
    let spec = with(json!({ "genesis": { "raw": {
        "top": { "0x3a636f6465": CODE },
        "childrenDefault": { "0x62": { "0x0a": "0x0b" }, "0x61": { "0x02": "0x03", "0x01": "0x" }, "0x63": {} },
    } } }))
    .unwrap();
    let Genesis::Storage(storage) = &spec.genesis else { panic!("no storage") };
    let names: Vec<_> = storage.children().map(|(name, entries)| (name, entries.len())).collect();
    assert_eq!(names, [(&b"a"[..], 2), (b"b", 1), (b"c", 0)]);
    let one = root(StateVersion::V0, [(&[1][..], &[][..]), (&[2], &[3])]).unwrap();
    let two = root(StateVersion::V0, [(&[10][..], &[11][..])]).unwrap();
    let code = storage.code().unwrap();
    let (one_name, two_name) = (name(b"a"), name(b"b"));
    let entries: [(&[u8], &[u8]); 3] = [(&one_name, one.as_bytes()), (&two_name, two.as_bytes()), (b":code", code)];
    assert_eq!(spec.genesis.state_root(), Ok(root(StateVersion::V0, entries).unwrap()));
    let clash = with(json!({ "genesis": { "raw": {
        "top": { "0x3a636f6465": CODE, (one_name.hex()): "0x01" }, "childrenDefault": { "0x61": { "0x02": "0x03" } },
    } } }))
    .unwrap();
    assert!(matches!(clash.genesis.state_root(), Err(GenesisError::ChildRoot { .. })));
}

#[test]
fn a_genesis_state_without_readable_code_has_no_root() {
    let of = |top: Value| with(json!({ "genesis": { "raw": { "top": top } } })).unwrap().genesis_hash().unwrap_err();
    assert_eq!(of(json!({})), GenesisError::NoCode);
    assert!(matches!(of(json!({ "0x3a636f6465": "0x" })), GenesisError::Code(_)));
}

#[test]
fn each_error_names_the_field_and_the_remedy() {
    let id = "0x".to_string() + &"ab".repeat(32);
    check(json!({ "name": "absent" }), expect!["name is missing; add it"]);
    check(json!({ "id": "absent" }), expect!["id is missing; add it"]);
    check(json!({ "genesis": "absent" }), expect!["genesis is missing; add it"]);
    check(
        json!({ "name": 5 }),
        expect!["chain specification, name: invalid type: integer `5`, expected a string at line 1 column 135"],
    );
    check(json!({ "genesis": {} }), expect!["genesis has neither raw nor stateRootHash; take a raw specification"]);
    check(
        json!({ "genesis": { "runtimeGenesis": { "code": "0x" } } }),
        expect![
            "genesis is human-readable (runtimeGenesis), and only the runtime can make a state of it; convert the specification with `chain-spec-builder convert-to-raw` or `NODE build-spec --raw`"
        ],
    );
    check(
        json!({ "genesis": { "runtime": {} } }),
        expect![
            "genesis is human-readable (runtime), and only the runtime can make a state of it; convert the specification with `chain-spec-builder convert-to-raw` or `NODE build-spec --raw`"
        ],
    );
    check(
        json!({ "genesis": { "runtimeAndCode": {} } }),
        expect![
            "genesis is human-readable (runtimeAndCode), and only the runtime can make a state of it; convert the specification with `chain-spec-builder convert-to-raw` or `NODE build-spec --raw`"
        ],
    );
    check(
        json!({ "genesis": { "raw": { "top": {} }, "stateRootHash": id } }),
        expect!["genesis has both raw and stateRootHash; take one of them away"],
    );
    check(
        json!({ "genesis": { "stateRootHash": "0x12" } }),
        expect![[r#"genesis.stateRootHash: "0x12" is not 0x and 64 hex digits"#]],
    );
    check(
        json!({ "genesis": { "raw": { "top": { "0x01": "0x123" } } } }),
        expect![[r#"genesis.raw.top: "0x123" is not 0x and an even number of hex digits"#]],
    );
    check(
        json!({ "genesis": { "raw": { "top": { "01": "0x12" } } } }),
        expect![[r#"genesis.raw.top: "01" is not 0x and an even number of hex digits"#]],
    );
    check(
        json!({ "genesis": { "raw": { "top": { "0x01": 5 } } } }),
        expect![
            "chain specification, genesis.raw.top: invalid type: integer `5`, expected hex behind 0x at line 1 column 49"
        ],
    );
    check(
        json!({ "genesis": { "raw": { "top": { "0xAB": "0x", "0xab": "0x" } } } }),
        expect!["genesis.raw.top: key 0xab is there twice; take one away"],
    );
    check(
        json!({ "genesis": { "raw": { "childrenDefault": { "0xAB": {}, "0xab": {} } } } }),
        expect!["genesis.raw.childrenDefault: key 0xab is there twice; take one away"],
    );
    check(
        json!({ "genesis": { "raw": { "childrenDefault": { "0x": { "0xAB": "0x", "0xab": "0x" } } } } }),
        expect!["genesis.raw.childrenDefault: key 0xab is there twice; take one away"],
    );
    check(
        json!({ "genesis": { "raw": "0x" } }),
        expect![[
            r#"chain specification, genesis.raw: invalid type: string "0x", expected an object with top and childrenDefault, or a list of the two at line 1 column 37"#
        ]],
    );
    check(
        json!({ "blockNumberBytes": 9 }),
        expect!["blockNumberBytes is 9, wanted is 1 to 8; nearly every chain has 4, and may leave the field out"],
    );
    check(
        json!({ "paraId": 1000 }),
        expect!["paraId is 1000, but relayChain is missing; add the id of the relay chain's specification"],
    );
    check(
        json!({ "paraId": 1000, "para_id": 1000, "relayChain": "polkadot" }),
        expect!["paraId is there twice; take one away"],
    );
    check(json!({ "forkId": "" }), expect!["forkId has 0 bytes, wanted are 1 to 256"]);
    check(json!({ "name": "n".repeat(257) }), expect!["name has 257 bytes, wanted are 1 to 256"]);
    check(json!({ "badBlocks": ["0x12"] }), expect![[r#"badBlocks: "0x12" is not 0x and 64 hex digits"#]]);
    let many: Vec<String> = (0..10_001_u32).map(|n| format!("0x{n:064x}")).collect();
    check(json!({ "badBlocks": many }), expect!["badBlocks has more than 10000 entries"]);
    check(json!({ "forkBlocks": [[1, id], [1, id]] }), expect!["forkBlocks: key 1 is there twice; take one away"]);
    let many: Vec<_> = many.iter().zip(0..).map(|(hash, n)| json!([n, hash])).collect();
    check(json!({ "forkBlocks": many }), expect!["forkBlocks has more than 10000 entries"]);
    check(
        json!({ "chainType": [0] }),
        expect![
            "chain specification, chainType: invalid type: sequence, expected a name, or an object with Custom at line 1 column 29"
        ],
    );
    let weight = json!({ "finalizedBlockHeader": "0x", "babeFinalizedBlockWeight": 4_294_967_296_u64 });
    check(
        json!({ "lightSyncState": weight }),
        expect!["chain specification, lightSyncState: a weight has 32 bits at line 1 column 182"],
    );
    check(json!({ "forkBlocks": { "x": id } }), expect![[r#"forkBlocks: "x" is not the number of a block"#]]);
    check(
        json!({ "codeSubstitutes": { "0xabab": "0x" } }),
        expect![[r#"codeSubstitutes: "0xabab" is not the number of a block"#]],
    );
    check(
        json!({ "codeSubstitutes": { "1": "0x1" } }),
        expect![[r#"codeSubstitutes: "0x1" is not 0x and an even number of hex digits"#]],
    );
    check(
        json!({ "codeSubstitutes": { "1": "0x", "01": "0x" } }),
        expect!["codeSubstitutes: key 1 is there twice; take one away"],
    );
    check(
        json!({ "lightSyncState": {} }),
        expect![
            "lightSyncState: finalizedBlockHeader is missing; without it the rest is of no block; export it again with sync_state_genSyncSpec, or take it away"
        ],
    );
    check(
        json!({ "lightSyncState": { "finalizedBlockHeader": "12" } }),
        expect![[r#"lightSyncState.finalizedBlockHeader: "12" is not 0x and an even number of hex digits"#]],
    );
    check(
        json!({ "lightSyncState": { "finalizedBlockHeader": "0x12" } }),
        expect![
            "lightSyncState: finalizedBlockHeader: header: ends within a value: 32 bytes wanted, 1 left; export it again with sync_state_genSyncSpec, or take it away"
        ],
    );
    let text = |text: &str| Spec::from_json(text).unwrap_err().to_string();
    expect!["chain specification, the whole: invalid type: sequence, expected an object with the fields of a chain specification at line 1 column 0"].assert_eq(&text("[]"));
    expect!["chain specification, the whole: trailing characters at line 1 column 14"]
        .assert_eq(&text("{\"name\":\"a\"} x"));
    expect!["name is there twice; take one away"].assert_eq(&text("{\"name\":\"a\",\"name\":\"b\"}"));
    expect!["chain specification has 67108865 bytes, at most 67108864 are allowed; one with stateRootHash in place of raw genesis is small"].assert_eq(&text(&" ".repeat(SPEC_BYTES_MAX + 1)));
}

/// A checkpoint that a test may bend.
#[derive(Clone)]
struct Checkpoint {
    number: u64,
    slot: Option<u64>,
    /// Announcing block, its number, the epoch; genesis announces two.
    epochs: Vec<(u8, u32, Epoch)>,
    has_config: bool,
    has_gap: Option<bool>,
    weight: Value,
    set_id: u64,
    authorities: u8,
    changes: Option<Vec<(u64, u32)>>,
    forced: bool,
}

fn epoch(index: u64, start_slot: u64) -> Epoch {
    let authorities = vec![BabeAuthority { key: [3; 32], weight: 1 }].into();
    Epoch { index, start_slot, duration: 10, authorities, randomness: [4; 32], config: None }
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        number: 25,
        slot: Some(123),
        epochs: vec![(1, 12, epoch(2, 120)), (2, 22, epoch(3, 130))],
        has_config: true,
        has_gap: Some(false),
        weight: json!(77),
        set_id: 2,
        authorities: 1,
        changes: Some(vec![(0, 10), (1, 20)]),
        forced: false,
    }
}

impl Checkpoint {
    fn header(&self) -> Vec<u8> {
        let claim = |slot| PreDigest { authority_index: 0, slot, claim: Claim::SecondaryPlain }.encode();
        let digest = self.slot.map(|slot| DigestItem::PreRuntime(EngineId::BABE, claim(slot))).into_iter().collect();
        let (state_root, extrinsics_root) = (hash(1), hash(2));
        Header { parent_hash: hash(0), number: self.number, state_root, extrinsics_root, digest }.encode()
    }

    fn epoch(&self, epoch: &Epoch, out: &mut Vec<u8>) {
        let mut bytes = Vec::new();
        epoch.encode(&mut bytes);
        // The last byte says that there are no rules; the reference has them without such a mark.
        bytes.pop();
        out.extend(bytes);
        if self.has_config {
            out.extend(1_u64.to_le_bytes());
            out.extend(4_u64.to_le_bytes());
            out.push(2);
        }
    }

    fn babe(&self) -> Vec<u8> {
        // Each announcing block is the only child of the one before.
        let mut bytes = vec![u8::from(!self.epochs.is_empty()) << 2];
        for (place, (block, number, epoch)) in self.epochs.iter().enumerate() {
            bytes.extend([*block; 32]);
            bytes.extend(number.to_le_bytes());
            bytes.push(1);
            bytes.extend(epoch.start_slot.to_le_bytes());
            bytes.extend(epoch.end_slot().to_le_bytes());
            bytes.push(u8::from(place + 1 < self.epochs.len()) << 2);
        }
        bytes.push(0);
        bytes.push(u8::try_from(self.epochs.len()).unwrap() << 2);
        for (block, number, epoch) in &self.epochs {
            bytes.extend([*block; 32]);
            bytes.extend(number.to_le_bytes());
            bytes.push(1);
            self.epoch(epoch, &mut bytes);
        }
        match self.has_gap {
            None => {}
            Some(false) => bytes.push(0),
            Some(true) => {
                bytes.push(1);
                for mark in [1, 9] {
                    bytes.extend([8; 32]);
                    bytes.extend([7, 0, 0, 0]);
                    if mark == 1 {
                        bytes.push(1);
                    }
                    self.epoch(&epoch(0, 1), &mut bytes);
                    if mark == 1 {
                        bytes.push(1);
                    }
                }
            }
        }
        bytes
    }

    fn set(authorities: u8, out: &mut Vec<u8>) {
        out.push(authorities << 2);
        for name in 0..authorities {
            out.extend([name; 32]);
            out.extend(1_u64.to_le_bytes());
        }
    }

    fn grandpa(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        Self::set(self.authorities, &mut bytes);
        bytes.extend(self.set_id.to_le_bytes());
        bytes.extend([0, 0, u8::from(self.forced) << 2]);
        if self.forced {
            Self::set(2, &mut bytes);
            bytes.extend([5, 0, 0, 0, 24, 0, 0, 0]);
            bytes.extend([6; 32]);
            bytes.extend([1, 19, 0, 0, 0]);
        }
        if let Some(changes) = &self.changes {
            bytes.push(u8::try_from(changes.len()).unwrap() << 2);
            for (set_id, block) in changes {
                bytes.extend(set_id.to_le_bytes());
                bytes.extend(block.to_le_bytes());
            }
        }
        bytes
    }

    fn read(&self) -> Result<LightSyncState, SpecError> {
        let state = json!({
            "finalizedBlockHeader": self.header().hex(),
            "babeEpochChanges": self.babe().hex(),
            "babeFinalizedBlockWeight": self.weight,
            "grandpaAuthoritySet": self.grandpa().hex(),
        });
        with(json!({ "lightSyncState": state })).map(|spec| spec.light_sync_state.expect("it is there"))
    }

    fn refusal(&self) -> LightSyncStateError {
        match self.read() {
            Err(SpecError::LightSyncState(error)) => error,
            other => panic!("not refused: {other:?}"),
        }
    }
}

#[test]
fn every_form_of_a_checkpoint_says_the_same() {
    let newest = checkpoint().read().unwrap();
    assert_eq!((newest.number, newest.babe_weight), (25, Some(77)));
    let (current, next) = newest.babe_epochs(NumberWidth::U32).unwrap().unwrap();
    assert_eq!((current.index, current.start_slot, next.index, next.start_slot), (2, 120, 3, 130));
    let rules = current.config.unwrap();
    assert_eq!((rules.c, rules.allowed_slots), ((1, 4), AllowedSlots::PrimaryAndSecondaryVrf));
    let grandpa = newest.grandpa.as_ref().unwrap();
    assert_eq!((grandpa.set_id, grandpa.authorities.len(), grandpa.set_changes.as_ref().unwrap().len()), (2, 1, 2));
    let same = |bent: Checkpoint| assert_eq!(bent.read().unwrap(), newest);
    same(Checkpoint { has_gap: None, ..checkpoint() });
    same(Checkpoint { has_gap: Some(true), ..checkpoint() });
    same(Checkpoint { weight: json!("0x4d000000"), ..checkpoint() });
    // After a forced change, sets may have ended at blocks in any order.
    Checkpoint { changes: Some(vec![(0, 20), (1, 19)]), ..checkpoint() }.read().unwrap();
    let old = Checkpoint { has_gap: None, has_config: false, changes: None, weight: Value::Null, ..checkpoint() };
    let old = old.read().unwrap();
    assert_eq!((old.babe_weight, old.grandpa.as_ref().unwrap().set_changes.as_ref()), (None, None));
    assert_eq!(old.babe_epochs(NumberWidth::U32).unwrap().unwrap().0.config, None);
    let forced = Checkpoint { forced: true, ..checkpoint() }.read().unwrap().grandpa.unwrap().forced;
    assert_eq!((forced[0].authorities.len(), forced[0].delay, forced[0].number, forced[0].hash), (2, 5, 24, hash(6)));
    assert_eq!(forced[0].kind, DelayKind::Best { median_last_finalized: 19 });
}

#[test]
fn a_checkpoint_gives_the_state_of_authorship() {
    let at =
        |checkpoint: &Checkpoint, rules| at_checkpoint(&checkpoint.read().unwrap(), NumberWidth::U32, rules).unwrap();
    let (config, state) = at(&checkpoint(), None);
    let (ConsensusConfig::Babe(config), AuthorshipState::Babe(state)) = (config, state) else { panic!("no BABE") };
    assert_eq!((config.epoch_length, config.slot_duration_ms), (10, None));
    assert_eq!((state.slot(), state.primary_slots(), state.current_epoch().index), (123, 77, 2));
    // From before epochs had rules of their own, the chain's must be told.
    let old = Checkpoint { has_gap: None, has_config: false, ..checkpoint() };
    assert_eq!(at(&old, None).0, ConsensusConfig::Unchecked(Unchecked::NoConfig));
    assert!(matches!(at(&old, Some(config.rules)).0, ConsensusConfig::Babe(_)));
    // At genesis nothing is announced, and nothing is known without the runtime.
    let genesis =
        Checkpoint { number: 0, slot: None, epochs: vec![], set_id: 0, changes: Some(vec![]), ..checkpoint() };
    assert_eq!(at(&genesis, None).1, AuthorshipState::Unchecked(Unchecked::NoConfig));
}

#[test]
fn a_checkpoint_on_a_banned_block_is_refused() {
    let state = checkpoint().read().unwrap();
    let json = json!({ "finalizedBlockHeader": state.header.hex() });
    for rules in [json!({ "badBlocks": [state.hash.0.hex()] }), json!({ "forkBlocks": { "25": hash(1).0.hex() } })] {
        let mut changes = rules.clone();
        changes["lightSyncState"] = json.clone();
        assert!(matches!(with(changes), Err(SpecError::CheckpointRefused(_))), "{rules}");
    }
}

#[test]
fn only_the_finalized_chains_epochs_count() {
    // A block behind the finalized one announced too.
    let later = Checkpoint { epochs: [checkpoint().epochs, vec![(3, 32, epoch(4, 140))]].concat(), ..checkpoint() };
    let (current, next) = later.read().unwrap().babe_epochs(NumberWidth::U32).unwrap().unwrap();
    assert_eq!((current.index, next.index), (2, 3));
    // Epochs without blocks: the current one is a later one of the same authors.
    let skipped =
        Checkpoint { slot: Some(154), epochs: vec![(1, 12, epoch(2, 120)), (2, 22, epoch(6, 160))], ..checkpoint() };
    let (current, next) = skipped.read().unwrap().babe_epochs(NumberWidth::U32).unwrap().unwrap();
    assert_eq!((current.index, current.start_slot, next.index), (5, 150, 6));
    // Two forks that announced the same say nothing different; two that did not cannot be told apart.
    let same = vec![(1, 12, epoch(2, 120)), (2, 22, epoch(3, 130)), (5, 22, epoch(3, 130))];
    Checkpoint { epochs: same.clone(), ..checkpoint() }.read().unwrap();
    let mut other = same;
    other[2].2.randomness = [5; 32];
    let want = LightSyncStateError::TwoForks { number: 25, start_slot: 130 };
    assert_eq!(Checkpoint { epochs: other, ..checkpoint() }.refusal(), want);
}

#[test]
fn each_broken_checkpoint_has_its_error() {
    let texts = [
        Checkpoint { set_id: 3, ..checkpoint() },
        Checkpoint { changes: Some(vec![(1, 10), (1, 20)]), ..checkpoint() },
        Checkpoint { changes: Some(vec![(0, 20), (1, 26)]), ..checkpoint() },
        Checkpoint { authorities: 0, ..checkpoint() },
        Checkpoint { slot: None, ..checkpoint() },
        Checkpoint { slot: Some(119), ..checkpoint() },
        Checkpoint { slot: Some(130), ..checkpoint() },
        Checkpoint { epochs: vec![(1, 12, epoch(2, 120)), (2, 22, epoch(3, 131))], ..checkpoint() },
        Checkpoint { weight: json!("0x4d0000"), ..checkpoint() },
    ]
    .map(|bent| bent.refusal().to_string());
    expect![[r#"
        grandpaAuthoritySet: the last change ends set 1, but the set is 3
        grandpaAuthoritySet: change 1 (set 1, block 20) is of no later set than the one before it
        grandpaAuthoritySet: the last change is at block 26, behind the finalized block 25
        grandpaAuthoritySet has no authorities
        finalizedBlockHeader has no BABE slot, but babeEpochChanges is there
        babeEpochChanges has no current epoch for slot 119 of block 25
        babeEpochChanges has no next epoch for slot 130 of block 25
        babeEpochChanges: the current epoch ends at slot 130, the next one begins at 131
        babeFinalizedBlockWeight: ends within a value: 4 bytes wanted, 3 left"#]]
    .assert_eq(&texts.join("\n"));
    let broken = |field: &str, value: &[u8]| {
        let mut state = json!({ "finalizedBlockHeader": checkpoint().header().hex() });
        state[field] = json!(value.hex());
        match with(json!({ "lightSyncState": state })) {
            Err(SpecError::LightSyncState(error)) => error.to_string(),
            other => panic!("not refused: {other:?}"),
        }
    };
    let babe = checkpoint().babe();
    let grandpa = checkpoint().grandpa();
    let mut unlisted = babe.clone();
    let listed = 1 + 2 * (32 + 4 + 1 + 16 + 1) + 2;
    unlisted[listed] = 99;
    let twice = vec![PreDigest { authority_index: 0, slot: 1, claim: Claim::SecondaryPlain }.encode(); 2];
    let digest = twice.into_iter().map(|claim| DigestItem::PreRuntime(EngineId::BABE, claim)).collect();
    let (state_root, extrinsics_root) = (hash(1), hash(2));
    let header = Header { parent_hash: hash(0), number: 5, state_root, extrinsics_root, digest }.encode();
    let twice = with(json!({ "lightSyncState": {
        "finalizedBlockHeader": header.hex(), "babeEpochChanges": babe.hex(),
    } }));
    let texts = [
        broken("babeEpochChanges", &babe[..babe.len() - 2]),
        broken("babeEpochChanges", &unlisted),
        broken("grandpaAuthoritySet", &grandpa[..grandpa.len() - 1]),
        broken("grandpaAuthoritySet", &[&grandpa[..], &[0]].concat()),
        twice.unwrap_err().to_string(),
    ];
    expect![[r#"
        babeEpochChanges: ends within a value: 1 bytes wanted, 0 left
        babeEpochChanges: block 12 0x0101010101010101010101010101010101010101010101010101010101010101 announced an epoch that is not among the epochs
        grandpaAuthoritySet: ends within a value: 24 bytes wanted, 23 left
        grandpaAuthoritySet: 1 bytes stand behind the value
        lightSyncState: finalizedBlockHeader: the digest has several BABE pre-digests, one is allowed; export it again with sync_state_genSyncSpec, or take it away"#]].assert_eq(&texts.join("\n"));
}

#[test]
fn checkpoints_of_a_chain_that_was_reset_do_not_continue_each_other() {
    let early = checkpoint().read().unwrap();
    let later = |bent: Checkpoint| bent.read().unwrap();
    let good = Checkpoint { number: 40, set_id: 3, changes: Some(vec![(0, 10), (1, 20), (2, 30)]), ..checkpoint() };
    assert_eq!(later(good.clone()).check_continues(&early), Ok(()));
    // A list that begins later, as a node has that warp-synced, contradicts nothing.
    let partial = Checkpoint { changes: Some(vec![(2, 30)]), ..good.clone() };
    assert_eq!(later(partial).check_continues(&early), Ok(()));
    assert_eq!(early.check_continues(&early), Ok(()));
    let below = Checkpoint { number: 24, ..checkpoint() };
    assert_eq!(later(below).check_continues(&early), Err(OtherHistory::Below { earlier: 25, later: 24 }));
    let sibling = Checkpoint { slot: Some(124), ..checkpoint() };
    let got = later(sibling).check_continues(&early).unwrap_err();
    assert!(matches!(got, OtherHistory::Block { number: 25, .. }), "{got}");
    let fewer = Checkpoint { set_id: 1, changes: None, ..good.clone() };
    assert_eq!(later(fewer).check_continues(&early), Err(OtherHistory::SetBelow { earlier: 2, later: 1 }));
    let reset = Checkpoint { changes: Some(vec![(0, 10), (1, 21), (2, 30)]), ..good };
    let want = OtherHistory::SetChange { set_id: 1, earlier: 20, later: 21 };
    assert_eq!(later(reset).check_continues(&early), Err(want));
}
