//! `rushlight config`.

use crate::failure::{Exit, Failure};
use crate::print;
use rushlight::{ChainFile, Settings};
use std::fmt::Write;

/// Shows every setting, and with `has_origin` where its value comes from.
pub(crate) fn show(settings: &Settings, has_origin: bool) -> Result<(), Failure> {
    let mut text = String::new();
    for found in settings.found() {
        let value = match (found.setting.is_list, found.values.as_slice()) {
            (true, values) => format!("{values:?}"),
            (false, [value]) if !value.is_empty() => format!("{value:?}"),
            (false, _) => format!("# {}", found.setting.default),
        };
        let line = format!("{} = {value}", found.setting.name);
        // Writing to a String cannot fail.
        let _ = match has_origin {
            true => writeln!(text, "{line:50} # {}", found.origin),
            false => writeln!(text, "{line}"),
        };
    }
    print(text.as_bytes())
}

/// Checks all chain files; the settings themselves have been checked.
pub(crate) fn validate(settings: &Settings) -> Result<(), Failure> {
    let mut text = String::new();
    let mut names: Vec<String> = Vec::new();
    for path in &settings.chain {
        let file = ChainFile::read(path)?;
        if names.contains(&file.name) {
            let text = format!("{}: there is another chain named {:?}; give one a `name`", path.display(), file.name);
            return Err(Failure::new(Exit::Config, text));
        }
        let _ = writeln!(
            text,
            "{}: {} ({}), {} providers",
            path.display(),
            file.name,
            file.chain_id(),
            file.providers().len()
        );
        names.push(file.name);
    }
    let _ = writeln!(text, "settings and {} chain files are good", names.len());
    print(text.as_bytes())
}
