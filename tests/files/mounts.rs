//! A token file that is mounted by itself, as `docker run -v file:file` does, cannot be replaced: it
//! is noticed when it is opened, and not hours later with a refresh token used.

use std::fs;
use std::path::Path;
use std::process::Command;

use fitbit_simulator::Target;
use fitbit_test_support::c;
use fitbit_test_support::world::{provider, saved_token};

use crate::scene::{Folder, Keeper, beside, stored, write_private};

/// A command that runs another where `from` is mounted over `onto`, and nowhere else.
fn mounted(from: &Path, onto: &Path) -> Option<Command> {
    let try_it =
        Command::new("unshare").args(["-m", "mount", "--bind"]).args([from, onto]).output();
    if !try_it.is_ok_and(|output| output.status.success()) {
        c::skip("a mounted token file takes root and unshare");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\"", "sh"]);
    command.args([from, onto]);
    Some(command)
}

#[track_caller]
fn assert_says_mount_the_directory(said: &str) {
    assert!(said.starts_with("FITBIT_ERROR_STORE"), "{said}");
    assert!(said.contains("mount the directory"), "{said}");
    assert!(said.contains("token.json"), "{said}");
}

#[test]
fn a_token_file_that_is_a_mount_of_its_own_is_refused_when_it_is_opened() {
    let provider = provider();
    let (outside, inside) = (Folder::new(), Folder::new());
    let path = inside.join("token.json");
    write_private(&path, "");
    for content in ["", &saved_token(&provider, 3600), &saved_token(&provider, -10)] {
        let file = outside.join("token.json");
        write_private(&file, content);
        let Some(command) = mounted(&file, &path) else { return };
        let mut keeper = Keeper::run_by(command, &provider, &path);
        assert_says_mount_the_directory(&keeper.ask("open 1"));
        keeper.must(&format!("token {}", saved_token(&provider, 3600)));
        assert_says_mount_the_directory(&keeper.ask("move"));
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
    assert_eq!(provider.requests(Target::Any), 0);
    assert!(!beside(&path, ".new").exists());
}

#[test]
fn a_token_file_in_a_mounted_directory_works() {
    let provider = provider();
    let (outside, inside) = (Folder::new(), Folder::new());
    let file = outside.token_file(&provider, 3600);
    let before = stored(&file);
    let path = inside.join("token.json");
    let Some(command) = mounted(outside.path(), inside.path()) else { return };
    let mut keeper = Keeper::run_by(command, &provider, &path);
    keeper.must("open 1");
    keeper.must("refresh");
    assert_ne!(stored(&file)["access_token"], before["access_token"]);
}

/// `docker run -v directory:directory:ro`.
#[test]
fn a_directory_that_cannot_be_written_to_is_refused_when_the_file_is_opened() {
    let provider = provider();
    let (outside, inside) = (Folder::new(), Folder::new());
    outside.token_file(&provider, 3600);
    let path = inside.join("token.json");
    let Some(_) = mounted(outside.path(), inside.path()) else { return };
    let mut command = Command::new("unshare");
    let mount =
        "mount --bind \"$1\" \"$2\" && mount -o remount,ro,bind \"$2\" && shift 2 && exec \"$@\"";
    command.args(["-m", "sh", "-c", mount, "sh"]).args([outside.path(), inside.path()]);
    let said = Keeper::run_by(command, &provider, &path).ask("open 1");
    assert!(said.starts_with("FITBIT_ERROR_STORE"), "{said}");
    assert!(said.contains(inside.path().to_str().unwrap()), "{said}");
    assert_eq!(provider.requests(Target::Any), 0);
}
