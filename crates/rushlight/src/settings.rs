//! Settings: flags before environment before file before defaults, with the same names in all of them.
//!
//! `listen` is `--listen` on the command line, `RUSHLIGHT_LISTEN` in the environment and `listen` in the TOML file. Each
//! value remembers where it came from, for `rushlight config show --origin` and for error messages.

use crate::toml_file::{FileError, Source};
use rushlight_core::codec::nearest;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Its name in the file.
    pub name: &'static str,
    /// Whether it may be given several times.
    pub is_list: bool,
    /// What it is when nobody gives it, in words when that depends on the machine.
    pub default: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
}

const fn one(name: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { name, is_list: false, default, doc }
}

const fn list(name: &'static str, doc: &'static str) -> Setting {
    Setting { name, is_list: true, default: "", doc }
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    list("allow_host", "names beside loopback addresses that a request's Host may carry"),
    list("allow_origin", "web origins that may call, such as https://wallet.example; none by default"),
    list("chain", "chain files to follow"),
    one("color", "auto", "whether logs are coloured: auto, always or never"),
    one("data_dir", "$XDG_DATA_HOME/rushlight", "the folder of the store and the control socket"),
    one("listen", "127.0.0.1:8645", "the address of JSON-RPC, health and metrics, or \"off\""),
    one("log_format", "text", "how logs are written to stderr: text or json"),
    one("log_level", "info", "how much is logged: error, warn, info, debug or trace"),
    one("threads", "one per core", "worker threads for signatures"),
];

/// Variables that other programs of the project read: no settings, and not mistakes.
const FOREIGN_VARIABLES: &[&str] = &["RUSHLIGHT_CONFIG", "RUSHLIGHT_VECTORS", "RUSHLIGHT_UPDATE"];
const VARIABLE_PREFIX: &str = "RUSHLIGHT_";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag(String),
    /// A variable of the environment.
    Variable(String),
    /// The settings file.
    File(PathBuf),
    /// Nobody gave it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Why settings are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The settings file is refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// A variable that is almost a setting.
    #[error("the environment has {got}, which is no setting; did you mean {meant}?")]
    UnknownVariable {
        /// The variable.
        got: String,
        /// The variable that was probably meant.
        meant: String,
    },
    /// A value that a setting cannot have.
    #[error("{name} is {got:?} ({origin}), wanted {want}")]
    Wrong {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: String,
        /// Where it came from.
        origin: Origin,
        /// What it may be.
        want: &'static str,
    },
    /// There is no place for data.
    #[error("neither XDG_DATA_HOME nor HOME is set: name a data folder with --data-dir")]
    NoHome,
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The setting.
    pub setting: &'static Setting,
    /// Its values; one unless it is a list.
    pub values: Vec<String>,
    /// Where they came from.
    pub origin: Origin,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Whether logs are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, or when `CLICOLOR_FORCE` is set; never when `NO_COLOR` is.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// All settings, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Names beside loopback addresses that a request's `Host` may carry.
    pub allow_host: Vec<String>,
    /// Web origins that may call.
    pub allow_origin: Vec<String>,
    /// Chain files.
    pub chain: Vec<PathBuf>,
    /// Whether logs are coloured.
    pub color: Color,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where to listen, unless nowhere.
    pub listen: Option<SocketAddr>,
    /// The form of log lines.
    pub log_format: LogFormat,
    /// The least important lines that are logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: String,
    /// Worker threads; one per core when `None`.
    pub threads: Option<NonZeroUsize>,
    found: Vec<Found>,
}

/// What settings are made from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Flags that were given: name as in the file, and values.
    pub flags: Vec<(&'static str, Vec<String>)>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The settings file, when the user names one.
    pub config: Option<PathBuf>,
}

impl Settings {
    /// Merges the sources and checks every value.
    ///
    /// Without `config` the file is `RUSHLIGHT_CONFIG`, else `rushlight/rushlight.toml` in `XDG_CONFIG_HOME` or
    /// `~/.config`, which need not exist.
    /// # Errors
    /// Each variant of [`SettingsError`].
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        check_variables(&sources.environment)?;
        let mut found = Vec::new();
        let file = read_file(sources)?;
        for setting in SETTINGS {
            found.push(find(setting, sources, &file)?);
        }
        Self::check(found)
    }

    /// Returns every setting with its value and origin, in the order of their names.
    #[must_use]
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    fn check(mut found: Vec<Found>) -> Result<Self, SettingsError> {
        let listen = checked(&found, "listen", "an address such as 127.0.0.1:8645, or off", |text| match text {
            "off" => Some(None),
            text => text.parse().ok().map(Some),
        })?;
        let color = checked(&found, "color", "auto, always or never", |text| match text {
            "auto" => Some(Color::Auto),
            "always" => Some(Color::Always),
            "never" => Some(Color::Never),
            _ => None,
        })?;
        let log_format = checked(&found, "log_format", "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        })?;
        let log_level = checked(&found, "log_level", "error, warn, info, debug or trace", |text| {
            ["error", "warn", "info", "debug", "trace"].contains(&text).then(|| text.to_owned())
        })?;
        let threads = checked(&found, "threads", "a whole number from 1", |text| match text {
            "" => Some(None),
            text => text.parse().ok().map(Some),
        })?;
        let data_dir = checked(&found, "data_dir", "a folder", |text| (!text.is_empty()).then(|| PathBuf::from(text)))?;
        let allow_origin = values(&found, "allow_origin");
        found.sort_by_key(|found| found.setting.name);
        Ok(Self {
            allow_host: values(&found, "allow_host"),
            allow_origin,
            chain: values(&found, "chain").into_iter().map(PathBuf::from).collect(),
            color,
            data_dir,
            listen,
            log_format,
            log_level,
            threads,
            found,
        })
    }
}

fn values(found: &[Found], name: &str) -> Vec<String> {
    found.iter().find(|found| found.setting.name == name).map(|found| found.values.clone()).unwrap_or_default()
}

fn checked<T>(
    found: &[Found],
    name: &'static str,
    want: &'static str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, SettingsError> {
    let found = found.iter().find(|found| found.setting.name == name);
    let text = found.and_then(|found| found.values.first()).map(String::as_str).unwrap_or_default();
    let origin = || found.map_or(Origin::Default, |found| found.origin.clone());
    read(text).ok_or_else(|| SettingsError::Wrong { name, got: text.to_owned(), origin: origin(), want })
}

/// Refuses a variable that is almost a setting; one that is nothing like any belongs to somebody else.
fn check_variables(environment: &[(String, String)]) -> Result<(), SettingsError> {
    let known: Vec<String> =
        SETTINGS.iter().map(variable).chain(FOREIGN_VARIABLES.iter().map(|name| (*name).to_owned())).collect();
    for (name, _) in environment {
        if !name.starts_with(VARIABLE_PREFIX) || known.contains(name) {
            continue;
        }
        let tails = known.iter().filter_map(|known| known.strip_prefix(VARIABLE_PREFIX));
        if let Some(meant) = nearest(&name[VARIABLE_PREFIX.len()..], tails) {
            return Err(SettingsError::UnknownVariable {
                got: name.clone(),
                meant: format!("{VARIABLE_PREFIX}{meant}"),
            });
        }
    }
    Ok(())
}

fn variable(setting: &Setting) -> String {
    format!("{VARIABLE_PREFIX}{}", setting.name.to_uppercase())
}

fn in_environment<'e>(environment: &'e [(String, String)], name: &str) -> Option<&'e str> {
    let found = environment.iter().find(|(found, _)| found == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// The settings file: its path, and the values of each setting that it has.
#[derive(Debug, Default)]
struct SettingsFile {
    path: PathBuf,
    values: Vec<(&'static str, Vec<String>)>,
}

fn read_file(sources: &Sources) -> Result<SettingsFile, SettingsError> {
    let environment = &sources.environment;
    let named = sources.config.clone().or_else(|| in_environment(environment, "RUSHLIGHT_CONFIG").map(PathBuf::from));
    let path = match named {
        Some(path) => path,
        None => match xdg(environment, "XDG_CONFIG_HOME", ".config") {
            Some(folder) if folder.join("rushlight.toml").exists() => folder.join("rushlight.toml"),
            _ => return Ok(SettingsFile::default()),
        },
    };
    let source = Source::read(&path)?;
    let mut table = source.table()?;
    let names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    table.check_keys(&names)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut values = Vec::new();
    for setting in SETTINGS {
        let want = if setting.is_list { "a text, or a list of texts" } else { "a text or a number" };
        let Some(at) = table.texts(setting.name, want)? else { continue };
        if !setting.is_list && at.value.len() != 1 {
            return Err(table.wrong(&at, "a list", want).into());
        }
        let beside = |text: String| folder.join(text).display().to_string();
        let is_path = matches!(setting.name, "chain" | "data_dir");
        // A path in a file is meant from where the file stands, whatever folder the program is started in.
        let found = if is_path { at.value.into_iter().map(beside).collect() } else { at.value };
        values.push((setting.name, found));
    }
    Ok(SettingsFile { path, values })
}

fn find(setting: &'static Setting, sources: &Sources, file: &SettingsFile) -> Result<Found, SettingsError> {
    if let Some((_, values)) = sources.flags.iter().find(|(name, _)| *name == setting.name) {
        let flag = format!("--{}", setting.name.replace('_', "-"));
        return Ok(Found { setting, values: values.clone(), origin: Origin::Flag(flag) });
    }
    let variable = variable(setting);
    if let Some(text) = in_environment(&sources.environment, &variable) {
        let values = match setting.is_list {
            true => text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect(),
            false => vec![text.to_owned()],
        };
        return Ok(Found { setting, values, origin: Origin::Variable(variable) });
    }
    if let Some((_, values)) = file.values.iter().find(|(name, _)| *name == setting.name) {
        return Ok(Found { setting, values: values.clone(), origin: Origin::File(file.path.clone()) });
    }
    let values = match setting.name {
        "data_dir" => {
            let folder = xdg(&sources.environment, "XDG_DATA_HOME", ".local/share").ok_or(SettingsError::NoHome)?;
            vec![folder.display().to_string()]
        }
        "threads" => vec![String::new()],
        _ if setting.is_list => Vec::new(),
        _ => vec![setting.default.to_owned()],
    };
    Ok(Found { setting, values, origin: Origin::Default })
}

/// Returns our folder in a base directory of the XDG specification, which says to ignore relative ones.
fn xdg(environment: &[(String, String)], variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |text: &str| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    let base = in_environment(environment, variable).and_then(absolute);
    let base =
        base.or_else(|| in_environment(environment, "HOME").and_then(absolute).map(|home| home.join(below_home)));
    base.map(|base| base.join("rushlight"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn sources(flags: &[(&'static str, &str)], environment: &[(&str, &str)]) -> Sources {
        let mut all: Vec<(String, String)> = vec![("HOME".into(), "/nonexistent/ann".into())];
        all.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Sources {
            flags: flags.iter().map(|(name, value)| (*name, vec![(*value).to_owned()])).collect(),
            environment: all,
            config: None,
        }
    }

    fn check(sources: &Sources, want: Expect) {
        let text = match Settings::load(sources) {
            Ok(settings) => settings
                .found()
                .iter()
                .map(|found| format!("{} = {:?} ({})\n", found.setting.name, found.values, found.origin))
                .collect(),
            Err(error) => format!("{error}\n"),
        };
        let folder = sources.config.as_ref().and_then(|path| path.parent()).map(|path| path.display().to_string());
        want.assert_eq(&folder.map_or(text.clone(), |folder| text.replace(&folder, "FOLDER")));
    }

    #[test]
    fn without_anything_the_defaults_hold() {
        check(
            &sources(&[], &[]),
            expect![[r#"
                allow_host = [] (default)
                allow_origin = [] (default)
                chain = [] (default)
                color = ["auto"] (default)
                data_dir = ["/nonexistent/ann/.local/share/rushlight"] (default)
                listen = ["127.0.0.1:8645"] (default)
                log_format = ["text"] (default)
                log_level = ["info"] (default)
                threads = [""] (default)
            "#]],
        );
    }

    #[test]
    fn flags_come_before_the_environment_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rushlight.toml");
        std::fs::write(
            &path,
            "listen = \"off\"\nlog_level = \"debug\"\nthreads = 3\nchain = [\"hub.toml\", \"/etc/x.toml\"]\n",
        )
        .unwrap();
        let mut sources = sources(
            &[("log_level", "trace")],
            &[
                ("RUSHLIGHT_LOG_LEVEL", "warn"),
                ("RUSHLIGHT_THREADS", "2"),
                ("RUSHLIGHT_ALLOW_HOST", "a, b"),
                ("XDG_DATA_HOME", "/d"),
            ],
        );
        sources.config = Some(path);
        check(
            &sources,
            expect![[r#"
                allow_host = ["a", "b"] (environment RUSHLIGHT_ALLOW_HOST)
                allow_origin = [] (default)
                chain = ["FOLDER/hub.toml", "/etc/x.toml"] (file FOLDER/rushlight.toml)
                color = ["auto"] (default)
                data_dir = ["/d/rushlight"] (default)
                listen = ["off"] (file FOLDER/rushlight.toml)
                log_format = ["text"] (default)
                log_level = ["trace"] (--log-level)
                threads = ["2"] (environment RUSHLIGHT_THREADS)
            "#]],
        );
        let settings = Settings::load(&sources).unwrap();
        assert_eq!((settings.listen, settings.threads), (None, NonZeroUsize::new(2)));
    }

    #[test]
    fn mistakes_say_where_they_stand() {
        check(
            &sources(&[("listen", "8645")], &[]),
            expect![[r#"
            listen is "8645" (--listen), wanted an address such as 127.0.0.1:8645, or off
        "#]],
        );
        check(
            &sources(&[], &[("RUSHLIGHT_THREADS", "0")]),
            expect![[r#"
            threads is "0" (environment RUSHLIGHT_THREADS), wanted a whole number from 1
        "#]],
        );
        check(
            &sources(&[], &[("RUSHLIGHT_DATADIR", "/x")]),
            expect![[r#"
            the environment has RUSHLIGHT_DATADIR, which is no setting; did you mean RUSHLIGHT_DATA_DIR?
        "#]],
        );
        check(
            &sources(&[], &[("RUSHLIGHT_LOG_FORMAT", "xml")]),
            expect![[r#"
            log_format is "xml" (environment RUSHLIGHT_LOG_FORMAT), wanted text or json
        "#]],
        );
        assert_eq!(Settings::load(&Sources::default()), Err(SettingsError::NoHome));
        // Variables that are nothing like a setting belong to somebody else.
        assert!(Settings::load(&sources(&[], &[("RUSHLIGHT_SOMETHING_ENTIRELY_ELSE", "1")])).is_ok());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.toml");
        let with = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Sources { config: Some(path.clone()), ..sources(&[], &[]) }
        };
        check(
            &with("\nlisen = \"off\""),
            expect![[r#"
            FOLDER/r.toml:2: unknown key "lisen"; did you mean "listen"?
        "#]],
        );
        check(
            &with("listen = [\"off\", \"off\"]"),
            expect![[r#"
            FOLDER/r.toml:1: listen is a list, wanted a text or a number
        "#]],
        );
        check(
            &with("listen = {}"),
            expect![[r#"
            FOLDER/r.toml:1: listen is a TOML table, wanted a text or a number
        "#]],
        );
    }
}
