//! Chain specifications that come with the program: relay chains with a checkpoint each, and their system parachains.
//!
//! They are data of the package `@polkadot-api/known-chains` (MIT; version and licence stand beside them in `chain-specs/`),
//! which `chain-specs/refresh.mjs` fetches anew. A checkpoint is trusted as the program itself is.

use ruzstd::decoding::StreamingDecoder;
use ruzstd::io::Read;

/// A chain specification that comes with the program.
#[derive(Clone, Copy)]
pub struct BuiltInChain {
    name: &'static str,
    packed: &'static [u8],
}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(BuiltInChain { name: $name, packed: include_bytes!(concat!("../chain-specs/", $name, ".json.zst")) }),*]
    };
}

/// Every chain that comes with the program, by name.
pub const BUILT_IN_CHAINS: &[BuiltInChain] = built_in![
    "kusama",
    "kusama_asset_hub",
    "kusama_bridge_hub",
    "kusama_coretime",
    "kusama_encointer",
    "kusama_people",
    "paseo",
    "paseo_asset_hub",
    "paseo_bulletin",
    "paseo_coretime",
    "paseo_people",
    "polkadot",
    "polkadot_asset_hub",
    "polkadot_bridge_hub",
    "polkadot_collectives",
    "polkadot_coretime",
    "polkadot_people",
    "westend",
    "westend_asset_hub",
    "westend_bridge_hub",
    "westend_collectives",
    "westend_coretime",
    "westend_people",
];

impl BuiltInChain {
    /// Returns the chain of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        BUILT_IN_CHAINS.iter().find(|chain| chain.name == name).copied()
    }

    /// Returns the chain's name, as in `polkadot_asset_hub`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the chain specification. Costs unpacking it, up to 0.7 MB.
    /// # Panics
    /// Never: the data is part of the program, and a test reads all of it.
    pub fn json(&self) -> String {
        let mut stream = StreamingDecoder::new(self.packed).expect("built-in specifications are zstd");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("built-in specifications are whole");
        String::from_utf8(bytes).expect("built-in specifications are text")
    }
}

impl std::fmt::Debug for BuiltInChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BuiltInChain").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use rushlight_core::chains::substrate::spec::Spec;
    use std::collections::BTreeSet;
    use std::fmt::Write;
    use std::path::Path;

    #[test]
    fn every_built_in_chain_is_the_chain_it_says() {
        let mut lines = String::new();
        for chain in BUILT_IN_CHAINS {
            let spec = Spec::from_json(&chain.json()).expect("a built-in specification is readable");
            assert!(spec.warnings.is_empty() && !spec.boot_nodes.is_empty(), "{}: {:?}", chain.name, spec.warnings);
            let genesis = spec.genesis_hash().expect("it has a root");
            write!(lines, "{} {} {genesis:#x}", chain.name(), spec.id).unwrap();
            if let Some(para) = &spec.parachain {
                let para_id = para.para_id.expect("it is told");
                write!(lines, " {para_id} of {}", para.relay_chain).unwrap();
            }
            if let Some(state) = &spec.light_sync_state {
                let set = state.grandpa.as_ref().expect("a relay chain has GRANDPA");
                write!(lines, " from {} {:#x} set {}", state.number, state.hash, set.set_id).unwrap();
            }
            lines.push('\n');
        }
        expect![[r#"
            kusama ksmcc3 0xb0a8d493285c2df73290dfb7e61f870f17b41801197a149ca93654499ea3dafe from 34457420 0x4e6df6f97a17130745810c945005444ab797fa429aacdd0838939a95f710e551 set 13623
            kusama_asset_hub asset-hub-kusama 0x48239ef607d7928874027a43a67689209727dfb3d3dc5e5b03a39bdc2eda771a 1000 of ksmcc3
            kusama_bridge_hub bridge-hub-kusama 0x00dcb981df86429de8bbacf9803401f09485366c44efbf53af9ecfab03adc7e5 1002 of ksmcc3
            kusama_coretime coretime-kusama 0x638cd2b9af4b3bb54b8c1f0d22711fc89924ca93300f0caf25a580432b29d050 1005 of ksmcc3
            kusama_encointer encointer-kusama 0x7dd99936c1e9e6d1ce7d90eb6f33bea8393b4bf87677d675aa63c9cb3e8c5b5b 1001 of ksmcc3
            kusama_people people-kusama 0xc1af4cb4eb3918e5db15086c0cc5ec17fb334f728b7c65dd44bfe1e174ff8b3f 1004 of ksmcc3
            paseo paseo 0x374057be67b355151f271ff70c3db98308c62c8adc48dc6724b6a009a1a014fd from 254785 0x393638bd23e51d09f9de78bbb666ab8242164917a6e10e33dcd8f8099e420ff7 set 57
            paseo_asset_hub asset-hub-paseo 0xd6eec26135305a8ad257a20d003357284c8aa03d0bdb2b357ab0a22371e11ef2 1000 of paseo
            paseo_bulletin bulletin-paseo 0xe101f0fa4627d29a257645e02be86d80378fea1a2bf8fa6a918d150ebc760a59 1010 of paseo
            paseo_coretime coretime-paseo 0xc806038cc1d06766f23074ade7c5511326be41646deabc259970ff280c82a464 1005 of paseo
            paseo_people paseo-people 0xe6c30d6e148f250b887105237bcaa5cb9f16dd203bf7b5b9d4f1da7387cb86ec 1004 of paseo
            polkadot polkadot 0x91b171bb158e2d3848fa23a9f1c25182fb8e20313b2c1eb49219da7a70ce90c3 from 32191275 0xb1b60a724cd4988d57465f27d4f2606ed1a52ede4b67341aefa36ef1a1a52d18 set 3533
            polkadot_asset_hub asset-hub-polkadot 0x68d56f15f85d3136970ec16946040bc1752654e906147f7e43e9d539d7c3de2f 1000 of polkadot
            polkadot_bridge_hub bridge-hub-polkadot 0xdcf691b5a3fbe24adc99ddc959c0561b973e329b1aef4c4b22e7bb2ddecb4464 1002 of polkadot
            polkadot_collectives collectives_polkadot 0x46ee89aa2eedd13e988962630ec9fb7565964cf5023bb351f2b6b25c1b68b0b2 1001 of polkadot
            polkadot_coretime coretime-polkadot 0xefb56e30d9b4a24099f88820987d0f45fb645992416535d87650d98e00f46fc4 1005 of polkadot
            polkadot_people people-polkadot 0x67fa177a097bfa18f77ea95ab56e9bcdfeb0e5b8a40e46298bb93e16b6fc5008 1004 of polkadot
            westend westend2 0xe143f23803ac50e8f6f8e62695d1ce9e4e1d68aa36c1cd2cfd15340213f3423e from 32057689 0x9e9c812cc99e236c4c721a2de39b4e1dd2297c48b028cbc94054b69ec9ec86bb set 10855
            westend_asset_hub asset-hub-westend 0x67f9723393ef76214df0118c34bbbd3dbebc8ed46a10973a8c969d48fe7598c9 1000 of westend2
            westend_bridge_hub bridge-hub-westend 0x0441383e31d1266a92b4cb2ddd4c2e3661ac476996db7e5844c52433b81fe782 1002 of westend2
            westend_collectives collectives_westend 0x713daf193a6301583ff467be736da27ef0a72711b248927ba413f573d2b38e44 1001 of westend2
            westend_coretime coretime-westend 0xf938510edee7c23efa6e9db74f227c827a1b518bffe92e2f6c9842dc53d38840 1005 of westend2
            westend_people people-westend 0x1eb6fb0ba5187434de017a70cb84d4f47142df1d571d0ef9e7e1407f2b80b93c 1004 of westend2
        "#]].assert_eq(&lines);
    }

    #[test]
    fn every_parachains_relay_chain_is_built_in_too() {
        let specs: Vec<Spec> =
            BUILT_IN_CHAINS.iter().map(|chain| Spec::from_json(&chain.json()).expect("readable")).collect();
        let ids: BTreeSet<&str> = specs.iter().map(|spec| spec.id.as_str()).collect();
        assert_eq!(ids.len(), specs.len(), "ids are unique");
        for spec in &specs {
            let relay_chain = spec.parachain.as_ref().map(|para| para.relay_chain.as_str());
            assert!(relay_chain.is_none_or(|id| ids.contains(id)), "{}: {relay_chain:?}", spec.id);
            assert_eq!(spec.parachain.is_none(), spec.light_sync_state.is_some(), "{}", spec.id);
        }
    }

    #[test]
    fn the_folder_and_the_list_are_the_same() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("chain-specs");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".json.zst").map(String::from))
            .collect();
        names.sort();
        assert_eq!(names, BUILT_IN_CHAINS.iter().map(BuiltInChain::name).collect::<Vec<_>>());
        assert_eq!(BuiltInChain::named("westend_people").map(|chain| chain.name()), Some("westend_people"));
        assert!(BuiltInChain::named("nowhere").is_none());
    }
}
