//! Bringing a directory to the disk is not possible everywhere. The token file was replaced by then:
//! it is saved, unless the disk itself is at fault.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use fitbit_simulator::Target;
use fitbit_test_support::world::provider;
use fitbit_test_support::{c, library};

use crate::scene::{Folder, Keeper, NOBODY, is_root, refresh_token_in, skipped};

/// Preloaded, it makes the fsync of every directory fail as `FSYNC_ERROR` says.
fn shim() -> &'static PathBuf {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let shim = library::target().join("c/files_fsync_shim.so");
        fs::create_dir_all(shim.parent().unwrap()).unwrap();
        let mut command = Command::new("cc");
        command.args(c::STRICT).args(["-shared", "-fPIC"]);
        command.arg(library::root().join("tests/files/fsync_shim.c")).arg("-o").arg(&shim);
        assert!(command.status().expect("a C compiler is installed").success(), "{command:?}");
        shim
    })
}

/// What two renewals say where every fsync of a directory fails like this.
fn renewals_where_directories_fail(error: &str) -> [String; 2] {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let before = refresh_token_in(&path);
    let mut command = Command::new("env");
    command.arg(format!("LD_PRELOAD={}", shim().display()));
    command.arg(format!("FSYNC_ERROR={error}"));
    let mut keeper = Keeper::run_by(command, &provider, &path);
    keeper.must("open 1");
    let said = [keeper.ask("refresh"), keeper.ask("refresh")];
    if said[1] == "ok" {
        assert_eq!(provider.requests(Target::Refresh), 2, "{error}");
        assert_ne!(refresh_token_in(&path), before, "{error}");
    }
    said
}

#[test]
fn a_directory_that_cannot_be_synced_holds_a_saved_token_all_the_same() {
    for error in ["EACCES", "EINVAL", "ENOTSUP", "ENOSYS", "EBADF", "EROFS"] {
        assert_eq!(renewals_where_directories_fail(error), ["ok", "ok"], "{error}");
    }
}

#[test]
fn a_disk_that_fails_is_still_the_stores_error() {
    for error in ["EIO", "ENOSPC"] {
        for said in renewals_where_directories_fail(error) {
            assert!(said.starts_with("FITBIT_ERROR_STORE"), "{error}: {said}");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_listed_holds_a_saved_token_all_the_same() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    if is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let Some(mut keeper) = Keeper::without_rights(&provider, &path) else {
        return skipped("a directory that cannot be listed", "no other user can run the program");
    };
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o300)).unwrap();
    keeper.must("open 1");
    keeper.must("refresh");
    keeper.must("refresh");
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(folder.names(), ["token.json", "token.json.lock"]);
    assert_eq!(provider.requests(Target::Refresh), 2);
}
