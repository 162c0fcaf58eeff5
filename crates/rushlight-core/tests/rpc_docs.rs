//! docs/rpc.md says what the rows say.

use rushlight_core::base::{ChainId, ClientId};
use rushlight_core::chains::{Families, tendermint};
use rushlight_core::rpc::{Access, Call, ClientKind, Kind, Rpc, RpcAction, Scope, own, reference};
use std::path::Path;

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rpc.md");
    let want = reference::markdown(&Families::default().methods());
    if std::env::var_os("RUSHLIGHT_UPDATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &want).unwrap();
    }
    let got = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        got == want,
        "docs/rpc.md does not say what the rows say; refresh it with\n    \
         RUSHLIGHT_UPDATE=1 cargo test -p rushlight-core --test rpc_docs\nand commit it"
    );
}

#[test]
fn the_help_lists_every_method_of_a_client_and_each_stands_in_the_reference() {
    let (chain, client) = (ChainId(1), ClientId(1));
    for access in [Access::Public, Access::Control] {
        let mut rpc = Rpc::new();
        rpc.chain_added(chain, "hub", tendermint::sync::rows());
        rpc.joined(client, Scope { chain: Some(chain), access }, ClientKind::Exchange);
        rpc.asked(client, Call::Text(r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_methods"}"#));
        let Some(RpcAction::Reply(_, answer)) = rpc.poll() else { panic!("the help is at hand") };
        let help: serde_json::Value = serde_json::from_str(&answer.body.unwrap().text()).unwrap();
        let names: Vec<&str> =
            help["result"]["methods"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
        let rows = own::ROWS.iter().copied().filter(|row| row.kind != Kind::Page && row.access <= access);
        let want: Vec<&str> = rows.chain(tendermint::sync::rows()).map(|row| row.name).collect();
        assert_eq!(names, want);
        let page = reference::markdown(&Families::default().methods());
        assert!(names.iter().all(|name| page.contains(&format!("### {name}("))));
    }
}
