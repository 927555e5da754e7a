//! The token file and what stands beside it are their owner's alone, whatever the umask says.

use std::os::unix::fs::chown;

use fitbit_test_support::world::{provider, saved_token};

use crate::scene::{Folder, Keeper, NOBODY, beside, is_root, mode, skipped};

/// Saves, renews, and opens the file again, without any rights but its owner's.
fn the_file_is_private_and_usable_under(umask: &str) {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    if is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let Some(mut keeper) = Keeper::without_rights(&provider, &path) else {
        return skipped("a umask", "no other user can run the program");
    };
    keeper.must(&format!("umask {umask}"));
    keeper.must(&format!("token {}", saved_token(&provider, 3600)));
    keeper.must("move");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&beside(&path, ".lock")), 0o600);
    keeper.must("refresh");
    assert_eq!(mode(&path), 0o600);
    drop(keeper);

    let mut next = Keeper::without_rights(&provider, &path).unwrap();
    next.must("open 1");
    next.must("refresh");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(folder.names(), ["token.json", "token.json.lock"]);
}

#[test]
fn a_umask_that_takes_nothing_away_leaves_the_file_private() {
    the_file_is_private_and_usable_under("0");
}

#[test]
fn a_umask_that_takes_everything_away_leaves_the_file_usable() {
    the_file_is_private_and_usable_under("0777");
}

#[test]
fn the_usual_umask_leaves_the_file_private() {
    the_file_is_private_and_usable_under("022");
}
