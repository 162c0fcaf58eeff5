//! The store's file: how it is made and opened, and what a broken one does.

use super::{BLOBS, CACHE_BYTES, META, SNAPSHOTS, STORE_FILE, StoreError, VERSION, from_io, from_redb, open_private};
use crate::pool::panic_text;
use redb::{Builder, Database, ReadableDatabase, TableError};
use std::fs::{self, File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Makes a store under another name, and gives it its own when it is whole and on the disk. So a file of that name which
/// is empty was not left by a crash of ours: it has lost its content, and with it perhaps a freeze.
pub(super) fn create(folder: &Path, path: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| from_io(path, &error);
    let unfinished = folder.join(format!("{STORE_FILE}.new"));
    let file = open_private(&unfinished, true)?;
    let on_disk = file.try_clone().map_err(failed)?;
    close(open_database(&unfinished, file)?);
    on_disk.sync_all().map_err(failed)?;
    fs::rename(&unfinished, path).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Opens a store that is there.
pub(super) fn open_file(path: &Path) -> Result<Database, StoreError> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| from_io(path, &error))?;
    check_not_empty(path)?;
    open_database(path, file)
}

/// Refuses a file that has lost its content.
pub(super) fn check_not_empty(path: &Path) -> Result<(), StoreError> {
    if fs::metadata(path).map_err(|error| from_io(path, &error))?.len() > 0 {
        return Ok(());
    }
    Err(StoreError::Corrupt { path: path.to_owned(), why: "the file is empty, which no store is".to_owned() })
}

fn open_database(path: &Path, file: File) -> Result<Database, StoreError> {
    // Two steps, so that a panic never drops the database while it unwinds: its own panic then would end the process.
    let builder = || Ok(Builder::new().set_cache_size(CACHE_BYTES).create_file(file)?);
    let database = caught(path, builder)?;
    match caught(path, || prepare(&database)) {
        Ok(VERSION) => Ok(database),
        refused => {
            close(database);
            Err(match refused {
                Ok(got) => StoreError::Newer { path: path.to_owned(), got },
                Err(error) => error,
            })
        }
    }
}

/// Runs `use_database`; a panic of the database over a broken file is an error like any other.
pub(super) fn caught<T>(path: &Path, use_database: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(use_database)) {
        Ok(outcome) => outcome.map_err(|error| from_redb(path, error)),
        Err(panic) => Err(StoreError::Corrupt { path: path.to_owned(), why: panic_text(&*panic) }),
    }
}

/// Closes the file, which writes to it; over a broken file that may panic, and there is nothing left to report.
pub(super) fn close(database: Database) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
}

/// Makes the tables of a new file; returns the file's version.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    match database.begin_read()?.open_table(META) {
        Ok(meta) => {
            if let Some(version) = meta.get("version")? {
                return Ok(version.value());
            }
        }
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert("version", VERSION)?;
    transaction.open_table(SNAPSHOTS)?;
    transaction.open_table(BLOBS)?;
    transaction.commit()?;
    Ok(VERSION)
}
