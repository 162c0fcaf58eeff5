//! A folder for a store that is not kept.

use crate::failure::{Failure, io};
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// How many names are tried; each that is taken is a leftover of a process that was killed, or somebody's mischief.
const NAMES_MAX: u32 = 1_000;

/// A folder for this user alone that goes away when it is dropped.
#[derive(Debug)]
pub(crate) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// Makes a folder among the system's temporary files. It is never one that is there already: others could have made it.
    pub(crate) fn new() -> Result<Self, Failure> {
        let (base, pid) = (std::env::temp_dir(), std::process::id());
        for index in 0..NAMES_MAX {
            let path = base.join(format!("rushlight-{pid}-{index}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io(path.display(), &error)),
            }
        }
        Err(io(base.display(), &ErrorKind::AlreadyExists.into()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_private_new_and_goes_away() {
        let (first, second) = (TemporaryFolder::new().unwrap(), TemporaryFolder::new().unwrap());
        assert_ne!(first.path(), second.path());
        assert_eq!(std::fs::metadata(first.path()).unwrap().permissions().mode() & 0o777, 0o700);
        let path = first.path().to_owned();
        std::fs::write(path.join("x"), "x").unwrap();
        drop(first);
        assert!(!path.exists() && second.path().exists());
    }
}
