use super::*;
use expect_test::{Expect, expect};

fn shown(folder: &Path, error: &StoreError) -> String {
    error.to_string().replace(&folder.display().to_string(), "FOLDER")
}

fn check_open(folder: &Path, want: Expect) {
    want.assert_eq(&shown(folder, &Store::open(folder).unwrap_err()));
}

fn filled(folder: &Path) -> Store {
    let mut store = Store::open(folder).unwrap();
    store
        .commit(&[
            Write::Snapshot("alpha".into(), vec![1; 300]),
            Write::Snapshot("beta".into(), vec![2; 30]),
            Write::Put(Hash([7; 32]), vec![7; 5_000]),
            Write::Put(Hash([8; 32]), vec![8; 50]),
        ])
        .unwrap();
    store
}

#[test]
fn what_was_committed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    let mut store = Store::open(folder.path()).unwrap();
    assert_eq!(store.snapshot("alpha").unwrap(), Some(vec![1; 300]));
    assert_eq!(store.snapshot("beta").unwrap(), Some(vec![2; 30]));
    assert_eq!(store.snapshot("gamma").unwrap(), None);
    assert_eq!(store.blob(Hash([7; 32])).unwrap(), Some(vec![7; 5_000]));
    store.commit(&[Write::Drop(Hash([7; 32])), Write::Snapshot("alpha".into(), vec![9])]).unwrap();
    assert_eq!(store.blob(Hash([7; 32])).unwrap(), None);
    assert_eq!(store.blob(Hash([8; 32])).unwrap(), Some(vec![8; 50]));
    assert_eq!(store.snapshot("alpha").unwrap(), Some(vec![9]));
}

#[test]
fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!is_in_use(folder.path()));
    let store = filled(folder.path());
    assert!(is_in_use(folder.path()));
    let text = shown(folder.path(), &Store::open(folder.path()).unwrap_err());
    assert_eq!(
        text.replace(&std::process::id().to_string(), "PID"),
        "the data folder FOLDER is in use by process PID: stop it, or give this one a folder of its own with --data-dir"
    );
    assert!(matches!(set_aside(folder.path()), Err(StoreError::Locked { .. })));
    drop(store);
    assert!(!is_in_use(folder.path()));
    assert!(Store::open(folder.path()).is_ok());
}

#[test]
fn a_folder_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taken");
    fs::write(&path, "x").unwrap();
    check_open(
        &path,
        expect!["the data folder FOLDER cannot be used: File exists (os error 17); name another one with --data-dir"],
    );
}

#[test]
fn what_is_not_a_store_is_kept_and_refused_until_the_user_sets_it_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE_FILE);
    fs::write(&path, "this is no store".repeat(1_000)).unwrap();
    check_open(
        folder.path(),
        expect![[
            r#"the store FOLDER/rushlight.redb is corrupt (Not a redb database: magic number mismatch). It is left as it is. Restore it from a backup, or set it aside with `rushlight doctor --set-aside-store` and start again from the trust in the chain files"#
        ]],
    );
    assert_eq!(fs::read(&path).unwrap(), "this is no store".repeat(1_000).into_bytes());
    let aside = set_aside(folder.path()).unwrap().unwrap();
    assert_eq!(fs::read(aside).unwrap(), "this is no store".repeat(1_000).into_bytes());
    assert!(Store::open(folder.path()).is_ok());
    assert!(set_aside(folder.path()).unwrap().unwrap().ends_with("rushlight.redb.aside-1"));
    assert_eq!(set_aside(folder.path()).unwrap(), None);
}

#[test]
fn a_file_that_lost_its_content_is_corrupt_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(STORE_FILE);
    drop(filled(folder.path()));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, b"").unwrap();
    check_open(
        folder.path(),
        expect![[
            r#"the store FOLDER/rushlight.redb is corrupt (the file is empty, which no store is). It is left as it is. Restore it from a backup, or set it aside with `rushlight doctor --set-aside-store` and start again from the trust in the chain files"#
        ]],
    );
    assert!(matches!(Store::saved(folder.path(), &["alpha"]), Err(StoreError::Corrupt { .. })));
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    for size in [1, 100, 4_096, whole.len() / 2] {
        fs::write(&path, &whole[..size]).unwrap();
        let outcome = Store::open(folder.path()).and_then(|mut store| store.snapshot("alpha"));
        assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{size}: {outcome:?}");
    }
}

/// A crash while a store is made leaves its unfinished file, under another name; the next start makes it again.
#[test]
fn an_unfinished_store_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let unfinished = folder.path().join("rushlight.redb.new");
    fs::write(&unfinished, "half of it").unwrap();
    drop(filled(folder.path()));
    assert!(!unfinished.exists());
    assert_eq!(Store::open(folder.path()).unwrap().snapshot("beta").unwrap(), Some(vec![2; 30]));
}

#[test]
fn a_file_that_vanishes_is_not_made_anew_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = filled(folder.path());
    store.close();
    fs::remove_file(folder.path().join(STORE_FILE)).unwrap();
    assert!(matches!(store.snapshot("alpha"), Err(StoreError::Io { .. })));
    assert!(!folder.path().join(STORE_FILE).exists());
}

#[test]
fn what_is_saved_is_read_without_making_or_locking_anything() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    assert_eq!(Store::saved(&none, &["alpha"]).unwrap(), [None]);
    assert!(!none.exists());
    drop(filled(folder.path()));
    let before = fs::read(folder.path().join(STORE_FILE)).unwrap();
    let lock = lock(folder.path()).unwrap();
    assert_eq!(Store::saved(folder.path(), &["beta", "gamma"]).unwrap(), [Some(vec![2; 30]), None]);
    drop(lock);
    assert_eq!(fs::read(folder.path().join(STORE_FILE)).unwrap(), before);
}

#[test]
fn a_newer_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let transaction = store.database.as_ref().unwrap().begin_write().unwrap();
    transaction.open_table(META).unwrap().insert("version", VERSION + 1).unwrap();
    transaction.commit().unwrap();
    drop(store);
    check_open(
        folder.path(),
        expect![
            "the store FOLDER/rushlight.redb has layout 2, this version reads layout 1: update rushlight, or name another folder with --data-dir"
        ],
    );
}

/// A flipped bit anywhere gives the old values, an error, or (in a value itself) a value that the core's own checksum
/// refuses; never a panic that leaves the store.
#[test]
fn no_flipped_byte_makes_the_store_panic() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    let path = folder.path().join(STORE_FILE);
    let whole = fs::read(&path).unwrap();
    // Some 80 of the bytes that hold something, and a few of the rest.
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0 && whole[*at] != 7).collect();
    let step = used.len() / 80 + 1;
    let positions = used.into_iter().step_by(step).chain((0..whole.len()).step_by(whole.len() / 10));
    let (mut refused, mut read) = (0, 0);
    std::panic::set_hook(Box::new(|_| {}));
    for at in positions {
        let mut broken = whole.clone();
        broken[at] ^= 1 << (at % 8);
        fs::write(&path, &broken).unwrap();
        let outcome = Store::open(folder.path()).and_then(|mut store| {
            store.snapshot("alpha")?;
            store.blob(Hash([7; 32]))?;
            store.commit(&[Write::Snapshot("beta".into(), vec![3; 30])])?;
            Ok(())
        });
        match outcome {
            Ok(()) => read += 1,
            Err(_) => refused += 1,
        }
    }
    let _ = std::panic::take_hook();
    assert!(refused > 0 && read > 0, "{refused} refused, {read} read");
}

#[test]
fn a_full_disk_is_told_from_other_failures() {
    let path = Path::new("/d/rushlight.redb");
    let text = |kind: ErrorKind| from_io(path, &kind.into()).to_string();
    expect![[r#"no space left for /d/rushlight.redb: free some, or name a folder on another disk with --data-dir"#]]
        .assert_eq(&text(ErrorKind::StorageFull));
    expect![[r#"/d/rushlight.redb cannot be written: read-only filesystem or storage medium; make it writable for this user, or name another folder with --data-dir"#]]
        .assert_eq(&text(ErrorKind::ReadOnlyFilesystem));
}

/// `/dev/full` refuses every write as a full disk does.
#[test]
fn a_real_full_device_is_reported_as_full() {
    let mut file = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = file.write_all(&[0; 10]).unwrap_err();
    assert!(matches!(from_io(Path::new("/dev/full"), &error), StoreError::Full { .. }));
}
