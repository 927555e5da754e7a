//! What must not be trusted is refused with words, by both functions and by a renewal, and nothing
//! is written: not to it, and not to where it leads.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use fitbit_simulator::Target;
use fitbit_test_support::world::{app, client, provider, saved_token};

use crate::scene::{
    Folder, NOBODY, assert_store_error, beside, is_root, skipped, stored, write_private,
};

/// Neither function takes what stands at the path.
#[track_caller]
fn assert_refused(path: &Path) {
    let provider = provider();
    assert_store_error(app(&provider).from_file(path), path);
    assert_store_error(client(&provider).set_token_file(path), path);
    assert_eq!(provider.requests(Target::Any), 0);
    assert!(!beside(path, ".new").exists());
}

#[test]
fn a_file_that_others_can_read_or_write_is_refused_and_named() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let before = fs::read(&path).unwrap();
    for mode in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o666, 0o644] {
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        assert_refused(&path);
        assert_eq!(crate::scene::mode(&path), mode, "it is not put right in silence");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    let error = app(&provider).from_file(&path).err().unwrap();
    assert!(error.message.contains("0644"), "it says what is wrong: {error:?}");
}

#[test]
fn a_folder_a_pipe_and_a_socket_are_refused() {
    let folder = Folder::new();
    let (inner, pipe, socket) = (folder.join("inner"), folder.join("pipe"), folder.join("socket"));
    fs::create_dir(&inner).unwrap();
    fs::set_permissions(&inner, PermissionsExt::from_mode(0o700)).unwrap();
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap().success());
    let _listening = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, PermissionsExt::from_mode(0o600)).unwrap();
    for path in [&inner, &pipe, &socket] {
        assert_refused(path);
    }
    assert_eq!(fs::read_dir(&inner).unwrap().count(), 0);
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
}

#[test]
fn a_device_is_refused() {
    let folder = Folder::new();
    let device = folder.join("null");
    let made =
        Command::new("mknod").args(["-m", "600"]).arg(&device).args(["c", "1", "3"]).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return skipped("a device", "it takes root to make one");
    }
    assert_refused(&device);
    assert!(fs::metadata(&device).unwrap().file_type().is_char_device());
}

#[test]
fn another_users_file_is_refused() {
    if !is_root() {
        return skipped("another user's file", "it takes root to give a file away");
    }
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    chown(&path, Some(NOBODY), None).unwrap();
    assert_refused(&path);
}

#[test]
fn a_symbolic_link_is_refused_wherever_it_leads() {
    let provider = provider();
    let folder = Folder::new();
    let target = folder.join("target.json");
    write_private(&target, saved_token(&provider, 3600));
    let before = fs::read(&target).unwrap();
    let (link, dangling) = (folder.join("link.json"), folder.join("dangling.json"));
    symlink(&target, &link).unwrap();
    symlink(folder.join("nowhere.json"), &dangling).unwrap();
    assert_refused(&link);
    assert_refused(&dangling);
    assert_eq!(fs::read(&target).unwrap(), before);
    assert!(!folder.join("nowhere.json").exists());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_lock_that_is_a_link_is_refused_and_what_it_leads_to_is_not_touched() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let (lock, target) = (beside(&path, ".lock"), folder.join("precious"));
    write_private(&target, "precious");
    for leads_to in [target.clone(), folder.join("nowhere")] {
        let kept = app(&provider).from_file(&path).unwrap();
        fs::remove_file(&lock).unwrap();
        symlink(leads_to, &lock).unwrap();
        assert_store_error(app(&provider).from_file(&path).map(drop), &lock);
        assert_store_error(kept.refresh(), &lock);
        assert_store_error(client(&provider).set_token_file(&path), &lock);
        fs::remove_file(&lock).unwrap();
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    assert!(!folder.join("nowhere").exists());
    assert_eq!(provider.requests(Target::Any), 0);
}

#[test]
fn a_lock_that_others_can_use_is_refused() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let lock = beside(&path, ".lock");
    fs::write(&lock, "").unwrap();
    fs::set_permissions(&lock, PermissionsExt::from_mode(0o666)).unwrap();
    assert_store_error(app(&provider).from_file(&path).map(drop), &lock);
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    assert_store_error(app(&provider).from_file(&path).map(drop), &lock);
    assert_eq!(provider.requests(Target::Any), 0);
}

#[test]
fn a_new_file_that_is_a_link_is_replaced_and_what_it_leads_to_is_not_touched() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let (new, target) = (beside(&path, ".new"), folder.join("precious"));
    write_private(&target, "precious");
    let kept = app(&provider).from_file(&path).unwrap();
    for hard in [false, true] {
        match hard {
            true => fs::hard_link(&target, &new).unwrap(),
            false => symlink(&target, &new).unwrap(),
        }
        kept.refresh().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(stored(&path)["access_token"], kept.token_field("access_token").unwrap());
    }
}
