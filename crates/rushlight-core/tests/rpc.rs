//! The RPC dispatcher from outside: text in, text out.

use expect_test::{Expect, expect};
use rushlight_core::base::{ChainId, ClientId, Hash, QueryId, UnixTime};
use rushlight_core::chains::tendermint;
use rushlight_core::rpc::{
    Access, Answer, Call, Certainty, ChainReadiness, ClientKind, Finality, Proven, QueryAnswer, QueryError, Rpc,
    RpcAction, RpcError, Scope, UNKNOWN_LABEL, Verified, VerifiedHead, limits, own,
};
use std::fmt::Write;
use std::sync::Arc;

const ONE: ClientId = ClientId(1);
const TWO: ClientId = ClientId(2);
const CHAIN: ChainId = ChainId(7);

fn scope(access: Access) -> Scope {
    Scope { chain: Some(CHAIN), access }
}

fn with_socket() -> Rpc {
    let mut rpc = Rpc::new();
    rpc.chain_added(CHAIN, "hub", tendermint::sync::rows());
    rpc.joined(ONE, scope(Access::Public), ClientKind::Socket);
    rpc
}

/// Everything that the dispatcher wants done, one line each.
fn drain(rpc: &mut Rpc) -> String {
    let mut lines = String::new();
    while let Some(action) = rpc.poll() {
        match action {
            RpcAction::Own { query, scope, row } => {
                let chain = scope.chain.map_or("all".to_string(), |chain| chain.0.to_string());
                writeln!(lines, "dispatch {} chain {chain} {}", query.0, row.name)
            }
            RpcAction::Ask { query, chain, row, bound } => {
                let height = row.params.first().and_then(|param| bound.height(param.name));
                let height = height.map_or(String::new(), |height| format!(" height {height}"));
                writeln!(lines, "dispatch {} chain {} {}{height}", query.0, chain.0, row.name)
            }
            RpcAction::Reply(client, Answer { status, body, proven, .. }) => {
                let at = proven.map_or(String::new(), |proven| format!(" at {}", proven.header_height()));
                writeln!(
                    lines,
                    "reply {} {status}{at} {}",
                    client.0,
                    body.map_or_else(|| "-".to_string(), |body| body.text())
                )
            }
            RpcAction::Hangup(client) => writeln!(lines, "hangup {}", client.0),
            RpcAction::Forget(query) => writeln!(lines, "forget {}", query.0),
        }
        .unwrap();
    }
    lines
}

/// What a public socket gets for `text`.
fn ask(text: &str) -> String {
    let mut rpc = with_socket();
    rpc.asked(ONE, Call::Text(text));
    drain(&mut rpc)
}

fn check(text: &str, want: Expect) {
    want.assert_eq(&ask(text));
}

/// A header that this test has verified.
struct Header {
    height: u64,
}

impl VerifiedHead for Header {
    fn height(&self) -> u64 {
        self.height
    }

    fn hash(&self) -> Hash {
        Hash([1; 32])
    }

    fn time(&self) -> Option<UnixTime> {
        Some(UnixTime::EPOCH)
    }
}

const CERTAIN: Certainty = Certainty { finality: Finality::Final, witnesses_agreeing: 2, witnesses_asked: 3 };

fn result(json: &str, height: Option<u64>) -> Result<QueryAnswer, RpcError> {
    Ok(match height {
        Some(height) => QueryAnswer::proven(json, Proven::by(&Header { height }, CERTAIN)),
        None => QueryAnswer::unproven(json),
    })
}

#[test]
fn requests_are_dispatched_with_typed_params() {
    for (params, want) in [
        ("", "rushlight_prove"),
        (r#","params":null"#, "rushlight_prove"),
        (r#","params":[]"#, "rushlight_prove"),
        (r#","params":{}"#, "rushlight_prove"),
        (r#","params":[null]"#, "rushlight_prove"),
        (r#","params":[5]"#, "rushlight_prove height 5"),
        (r#","params":["5"]"#, "rushlight_prove height 5"),
        (r#","params":{"height":"18446744073709551615"}"#, "rushlight_prove height 18446744073709551615"),
        (r#","params":{"\u0068eight":9007199254740993}"#, "rushlight_prove height 9007199254740993"),
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"{params}}}"#);
        let got = ask(&text);
        assert!(got.starts_with("dispatch "), "{params}: {got}");
        assert!(got.trim_end().ends_with(want), "{params}: {got}");
    }
}

#[test]
fn params_that_are_not_the_methods_are_refused_with_the_reason() {
    let mut all = String::new();
    for (method, params) in [
        ("rushlight_prove", "[5,6]"),
        ("rushlight_prove", "[-1]"),
        ("rushlight_prove", "[1.0]"),
        ("rushlight_prove", "[1e3]"),
        ("rushlight_prove", r#"["+5"]"#),
        ("rushlight_prove", r#"["0x5"]"#),
        ("rushlight_prove", r#"[""]"#),
        ("rushlight_prove", "[18446744073709551616]"),
        ("rushlight_prove", "[[5]]"),
        ("rushlight_prove", r#"{"heigth":5}"#),
        ("rushlight_prove", r#"{"block":5}"#),
        ("rushlight_prove", r#"{"height":5,"height":6}"#),
        ("rushlight_prove", r#"{"height":5,"a":1,"b":2}"#),
        ("rushlight_status", r#"{"height":5}"#),
        ("rushlight_status", "[1]"),
        ("rushlight_unsubscribeHead", "[]"),
        ("rushlight_unsubscribeHead", "[1]"),
        ("rushlight_unsubscribeHead", r#"["\ud800"]"#),
    ] {
        let got = ask(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#));
        let message = got.split_once(r#""error":"#).map_or(got.as_str(), |(_, error)| error);
        writeln!(all, "{params} {}", message.trim_end().trim_end_matches('}')).unwrap();
    }
    expect![[r#"
        [5,6] {"code":-32602,"message":"invalid params: rushlight_prove takes at most 1 parameters"
        [-1] {"code":-32602,"message":"invalid params: height must be a whole number, or string of decimal digits"
        [1.0] {"code":-32602,"message":"invalid params: height must be a whole number, or string of decimal digits"
        [1e3] {"code":-32602,"message":"invalid params: height must be a whole number, or string of decimal digits"
        ["+5"] {"code":-32602,"message":"invalid params: height must be a whole number, or string of decimal digits"
        ["0x5"] {"code":-32602,"message":"invalid params: height must be a whole number, or string of decimal digits"
        [""] {"code":-32602,"message":"invalid params: height must be a whole number, or string of decimal digits"
        [18446744073709551616] {"code":-32602,"message":"invalid params: height must be a whole number, or string of decimal digits"
        [[5]] {"code":-32602,"message":"invalid params: height must be a whole number, or string of decimal digits"
        {"heigth":5} {"code":-32602,"message":"invalid params: rushlight_prove has no parameter heigth; did you mean height?"
        {"block":5} {"code":-32602,"message":"invalid params: rushlight_prove has no parameter block"
        {"height":5,"height":6} {"code":-32602,"message":"invalid params: height stands there twice"
        {"height":5,"a":1,"b":2} {"code":-32602,"message":"invalid params: rushlight_prove has no parameter a"
        {"height":5} {"code":-32602,"message":"invalid params: rushlight_status takes no parameters, got height"
        [1] {"code":-32602,"message":"invalid params: rushlight_status takes at most 0 parameters"
        [] {"code":-32602,"message":"invalid params: subscription is missing"
        [1] {"code":-32602,"message":"invalid params: subscription must be a string"
        ["\ud800"] {"code":-32602,"message":"invalid params: subscription must be a string"
    "#]].assert_eq(&all);
}

#[test]
fn what_is_not_a_request_is_refused_with_the_reason() {
    let mut all = String::new();
    for text in [
        "",
        "   ",
        "{",
        "nonsense",
        "{}",
        "1",
        "null",
        r#""rushlight_status""#,
        "[]",
        "[1,{}]",
        "\u{feff}{}",
        "{} {}",
        r#"{"jsonrpc":"1.0","id":1,"method":"rushlight_status"}"#,
        r#"{"id":"x","method":"rushlight_status"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":5}"#,
        r#"{"jsonrpc":"2.0","method":5}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status","params":5}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_status","method":"rushlight_shutdown"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"rushlight_status"}"#,
        r#"{"jsonrpc":"2.0","id":1,"\u0069d":2,"method":"rushlight_status"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_shutdown"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_stats"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"<script>\u001b[31m"}"#,
    ] {
        write!(all, "{text:?}\n  {}", ask(text)).unwrap();
    }
    expect![[r#"
        ""
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error: the text is not JSON (EOF while parsing a value at line 1 column 0)"}}
        "   "
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error: the text is not JSON (EOF while parsing a value at line 1 column 3)"}}
        "{"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error: the text is not JSON (EOF while parsing an object at line 1 column 1)"}}
        "nonsense"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error: the text is not JSON (expected ident at line 1 column 2)"}}
        "{}"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: the member jsonrpc must be the string 2.0"}}
        "1"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: a request is an object"}}
        "null"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: a request is an object"}}
        "\"rushlight_status\""
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: a request is an object"}}
        "[]"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: the batch is empty"}}
        "[1,{}]"
          reply 1 200 [{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: a request is an object"}},{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: the member jsonrpc must be the string 2.0"}}]
        "\u{feff}{}"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error: the text is not JSON (expected value at line 1 column 1)"}}
        "{} {}"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error: the text is not JSON (trailing characters at line 1 column 4)"}}
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"rushlight_status\"}"
          reply 1 200 {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request: the member jsonrpc must be the string 2.0"}}
        "{\"id\":\"x\",\"method\":\"rushlight_status\"}"
          reply 1 200 {"jsonrpc":"2.0","id":"x","error":{"code":-32600,"message":"invalid request: the member jsonrpc must be the string 2.0"}}
        "{\"jsonrpc\":\"2.0\",\"id\":1}"
          reply 1 200 {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request: the member method must be a string"}}
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}"
          reply 1 200 {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request: the member method must be a string"}}
        "{\"jsonrpc\":\"2.0\",\"method\":5}"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: the member method must be a string"}}
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_status\",\"params\":5}"
          reply 1 200 {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request: the member params must be an array or an object"}}
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_status\",\"method\":\"rushlight_shutdown\"}"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: the key method stands there twice"}}
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"rushlight_status\"}"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: the key id stands there twice"}}
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"\\u0069d\":2,\"method\":\"rushlight_status\"}"
          reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: the key id stands there twice"}}
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_shutdown\"}"
          reply 1 200 {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method rushlight_shutdown not found; rushlight_methods lists what there is"}}
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_stats\"}"
          reply 1 200 {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method rushlight_stats not found; did you mean rushlight_status?"}}
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"<script>\\u001b[31m\"}"
          reply 1 200 {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method <script>\u001b[31m not found; rushlight_methods lists what there is"}}
    "#]].assert_eq(&all);
}

#[test]
fn ids_come_back_byte_for_byte_or_are_refused() {
    for id in [
        "0",
        "-0",
        "1",
        "-1",
        "18446744073709551615",
        "-9223372036854775808",
        "null",
        r#""""#,
        r#""4-18""#,
        r#""\u0041\/\n""#,
        r#""ключ""#,
        r#""{\"a\":[1,}""#,
        r#""\ud83d\ude00""#,
    ] {
        let got = ask(&format!(r#"{{"id" : {id} ,"jsonrpc":"2.0","method":"rushlight_methods"}}"#));
        assert!(got.starts_with(&format!(r#"reply 1 200 {{"jsonrpc":"2.0","id":{id},"result":"#)), "{id}: {got}");
    }
    let long = format!(r#""{}""#, "x".repeat(limits::ID_BYTES_MAX));
    for id in [
        "1.0",
        "1e3",
        "1e999999999",
        "18446744073709551616",
        "-9223372036854775809",
        "true",
        "[]",
        "{}",
        r#""\ud800""#,
        &long,
    ] {
        let got = ask(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"rushlight_methods"}}"#));
        assert!(got.starts_with(r#"reply 1 200 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"#), "{id}: {got}");
    }
}

#[test]
fn a_notification_gets_an_answer_without_a_body() {
    check(
        r#"{"jsonrpc":"2.0","method":"rushlight_status"}"#,
        expect![[r#"
        reply 1 204 -
    "#]],
    );
    check(
        r#"{"jsonrpc":"2.0","method":"no_such"}"#,
        expect![[r#"
        reply 1 204 -
    "#]],
    );
    check(
        r#"[{"jsonrpc":"2.0","method":"rushlight_status"},{"jsonrpc":"2.0","method":"x"}]"#,
        expect![[r#"
        reply 1 204 -
    "#]],
    );
}

#[test]
fn a_notification_still_does_what_it_says() {
    let mut rpc = Rpc::new();
    rpc.joined(ONE, scope(Access::Control), ClientKind::Socket);
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","method":"rushlight_shutdown"}"#));
    expect![[r#"
        dispatch 3 chain 7 rushlight_shutdown
        reply 1 204 -
    "#]]
    .assert_eq(&drain(&mut rpc));
}

#[test]
fn a_batch_is_answered_whole_and_in_its_order() {
    let mut rpc = with_socket();
    rpc.asked(
        ONE,
        Call::Text(
            r#"[{"jsonrpc":"2.0","id":"a","method":"rushlight_prove","params":[5]},
                {"jsonrpc":"2.0","method":"rushlight_status"},
                7,
                {"jsonrpc":"2.0","id":"b","method":"rushlight_checkpoint"}]"#,
        ),
    );
    expect![[r#"
        dispatch 3 chain 7 rushlight_prove height 5
        dispatch 4 chain 7 rushlight_checkpoint
    "#]]
    .assert_eq(&drain(&mut rpc));
    rpc.answered(QueryId(4), result(r#""later""#, Some(9)));
    expect![[""]].assert_eq(&drain(&mut rpc));
    rpc.answered(QueryId(3), Err(QueryError::AboveHead { height: 5, head: 4 }.into()));
    expect![[r#"
        reply 1 200 at 9 [{"jsonrpc":"2.0","id":"a","error":{"code":-32021,"message":"height 5 is above the trusted head 4; wait until the client has synced to it"}},{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request: a request is an object"}},{"jsonrpc":"2.0","id":"b","result":"later"}]
    "#]].assert_eq(&drain(&mut rpc));
}

#[test]
fn a_batch_proven_at_one_head_says_so() {
    let mut rpc = with_socket();
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_checkpoint"}"#;
    rpc.asked(ONE, Call::Text(&format!("[{one},{one}]")));
    drain(&mut rpc);
    rpc.answered(QueryId(3), result("1", Some(9)));
    rpc.answered(QueryId(4), result("2", Some(9)));
    expect![[r#"
        reply 1 200 at 9 [{"jsonrpc":"2.0","id":1,"result":1},{"jsonrpc":"2.0","id":1,"result":2}]
    "#]]
    .assert_eq(&drain(&mut rpc));
}

/// The answer to a batch of one call for each of `results`.
fn batch(results: Vec<Result<QueryAnswer, RpcError>>) -> Answer {
    let mut rpc = with_socket();
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_checkpoint"}"#;
    rpc.asked(ONE, Call::Text(&format!("[{}]", vec![one; results.len()].join(","))));
    for result in results {
        match rpc.poll() {
            Some(RpcAction::Ask { query, .. }) => rpc.answered(query, result),
            other => panic!("{other:?}"),
        }
    }
    match rpc.poll() {
        Some(RpcAction::Reply(ONE, answer)) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_batch_says_no_more_than_the_weakest_of_its_answers() {
    let certain = |height, finality, witnesses_agreeing| {
        let certainty = Certainty { finality, witnesses_agreeing, witnesses_asked: 3 };
        Ok(QueryAnswer::proven("1", Proven::by(&Header { height }, certainty)))
    };
    let part = |fields| Ok(result("1", Some(9)).unwrap().in_part(fields));
    let error = || Err(QueryError::Frozen { why: "two".into() }.into());
    for (results, verified, height) in [
        (vec![result("1", Some(9))], Some(Verified::Full), Some(9)),
        (vec![result("1", Some(9)), result("2", Some(10))], Some(Verified::Full), Some(9)),
        (vec![certain(9, Finality::Final, 2), certain(10, Finality::Final, 1)], Some(Verified::Full), Some(10)),
        (vec![certain(9, Finality::Final, 0), certain(10, Finality::Included, 3)], Some(Verified::Full), Some(10)),
        // What is not proven at all leaves nothing to name.
        (vec![result("1", Some(9)), result("2", None)], Some(Verified::No), None),
        (vec![result("1", None), result("2", Some(9))], Some(Verified::No), None),
        // An error claims nothing, and so it takes nothing from the others.
        (vec![result("1", Some(9)), error()], Some(Verified::Full), Some(9)),
        (vec![error(), error()], None, None),
        (vec![result("1", Some(9)), part(&["a"])], Some(Verified::Part(&[])), Some(9)),
        (vec![part(&["a"]), part(&["a"])], Some(Verified::Part(&["a"])), Some(9)),
        (vec![part(&["a"]), part(&["b"])], Some(Verified::Part(&[])), Some(9)),
        (vec![part(&["a"]), result("1", None)], Some(Verified::No), None),
    ] {
        let answer = batch(results);
        let got = (answer.verified, answer.proven.as_ref().map(|proven| proven.header_height()));
        assert_eq!(got, (verified, height), "{answer:?}");
    }
}

#[test]
fn what_an_answer_is_about_and_what_proves_it_are_two_heights() {
    let answer = batch(vec![Ok(result("1", Some(9)).unwrap().about(8))]);
    let proven = answer.proven.unwrap();
    assert_eq!((proven.proof_height(), proven.header_height()), (8, 9));
}

#[test]
fn an_error_that_passes_says_when_to_ask_again() {
    for (error, want) in [
        (QueryError::Busy { waiting: 1 }, Some(1)),
        (QueryError::NotSynced { why: "x".into() }, Some(5)),
        (QueryError::Frozen { why: "x".into() }, None),
    ] {
        let mut rpc = with_socket();
        rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_checkpoint"}"#));
        let Some(RpcAction::Ask { query, .. }) = rpc.poll() else { panic!("nothing is asked") };
        rpc.answered(query, Err(error.into()));
        let Some(RpcAction::Reply(_, answer)) = rpc.poll() else { panic!("no answer") };
        assert_eq!((answer.status, answer.retry_after), (200, want));
    }
}

/// A result goes to all who asked for it, and is there once.
#[test]
fn a_large_result_is_shared_by_all_who_get_it() {
    let large: Arc<str> = format!(r#""{}""#, "x".repeat(1 << 20)).into();
    let mut rpc = with_socket();
    rpc.joined(TWO, scope(Access::Public), ClientKind::Socket);
    for client in [ONE, TWO] {
        rpc.asked(client, Call::Text(r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_checkpoint"}"#));
    }
    let mut answers = 0;
    while let Some(action) = rpc.poll() {
        match action {
            RpcAction::Ask { query, .. } => {
                rpc.answered(
                    query,
                    Ok(QueryAnswer::proven(Arc::clone(&large), Proven::by(&Header { height: 9 }, CERTAIN))),
                );
            }
            RpcAction::Reply(_, answer) => {
                let body = answer.body.unwrap();
                assert!(body.parts().iter().any(|part| Arc::ptr_eq(part, &large)), "{} parts", body.parts().len());
                assert_eq!(body.text(), format!(r#"{{"jsonrpc":"2.0","id":1,"result":{large}}}"#));
                answers += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answers, 2);
}

/// A call that waits holds nobody up: a response says by its id to which call it is one.
#[test]
fn answers_leave_when_they_are_ready() {
    let mut rpc = with_socket();
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":"slow","method":"rushlight_prove"}"#));
    let Some(RpcAction::Ask { query: slow, .. }) = rpc.poll() else { panic!("nothing is asked") };
    for id in 0..100 {
        let method = ["rushlight_methods", "rushlight_status", "rushlight_checkpoint", "no_such"][id % 4];
        rpc.asked(ONE, Call::Text(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)));
        let mut answered = false;
        while let Some(action) = rpc.poll() {
            match action {
                RpcAction::Own { query, .. } | RpcAction::Ask { query, .. } => rpc.answered(query, result("1", None)),
                RpcAction::Reply(ONE, answer) => {
                    let text = answer.body.unwrap().text();
                    assert!(text.contains(&format!(r#""id":{id},"#)), "{text}");
                    rpc.drained(ONE, text.len());
                    answered = true;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(answered, "{id} waits behind the slow one");
    }
    rpc.answered(slow, result("1", Some(9)));
    assert_eq!(drain(&mut rpc), "reply 1 200 at 9 {\"jsonrpc\":\"2.0\",\"id\":\"slow\",\"result\":1}\n");
}

/// Who gets a large answer cannot read the small ones behind it before.
#[test]
fn one_large_answer_on_its_way_hangs_nobody_up() {
    let large = format!(r#""{}""#, "x".repeat(5 << 20));
    let mut rpc = with_socket();
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":2,"method":"rushlight_subscribeHead"}"#));
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#));
    let mut bytes = 0;
    let mut heads = 0;
    for head in 0..50 {
        rpc.head_changed(CHAIN, format!(r#"{{"height":"{head}"}}"#));
        while let Some(action) = rpc.poll() {
            match action {
                RpcAction::Ask { query, .. } => rpc.answered(query, result(&large, Some(9))),
                RpcAction::Reply(ONE, answer) => {
                    let text = answer.body.unwrap().text();
                    heads += usize::from(text.contains("rushlight_head"));
                    bytes += text.len();
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(heads, 50);
    rpc.drained(ONE, bytes);
    rpc.asked(ONE, Call::Text("{}"));
    assert!(drain(&mut rpc).starts_with("reply 1 200 "), "it is still there");
}

#[test]
fn a_result_for_a_client_that_left_is_not_given_to_its_successor() {
    let mut rpc = with_socket();
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":"secret","method":"rushlight_status"}"#));
    drain(&mut rpc);
    rpc.left(ONE);
    rpc.joined(ONE, scope(Access::Public), ClientKind::Socket);
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":"mine","method":"rushlight_status"}"#));
    expect![[r#"
        forget 3
        dispatch 6 chain 7 rushlight_status
    "#]]
    .assert_eq(&drain(&mut rpc));
    rpc.answered(QueryId(3), result(r#""of the first""#, None));
    rpc.answered(QueryId(3), result(r#""twice""#, None));
    assert_eq!(drain(&mut rpc), "");
    rpc.answered(QueryId(6), result(r#""of the second""#, None));
    expect![[r#"
        reply 1 200 {"jsonrpc":"2.0","id":"mine","result":"of the second"}
    "#]]
    .assert_eq(&drain(&mut rpc));
    assert_eq!(rpc.in_flight_count(), 0);
}

#[test]
fn a_subscription_pushes_the_head_after_its_id_is_known_and_until_it_is_stopped() {
    let mut rpc = with_socket();
    rpc.head_changed(CHAIN, r#"{"height":"1"}"#);
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#));
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":2,"method":"rushlight_subscribeHead"}"#));
    // The answer that tells the id waits for an earlier one, and so does the head.
    rpc.head_changed(CHAIN, r#"{"height":"2"}"#);
    expect![[r#"
        dispatch 3 chain 7 rushlight_prove
        reply 1 200 {"jsonrpc":"2.0","id":2,"result":"5"}
        reply 1 200 {"jsonrpc":"2.0","method":"rushlight_head","params":{"subscription":"5","result":{"height":"1"}}}
        reply 1 200 {"jsonrpc":"2.0","method":"rushlight_head","params":{"subscription":"5","result":{"height":"2"}}}
    "#]]
    .assert_eq(&drain(&mut rpc));
    rpc.answered(QueryId(3), Err(QueryError::NotSynced { why: "no peers".into() }.into()));
    expect![[r#"
        reply 1 200 {"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"not synced: no peers"}}
    "#]]
    .assert_eq(&drain(&mut rpc));
    rpc.head_changed(CHAIN, r#"{"height":"3"}"#);
    rpc.head_changed(ChainId(8), r#"{"of":"another chain"}"#);
    expect![[r#"
        reply 1 200 {"jsonrpc":"2.0","method":"rushlight_head","params":{"subscription":"5","result":{"height":"3"}}}
    "#]]
    .assert_eq(&drain(&mut rpc));
    for id in ["5", "5", "x"] {
        let stop = format!(r#"{{"jsonrpc":"2.0","id":3,"method":"rushlight_unsubscribeHead","params":["{id}"]}}"#);
        rpc.asked(ONE, Call::Text(&stop));
    }
    rpc.head_changed(CHAIN, r#"{"height":"4"}"#);
    expect![[r#"
        reply 1 200 {"jsonrpc":"2.0","id":3,"result":true}
        reply 1 200 {"jsonrpc":"2.0","id":3,"result":false}
        reply 1 200 {"jsonrpc":"2.0","id":3,"result":false}
    "#]]
    .assert_eq(&drain(&mut rpc));
    assert_eq!(rpc.subscription_count(), 0);
}

#[test]
fn a_client_cannot_stop_the_subscription_of_another() {
    let mut rpc = with_socket();
    rpc.joined(TWO, scope(Access::Control), ClientKind::Socket);
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":2,"method":"rushlight_subscribeHead"}"#));
    let number = drain(&mut rpc).split('"').rev().nth(1).unwrap().to_string();
    let stop = format!(r#"{{"jsonrpc":"2.0","id":3,"method":"rushlight_unsubscribeHead","params":["{number}"]}}"#);
    rpc.asked(TWO, Call::Text(&stop));
    expect![[r#"
        reply 2 200 {"jsonrpc":"2.0","id":3,"result":false}
    "#]]
    .assert_eq(&drain(&mut rpc));
    assert_eq!(rpc.subscription_count(), 1);
}

#[test]
fn an_exchange_cannot_subscribe() {
    let mut rpc = Rpc::new();
    rpc.joined(ONE, scope(Access::Public), ClientKind::Exchange);
    rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":2,"method":"rushlight_subscribeHead"}"#));
    expect![[r#"
        reply 1 200 {"jsonrpc":"2.0","id":2,"error":{"code":-32004,"message":"rushlight_subscribeHead needs a WebSocket; over HTTP ask rushlight_status or rushlight_checkpoint again instead"}}
    "#]].assert_eq(&drain(&mut rpc));
}

#[test]
fn routes() {
    let mut rpc = with_socket();
    for path in ["/", "/livez", "/nothing", "/<b>", "/livez/"] {
        rpc.asked(ONE, Call::Get { path, query: "x=1", if_none_match: None });
    }
    expect![[r#"
        reply 1 200 {"rushlight":"0.1.0","what":"a light client: every answer is verified, none is taken on trust","try":["GET /livez","GET /readyz","GET /metrics","POST / with Content-Type: application/json and {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_status\"}"],"methods":["rushlight_methods","rushlight_status","rushlight_subscribeHead","rushlight_unsubscribeHead","rushlight_checkpoint","rushlight_header","rushlight_prove","health","status","header","header_by_hash","commit","validators","blockchain","consensus_params"]}
        reply 1 200 {"live":true}
        reply 1 404 {"error":"there is nothing at this path; GET / says what to try","path":"/nothing"}
        reply 1 404 {"error":"there is nothing at this path; GET / says what to try","path":"/<b>"}
        reply 1 404 {"error":"there is nothing at this path; GET / says what to try","path":"/livez/"}
    "#]].assert_eq(&drain(&mut rpc));
}

#[test]
fn readiness_is_503_with_the_reason_of_each_chain_until_all_are_synced() {
    let mut rpc = with_socket();
    let synced = ChainReadiness { chain: "hub".into(), is_ready: true, state: "synced", why: String::new() };
    let syncing = ChainReadiness { chain: "zone".into(), is_ready: false, state: "syncing", why: "asks \"a\"".into() };
    let query = |rpc: &mut Rpc| {
        rpc.asked(ONE, Call::Get { path: "/readyz", query: "", if_none_match: None });
        match rpc.poll() {
            Some(RpcAction::Own { query, .. } | RpcAction::Ask { query, .. }) => query,
            other => panic!("{other:?}"),
        }
    };
    let (first, second, third) = (query(&mut rpc), query(&mut rpc), query(&mut rpc));
    rpc.answered_ready(first, &[synced.clone(), syncing]);
    rpc.answered_ready(second, &[synced]);
    rpc.answered(third, Err(RpcError::ShuttingDown));
    expect![[r#"
        reply 1 503 {"ready":false,"chains":[{"chain":"hub","ready":true,"state":"synced","why":""},{"chain":"zone","ready":false,"state":"syncing","why":"asks \"a\""}]}
        reply 1 200 {"ready":true,"chains":[{"chain":"hub","ready":true,"state":"synced","why":""}]}
        reply 1 503 {"error":{"code":-32026,"message":"the node is shutting down"}}
    "#]].assert_eq(&drain(&mut rpc));
}

#[test]
fn a_body_that_the_client_has_is_not_sent_again() {
    let mut rpc = with_socket();
    let mut get = |if_none_match: Option<&str>| {
        rpc.asked(ONE, Call::Get { path: "/", query: "", if_none_match });
        match rpc.poll() {
            Some(RpcAction::Reply(_, answer)) => answer,
            other => panic!("{other:?}"),
        }
    };
    let etag = get(None).etag.unwrap().to_string();
    for (if_none_match, status) in [
        (etag.clone(), 304),
        (format!("W/{etag}"), 304),
        (format!("\"x\" , {etag}"), 304),
        ("*".to_string(), 304),
        ("\"x\"".to_string(), 200),
        (etag.trim_matches('"').to_string(), 200),
        (String::new(), 200),
    ] {
        let answer = get(Some(&if_none_match));
        assert_eq!((answer.status, answer.body.is_some()), (status, status == 200), "{if_none_match}");
    }
}

#[test]
fn metric_labels_come_from_the_table_whatever_clients_send() {
    let mut rpc = with_socket();
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_methods"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_methods","params":[1]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"made_up_label"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_shutdown"}"#,
        "x",
        "[]",
        "[1,2]",
    ] {
        rpc.asked(ONE, Call::Text(text));
    }
    for path in ["/", "/livez", "/livez", "/made-up", "/made/up"] {
        rpc.asked(ONE, Call::Get { path, query: "", if_none_match: None });
    }
    expect![[r#"
        ("index", 0) 1
        ("livez", 0) 2
        ("rushlight_methods", -32602) 1
        ("rushlight_methods", 0) 1
        ("unknown", -32700) 1
        ("unknown", -32601) 4
        ("unknown", -32600) 3
    "#]]
    .assert_eq(&rpc.counts().iter().map(|(label, n)| format!("{label:?} {n}\n")).collect::<String>());
    let rows = own::ROWS.iter().copied().chain(tendermint::sync::rows()).collect::<Vec<_>>();
    let known = |label: &str| label == UNKNOWN_LABEL || rows.iter().any(|row| row.name == label);
    assert!(rpc.counts().keys().all(|(label, _)| known(label)));
}

#[test]
fn the_text_is_bounded_before_it_is_parsed() {
    let depth = |n: usize| format!(r#"{}{}"#, "[".repeat(n), "]".repeat(n));
    let params =
        |n: usize| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_prove","params":{}}}"#, depth(n - 1));
    let spaces = |n: usize| format!("{}{}", " ".repeat(n - 1), 1);
    let batch = |n: usize| format!("[{}]", vec!["1"; n].join(","));
    let codes = |text: &str| ask(text).matches(r#""code":"#).count();
    for (text, want) in [
        (params(limits::DEPTH_MAX), "height must be"),
        (params(limits::DEPTH_MAX + 1), "nested 65 deep"),
        ("[".repeat(1 << 19), "nested 65 deep"),
        (r#"{"a":"#.repeat(1 << 17), "nested 65 deep"),
        (format!(r#""{}""#, "[".repeat(100)), "a request is an object"),
        (format!(r#""\"{}""#, "[".repeat(100)), "a request is an object"),
        (spaces(limits::BODY_BYTES_MAX), "a request is an object"),
        (spaces(limits::BODY_BYTES_MAX + 1), "reply 1 413 "),
        (batch(limits::BATCH_REQUESTS_MAX + 1), "more than 100 requests"),
        (format!("[{}", ",".repeat(1 << 19)), "more than 100 requests"),
    ] {
        let got = ask(&text);
        assert!(got.contains(want), "{want}: {got}");
        assert_eq!(codes(&text), 1);
    }
    assert_eq!(codes(&batch(limits::BATCH_REQUESTS_MAX)), limits::BATCH_REQUESTS_MAX);
    let members = |n: usize| (0..n).map(|i| format!(r#","x{i}":{i}"#)).collect::<String>();
    let request = |n: usize| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"rushlight_methods"{}}}"#, members(n - 3));
    assert!(ask(&request(limits::REQUEST_MEMBERS_MAX)).contains("result"));
    assert!(ask(&request(limits::REQUEST_MEMBERS_MAX + 1)).contains("at most 16 members"));
    assert!(ask(&request(200)).contains("at most 16 members"), "commas of an object are not those of a batch");
}

#[test]
fn requests_in_flight_are_bounded_per_client_and_in_all() {
    const PROVE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#;
    let mut rpc = with_socket();
    for _ in 0..limits::REQUESTS_IN_FLIGHT_MAX {
        rpc.asked(ONE, Call::Text(PROVE));
    }
    assert_eq!(drain(&mut rpc).matches("dispatch").count(), limits::REQUESTS_IN_FLIGHT_MAX);
    rpc.asked(ONE, Call::Text(PROVE));
    rpc.answered(QueryId(3), result("1", None));
    rpc.asked(ONE, Call::Text(PROVE));
    let lines = drain(&mut rpc);
    assert_eq!(lines.matches("dispatch").count(), 1, "one was answered, so one more is let in: {lines}");
    let many = (limits::REQUESTS_IN_FLIGHT_TOTAL_MAX / limits::REQUESTS_IN_FLIGHT_MAX) as u64;
    for client in 10..10 + many {
        rpc.joined(ClientId(client), scope(Access::Public), ClientKind::Socket);
        for _ in 0..limits::REQUESTS_IN_FLIGHT_MAX {
            rpc.asked(ClientId(client), Call::Text(PROVE));
        }
    }
    assert_eq!(rpc.in_flight_count(), limits::REQUESTS_IN_FLIGHT_TOTAL_MAX);
    assert!(drain(&mut rpc).contains("4096 requests wait already"));
    // Who leaves takes what it asked along, and the node is told so.
    rpc.left(ClientId(10));
    let places = limits::REQUESTS_IN_FLIGHT_MAX;
    assert_eq!(rpc.in_flight_count(), limits::REQUESTS_IN_FLIGHT_TOTAL_MAX - places);
    assert_eq!(drain(&mut rpc).matches("forget").count(), places);
}

/// Whoever looks after the node is heard when proofs have all places, and gets in when the public has.
#[test]
fn proofs_do_not_keep_anybody_from_looking_after_the_node() {
    const PROVE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#;
    let mut rpc = with_socket();
    for client in 10..10 + (limits::REQUESTS_IN_FLIGHT_TOTAL_MAX / limits::REQUESTS_IN_FLIGHT_MAX) as u64 {
        rpc.joined(ClientId(client), scope(Access::Public), ClientKind::Socket);
        for _ in 0..limits::REQUESTS_IN_FLIGHT_MAX {
            rpc.asked(ClientId(client), Call::Text(PROVE));
        }
    }
    drain(&mut rpc);
    for client in 1_000..1_000 + limits::EXCHANGES_MAX as u64 {
        rpc.joined(ClientId(client), scope(Access::Public), ClientKind::Exchange);
    }
    rpc.joined(TWO, scope(Access::Control), ClientKind::Socket);
    rpc.asked(ONE, Call::Text(PROVE));
    rpc.asked(ONE, Call::Get { path: "/readyz", query: "", if_none_match: None });
    rpc.asked(TWO, Call::Text(r#"{"jsonrpc":"2.0","id":2,"method":"rushlight_status"}"#));
    rpc.asked(TWO, Call::Text(r#"{"jsonrpc":"2.0","id":3,"method":"rushlight_shutdown"}"#));
    let lines = drain(&mut rpc);
    let dispatched: Vec<&str> = lines.lines().filter_map(|line| line.split(" chain ").nth(1)).collect();
    assert_eq!(dispatched, ["7 readyz", "7 rushlight_status", "7 rushlight_shutdown"], "{lines}");
    assert!(lines.contains("-32009"), "the proof of one more is refused: {lines}");
}

/// Idle sockets keep nobody from asking, and the public keeps nobody from looking after the node.
#[test]
fn clients_are_bounded_by_kind_and_subscriptions_by_client() {
    let mut rpc = Rpc::new();
    let kinds = [
        (1_000, Access::Public, ClientKind::Socket, limits::SOCKETS_MAX),
        (2_000, Access::Public, ClientKind::Exchange, limits::EXCHANGES_MAX),
        (3_000, Access::Public, ClientKind::Probe, limits::PROBES_MAX),
        (4_000, Access::Control, ClientKind::Socket, limits::CONTROL_CLIENTS_MAX),
    ];
    let mut sum = 0;
    for (first, access, kind, max) in kinds {
        for id in first..first + max as u64 {
            rpc.joined(ClientId(id), scope(access), kind);
        }
        sum += max;
        assert_eq!((drain(&mut rpc).as_str(), rpc.client_count()), ("", sum));
    }
    // One more of each.
    for (first, access, kind, _) in kinds {
        let one_more = ClientId(first + 999);
        rpc.joined(one_more, scope(access), kind);
        if kind != ClientKind::Socket {
            rpc.asked(one_more, Call::Text("{}"));
            rpc.asked(one_more, Call::Get { path: "/livez", query: "", if_none_match: None });
        }
    }
    expect![[r#"
        hangup 1999
        reply 2999 503 {"jsonrpc":"2.0","id":null,"error":{"code":-32009,"message":"too many clients are served already; try again later"}}
        reply 2999 503 {"error":{"code":-32009,"message":"too many clients are served already; try again later"}}
        reply 3999 503 {"jsonrpc":"2.0","id":null,"error":{"code":-32009,"message":"too many clients are served already; try again later"}}
        reply 3999 503 {"error":{"code":-32009,"message":"too many clients are served already; try again later"}}
        hangup 4999
    "#]].assert_eq(&drain(&mut rpc));
    // Whoever leaves makes room for one of its kind.
    for (first, access, kind, _) in kinds {
        rpc.left(ClientId(first));
        rpc.left(ClientId(first + 999));
        rpc.joined(ClientId(first), scope(access), kind);
        rpc.joined(ClientId(first + 999), scope(access), kind);
    }
    expect![[r#"
        hangup 1999
        hangup 4999
    "#]]
    .assert_eq(&drain(&mut rpc));
    assert_eq!(rpc.client_count(), sum);

    rpc.left(ClientId(1_000));
    rpc.joined(ClientId(9_002), scope(Access::Public), ClientKind::Socket);
    for _ in 0..=limits::SUBSCRIPTIONS_MAX {
        let subscribe = r#"{"jsonrpc":"2.0","id":2,"method":"rushlight_subscribeHead"}"#;
        rpc.asked(ClientId(9_002), Call::Text(subscribe));
    }
    assert_eq!(drain(&mut rpc).matches(r#""result""#).count(), limits::SUBSCRIPTIONS_MAX);
    assert_eq!(rpc.subscription_count(), limits::SUBSCRIPTIONS_MAX);
}

#[test]
fn a_client_that_does_not_read_is_hung_up_on_and_one_that_does_is_not() {
    let head = format!(r#""{}""#, "x".repeat(64 << 10));
    let mut rpc = with_socket();
    rpc.joined(TWO, scope(Access::Public), ClientKind::Socket);
    for client in [ONE, TWO] {
        rpc.asked(client, Call::Text(r#"{"jsonrpc":"2.0","id":2,"method":"rushlight_subscribeHead"}"#));
    }
    let (mut queued_one, mut hung_up) = (0, Vec::new());
    for _ in 0..100 {
        rpc.head_changed(CHAIN, head.as_str());
        while let Some(action) = rpc.poll() {
            match action {
                RpcAction::Reply(ONE, answer) => queued_one += answer.body.unwrap().len(),
                RpcAction::Reply(client, answer) => rpc.drained(client, answer.body.unwrap().len()),
                RpcAction::Hangup(client) => hung_up.push(client),
                RpcAction::Own { .. } | RpcAction::Ask { .. } | RpcAction::Forget(_) => panic!("nothing was asked"),
            }
        }
    }
    assert_eq!(hung_up, [ONE]);
    assert!(queued_one >= limits::QUEUED_BYTES_MAX && queued_one <= limits::QUEUED_BYTES_MAX + 2 * (head.len() + 200));
    assert_eq!(rpc.subscription_count(), 1);
    // Nothing more is read from it or said to it.
    rpc.asked(ONE, Call::Text("x"));
    assert_eq!(drain(&mut rpc), "");
}

#[test]
fn a_client_that_reads_may_call_for_ever() {
    let mut rpc = with_socket();
    let mut bytes = 0;
    while bytes < 3 * limits::QUEUED_BYTES_MAX {
        rpc.asked(ONE, Call::Text(r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_methods"}"#));
        match rpc.poll() {
            Some(RpcAction::Reply(client, answer)) => {
                let length = answer.body.unwrap().len();
                bytes += length;
                rpc.drained(client, length);
            }
            other => panic!("after {bytes} bytes: {other:?}"),
        }
    }
}

#[test]
fn results_for_a_client_that_left_do_not_count_for_its_successor() {
    const PROVE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#;
    let mut rpc = with_socket();
    rpc.asked(ONE, Call::Text(PROVE));
    rpc.joined(ONE, scope(Access::Public), ClientKind::Socket);
    for _ in 0..limits::REQUESTS_IN_FLIGHT_MAX {
        rpc.asked(ONE, Call::Text(PROVE));
    }
    rpc.answered(QueryId(3), result("1", None));
    drain(&mut rpc);
    rpc.asked(ONE, Call::Text(PROVE));
    let lines = drain(&mut rpc);
    assert!(lines.starts_with("reply 1 ") && lines.contains("-32009"), "one more is refused at once: {lines}");
}

#[test]
fn a_client_whose_batches_wait_for_slow_requests_is_hung_up_on_in_the_end() {
    let slow = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#;
    let help = r#",{"jsonrpc":"2.0","id":1,"method":"rushlight_methods"}"#.repeat(limits::BATCH_REQUESTS_MAX - 1);
    let mut rpc = with_socket();
    let (mut batches, mut queries) = (0, Vec::new());
    let hung_up = 'asking: loop {
        rpc.asked(ONE, Call::Text(&format!("[{slow}{help}]")));
        batches += 1;
        while let Some(action) = rpc.poll() {
            match action {
                RpcAction::Ask { query, .. } => queries.push(query),
                RpcAction::Hangup(client) => break 'asking client,
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(hung_up, ONE);
    assert!((8..limits::REQUESTS_IN_FLIGHT_MAX).contains(&batches), "{batches} batches of about 200 kB each");
    // Its requests are still being worked on, and their answers go nowhere.
    queries.into_iter().for_each(|query| rpc.answered(query, result("1", None)));
    assert_eq!(drain(&mut rpc), "");
}

#[test]
fn large_results_are_held_up_to_the_bound_and_one_alone_always_passes() {
    let large = format!(r#""{}""#, "x".repeat(3 << 20));
    let prove = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_prove"}"#;
    let mut rpc = with_socket();
    rpc.asked(ONE, Call::Text(&format!("[{prove},{prove},{prove}]")));
    drain(&mut rpc);
    for query in [3, 4, 5] {
        rpc.answered(QueryId(query), result(&large, None));
    }
    let lines = drain(&mut rpc);
    assert_eq!(lines.matches("xxx\"").count(), 1);
    assert_eq!(lines.matches(r#""code":-32011"#).count(), 2);

    // Two are on their way, one of them the largest; a third one finds too much piled up behind them.
    let mut rpc = with_socket();
    for _ in 0..4 {
        rpc.asked(ONE, Call::Text(prove));
    }
    let mut queries = Vec::new();
    while let Some(action) = rpc.poll() {
        match action {
            RpcAction::Ask { query, .. } => queries.push(query),
            other => panic!("{other:?}"),
        }
    }
    for query in queries.into_iter().rev() {
        rpc.answered(query, result(&large, None));
    }
    let lines = drain(&mut rpc);
    assert_eq!((lines.matches("reply").count(), lines.matches("hangup").count()), (3, 1));
}
