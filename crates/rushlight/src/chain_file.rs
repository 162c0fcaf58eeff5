//! Chain files: the core's description of a chain in TOML, with a name and an address of its own.
//!
//! Which keys there are and what they may hold is the core's to say, see [`rushlight_core::node::describe`]; here its refusal is
//! given the line of the file.
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

use crate::toml_file::{FileError, Source};
use rushlight_core::chains::{ChainSpec, Families, Key, Kind};
use rushlight_core::node::describe;
use rushlight_core::rpc::http::routes;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The longest name of a chain, which is part of URLs and metrics.
const NAME_CHARS_MAX: usize = 64;
const NAME_WANT: &str = "a name of 1 to 64 letters a-z, digits, '-', '_' or '.', not that of a route (livez, metrics, readyz, \
                         websocket); it is part of URLs";
const LISTEN_WANT: &str = "an address such as \"127.0.0.1:26657\"";

/// Keys that are this program's: whatever the family, a chain has a name here and may have an address.
const OWN_KEYS: &[Key] = &[
    Key { name: "listen", kind: Kind::Text, is_required: false, want: LISTEN_WANT },
    Key { name: "name", kind: Kind::Text, is_required: false, want: NAME_WANT },
];

/// A chain as its file describes it.
#[derive(Clone, Debug)]
pub struct ChainFile {
    /// The file.
    pub path: PathBuf,
    /// What the chain is called in URLs, logs and metrics: `name`, or the file's name without its ending.
    pub name: String,
    /// An address of its own, at which only this chain answers.
    pub listen: Option<SocketAddr>,
    /// The chain, for [`crate::Client::add_chain`].
    pub spec: ChainSpec,
}

impl ChainFile {
    /// Reads a chain file of a family of this build.
    /// # Errors
    /// Each variant of [`FileError`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        Self::read_by(&Families::default(), path)
    }

    /// Reads a chain file by a table of families.
    /// # Errors
    /// Each variant of [`FileError`].
    pub fn read_by(families: &Families, path: &Path) -> Result<Self, FileError> {
        Self::parse(families, &Source::read(path)?)
    }

    /// Reads the text of a chain file; `path` names it in errors and gives the chain its name.
    /// # Errors
    /// Each variant of [`FileError`] but [`FileError::Unreadable`] and [`FileError::TooLarge`].
    pub fn from_toml(path: &Path, text: &str) -> Result<Self, FileError> {
        Self::parse(&Families::default(), &Source::new(path, text))
    }

    fn parse(families: &Families, source: &Source) -> Result<Self, FileError> {
        let document = source.document()?;
        let spec = describe(families, &document.json.to_string(), OWN_KEYS)
            .map_err(|error| document.refused(error.pointer(), error.to_string()))?;
        let own = |name| document.json[name].as_str();
        let listen = own("listen").map(|text| {
            text.parse().map_err(|_| document.refused("/listen", format!("listen is {text:?}, wanted {LISTEN_WANT}")))
        });
        let name = match own("name") {
            Some(name) if is_name(name) => name.to_owned(),
            Some(name) => return Err(document.refused("/name", format!("name is {name:?}, wanted {NAME_WANT}"))),
            None => {
                let name = source.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
                if !is_name(&name) {
                    let why =
                        format!("the key \"name\" is missing: the file's name {name:?} cannot serve; {NAME_WANT}");
                    return Err(document.refused("", why));
                }
                name
            }
        };
        Ok(Self { path: source.path().to_owned(), name, listen: listen.transpose()?, spec })
    }

    /// Returns the chain's own id.
    #[must_use]
    pub fn chain_id(&self) -> &str {
        self.spec.chain_id()
    }

    /// Returns the base addresses of the chain's providers.
    #[must_use]
    pub fn providers(&self) -> &[String] {
        self.spec.providers()
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('.')
        && !routes::is_route(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use rushlight_core::base::Hash;
    use rushlight_core::bundle::{Anchor, Checkpoint, FamilyName};

    const HASH: &str = "1bd5f1ab9d5b1b6c4a4a3c5b1f0a3a7b2e8c7d3e4f5a6b7c8d9e0f1a2b3c4d5e";

    fn whole() -> String {
        format!(
            "family = \"tendermint\"\nchain_id = \"hub-4\"\nproviders = [\"http://127.0.0.1:1\", \"https://a.example/rpc\"]\n\
             trusting_period = \"14d\"\n[trust]\nheight = 7\nhash = \"{HASH}\"\n"
        )
    }

    fn checkpoint() -> String {
        let (family, anchor) = (FamilyName::of("tendermint"), Anchor::new("1767225600.000000000"));
        let checkpoint = Checkpoint { family, chain_id: "c".into(), height: 5, hash: Hash([7; 32]), anchor };
        checkpoint.to_text().unwrap()
    }

    fn check(text: &str, want: Expect) {
        let text = match ChainFile::from_toml(Path::new("hub.toml"), text) {
            Ok(file) => format!("{} {:?} {:?}", file.name, file.listen, file.spec),
            Err(error) => error.to_string(),
        };
        want.assert_eq(&text);
    }

    #[test]
    fn a_file_becomes_the_canonical_form() {
        check(
            &whole(),
            expect![[
                r#"hub None Spec { chain_id: "hub-4", providers: ["http://127.0.0.1:1", "https://a.example/rpc"], trust: Trust { height: 7, hash: 1BD5F1AB9D5B1B6C4A4A3C5B1F0A3A7B2E8C7D3E4F5A6B7C8D9E0F1A2B3C4D5E }, rules: Rules { trusting_period: 1209600s, trust_level: TrustLevel { numerator: 1, denominator: 3 }, max_clock_drift: 10s }, mode: Skipping, witnesses_min: 1 }"#
            ]],
        );
        check(
            &"name = \"x-1\"\nfamily = \"tendermint\"\nchain_id = \"c\"\nproviders = \"http://[::1]:80\"\ntrusting_period = \"1h30m\"\n\
             max_clock_drift = \"30s\"\ntrust_level = \"2/3\"\nmode = \"sequential\"\nlisten = \"127.0.0.1:26657\"\n\
             trust = { checkpoint = \"CHECKPOINT\" }"
                .replace("CHECKPOINT", &checkpoint()),
            expect![[r#"x-1 Some(127.0.0.1:26657) Spec { chain_id: "c", providers: ["http://[::1]:80"], trust: Trust { height: 5, hash: 0707070707070707070707070707070707070707070707070707070707070707 }, rules: Rules { trusting_period: 5400s, trust_level: TrustLevel { numerator: 2, denominator: 3 }, max_clock_drift: 30s }, mode: Sequential, witnesses_min: 0 }"#]],
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
                r#"hub.toml:5: unknown key "colour"; known are family, listen, name, chain_id, providers, trust, trusting_period, trust_level, max_clock_drift, mode, witnesses_min"#
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
            expect![[
                r#"hub.toml:5: trust_level is "1/4": trust level 1/4 is below 1/3, the least that is secure; wanted a fraction from "1/3" to "1""#
            ]],
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
                r#"hub.toml:3: providers: ftp://a: address begins with "ftp://a", wanted is http:// or https://"#
            ]],
        );
        check(
            &whole().replace("https://a.example/rpc", "http://127.0.0.1:1"),
            expect!["hub.toml:3: providers: http://127.0.0.1:1: an address at http://127.0.0.1:1 is listed twice"],
        );
        check(
            &whole().replace("https://a.example/rpc", "https://u:p@a.example"),
            expect!["hub.toml:3: providers: https://: address holds a user name or password, which is not supported"],
        );
        check(
            &whole().replace(HASH, "abc"),
            expect![[r#"hub.toml:7: trust.hash is "abc" (3 characters), wanted 64 hexadecimal digits"#]],
        );
        check(
            &whole().replace("height = 7", "height = -7"),
            expect!["hub.toml:6: trust.height is -7, wanted the height of a header that you trust, from 1"],
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

    /// What is called good here is what a node follows: there is one reader of it.
    #[test]
    fn what_is_good_can_be_followed() {
        let provider = |url: &str| whole().replace("https://a.example/rpc", url);
        for url in [
            "http://a..b",
            "http://x:99999",
            "http://x:0",
            "http://[::1%25lo]:1",
            "http://a.example/%zz",
            "http://256.1.1.1",
            "http://-a.example",
            "HTTP://127.0.0.1:1/",
        ] {
            let error = ChainFile::from_toml(Path::new("hub.toml"), &provider(url)).unwrap_err().to_string();
            assert!(error.starts_with("hub.toml:3: providers: "), "{url}: {error}");
        }
        for (text, is_good) in [("1", true), ("1/1", true), ("2/3", true), ("1/4", false), ("2", false), ("one", false)]
        {
            let read = ChainFile::from_toml(Path::new("hub.toml"), &with_level(text));
            assert_eq!(read.is_ok(), is_good, "{text}: {read:?}");
        }
        let many: Vec<String> = (0..33).map(|n| format!("\"http://a{n}\"")).collect();
        let many =
            whole().replace("[\"http://127.0.0.1:1\", \"https://a.example/rpc\"]", &format!("[{}]", many.join(", ")));
        check(&many, expect!["hub.toml:3: providers is a list of 33, wanted 1 to 32 URLs"]);
        let damaged = whole().replace("height = 7\n", "").replace(&format!("hash = \"{HASH}\""), "checkpoint = \"x\"");
        check(&damaged, expect![[r#"hub.toml:6: trust.checkpoint: checkpoint does not begin with "rushlight:1:""#]]);
        let of_other = damaged.replace("\"x\"", &format!("{:?}", checkpoint()));
        check(&of_other, expect![[r#"hub.toml:6: trust.checkpoint is of chain "c", the description of "hub-4""#]]);
    }

    fn with_level(level: &str) -> String {
        whole().replace("[trust]", &format!("trust_level = {level:?}\n[trust]"))
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
}
