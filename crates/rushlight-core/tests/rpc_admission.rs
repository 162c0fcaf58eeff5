//! The table of HTTP requests that a listener lets in and refuses.

use expect_test::expect;
use rushlight_core::rpc::http::admission::{Admitted, HttpRequest, Listener, ListenerError, admit};
use rushlight_core::rpc::http::routes::{Effect, ROUTES, effect};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Listener, method, target, Host, Origin, Content-Type, outcome; `-` is no header, `&` stands between two of a kind.
///
/// Listeners: `loop` is bound to 127.0.0.1:26657, `six` to [::1]:26657, `lan` to 192.168.1.5:26657, `all` to
/// 0.0.0.0:26657, each without settings; `set` is `loop` with the hosts `rpc.example.org` and `edge.example.org:8443`
/// and the origins `https://wallet.example.org` and `http://localhost:3000` allowed.
const CASES: &str = r#"
# Tools on the same machine.
loop | POST    | /      | 127.0.0.1:26657          | -                          | application/json                  | serve
loop | POST    | /      | localhost:26657          | -                          | application/json                  | serve
loop | POST    | /hub   | LOCALHOST:26657          | -                          | Application/JSON                  | serve
loop | POST    | /      | localhost.:26657         | -                          | application/json                  | serve
loop | POST    | /      | 127.0.0.1                | -                          | application/json                  | serve
loop | POST    | /      | localhost                | -                          | application/json                  | serve
loop | POST    | /      | 127.5.6.7:26657          | -                          | application/json                  | serve
loop | POST    | /      | [::1]:26657              | -                          | application/json                  | serve
loop | POST    | /      | [::1]                    | -                          | application/json                  | serve
loop | POST    | /      | [::ffff:127.0.0.1]:26657 | -                          | application/json                  | serve
loop | GET     | /      | 127.0.0.1:26657          | -                          | -                                 | serve
loop | GET     | /readyz?verbose=1 | localhost:26657 | -                        | -                                 | serve
loop | GET     | /      | 127.0.0.1:26657          | -                          | text/plain                        | serve
# A page whose DNS name was rebound to loopback.
loop | POST    | /      | evil.example:26657       | -                          | application/json                  | 403 HostForeign
loop | GET     | /      | evil.example:26657       | -                          | -                                 | 403 HostForeign
loop | GET     | /      | evil.example             | -                          | -                                 | 403 HostForeign
loop | POST    | /      | evil.example:26657       | http://evil.example:26657  | application/json                  | 403 HostForeign
loop | OPTIONS | /      | evil.example:26657       | http://evil.example:26657  | -                                 | 403 HostForeign
loop | POST    | /      | localhost.evil.example:26657 | -                      | application/json                  | 403 HostForeign
loop | POST    | /      | 127.0.0.1.evil.example:26657 | -                      | application/json                  | 403 HostForeign
loop | POST    | /      | xlocalhost:26657         | -                          | application/json                  | 403 HostForeign
loop | POST    | /      | localhost..:26657        | -                          | application/json                  | 403 HostForeign
loop | POST    | /      | rpc.example.org:26657    | -                          | application/json                  | 403 HostForeign
# Other notations of addresses are names, and no names of ours.
loop | POST    | /      | 127.1:26657              | -                          | application/json                  | 403 HostForeign
loop | POST    | /      | 2130706433:26657         | -                          | application/json                  | 403 HostForeign
loop | POST    | /      | 0x7f.0.0.1:26657         | -                          | application/json                  | 403 HostForeign
loop | POST    | /      | 0177.0.0.1:26657         | -                          | application/json                  | 403 HostForeign
loop | POST    | /      | [127.0.0.1]:26657        | -                          | application/json                  | 403 HostForeign
# Other addresses.
loop | POST    | /      | 192.168.1.5:26657        | -                          | application/json                  | 403 HostForeign
loop | POST    | /      | 0.0.0.0:26657            | -                          | application/json                  | 403 HostForeign
loop | POST    | /      | [::]:26657               | -                          | application/json                  | 403 HostForeign
six  | POST    | /      | [::1]:26657              | -                          | application/json                  | serve
six  | POST    | /      | [0:0:0:0:0:0:0:1]:26657  | -                          | application/json                  | serve
six  | POST    | /      | 127.0.0.1:26657          | -                          | application/json                  | serve
six  | POST    | /      | [fe80::1]:26657          | -                          | application/json                  | 403 HostForeign
lan  | POST    | /      | 192.168.1.5:26657        | -                          | application/json                  | serve
lan  | POST    | /      | 192.168.1.6:26657        | -                          | application/json                  | 403 HostForeign
lan  | POST    | /      | evil.example:26657       | -                          | application/json                  | 403 HostForeign
all  | POST    | /      | 192.168.1.6:26657        | -                          | application/json                  | serve
all  | POST    | /      | [2001:db8::1]:26657      | -                          | application/json                  | serve
all  | POST    | /      | 0.0.0.0:26657            | -                          | application/json                  | 403 HostForeign
all  | POST    | /      | evil.example:26657       | -                          | application/json                  | 403 HostForeign
# Ports.
loop | POST    | /      | 127.0.0.1:80             | -                          | application/json                  | 403 HostPort
loop | POST    | /      | localhost:26656          | -                          | application/json                  | 403 HostPort
loop | POST    | /      | [::1]:1                  | -                          | application/json                  | 403 HostPort
loop | POST    | /      | localhost:               | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | localhost:99999          | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | localhost:+26657         | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | localhost:26657:26657    | -                          | application/json                  | 400 HostSyntax
# Hosts that are none, or two.
loop | POST    | /      | -                        | -                          | application/json                  | 400 HostCount
loop | GET     | /      | -                        | -                          | -                                 | 400 HostCount
loop | POST    | /      | localhost & evil.example | -                          | application/json                  | 400 HostCount
loop | POST    | /      | localhost & localhost    | -                          | application/json                  | 400 HostCount
loop | POST    | /      | localhost,evil.example   | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | user@localhost:26657     | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | http://localhost:26657   | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | localhost/x              | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | [::1                     | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | [::1].:26657             | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | [fe80::1%25lo]:26657     | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | :26657                   | -                          | application/json                  | 400 HostSyntax
loop | POST    | /      | löcalhost:26657          | -                          | application/json                  | 400 HostSyntax
# Hosts that the user allowed.
set  | POST    | /      | rpc.example.org          | -                          | application/json                  | serve
set  | POST    | /      | RPC.Example.org.:26657   | -                          | application/json                  | serve
set  | POST    | /      | rpc.example.org:443      | -                          | application/json                  | 403 HostPort
set  | POST    | /      | edge.example.org:8443    | -                          | application/json                  | serve
set  | POST    | /      | edge.example.org         | -                          | application/json                  | serve
set  | POST    | /      | edge.example.org:26657   | -                          | application/json                  | 403 HostForeign
set  | POST    | /      | sub.rpc.example.org      | -                          | application/json                  | 403 HostForeign
set  | POST    | /      | 127.0.0.1:26657          | -                          | application/json                  | serve
# Web pages; a WebSocket's opening GET is such a GET.
loop | POST    | /      | 127.0.0.1:26657          | http://evil.example        | application/json                  | 403 OriginForeign
loop | GET     | /      | 127.0.0.1:26657          | http://evil.example        | -                                 | 403 OriginForeign
loop | GET     | /      | 127.0.0.1:26657          | http://127.0.0.1:26657     | -                                 | 403 OriginForeign
loop | POST    | /      | 127.0.0.1:26657          | http://localhost:26657     | application/json                  | 403 OriginForeign
loop | POST    | /      | 127.0.0.1:26657          | null                       | application/json                  | 403 OriginForeign
loop | GET     | /      | 127.0.0.1:26657          | null                       | -                                 | 403 OriginForeign
loop | POST    | /      | 127.0.0.1:26657          | https://wallet.example.org | application/json                  | 403 OriginForeign
set  | POST    | /      | 127.0.0.1:26657          | https://wallet.example.org | application/json                  | serve access-control-allow-origin=https://wallet.example.org
set  | GET     | /      | 127.0.0.1:26657          | http://localhost:3000      | -                                 | serve access-control-allow-origin=http://localhost:3000
set  | POST    | /      | 127.0.0.1:26657          | http://wallet.example.org  | application/json                  | 403 OriginForeign
set  | POST    | /      | 127.0.0.1:26657          | https://wallet.example.org:444 | application/json              | 403 OriginForeign
set  | POST    | /      | 127.0.0.1:26657          | https://wallet.example.org.evil.example | application/json     | 403 OriginForeign
set  | POST    | /      | 127.0.0.1:26657          | https://wallet.example.org & http://evil.example | application/json | 400 OriginCount
set  | POST    | /      | 127.0.0.1:26657          | null                       | application/json                  | 403 OriginForeign
set  | POST    | /      | evil.example:26657       | https://wallet.example.org | application/json                  | 403 HostForeign
set  | POST    | /      | 127.0.0.1:26657          | https://wallet.example.org | text/plain                        | 415 ContentType
# Preflights.
set  | OPTIONS | /      | 127.0.0.1:26657          | https://wallet.example.org | -                                 | preflight
set  | OPTIONS | /hub   | rpc.example.org          | http://localhost:3000      | -                                 | preflight
set  | OPTIONS | /      | 127.0.0.1:26657          | http://evil.example        | -                                 | 403 OriginForeign
set  | OPTIONS | /      | 127.0.0.1:26657          | null                       | -                                 | 403 OriginForeign
set  | OPTIONS | /      | 127.0.0.1:26657          | -                          | -                                 | 403 PreflightWithoutOrigin
loop | OPTIONS | /      | 127.0.0.1:26657          | https://wallet.example.org | -                                 | 403 OriginForeign
# What a page may send without a preflight is no JSON-RPC.
loop | POST    | /      | 127.0.0.1:26657          | -                          | -                                 | 415 ContentType
loop | POST    | /      | 127.0.0.1:26657          | -                          | text/plain                        | 415 ContentType
loop | POST    | /      | 127.0.0.1:26657          | -                          | text/plain;application/json       | 415 ContentType
loop | POST    | /      | 127.0.0.1:26657          | -                          | application/x-www-form-urlencoded | 415 ContentType
loop | POST    | /      | 127.0.0.1:26657          | -                          | multipart/form-data; boundary=x   | 415 ContentType
loop | POST    | /      | 127.0.0.1:26657          | -                          | application/json-rpc              | 415 ContentType
loop | POST    | /      | 127.0.0.1:26657          | -                          | application/json & text/plain     | 415 ContentType
loop | POST    | /      | 127.0.0.1:26657          | -                          | application/json; charset=utf-8   | serve
loop | POST    | /      | 127.0.0.1:26657          | -                          | application/json;charset="UTF-8"  | serve
loop | POST    | /      | 127.0.0.1:26657          | -                          | application/json;                 | serve
loop | POST    | /      | 127.0.0.1:26657          | -                          | application/json; charset=utf-16  | 415 ContentType
loop | POST    | /      | 127.0.0.1:26657          | -                          | application/json; boundary=x      | 415 ContentType
# Methods and targets.
loop | HEAD    | /readyz | 127.0.0.1:26657         | -                          | -                                 | serve
loop | HEAD    | /      | evil.example:26657       | -                          | -                                 | 403 HostForeign
loop | PUT     | /      | 127.0.0.1:26657          | -                          | application/json                  | 405 Method
loop | DELETE  | /      | 127.0.0.1:26657          | -                          | -                                 | 405 Method
loop | TRACE   | /      | 127.0.0.1:26657          | -                          | -                                 | 405 Method
loop | CONNECT | localhost:26657 | 127.0.0.1:26657 | -                          | -                                 | 405 Method
loop | post    | /      | 127.0.0.1:26657          | -                          | application/json                  | 405 Method
loop | GET     | http://evil.example/ | 127.0.0.1:26657 | -                     | -                                 | 400 Target
loop | OPTIONS | *      | 127.0.0.1:26657          | -                          | -                                 | 400 Target
"#;

fn listener(name: &str) -> Listener {
    let (bind, hosts, origins): (_, &[&str], &[&str]) = match name {
        "loop" => ("127.0.0.1:26657", &[], &[]),
        "six" => ("[::1]:26657", &[], &[]),
        "lan" => ("192.168.1.5:26657", &[], &[]),
        "all" => ("0.0.0.0:26657", &[], &[]),
        "set" => (
            "127.0.0.1:26657",
            &["rpc.example.org", "edge.example.org:8443"],
            &["https://wallet.example.org", "http://localhost:3000"],
        ),
        _ => panic!("no listener {name}"),
    };
    set(bind, hosts, origins).unwrap()
}

fn set(bind: &str, hosts: &[&str], origins: &[&str]) -> Result<Listener, ListenerError> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    Listener::new(bind.parse().unwrap(), &texts(hosts), &texts(origins))
}

#[test]
fn settings_that_could_never_match_are_refused() {
    let mut all = String::new();
    for host in
        ["", "http://rpc.example.org", "rpc.example.org/", "*", "*.example.org", "a:b", "a:65536", "[::1", "a b"]
    {
        writeln!(all, "{}", set("127.0.0.1:1", &[host], &[]).unwrap_err()).unwrap();
    }
    for origin in ["", "wallet.example.org", "://x", "https://", "https://a/b", "https://*", "a b://c", "*", "null"] {
        writeln!(all, "{}", set("127.0.0.1:1", &[], &[origin]).unwrap_err()).unwrap();
    }
    expect![[r#"
        allowed host "" is not of the form name or name:port, without scheme or path
        allowed host "http://rpc.example.org" is not of the form name or name:port, without scheme or path
        allowed host "rpc.example.org/" is not of the form name or name:port, without scheme or path
        allowed host "*" is not of the form name or name:port, without scheme or path
        allowed host "*.example.org" is not of the form name or name:port, without scheme or path
        allowed host "a:b" is not of the form name or name:port, without scheme or path
        allowed host "a:65536" is not of the form name or name:port, without scheme or path
        allowed host "[::1" is not of the form name or name:port, without scheme or path
        allowed host "a b" is not of the form name or name:port, without scheme or path
        allowed origin "" is not of the form scheme://host or scheme://host:port, without path
        allowed origin "wallet.example.org" is not of the form scheme://host or scheme://host:port, without path
        allowed origin "://x" is not of the form scheme://host or scheme://host:port, without path
        allowed origin "https://" is not of the form scheme://host or scheme://host:port, without path
        allowed origin "https://a/b" is not of the form scheme://host or scheme://host:port, without path
        allowed origin "https://*" is not of the form scheme://host or scheme://host:port, without path
        allowed origin "a b://c" is not of the form scheme://host or scheme://host:port, without path
        allowed origin "*" would let every page in; name the pages that you trust
        allowed origin "null" would let every page in; name the pages that you trust
    "#]]
    .assert_eq(&all);
}

#[test]
fn an_allowed_origin_may_be_written_with_what_browsers_leave_out() {
    for (setting, sent, is_let_in) in [
        ("https://a.example:443", "https://a.example", true),
        ("https://a.example/", "https://a.example", true),
        ("http://a.example:80/", "http://a.example", true),
        ("http://a.example:443", "http://a.example", false),
        ("http://a.example:443", "http://a.example:443", true),
        ("HTTPS://A.example", "https://a.example", true),
        ("http://[::1]:3000", "http://[::1]:3000", true),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh", true),
        ("https://a.example", "https://a.example.", false),
        ("https://a.example", "https://a.example/", false),
    ] {
        let listener = set("127.0.0.1:1", &[], &[setting]).unwrap();
        let request =
            HttpRequest { method: "GET", path: "/", host: &["localhost"], origin: &[sent], ..HttpRequest::default() };
        assert_eq!(admit(&listener, request).is_ok(), is_let_in, "{setting} {sent}");
    }
}

fn values(column: &str) -> Vec<&str> {
    if column == "-" { Vec::new() } else { column.split(" & ").collect() }
}

fn outcome(columns: &[&str]) -> String {
    let [name, method, path, host, origin, content_type, _] = columns else { panic!("seven columns: {columns:?}") };
    let (host, origin, content_type) = (values(host), values(origin), values(content_type));
    let request = HttpRequest {
        method,
        path,
        host: &host,
        origin: &origin,
        content_type: &content_type,
        ..HttpRequest::default()
    };
    judged(&listener(name), request)
}

fn judged(listener: &Listener, request: HttpRequest<'_>) -> String {
    match admit(listener, request) {
        Ok(Admitted::Serve(headers)) => headers
            .iter()
            .filter(|(header, _)| header.starts_with("access-control"))
            .fold("serve".to_string(), |text, (header, value)| format!("{text} {header}={value}")),
        Ok(Admitted::Preflight(headers)) => {
            assert!(headers.contains(&("access-control-allow-origin", request.origin[0].to_string())));
            "preflight".to_string()
        }
        Err(refusal) => {
            let debug = format!("{refusal:?}");
            format!("{} {}", refusal.status(), debug.split([' ', '{']).next().unwrap())
        }
    }
}

#[test]
fn every_case_has_its_outcome() {
    let rows = CASES.lines().filter(|row| !row.is_empty() && !row.starts_with('#'));
    let mut outcomes = BTreeMap::<String, usize>::new();
    let mut wrong = String::new();
    for row in rows {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let got = outcome(&columns);
        if Some(&got.as_str()) != columns.last() {
            writeln!(wrong, "got {got}: {row}").unwrap();
        }
        *outcomes.entry(got.split(' ').take(2).collect::<Vec<_>>().join(" ")).or_default() += 1;
    }
    assert_eq!(wrong, "");
    expect![[r#"
        400 HostCount: 4
        400 HostSyntax: 13
        400 OriginCount: 1
        400 Target: 2
        403 HostForeign: 27
        403 HostPort: 4
        403 OriginForeign: 14
        403 PreflightWithoutOrigin: 1
        405 Method: 5
        415 ContentType: 10
        preflight: 2
        serve: 28
        serve access-control-allow-origin=http://localhost:3000: 1
        serve access-control-allow-origin=https://wallet.example.org: 1
    "#]]
    .assert_eq(&outcomes.iter().map(|(outcome, count)| format!("{outcome}: {count}\n")).collect::<String>());
}

#[test]
fn headers_of_what_is_let_in() {
    let mut all = String::new();
    let host = ["127.0.0.1:26657"];
    let json = ["application/json"];
    for (name, method, origin) in [
        ("loop", "POST", None),
        ("set", "POST", None),
        ("set", "POST", Some("https://wallet.example.org")),
        ("set", "OPTIONS", Some("https://wallet.example.org")),
    ] {
        let origin: Vec<&str> = origin.into_iter().collect();
        let request = HttpRequest {
            method,
            path: "/",
            host: &host,
            origin: &origin,
            content_type: &json,
            ..HttpRequest::default()
        };
        writeln!(all, "{name} {method} {origin:?}: {:?}", admit(&listener(name), request).unwrap()).unwrap();
    }
    expect![[r#"
        loop POST []: Serve([])
        set POST []: Serve([("vary", "Origin")])
        set POST ["https://wallet.example.org"]: Serve([("access-control-allow-origin", "https://wallet.example.org"), ("vary", "Origin")])
        set OPTIONS ["https://wallet.example.org"]: Preflight([("access-control-allow-origin", "https://wallet.example.org"), ("vary", "Origin"), ("access-control-allow-methods", "GET, HEAD, POST, OPTIONS"), ("access-control-allow-headers", "content-type, if-none-match"), ("access-control-max-age", "600")])
    "#]].assert_eq(&all);
}

#[test]
fn every_refusal_says_what_to_do() {
    let mut all = BTreeMap::new();
    for row in CASES.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let (host, origin, content_type) = (values(columns[3]), values(columns[4]), values(columns[5]));
        let request = HttpRequest {
            method: columns[1],
            path: columns[2],
            host: &host,
            origin: &origin,
            content_type: &content_type,
            ..HttpRequest::default()
        };
        if let Err(refusal) = admit(&listener(columns[0]), request) {
            let headers: Vec<_> = refusal.headers();
            all.entry((refusal.status(), format!("{refusal:?}").split(' ').next().unwrap().to_string()))
                .or_insert_with(|| format!("{refusal} {headers:?}"));
        }
    }
    let text: String = all.iter().map(|((status, name), text)| format!("{status} {name}: {text}\n")).collect();
    expect![[r#"
        400 HostCount: the request must have exactly one Host header, got 0 []
        400 HostSyntax: the Host header is not of the form host or host:port []
        400 OriginCount: the request must have at most one Origin header, got 2 []
        400 Target: the request target must be a path that starts with / and has at most 2048 bytes []
        403 HostForeign: this host name is not allowed; address the listener by IP, or add the name to the allowed hosts []
        403 HostPort: the Host header names port 80, this listener has 26657; behind a proxy, allow the host with its port []
        403 OriginForeign: requests of this web origin are not allowed; add it to the allowed origins if you trust the page []
        403 PreflightWithoutOrigin: OPTIONS is for CORS preflights, which have an Origin header []
        405 Method: method not allowed; use POST for JSON-RPC, GET or HEAD for /, /livez, /readyz and /metrics, GET for WebSockets [("allow", "GET, HEAD, POST, OPTIONS")]
        415 ContentType: POST needs the header Content-Type: application/json []
    "#]].assert_eq(&text);
}

#[test]
fn a_target_is_bounded() {
    let host = ["localhost"];
    let mut path = "/".repeat(2048);
    let request = |path: &str| {
        let request = HttpRequest { method: "GET", path, host: &host, ..HttpRequest::default() };
        admit(&listener("loop"), request).map_err(|refusal| refusal.status())
    };
    assert_eq!(request(&path), Ok(Admitted::Serve(Vec::new())));
    path.push('/');
    assert_eq!(request(&path), Err(400));
}

const WALLET: &str = "https://wallet.example.org";
const JSON: &[&str] = &["application/json"];

/// What browsers say of a request without being asked: listener, method, Origin, Sec-Fetch-Site, outcome of a GET or POST
/// of a path that reads.
#[test]
fn pages_of_other_origins_cause_nothing() {
    let cases = [
        ("loop", "GET", "-", "-", "serve"),
        ("loop", "GET", "-", "none", "serve"),
        ("loop", "GET", "-", "same-origin", "serve"),
        ("loop", "GET", "-", "cross-site", "403 SiteForeign"),
        ("loop", "HEAD", "-", "cross-site", "403 SiteForeign"),
        // Another port of localhost is the same site.
        ("loop", "GET", "-", "same-site", "403 SiteForeign"),
        ("loop", "POST", "-", "same-site", "403 SiteForeign"),
        ("loop", "POST", "-", "cross-site", "403 SiteForeign"),
        ("loop", "POST", "-", "same-origin", "serve"),
        // No word that a browser sends, or more than one.
        ("loop", "GET", "-", "None", "403 SiteForeign"),
        ("loop", "GET", "-", "\u{fffd}", "403 SiteForeign"),
        ("loop", "GET", "-", "none & none", "403 SiteForeign"),
        ("loop", "GET", "-", "same-origin & cross-site", "403 SiteForeign"),
        // An origin that was allowed may call from wherever it is; one that was not is told about its origin.
        ("set", "POST", WALLET, "cross-site", "serve access-control-allow-origin=https://wallet.example.org"),
        ("set", "GET", WALLET, "same-site", "serve access-control-allow-origin=https://wallet.example.org"),
        ("set", "OPTIONS", WALLET, "cross-site", "preflight"),
        ("set", "GET", "http://evil.example", "cross-site", "403 OriginForeign"),
        ("set", "GET", "http://evil.example", "same-origin", "403 OriginForeign"),
        ("set", "GET", "-", "cross-site", "403 SiteForeign"),
    ];
    for (name, method, origin, site, want) in cases {
        let (origin, fetch_site) = (values(origin), values(site));
        let request = HttpRequest {
            method,
            path: "/",
            host: &["127.0.0.1:26657"],
            origin: &origin,
            fetch_site: &fetch_site,
            user_agent: &["Mozilla/5.0"],
            content_type: JSON,
            ..HttpRequest::default()
        };
        assert_eq!(judged(&listener(name), request), want, "{name} {method} {origin:?} {site}");
    }
}

/// A GET that changes something serves programs, and no browser, whoever seems to have caused it there.
#[test]
fn a_get_that_changes_something_is_closed_to_browsers() {
    let cases = [
        ("GET", "-", "-", "curl/8.0", "serve"),
        ("GET", "-", "-", "-", "serve"),
        ("GET", "-", "none", "-", "403 ChangesByBrowser"),
        ("HEAD", "-", "none", "-", "403 ChangesByBrowser"),
        ("GET", "-", "same-origin", "-", "403 ChangesByBrowser"),
        ("GET", "-", "cross-site", "-", "403 SiteForeign"),
        ("GET", "-", "-", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15", "403 ChangesByBrowser"),
        ("GET", WALLET, "cross-site", "Mozilla/5.0", "serve access-control-allow-origin=https://wallet.example.org"),
        ("GET", "http://evil.example", "-", "-", "403 OriginForeign"),
        // A page cannot POST JSON without a preflight.
        ("POST", "-", "-", "Mozilla/5.0", "serve"),
        ("POST", "-", "same-origin", "Mozilla/5.0", "serve"),
    ];
    for (method, origin, site, agent, want) in cases {
        let (origin, fetch_site, user_agent) = (values(origin), values(site), values(agent));
        let request = HttpRequest {
            method,
            path: "/broadcast",
            host: &["127.0.0.1:26657"],
            origin: &origin,
            fetch_site: &fetch_site,
            user_agent: &user_agent,
            content_type: JSON,
            effect: Effect::Changes,
        };
        assert_eq!(judged(&listener("set"), request), want, "{method} {origin:?} {site} {agent}");
        let reading = HttpRequest { effect: Effect::Reads, ..request };
        assert_eq!(judged(&listener("set"), reading) == want, !want.contains("Changes"), "{method} {site} {agent}");
    }
}

#[test]
fn routes_of_today_read() {
    assert!(ROUTES.iter().all(|route| effect(&format!("/{}", route.name)) == route.effect));
    assert_eq!([effect("/readyz"), effect("/readyz/x"), effect("/"), effect("/nothing")], [Effect::Reads; 4]);
}

#[test]
fn what_pages_are_told() {
    let mut all = String::new();
    for (fetch_site, effect) in
        [("same-site", Effect::Reads), ("none", Effect::Changes), ("a-word-of-its-own", Effect::Reads)]
    {
        let request = HttpRequest {
            method: "GET",
            path: "/",
            host: &["localhost"],
            fetch_site: &[fetch_site],
            effect,
            ..HttpRequest::default()
        };
        writeln!(all, "{}", admit(&listener("loop"), request).unwrap_err()).unwrap();
    }
    expect![[r#"
        web pages of other origins, other ports of this machine included, may not cause this request (Sec-Fetch-Site: same-site); if you trust the page, add its origin to the allowed origins and let it call fetch, which names it
        a GET of this path changes something and is closed to web browsers; use POST with JSON-RPC instead
        web pages of other origins, other ports of this machine included, may not cause this request (Sec-Fetch-Site: a-word-of-its-ow…); if you trust the page, add its origin to the allowed origins and let it call fetch, which names it
    "#]].assert_eq(&all);
}
