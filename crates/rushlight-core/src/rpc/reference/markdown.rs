//! `docs/rpc.md`.

use crate::rpc::{Access, Kind, Row, RpcError, limits, own};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Returns the reference of all methods, limits and error codes as Markdown; `docs/rpc.md` holds it. `families` are the rows
/// of each family of chains, by the family's name.
pub fn markdown(families: &[(&str, Vec<&'static Row>)]) -> String {
    let mut page = String::from(PREFACE);
    let methods = own::ROWS.iter().filter(|row| row.kind != Kind::Page);
    methods.for_each(|row| write_method(&mut page, row));
    for (family, rows) in families {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## Methods about a chain of the family {family}\n");
        rows.iter().for_each(|row| write_method(&mut page, row));
    }
    page.push_str(GET_ROUTES);
    let theirs = families.iter().flat_map(|(_, rows)| rows.iter());
    for row in own::ROWS.iter().chain(theirs) {
        if let Some(path) = row.path {
            let _ = writeln!(page, "| `{path}` | {} |", row.returns);
        }
    }
    page.push_str(GET_NOTES);
    page.push_str(ADMISSION);
    page.push_str("\n## Limits\n\n| what | at most |\n|---|---:|\n");
    for (what, max) in [
        ("bytes of a call's text", limits::BODY_BYTES_MAX),
        ("nesting of its arrays and objects", limits::DEPTH_MAX),
        ("requests in a batch", limits::BATCH_REQUESTS_MAX),
        ("bytes of a batch's results, after which the rest are errors", limits::BATCH_ANSWER_BYTES_MAX),
        ("members of a request object", limits::REQUEST_MEMBERS_MAX),
        ("bytes of an id", limits::ID_BYTES_MAX),
        ("requests in flight per client", limits::REQUESTS_IN_FLIGHT_MAX),
        ("requests in flight in all", limits::REQUESTS_IN_FLIGHT_TOTAL_MAX),
        (
            "requests about one chain that wait for its providers: for proofs, for headers below its checkpoint",
            limits::QUERIES_WAITING_MAX,
        ),
        ("subscriptions per client", limits::SUBSCRIPTIONS_MAX),
        ("HTTP requests under way", limits::EXCHANGES_MAX),
        ("WebSockets", limits::SOCKETS_MAX),
        ("clients of the control socket", limits::CONTROL_CLIENTS_MAX),
        ("bytes that wait for one client, after which it is hung up on", limits::QUEUED_BYTES_MAX),
    ] {
        let _ = writeln!(page, "| {what} | {max} |");
    }
    page.push_str("\n## Errors\n\n| code | name | meaning |\n|---:|---|---|\n");
    for row in RpcError::CODES {
        let _ = writeln!(page, "| {} | {} | {} |", row.code, row.name, row.doc);
    }
    page
}

const PREFACE: &str = "\
# JSON-RPC of Rushlight

<!-- Generated from the rows in crates/rushlight-core/src/rpc/own.rs and of the families. Do not edit:
     RUSHLIGHT_UPDATE=1 cargo test -p rushlight-core --test rpc_docs -->

JSON-RPC 2.0 over HTTP POST (`Content-Type: application/json`) and over a WebSocket of text, at `/` for the first chain
and at `/NAME` for each. The control socket in the data folder takes one JSON text per line.

```sh
curl -s http://127.0.0.1:8645/ -H 'Content-Type: application/json' \\
  -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rushlight_status\"}'
```

Parameters go by name or by position. Batches are answered in their order; on a socket an
answer leaves when it is ready, and says by its id to what it is one. A
request without an `id` is a notification and gets no answer; an `id` comes back byte for byte. Heights in results are
strings of decimal digits.

## Methods about the node
";

const GET_ROUTES: &str = "
## GET

| path | answer |
|---|---|
";

const GET_NOTES: &str = "\
| `/metrics` | Prometheus text |

HEAD answers as GET does, without the body.
";

const ADMISSION: &str = "
## Who is let in

Any web page can reach a port of the machine that its reader sits at, so a request over HTTP is let in only when

- its method is GET, HEAD, POST or OPTIONS, and its target a path;
- its one `Host` names loopback, `localhost`, the address that the listener is bound to, or an allowed host, with the
  listener's port or none (an allowed host may name a port of its own); `X-Forwarded-Host` is not read;
- it has no `Origin`, or one that is allowed by name; `null` never is. WebSockets likewise;
- where it has no `Origin`, its `Sec-Fetch-Site` is missing, `none` or `same-origin`: a page on another port of this machine is
  `same-site`, and no friend;
- a GET that changes something (none does today) is not from a browser, unless an allowed `Origin` says from which page;
- a POST says `Content-Type: application/json`.

CORS headers go to allowed origins only. A refusal says which setting would let the request in.
";

fn write_method(page: &mut String, method: &Row) {
    let args: Vec<String> = method
        .params
        .iter()
        .map(|param| if param.required { String::from(param.name) } else { format!("{}?", param.name) })
        .collect();
    let _ = write!(page, "\n### {}({})\n\n{}\n\n", method.name, args.join(", "), method.doc);
    for param in method.params {
        let _ = writeln!(page, "- `{}` ({}): {}", param.name, param.kind.words(), param.doc);
    }
    let _ = writeln!(page, "- Returns {}.", method.returns);
    if let Some(notification) = method.topic {
        let _ = writeln!(page, "- Notifies with `{notification}`, params `{{subscription, result}}`.");
    }
    if method.access == Access::Control {
        page.push_str("- Control socket only.\n");
    }
}
