//! Questions to providers outside of any sync, for `init` and `doctor`. Nothing that they say is trusted.

use rushlight::core::chains::{Families, HeaderTold, PeerTold, Probe};
use rushlight::core::peers::{Fetch, HttpQuestion, Method, Reply, Share};
use rushlight::{Fetcher, escape};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(15);
const ANSWER_BYTES_MAX: u32 = 4 << 20;

/// Puts a question to a provider and has the answer read.
async fn put<T>(
    fetcher: &Fetcher,
    url: &str,
    body: HttpQuestion,
    read: impl FnOnce(Reply<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let base = url.trim_end_matches('/');
    let (url, method) = match body {
        HttpQuestion::Get(path) => (format!("{base}{path}"), Method::Get),
        HttpQuestion::Post(text) => (base.to_owned(), Method::Post(text)),
    };
    let fetch = Fetch { share: Share::default(), url, method, body_bytes_max: ANSWER_BYTES_MAX, timeout: TIMEOUT };
    let answer = fetcher.fetch(fetch).await.map_err(|failed| failed.to_string())?;
    // A JSON-RPC error comes with 500 and says more than the status.
    if answer.status != 200 && answer.status != 500 {
        return Err(format!("it answered with HTTP status {}", answer.status));
    }
    read(Reply { status: answer.status, body: &answer.body }).map_err(|why| escape(&why))
}

/// Asks a provider where it stands.
pub(crate) async fn status(fetcher: &Fetcher, probe: &dyn Probe, url: &str) -> Result<PeerTold, String> {
    put(fetcher, url, probe.ask_status(), |reply| probe.read_status(reply)).await
}

/// Asks a provider for the header at a height.
pub(crate) async fn header(fetcher: &Fetcher, probe: &dyn Probe, url: &str, height: u64) -> Result<HeaderTold, String> {
    put(fetcher, url, probe.ask_header(height), |reply| probe.read_header(height, reply)).await
}

/// Finds the way in which a provider can be asked, by asking as each family would.
pub(crate) async fn find(fetcher: &Fetcher, url: &str) -> Result<&'static dyn Probe, String> {
    let mut whys = Vec::new();
    for probe in Families::default().rows().filter_map(|family| family.probe()) {
        match status(fetcher, probe, url).await {
            Ok(_) => return Ok(probe),
            Err(why) => whys.push(why),
        }
    }
    Err(whys.join("; "))
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
