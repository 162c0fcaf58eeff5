//! Questions to providers outside of any sync, for `init` and `doctor`. Nothing that they say is trusted.

use rushlight::core::base::{Hash, UnixTime};
use rushlight::core::chains::tendermint::decode::json::{self, NodeStatus};
use rushlight::core::peers::{Fetch, Method, Share};
use rushlight::{Fetcher, escape};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(15);
const ANSWER_BYTES_MAX: u32 = 4 << 20;

/// A header's hash, computed from the header itself, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) hash: Hash,
    pub(crate) time: UnixTime,
}

async fn get(fetcher: &Fetcher, url: &str, path: &str) -> Result<Vec<u8>, String> {
    let fetch = Fetch {
        share: Share::default(),
        url: format!("{}{path}", url.trim_end_matches('/')),
        method: Method::Get,
        body_bytes_max: ANSWER_BYTES_MAX,
        timeout: TIMEOUT,
    };
    let answer = fetcher.fetch(fetch).await.map_err(|failed| failed.to_string())?;
    // A JSON-RPC error comes with 500 and says more than the status.
    if answer.status != 200 && answer.status != 500 {
        return Err(format!("it answered with HTTP status {}", answer.status));
    }
    Ok(answer.body)
}

/// Asks a provider for its status.
pub(crate) async fn status(fetcher: &Fetcher, url: &str) -> Result<NodeStatus, String> {
    let body = get(fetcher, url, "/status").await?;
    let answer = json::status_answer(&body).map_err(|error| escape(&error.to_string()))?;
    answer.map_err(|error| escape(&error.to_string()))
}

/// Asks a provider for the header at a height.
pub(crate) async fn header(fetcher: &Fetcher, url: &str, height: u64) -> Result<Header, String> {
    let body = get(fetcher, url, &format!("/commit?height={height}")).await?;
    let answer = json::commit_answer(&body).map_err(|error| escape(&error.to_string()))?;
    let (header, _) = answer.map_err(|error| escape(&error.to_string()))?;
    if header.height != height {
        return Err(format!("it was asked for height {height} and answered with {}", header.height));
    }
    Ok(Header { hash: header.hash(), time: header.time })
}

/// Returns the host of a base address, for telling independent providers from copies.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

/// Tells whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_addresses() {
        for (url, want, loopback) in [
            ("https://rpc.a.example/x:1", "rpc.a.example", false),
            ("http://127.0.0.1:26657", "127.0.0.1", true),
            ("http://[::1]:26657/", "::1", true),
            ("http://localhost", "localhost", true),
        ] {
            assert_eq!((host(url), is_loopback(host(url))), (want, loopback), "{url}");
        }
    }
}
