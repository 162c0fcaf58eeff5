//! Runtime code as real chains have it: the version is found in it, compressed or not.

use super::Files;
use crate::report::Report;
use rushlight_core::chains::substrate::spec::code::RuntimeVersion;
use rushlight_core::trie::patricia16::StateVersion;

/// What is known of a file by its name: where the number of the specification stands.
const VERSIONS: [(&str, u32); 5] =
    [("rt100.", 100), ("rt101.", 101), ("rt102.", 102), ("-v9300.", 9_300), ("runtime.compact.", 0)];

/// Real code that tells its version only when it is run: it has the section of APIs without the one of the version.
const SILENT: &str = "polkadot-runtime-v9160.";

pub fn run(files: &Files, report: &mut Report) {
    for name in [files.ending(".wasm"), files.ending(".wasm.zstd")].concat() {
        let code = files.bytes(&name);
        let version = match RuntimeVersion::of_code(&code) {
            Ok(None) if name.contains(SILENT) => {
                report.case(&name, Ok(()));
                continue;
            }
            Ok(Some(version)) => version,
            other => {
                report.case(&name, Err(format!("no version: {other:?}")));
                continue;
            }
        };
        let known = VERSIONS.iter().find(|(part, _)| name.contains(part)).map(|(_, number)| *number);
        let want = known.filter(|number| *number > 0).unwrap_or(version.spec_version);
        report.equal(&name, "specification version", version.spec_version, want);
        report.equal(&name, "runtime APIs are listed", version.apis.len() > 5, true);
        // The runtimes of the recorded chains lay values out as V1; those of 2022 were still V0.
        let layout = if name.contains("/real/") { StateVersion::V0 } else { StateVersion::V1 };
        report.equal(&name, "layout of the state", version.state_version, layout);
    }
}
