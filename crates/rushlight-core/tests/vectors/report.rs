//! Counts per folder, and what has to be said by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[derive(Default)]
struct Folder {
    files: BTreeSet<String>,
    cases: usize,
}

/// What ran, what differed on purpose, what failed, what no test reads.
#[derive(Default)]
pub struct Report {
    folders: BTreeMap<String, Folder>,
    /// Deliberate differences: reason, then names.
    differences: BTreeMap<&'static str, Vec<String>>,
    failures: Vec<String>,
    unknown: BTreeMap<String, Vec<String>>,
}

fn split(name: &str) -> (String, String) {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    (folder.to_string(), file.to_string())
}

impl Report {
    /// Counts one case of file `name` and notes why it failed, if it did.
    pub fn case(&mut self, name: &str, outcome: Result<(), String>) {
        let (folder, file) = split(name);
        let folder = self.folders.entry(folder).or_default();
        folder.files.insert(file);
        folder.cases += 1;
        if let Err(why) = outcome {
            self.failures.push(format!("{name}: {why}"));
        }
    }

    /// Counts one case that must compare equal.
    pub fn equal<T: PartialEq + fmt::Debug>(&mut self, name: &str, what: impl fmt::Display, got: T, want: T) {
        let outcome = if got == want { Ok(()) } else { Err(format!("{what}: got {got:?}, wanted {want:?}")) };
        self.case(name, outcome);
    }

    /// Names a case in which this client differs on purpose.
    pub fn differs(&mut self, reason: &'static str, case: String) {
        self.differences.entry(reason).or_default().push(case);
    }

    /// Names a file of no known kind.
    pub fn unknown(&mut self, name: &str) {
        let (folder, file) = split(name);
        self.unknown.entry(folder).or_default().push(file);
    }

    /// Returns what failed.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Returns the number of cases.
    pub fn cases(&self) -> usize {
        self.folders.values().map(|folder| folder.cases).sum()
    }

    /// Returns the number of cases in `known` and the folders in it.
    pub fn cases_below(&self, known: &str) -> usize {
        let inside =
            |folder: &str| folder == known || folder.strip_prefix(known).is_some_and(|rest| rest.starts_with('/'));
        self.folders.iter().filter(|(folder, _)| inside(folder)).map(|(_, counts)| counts.cases).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<72} {:>6} {:>8}", "folder", "files", "cases")?;
        for (name, folder) in &self.folders {
            writeln!(f, "{name:<72} {:>6} {:>8}", folder.files.len(), folder.cases)?;
        }
        let files: usize = self.folders.values().map(|folder| folder.files.len()).sum();
        writeln!(f, "{:<72} {files:>6} {:>8}", "all", self.cases())?;
        for (reason, cases) in &self.differences {
            writeln!(f, "\nDiffers on purpose: {reason} ({} cases)", cases.len())?;
            for case in cases {
                writeln!(f, "  {case}")?;
            }
        }
        if !self.unknown.is_empty() {
            writeln!(f, "\nOf no kind that a test reads:")?;
        }
        for (folder, files) in &self.unknown {
            let shown: Vec<&str> = files.iter().take(6).map(String::as_str).collect();
            let more = files.len() - shown.len();
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            writeln!(f, "  {folder}: {}{tail}", shown.join(" "))?;
        }
        Ok(())
    }
}
