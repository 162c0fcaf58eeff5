//! The demo as its users start it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

#[test]
fn the_demo_tells_every_step_and_ends_well() {
    let output = Command::new(env!("CARGO_BIN_EXE_rushlight")).args(["demo", "--once", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["ok"], true);
    let (synced, proven, lied_to) = (&told["sync"], &told["proof"], &told["lie"]);
    let height = |step: &serde_json::Value| step["height"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(height(synced) >= 400 && height(proven) >= 400 && height(lied_to) >= 400, "{told}");
    assert!(synced["blocks_fetched"].as_u64().unwrap() < 100, "{told}");
    assert!(synced["witnesses_agreeing"].as_u64().unwrap() >= 1, "{told}");
    assert!(lied_to["refused"].as_str().unwrap().contains("signature does not match"), "{told}");
    assert_eq!(lied_to["provider"], told["network"]["urls"][3]);
}

/// What the demo tells its users to try is there, and an address that they chose is the one.
#[test]
fn the_demo_serves_what_it_names_where_it_was_told() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let args = ["demo", "--json", "--listen", &address.to_string()];
    let demo = Command::new(env!("CARGO_BIN_EXE_rushlight")).args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut demo = Killed(demo);
    let mut told = String::new();
    BufReader::new(demo.0.stdout.take().unwrap()).read_line(&mut told).unwrap();
    assert!(told.contains(&format!("http://{address}")), "{told}");
    for path in ["/", "/livez", "/readyz", "/metrics"] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    // The address is taken now, and the user chose it.
    let output = Command::new(env!("CARGO_BIN_EXE_rushlight")).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(10), "{}", String::from_utf8_lossy(&output.stderr));
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
