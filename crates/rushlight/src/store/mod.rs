//! The store: one file in the data folder, owned by one process.
//!
//! It keeps one snapshot per chain and content-addressed blobs. The core checks both again when they are read back, so
//! the store is not trusted with truth, only with durability: a save is acknowledged after the operating system says
//! that it is on the disk. A snapshot may hold a freeze (an attack was seen); therefore nothing is ever thrown away
//! without the user's word, and a file that cannot be read stops the program instead of starting over.

use redb::{Builder, Database, ReadableDatabase, TableDefinition};
use rushlight_core::base::Hash;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use self::file::{caught, check_not_empty, close, create, open_file};

mod file;
mod thread;

pub(crate) use thread::{StoreClosed, StoreHandle, Stored};

const SNAPSHOTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("snapshots");
const BLOBS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("blobs");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The version of the tables' layout, under the key `version` of [`META`].
const VERSION: u64 = 1;
/// What the store keeps of the file in memory: snapshots are small, indexes are read rarely.
const CACHE_BYTES: usize = 4 << 20;

/// The store's file in the data folder.
pub const STORE_FILE: &str = "rushlight.redb";
/// The file whose lock says who owns the data folder.
pub const LOCK_FILE: &str = "lock";

/// Why the store cannot be used. Every message names the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process owns the folder.
    #[error(
        "the data folder {} is in use by {owner}: stop it, or give this one a folder of its own with --data-dir",
        folder.display()
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The other process, in words.
        owner: String,
    },
    /// The folder cannot be made or is not a folder.
    #[error("the data folder {} cannot be used: {why}; name another one with --data-dir", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The folder or the file cannot be written.
    #[error(
        "{} cannot be written: {why}; make it writable for this user, or name another folder with --data-dir",
        path.display()
    )]
    ReadOnly {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The disk is full.
    #[error("no space left for {}: free some, or name a folder on another disk with --data-dir", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a store, or a broken one.
    #[error(
        "the store {} is corrupt ({why}). It is left as it is. Restore it from a backup, or set it aside with \
         `rushlight doctor --set-aside-store` and start again from the trust in the chain files",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file was written by a newer version.
    #[error(
        "the store {} has layout {got}, this version reads layout {VERSION}: update rushlight, or name another folder \
         with --data-dir",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        got: u64,
    },
    /// Something else that the operating system says.
    #[error("the store {} failed: {why}; check the disk, or name another folder with --data-dir", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
}

/// Something to write.
#[derive(Debug)]
pub(crate) enum Write {
    /// The snapshot of the chain of this name, in place of the one before.
    Snapshot(String, Vec<u8>),
    /// A blob under its hash.
    Put(Hash, Vec<u8>),
    /// Forget a blob.
    Drop(Hash),
}

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// `None` after an error of the disk: the next use opens the file again.
    database: Option<Database>,
    /// Held as long as the store lives, also while the file is closed in between.
    _lock: File,
}

impl Store {
    /// Opens the store in `folder`; makes both when they are not there, for this user alone.
    /// # Errors
    /// Every variant of [`StoreError`].
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let lock = lock(folder)?;
        let path = folder.join(STORE_FILE);
        if !path.try_exists().map_err(|error| from_io(&path, &error))? {
            create(folder, &path)?;
        }
        let mut store = Self { path, database: None, _lock: lock };
        store.database()?;
        Ok(store)
    }

    /// Returns the snapshots of `chains` in the store in `folder`, in their order, without making or changing anything
    /// there: all `None` when there is no store. Only a file that was not closed well is repaired first, as by every start.
    /// # Errors
    /// Every variant of [`StoreError`].
    pub(crate) fn saved(folder: &Path, chains: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let path = folder.join(STORE_FILE);
        if !path.try_exists().map_err(|error| from_io(&path, &error))? {
            return Ok(vec![None; chains.len()]);
        }
        check_not_empty(&path)?;
        let builder = || match Builder::new().set_cache_size(CACHE_BYTES).open_read_only(&path) {
            Ok(database) => Ok(Some(database)),
            Err(redb::DatabaseError::RepairAborted) => Ok(None),
            Err(error) => Err(error.into()),
        };
        let Some(database) = caught(&path, builder)? else {
            let mut store = Self::open(folder)?;
            return chains.iter().map(|chain| store.snapshot(chain)).collect();
        };
        caught(&path, || {
            let transaction = database.begin_read()?;
            let version = transaction.open_table(META)?.get("version")?.map(|version| version.value());
            if version != Some(VERSION) {
                return Ok(Err(StoreError::Newer { path: path.clone(), got: version.unwrap_or_default() }));
            }
            let table = transaction.open_table(SNAPSHOTS)?;
            let snapshot = |chain: &&str| Ok(table.get(*chain)?.map(|value| value.value().to_vec()));
            chains.iter().map(snapshot).collect::<Result<_, redb::Error>>().map(Ok)
        })?
    }

    /// Returns the saved snapshot of a chain.
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub(crate) fn snapshot(&mut self, chain: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.guarded(|database| {
            let table = database.begin_read()?.open_table(SNAPSHOTS)?;
            Ok(table.get(chain)?.map(|value| value.value().to_vec()))
        })
    }

    /// Returns a blob.
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub(crate) fn blob(&mut self, hash: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        self.guarded(|database| {
            let table = database.begin_read()?.open_table(BLOBS)?;
            Ok(table.get(hash.as_bytes().as_slice())?.map(|value| value.value().to_vec()))
        })
    }

    /// Writes all of `writes` in order, atomically, and returns when they are on the disk.
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Corrupt`], [`StoreError::Io`]: nothing is written.
    pub(crate) fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.guarded(|database| {
            let transaction = database.begin_write()?;
            {
                let mut snapshots = transaction.open_table(SNAPSHOTS)?;
                let mut blobs = transaction.open_table(BLOBS)?;
                for write in writes {
                    match write {
                        Write::Snapshot(chain, bytes) => drop(snapshots.insert(chain.as_str(), bytes.as_slice())?),
                        Write::Put(hash, bytes) => drop(blobs.insert(hash.as_bytes().as_slice(), bytes.as_slice())?),
                        Write::Drop(hash) => drop(blobs.remove(hash.as_bytes().as_slice())?),
                    }
                }
            }
            Ok(transaction.commit()?)
        })
    }

    /// Runs `use_database`. After an error the file is closed, because its state in memory is no longer known to be that
    /// on the disk; the next use opens it again.
    fn guarded<T>(&mut self, use_database: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let path = self.path.clone();
        let database = self.database()?;
        let outcome = caught(&path, || use_database(database));
        if outcome.is_err() {
            self.close();
        }
        outcome
    }

    fn database(&mut self) -> Result<&Database, StoreError> {
        let database = match self.database.take() {
            Some(database) => database,
            None => open_file(&self.path)?,
        };
        Ok(self.database.insert(database))
    }

    fn close(&mut self) {
        if let Some(database) = self.database.take() {
            close(database);
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Renames the store's file in `folder` so that the next start makes a new one; returns the new path, or `None` when
/// there is no file. Nothing is deleted.
/// # Errors
/// [`StoreError::Locked`], [`StoreError::NoFolder`], [`StoreError::ReadOnly`], [`StoreError::Io`].
pub fn set_aside(folder: &Path) -> Result<Option<PathBuf>, StoreError> {
    let _lock = lock(folder)?;
    let path = folder.join(STORE_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let aside = (0_u32..)
        .map(|index| folder.join(format!("{STORE_FILE}.aside-{index}")))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| folder.join("rushlight.redb.aside"));
    fs::rename(&path, &aside).map_err(|error| from_io(&path, &error))?;
    Ok(Some(aside))
}

/// Tells whether another process owns `folder` now.
#[must_use]
pub fn is_in_use(folder: &Path) -> bool {
    matches!(File::open(folder.join(LOCK_FILE)).map(|file| file.try_lock()), Ok(Err(TryLockError::WouldBlock)))
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| StoreError::NoFolder { folder: folder.to_owned(), why: error.to_string() })?;
    let path = folder.join(LOCK_FILE);
    let mut file = open_private(&path, false)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Locked { folder: folder.to_owned(), owner: owner(&mut file) });
        }
        Err(TryLockError::Error(error)) => return Err(from_io(&path, &error)),
    }
    // The process id only makes the message of the next one better; the lock itself is what counts.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
    Ok(file)
}

/// Opens a file that only its owner may read; makes it if there is none, and leaves what is in it, unless told to empty it.
fn open_private(path: &Path, is_emptied: bool) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(is_emptied).mode(0o600);
    options.open(path).map_err(|error| from_io(path, &error))
}

fn owner(lock: &mut File) -> String {
    let mut text = String::new();
    let _ = lock.take(20).read_to_string(&mut text);
    match text.parse::<u32>() {
        Ok(pid) => format!("process {pid}"),
        Err(_) => "another process".to_owned(),
    }
}

fn from_redb(path: &Path, error: redb::Error) -> StoreError {
    let path = path.to_owned();
    match error {
        redb::Error::Io(error) => from_io(&path, &error),
        redb::Error::DatabaseAlreadyOpen => StoreError::Locked {
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            owner: "another process".to_owned(),
        },
        redb::Error::UpgradeRequired(version) => {
            StoreError::Corrupt { path, why: format!("its file format {version} is not this version's") }
        }
        error => StoreError::Corrupt { path, why: error.to_string() },
    }
}

fn from_io(path: &Path, error: &std::io::Error) -> StoreError {
    let path = path.to_owned();
    let why = error.to_string();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path, why },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StoreError::Full { path },
        // What the database says of a file that is not its own, or ends too early.
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => StoreError::Corrupt { path, why },
        _ => StoreError::Io { path, why },
    }
}

#[cfg(test)]
mod tests;
