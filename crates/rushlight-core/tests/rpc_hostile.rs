//! The RPC dispatcher under text that nobody would send in good faith.

use proptest::prelude::*;
use rushlight_core::base::{ChainId, ClientId, QueryId};
use rushlight_core::chains::tendermint;
use rushlight_core::rpc::{
    Access, Call, ChainReadiness, ClientKind, QueryAnswer, QueryError, Rpc, RpcAction, RpcError, Scope, own,
};
use serde_json::Value;
use std::collections::BTreeMap;

const CLIENT: ClientId = ClientId(1);

/// Gives `rpc` a result for all that it asks for, and returns the bodies that the client gets.
fn serve(rpc: &mut Rpc) -> Vec<Option<String>> {
    let mut bodies = Vec::new();
    while let Some(action) = rpc.poll() {
        match action {
            RpcAction::Own { query, row, .. } if *row == own::READYZ => rpc.answered_ready(
                query,
                &[ChainReadiness { chain: "c".into(), is_ready: false, state: "syncing", why: "\"\u{1b}".into() }],
            ),
            RpcAction::Ask { query, bound, .. } if bound.height("height").is_some() => {
                let height = bound.height("height").unwrap_or_default();
                rpc.answered(query, Err(QueryError::AboveHead { height, head: 1 }.into()));
            }
            RpcAction::Own { query, .. } | RpcAction::Ask { query, .. } => {
                rpc.answered(query, Ok(QueryAnswer::unproven("[1]")));
            }
            RpcAction::Reply(client, answer) => {
                assert_eq!(client, CLIENT);
                if let Some(body) = &answer.body {
                    rpc.drained(client, body.len());
                }
                bodies.push(answer.body.map(|body| body.text()));
            }
            RpcAction::Hangup(_) => panic!("a client that reads was hung up on"),
            RpcAction::Forget(query) => panic!("nobody left, but {query:?} is forgotten"),
        }
    }
    bodies
}

fn socket() -> Rpc {
    let mut rpc = Rpc::new();
    rpc.chain_added(ChainId(0), "hub", tendermint::sync::rows());
    rpc.joined(CLIENT, Scope { chain: Some(ChainId(0)), access: Access::Control }, ClientKind::Socket);
    rpc
}

/// Checks that `text` is JSON-RPC responses and nothing else.
fn assert_response(response: &Value) {
    let members = response.as_object().unwrap();
    assert_eq!(members["jsonrpc"], "2.0");
    assert_eq!(members.len(), 3, "{response}");
    assert!(matches!(members["id"], Value::Null | Value::String(_) | Value::Number(_)), "{response}");
    match members.get("error") {
        Some(error) => {
            assert!(error["code"].as_i64().is_some_and(|code| (-32_768..=-32_000).contains(&code)), "{error}");
            assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        }
        None => assert!(members.contains_key("result"), "{response}"),
    }
}

fn assert_answered_once(text: &str) {
    let mut rpc = socket();
    rpc.asked(CLIENT, Call::Text(text));
    let bodies = serve(&mut rpc);
    let answers: Vec<&Option<String>> = bodies
        .iter()
        .filter(|body| !body.as_deref().is_some_and(|body| body.contains(r#""method":"rushlight_head""#)))
        .collect();
    assert_eq!(answers.len(), 1, "{bodies:?}");
    if let Some(body) = answers[0] {
        match serde_json::from_str(body).unwrap() {
            Value::Array(responses) => responses.iter().for_each(assert_response),
            response => assert_response(&response),
        }
    }
    assert_eq!(rpc.in_flight_count(), 0);
}

/// Text that comes near to a request: its pieces in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        " ",
        "\n",
        "null",
        "true",
        "1",
        "-",
        "0.5",
        "1e9",
        "18446744073709551616",
        "\"jsonrpc\":\"2.0\"",
        "\"jsonrpc\"",
        "\"2.0\"",
        "\"id\":1",
        "\"id\":\"\\ud800\"",
        "\"id\":null",
        "\"id\"",
        "\"method\"",
        "\"method\":\"rushlight_prove\"",
        "\"method\":\"rushlight_subscribeHead\"",
        "\"method\":\"rushlight_shutdown\"",
        "\"method\":\"rushlight_unsubscribeHead\"",
        "\"params\":",
        "\"params\":[5]",
        "\"params\":{\"height\":\"5\"}",
        "\"height\"",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"rushlight_status\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"rushlight_methods\"}",
        "é",
        "\u{0}",
        "\u{7f}",
        "\u{feff}",
        "\\u0000",
        "\u{10ffff}",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A JSON value of any shape.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["2.0", "rushlight_prove", "rushlight_status", "height", "5"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec!["jsonrpc", "id", "method", "params", "height"]).prop_map(String::from),
            ".{0,4}"
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u64>().prop_map(|id| id.to_string()),
        any::<i64>().prop_map(|id| id.to_string()),
        ".{0,40}".prop_map(|id| Value::from(id).to_string()),
        prop::collection::vec(0x20_u16..0xd800, 0..20)
            .prop_map(|units| format!("\"{}\"", units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>())),
        Just("null".to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_one_answer_that_is_json(text in ".{0,200}") {
        assert_answered_once(&text);
    }

    #[test]
    fn pieces_of_requests_get_one_answer_that_is_json(text in pieces()) {
        assert_answered_once(&text);
    }

    #[test]
    fn any_json_gets_one_answer_that_is_json(json in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&json).unwrap() } else { json.to_string() };
        assert_answered_once(&text);
    }

    #[test]
    fn requests_cut_or_with_one_byte_changed_get_one_answer(at in 0_usize..200, byte in any::<u8>(), cut in any::<bool>()) {
        let whole = r#"[{"jsonrpc":"2.0","id":"a\u0062","method":"rushlight_prove","params":{"height":"12"}},{"jsonrpc":"2.0","method":"rushlight_status","params":[]},{"id":9,"jsonrpc":"2.0","method":"rushlight_methods"}]"#;
        let mut bytes = whole.as_bytes().to_vec();
        let at = at.min(bytes.len() - 1);
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        assert_answered_once(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn ids_come_back_byte_for_byte(id in id(), method in prop::sample::select(vec!["rushlight_methods", "rushlight_prove", "no_such"])) {
        let mut rpc = socket();
        rpc.asked(CLIENT, Call::Text(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)));
        let body = serve(&mut rpc).remove(0).unwrap();
        prop_assert!(body.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"#)), "{}", body);
    }

    #[test]
    fn a_notification_is_never_answered(method in "[a-zA-Z_]{0,20}|rushlight_(prove|status|methods|subscribeHead)", params in json()) {
        let members = serde_json::json!({"jsonrpc": "2.0", "method": method, "params": params});
        prop_assume!(params.is_array() || params.is_object() || params.is_null());
        let mut rpc = socket();
        rpc.asked(CLIENT, Call::Text(&members.to_string()));
        prop_assert_eq!(serve(&mut rpc), vec![None]);
    }

    #[test]
    fn any_path_gets_one_answer_that_is_json(path in "/?.{0,80}|/(livez|readyz)?", if_none_match in prop::option::of(".{0,40}|\\*")) {
        let mut rpc = socket();
        rpc.asked(CLIENT, Call::Get { path: &path, query: "", if_none_match: if_none_match.as_deref() });
        let bodies = serve(&mut rpc);
        prop_assert_eq!(bodies.len(), 1);
        if let Some(body) = &bodies[0] {
            prop_assert!(serde_json::from_str::<Value>(body).is_ok(), "{}", body);
        }
    }
}

/// What a client, or the node on its behalf, can do to the dispatcher, in any order.
#[derive(Clone, Debug)]
enum Step {
    Join(u64, bool),
    Leave(u64),
    Ask(u64, &'static str),
    Drain(u64),
    Answer(usize),
    Head,
}

fn step() -> impl Strategy<Value = Step> {
    let text = prop::sample::select(vec![
        r#"{"jsonrpc":"2.0","id":#,"method":"rushlight_prove"}"#,
        r#"{"jsonrpc":"2.0","id":#,"method":"rushlight_subscribeHead"}"#,
        r#"{"jsonrpc":"2.0","method":"rushlight_status"}"#,
        r#"[{"jsonrpc":"2.0","id":#,"method":"rushlight_status"},{"jsonrpc":"2.0","id":"inner","method":"rushlight_subscribeHead"},5]"#,
        "junk",
    ]);
    prop_oneof![
        1 => (0_u64..4, any::<bool>()).prop_map(|(client, is_socket)| Step::Join(client, is_socket)),
        1 => (0_u64..4).prop_map(Step::Leave),
        6 => (0_u64..4, text).prop_map(|(client, text)| Step::Ask(client, text)),
        1 => (0_u64..4).prop_map(Step::Drain),
        5 => any::<prop::sample::Index>().prop_map(|at| Step::Answer(at.index(1 << 16))),
        1 => Just(Step::Head),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// However joins, calls, results and departures interleave: each call of a client that stays is answered exactly
    /// once when all results are in, and nothing stays behind.
    #[test]
    fn every_call_is_answered_once_whatever_the_order(steps in prop::collection::vec(step(), 1..120)) {
        let mut rpc = Rpc::new();
        rpc.chain_added(ChainId(0), "hub", tendermint::sync::rows());
        let mut waiting = Vec::new();
        let mut owed = Owed::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Join(client, is_socket) => {
                    let kind = if is_socket { ClientKind::Socket } else { ClientKind::Exchange };
                    rpc.joined(ClientId(client), Scope { chain: None, access: Access::Public }, kind);
                    owed.insert(client, Vec::new());
                }
                Step::Leave(client) => {
                    rpc.left(ClientId(client));
                    owed.remove(&client);
                }
                Step::Ask(client, text) if owed.contains_key(&client) => {
                    rpc.asked(ClientId(client), Call::Text(&text.replace('#', &number.to_string())));
                    owed.get_mut(&client).unwrap().push(if text.contains('#') {
                        Some(format!(r#""id":{number},"#))
                    } else {
                        (text == "junk").then(|| r#""id":null,"#.to_string())
                    });
                }
                Step::Ask(..) => {}
                Step::Drain(client) => rpc.drained(ClientId(client), usize::MAX),
                Step::Answer(_) if waiting.is_empty() => {}
                Step::Answer(at) => {
                    let query = waiting.remove(at % waiting.len());
                    rpc.answered(query, Ok(QueryAnswer::unproven("0")));
                }
                Step::Head => rpc.head_changed(ChainId(0), "1"),
            }
            settle(&mut rpc, &mut waiting, &mut owed);
        }
        for query in std::mem::take(&mut waiting) {
            rpc.answered(query, Err(RpcError::ShuttingDown));
            settle(&mut rpc, &mut waiting, &mut owed);
        }
        prop_assert!(owed.values().all(Vec::is_empty), "{:?}", owed);
        prop_assert_eq!(rpc.in_flight_count(), 0);
        prop_assert_eq!(rpc.client_count(), owed.len());
    }
}

/// Per client that is there, what the body of the answer to each of its calls holds; `None` for no body.
type Owed = BTreeMap<u64, Vec<Option<String>>>;

fn settle(rpc: &mut Rpc, waiting: &mut Vec<QueryId>, owed: &mut Owed) {
    while let Some(action) = rpc.poll() {
        match action {
            RpcAction::Own { query, .. } | RpcAction::Ask { query, .. } => waiting.push(query),
            RpcAction::Reply(client, answer) => {
                let body = answer.body.map(|body| body.text());
                if body.as_deref().is_some_and(|body| body.contains(r#""method":"rushlight_head""#)) {
                    continue;
                }
                let owed = owed.get_mut(&client.0).expect("only clients that are there are answered");
                let is_answer = |want: &Option<String>| match (want, &body) {
                    (None, None) => true,
                    (Some(want), Some(body)) => body.contains(want),
                    _ => false,
                };
                let at = owed.iter().position(is_answer).unwrap_or_else(|| panic!("nobody asked for {body:?}"));
                owed.remove(at);
            }
            RpcAction::Hangup(client) => panic!("{client:?} was hung up on"),
            RpcAction::Forget(query) => waiting.retain(|other| *other != query),
        }
    }
}
