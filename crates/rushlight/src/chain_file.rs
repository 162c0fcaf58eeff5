//! Chain files: one chain in TOML, turned into the core's canonical JSON.
//!
//! ```toml
//! family = "tendermint"
//! chain_id = "cosmoshub-4"
//! providers = ["https://rpc.one.example", "https://rpc.two.example"]
//! trusting_period = "168h"
//!
//! [trust]
//! height = 20000000
//! hash = "1BD5F1AB9D5B1B6C4A4A3C5B1F0A3A7B2E8C7D3E4F5A6B7C8D9E0F1A2B3C4D5E"
//! ```

use crate::toml_file::{At, FileError, Source, Table};
use rushlight_core::chains::{ChainSpec, SpecError};
use rushlight_core::rpc::http::routes;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const KEYS: &[&str] = &[
    "chain_id",
    "family",
    "listen",
    "max_clock_drift",
    "mode",
    "name",
    "providers",
    "trust",
    "trust_level",
    "trusting_period",
    "witnesses_min",
];
const TRUST_KEYS: &[&str] = &["checkpoint", "hash", "height"];
const FAMILIES: &[&str] = &["tendermint"];
const MODES: &[&str] = &["skipping", "sequential"];
/// The most providers of a chain: each is asked, so each costs.
pub const PROVIDERS_MAX: usize = 32;
/// The longest name of a chain, which is part of URLs and metrics.
const NAME_CHARS_MAX: usize = 64;
const PERIOD_WANT: &str = "a time such as \"168h\" or \"14d\", well below the chain's unbonding period";
const DRIFT_WANT: &str = "a time such as \"10s\"";
const TRUST_WANT: &str = "a [trust] table with height and hash, or with checkpoint = \"rushlight:1:…\"; \
                          `rushlight init URL… -o FILE` writes one";

/// A chain as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFile {
    /// The file.
    pub path: PathBuf,
    /// What the chain is called in URLs, logs and metrics: `name`, or the file's name without its ending.
    pub name: String,
    /// The chain's own id.
    pub chain_id: String,
    /// Base URLs of the providers.
    pub providers: Vec<String>,
    /// An address of its own, at which only this chain answers.
    pub listen: Option<SocketAddr>,
    /// The canonical JSON form that the core reads.
    pub spec_json: String,
}

impl ChainFile {
    /// Reads a chain file.
    /// # Errors
    /// Each variant of [`FileError`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Self::parse(&Source::read(path)?)
    }

    /// Reads the text of a chain file; `path` names it in errors and gives the chain its name.
    /// # Errors
    /// Each variant of [`FileError`] but [`FileError::Unreadable`] and [`FileError::TooLarge`].
    pub fn from_toml(path: &Path, text: &str) -> Result<Self, FileError> {
        Self::parse(&Source::new(path, text))
    }

    /// Returns the chain as the core reads it.
    /// # Errors
    /// What the core refuses: for instance a checkpoint that is damaged or of another chain.
    pub fn spec(&self) -> Result<ChainSpec, SpecError> {
        ChainSpec::from_json(&self.spec_json)
    }

    fn parse(source: &Source) -> Result<Self, FileError> {
        let mut table = source.table()?;
        table.check_keys(KEYS)?;
        let family = choice(&mut table, "family", FAMILIES)?;
        let family = family.ok_or_else(|| table.missing("family", "the chain's family, \"tendermint\""))?;
        let chain_id = chain_id(&mut table)?;
        let providers = providers(&mut table)?;
        let mut spec = Map::new();
        spec.insert("family".into(), family.into());
        spec.insert("chain_id".into(), chain_id.as_str().into());
        spec.insert("providers".into(), json!(providers));
        spec.insert("trust".into(), trust(&mut table)?);
        let period = seconds(&mut table, "trusting_period", PERIOD_WANT)?;
        // No default: a period that suits one chain is an attack window on another.
        let period = period.ok_or_else(|| table.missing("trusting_period", PERIOD_WANT))?;
        spec.insert("trusting_period_s".into(), period.into());
        spec.insert("trust_level".into(), trust_level(&mut table)?.into());
        let drift = seconds(&mut table, "max_clock_drift", DRIFT_WANT)?.unwrap_or(10);
        spec.insert("max_clock_drift_s".into(), drift.into());
        let mode = choice(&mut table, "mode", MODES)?.unwrap_or_else(|| "skipping".to_owned());
        spec.insert("mode".into(), mode.into());
        if let Some(witnesses) = table.number("witnesses_min", "how many witnesses must agree with a new head")? {
            spec.insert("witnesses_min".into(), witnesses.value.into());
        }
        let listen = listen(&mut table)?;
        let name = name(&mut table, source.path())?;
        Ok(Self {
            path: source.path().to_owned(),
            name,
            chain_id,
            providers,
            listen,
            spec_json: Value::Object(spec).to_string(),
        })
    }
}

fn choice(table: &mut Table<'_>, key: &str, known: &[&str]) -> Result<Option<String>, FileError> {
    let want = format!("one of {known:?}");
    let Some(at) = table.string(key, &want)? else { return Ok(None) };
    if !known.contains(&at.value.as_str()) {
        return Err(table.wrong(&at, format!("{:?}", at.value), want));
    }
    Ok(Some(at.value))
}

fn chain_id(table: &mut Table<'_>) -> Result<String, FileError> {
    let want = "the chain's id, 1 to 50 characters";
    let at = table.string("chain_id", want)?.ok_or_else(|| table.missing("chain_id", want))?;
    // CometBFT's MaxChainIDLen: no genesis with a longer one is valid.
    if at.value.is_empty() || at.value.len() > 50 || at.value.chars().any(char::is_control) {
        return Err(table.wrong(&at, format!("{:?}", at.value), want));
    }
    Ok(at.value)
}

fn providers(table: &mut Table<'_>) -> Result<Vec<String>, FileError> {
    let want = "a list of URLs such as [\"https://rpc.one.example\", \"https://rpc.two.example\"]";
    let at = table.strings("providers", want)?.ok_or_else(|| table.missing("providers", want))?;
    if at.value.is_empty() || at.value.len() > PROVIDERS_MAX {
        return Err(table.wrong(&at, format!("a list of {}", at.value.len()), format!("1 to {PROVIDERS_MAX} URLs")));
    }
    for (index, url) in at.value.iter().enumerate() {
        if let Err(why) = check_url(url) {
            return Err(table.wrong(&at, format!("{url:?}: {why}"), want));
        }
        if at.value.iter().take(index).any(|earlier| earlier == url) {
            return Err(table.wrong(&at, format!("{url:?} twice"), "each provider once: a copy is no witness"));
        }
    }
    Ok(at.value)
}

/// Checks that `url` can be a provider's base address.
/// # Errors
/// What is wrong with it, in words.
pub fn check_url(url: &str) -> Result<(), &'static str> {
    let uri: hyper::Uri = url.parse().map_err(|_| "it is not a URL")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("it does not start with http:// or https://");
    }
    let authority = uri.authority().ok_or("it has no host")?;
    if authority.host().is_empty() {
        return Err("it has no host");
    }
    if authority.as_str().contains('@') {
        return Err("it holds a password, which would stand in logs");
    }
    if uri.query().is_some() || url.contains('#') {
        return Err("it has a query or fragment; only a base address is wanted");
    }
    Ok(())
}

fn trust(table: &mut Table<'_>) -> Result<Value, FileError> {
    let mut trust = table.table("trust", TRUST_WANT)?.ok_or_else(|| table.missing("trust", TRUST_WANT))?;
    trust.check_keys(TRUST_KEYS)?;
    let checkpoint = trust.string("checkpoint", "a checkpoint text such as \"rushlight:1:…\"")?;
    let height = trust.number("height", "the height of a header that you trust, from 1")?;
    let hash = trust.string("hash", "the hash of that header, 64 hexadecimal digits")?;
    let value = match (checkpoint, height, hash) {
        (Some(checkpoint), None, None) => json!({ "checkpoint": checkpoint.value }),
        (None, Some(height), Some(hash)) => {
            if height.value == 0 || height.value > i64::MAX as u64 {
                return Err(trust.wrong(&height, height.value.to_string(), "a height from 1"));
            }
            json!({ "height": height.value, "hash": checked_hash(&trust, hash)? })
        }
        (Some(checkpoint), _, _) => {
            return Err(trust.wrong(
                &checkpoint,
                "given with height or hash",
                "one of the two: which to trust is unclear",
            ));
        }
        (None, None, _) => return Err(trust.missing("height", TRUST_WANT)),
        (None, _, None) => return Err(trust.missing("hash", TRUST_WANT)),
    };
    Ok(value)
}

fn checked_hash(trust: &Table<'_>, hash: At<String>) -> Result<String, FileError> {
    if hash.value.len() != 64 || !hash.value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let got = format!("{:?} ({} characters)", hash.value, hash.value.chars().count());
        return Err(trust.wrong(&hash, got, "64 hexadecimal digits"));
    }
    Ok(hash.value.to_ascii_uppercase())
}

fn trust_level(table: &mut Table<'_>) -> Result<String, FileError> {
    let want = "a fraction from \"1/3\" to \"1\"";
    let Some(at) = table.string("trust_level", want)? else { return Ok("1/3".to_owned()) };
    let (numerator, denominator) = at.value.split_once('/').unwrap_or((at.value.as_str(), "1"));
    match (numerator.trim().parse::<u32>(), denominator.trim().parse::<u32>()) {
        // Below 1/3 a skip could be signed by nobody honest.
        (Ok(n), Ok(d)) if d > 0 && n <= d && u64::from(n) * 3 >= u64::from(d) => Ok(format!("{n}/{d}")),
        _ => Err(table.wrong(&at, format!("{:?}", at.value), want)),
    }
}

fn seconds(table: &mut Table<'_>, key: &str, want: &str) -> Result<Option<u64>, FileError> {
    let Some(at) = table.string(key, want)? else { return Ok(None) };
    match parse_duration(&at.value) {
        Some(duration) if !duration.is_zero() => Ok(Some(duration.as_secs())),
        _ => Err(table.wrong(&at, format!("{:?}", at.value), want)),
    }
}

/// Reads a time such as `10s`, `15m`, `168h`, `14d` or `1d12h`: whole numbers, each with its unit. `None` if it is not
/// of this form or longer than 100 years.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = rest.split_at(digits);
        let factor = match unit.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = &unit[1..];
    }
    (seconds <= 100 * 366 * 86_400).then(|| Duration::from_secs(seconds))
}

fn listen(table: &mut Table<'_>) -> Result<Option<SocketAddr>, FileError> {
    let want = "an address such as \"127.0.0.1:26657\"";
    let Some(at) = table.string("listen", want)? else { return Ok(None) };
    let address = at.value.parse().map_err(|_| table.wrong(&at, format!("{:?}", at.value), want))?;
    Ok(Some(address))
}

fn name(table: &mut Table<'_>, path: &Path) -> Result<String, FileError> {
    let want = "a name of 1 to 64 letters a-z, digits, '-', '_' or '.', not that of a route (livez, metrics, readyz, \
                websocket); it is part of URLs";
    let from_file = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let at = table.string("name", want)?;
    let name = at.as_ref().map_or_else(from_file, |at| at.value.clone());
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('.')
        && !routes::is_route(&name)
    {
        return Ok(name);
    }
    Err(match at {
        Some(at) => table.wrong(&at, format!("{name:?}"), want),
        None => table.missing("name", &format!("the file's name {name:?} cannot serve; {want}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const HASH: &str = "1bd5f1ab9d5b1b6c4a4a3c5b1f0a3a7b2e8c7d3e4f5a6b7c8d9e0f1a2b3c4d5e";

    fn whole() -> String {
        format!(
            "family = \"tendermint\"\nchain_id = \"hub-4\"\nproviders = [\"http://127.0.0.1:1\", \"https://a.example/rpc\"]\n\
             trusting_period = \"14d\"\n[trust]\nheight = 7\nhash = \"{HASH}\"\n"
        )
    }

    fn check(text: &str, want: Expect) {
        let text = match ChainFile::from_toml(Path::new("hub.toml"), text) {
            Ok(file) => format!("{} {:?} {}", file.name, file.listen, file.spec_json),
            Err(error) => error.to_string(),
        };
        want.assert_eq(&text);
    }

    #[test]
    fn a_file_becomes_the_canonical_form() {
        check(
            &whole(),
            expect![[
                r#"hub None {"chain_id":"hub-4","family":"tendermint","max_clock_drift_s":10,"mode":"skipping","providers":["http://127.0.0.1:1","https://a.example/rpc"],"trust":{"hash":"1BD5F1AB9D5B1B6C4A4A3C5B1F0A3A7B2E8C7D3E4F5A6B7C8D9E0F1A2B3C4D5E","height":7},"trust_level":"1/3","trusting_period_s":1209600}"#
            ]],
        );
        check(
            "name = \"x-1\"\nfamily = \"tendermint\"\nchain_id = \"c\"\nproviders = \"http://[::1]:80\"\ntrusting_period = \"1h30m\"\n\
             max_clock_drift = \"30s\"\ntrust_level = \"2/3\"\nmode = \"sequential\"\nlisten = \"127.0.0.1:26657\"\n\
             trust = { checkpoint = \"rushlight:1:abc\" }",
            expect![[
                r#"x-1 Some(127.0.0.1:26657) {"chain_id":"c","family":"tendermint","max_clock_drift_s":30,"mode":"sequential","providers":["http://[::1]:80"],"trust":{"checkpoint":"rushlight:1:abc"},"trust_level":"2/3","trusting_period_s":5400}"#
            ]],
        );
    }

    #[test]
    fn mistakes_are_pointed_at() {
        let with = |line: &str| whole().replace("trusting_period = \"14d\"", line);
        check(
            &with(""),
            expect![[
                r#"hub.toml: the key "trusting_period" is missing: a time such as "168h" or "14d", well below the chain's unbonding period"#
            ]],
        );
        check(
            &with("trusting_perod = \"14d\""),
            expect![[r#"hub.toml:4: unknown key "trusting_perod"; did you mean "trusting_period"?"#]],
        );
        check(
            &with("trusting_period = \"14d\"\nmax_clock_drfit = \"1s\""),
            expect![[r#"hub.toml:5: unknown key "max_clock_drfit"; did you mean "max_clock_drift"?"#]],
        );
        check(
            &with("trusting_period = \"14d\"\ncolour = 1"),
            expect![[
                r#"hub.toml:5: unknown key "colour"; known are chain_id, family, listen, max_clock_drift, mode, name, providers, trust, trust_level, trusting_period, witnesses_min"#
            ]],
        );
        check(
            &with("trusting_period = \"14 days\""),
            expect![[
                r#"hub.toml:4: trusting_period is "14 days", wanted a time such as "168h" or "14d", well below the chain's unbonding period"#
            ]],
        );
        check(
            &with("trusting_period = \"0s\""),
            expect![[
                r#"hub.toml:4: trusting_period is "0s", wanted a time such as "168h" or "14d", well below the chain's unbonding period"#
            ]],
        );
        check(
            &with("trusting_period = 14"),
            expect![[
                r#"hub.toml:4: trusting_period is 14, wanted a time such as "168h" or "14d", well below the chain's unbonding period"#
            ]],
        );
        check(
            &with("trusting_period = \"14d\"\ntrust_level = \"1/4\""),
            expect![[r#"hub.toml:5: trust_level is "1/4", wanted a fraction from "1/3" to "1""#]],
        );
        check(
            &with("trusting_period = \"14d\"\nlisten = \"26657\""),
            expect![[r#"hub.toml:5: listen is "26657", wanted an address such as "127.0.0.1:26657""#]],
        );
        check(
            &with("trusting_period = \"14d\"\nname = \"A b\""),
            expect![[
                r#"hub.toml:5: name is "A b", wanted a name of 1 to 64 letters a-z, digits, '-', '_' or '.', not that of a route (livez, metrics, readyz, websocket); it is part of URLs"#
            ]],
        );
        check(&with("trusting_period = \"14d"), expect!["hub.toml:4: not TOML: invalid basic string, expected `\"`"]);
        check(
            &whole().replace("tendermint", "tendermynt"),
            expect![[r#"hub.toml:1: family is "tendermynt", wanted one of ["tendermint"]"#]],
        );
        check(
            &whole().replace("https://a.example/rpc", "ftp://a"),
            expect![[
                r#"hub.toml:3: providers is "ftp://a": it does not start with http:// or https://, wanted a list of URLs such as ["https://rpc.one.example", "https://rpc.two.example"]"#
            ]],
        );
        check(
            &whole().replace("https://a.example/rpc", "http://127.0.0.1:1"),
            expect![[
                r#"hub.toml:3: providers is "http://127.0.0.1:1" twice, wanted each provider once: a copy is no witness"#
            ]],
        );
        check(
            &whole().replace("https://a.example/rpc", "https://u:p@a.example"),
            expect![[
                r#"hub.toml:3: providers is "https://u:p@a.example": it holds a password, which would stand in logs, wanted a list of URLs such as ["https://rpc.one.example", "https://rpc.two.example"]"#
            ]],
        );
        check(
            &whole().replace(HASH, "abc"),
            expect![[r#"hub.toml:7: trust.hash is "abc" (3 characters), wanted 64 hexadecimal digits"#]],
        );
        check(
            &whole().replace("height = 7", "height = -7"),
            expect![[r#"hub.toml:6: trust.height is -7, wanted the height of a header that you trust, from 1"#]],
        );
        check(
            &whole().replace("height = 7", "checkpoint = \"rushlight:1:x\""),
            expect![[
                r#"hub.toml:6: trust.checkpoint is given with height or hash, wanted one of the two: which to trust is unclear"#
            ]],
        );
        check(
            &whole().replace("height = 7", "heigth = 7"),
            expect![[r#"hub.toml:6: unknown key "trust.heigth"; did you mean "trust.height"?"#]],
        );
        check(
            &whole().replace("height = 7", "height = 7\nhsah = \"\""),
            expect![[r#"hub.toml:7: unknown key "trust.hsah"; did you mean "trust.hash"?"#]],
        );
    }

    #[test]
    fn a_chain_cannot_stand_before_a_route() {
        for routes::Route { name: route, .. } in routes::ROUTES {
            let path = format!("{route}.toml");
            let refused = ChainFile::from_toml(Path::new(&path), &whole()).unwrap_err().to_string();
            assert!(refused.contains("not that of a route") && refused.contains(route), "{refused}");
            let named = format!("name = \"{route}\"\n{}", whole());
            let refused = ChainFile::from_toml(Path::new("hub.toml"), &named).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("hub.toml:1: name is {route:?}, wanted a name")), "{refused}");
        }
        assert_eq!(ChainFile::from_toml(Path::new("readyz-1.toml"), &whole()).unwrap().name, "readyz-1");
    }

    #[test]
    fn durations() {
        for (text, want) in [
            ("10s", Some(10)),
            ("168h", Some(604_800)),
            ("14d", Some(1_209_600)),
            ("1d12h", Some(129_600)),
            ("2w", Some(1_209_600)),
            ("", None),
            ("10", None),
            ("h", None),
            ("-1s", None),
            ("1.5h", None),
            ("10µs", None),
            ("99999999999999999999s", None),
            ("18446744073709551615w", None),
            ("101w99999w", None),
        ] {
            assert_eq!(parse_duration(text).map(|duration| duration.as_secs()), want, "{text}");
        }
    }
}
