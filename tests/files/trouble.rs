//! The file cannot be written, or is not what it was: no refresh token is spent that could not be
//! replaced, the token in memory is used while it lasts, and nothing is written elsewhere.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, app, provider, saved_token};

use crate::scene::{
    Folder, Keeper, NOBODY, Obstacle, assert_store_error, beside, is_root, refresh_token_in,
    skipped, stored, wait_for_refresh, write_private,
};

/// A disk of 64 KiB.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mounted_on(path: &Path) -> Option<SmallDisk> {
        fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k,mode=755", "none"]).arg(path);
        let mounted = mount.output().is_ok_and(|mount| mount.status.success());
        mounted.then(|| SmallDisk(path.to_owned()))
    }

    fn fill(&self) {
        // In pieces: what does not fit as a whole fits in part.
        let blocks = (0..64).map(|number| self.0.join(format!("filler{number}")));
        let full = blocks.map(|path| fs::write(path, [0; 4096])).any(|written| written.is_err());
        assert!(full, "64 KiB hold no 64 blocks and a token");
    }

    fn empty(&self) {
        (0..64).for_each(|number| {
            let _ = fs::remove_file(self.0.join(format!("filler{number}")));
        });
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn no_refresh_token_is_spent_on_a_full_disk() {
    let provider = provider();
    let folder = Folder::new();
    let Some(disk) = SmallDisk::mounted_on(&folder.join("disk")) else {
        return skipped("a full disk", "it takes root to mount a small one");
    };
    let path = disk.0.join("token.json");
    write_private(&path, saved_token(&provider, 3600));
    let before = stored(&path);
    let client = app(&provider).from_file(&path).unwrap();
    disk.fill();
    assert_store_error(client.refresh(), &path);
    client.get(PROFILE).expect("the token lasts");
    assert_eq!(provider.requests(Target::Refresh), 0);
    assert_eq!(stored(&path), before);
    assert!(!beside(&path, ".new").exists());
    disk.empty();
    client.refresh().unwrap();
    assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
}

#[test]
fn a_disk_that_fills_up_during_a_renewal_loses_nothing() {
    let provider = provider();
    let folder = Folder::new();
    let Some(disk) = SmallDisk::mounted_on(&folder.join("disk")) else {
        return skipped("a disk that fills up", "it takes root to mount a small one");
    };
    let path = disk.0.join("token.json");
    write_private(&path, saved_token(&provider, 3600));
    let client = app(&provider).from_file(&path).unwrap();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(300)));
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| client.refresh());
        wait_for_refresh(&provider);
        disk.fill();
        assert_store_error(renewing.join().unwrap(), &path);
    });
    client.get(PROFILE).expect("the new token is used");
    assert!(stored(&path)["refresh_token"].is_string(), "the old file is whole");
    disk.empty();
    client.get(PROFILE).unwrap();
    assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn no_refresh_token_is_spent_beyond_a_limit_of_file_size() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let before = stored(&path);
    let mut keeper = Keeper::new(&provider, &path);
    keeper.must("open 1");
    keeper.must("limit 100");
    assert!(keeper.ask("refresh").starts_with("FITBIT_ERROR_STORE"));
    keeper.must("get");
    assert_eq!(provider.requests(Target::Refresh), 0);
    assert_eq!(stored(&path), before);
    assert_eq!(folder.names(), ["token.json", "token.json.lock"]);

    keeper.must("limit");
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(300)));
    keeper.must("begin");
    wait_for_refresh(&provider);
    keeper.must("limit 100");
    assert!(keeper.ask("end").starts_with("FITBIT_ERROR_STORE"));
    keeper.must("get");
    assert!(keeper.ask("save").starts_with("FITBIT_ERROR_STORE"));
    keeper.must("limit");
    keeper.must("save");
    assert_ne!(stored(&path)["access_token"], before["access_token"]);
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn no_refresh_token_is_spent_in_a_folder_that_cannot_be_written_to() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    if is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let Some(mut keeper) = Keeper::without_rights(&provider, &path) else {
        return skipped("a folder without rights", "no other user can run the program");
    };
    keeper.must("open 1");
    let before = stored(&path);
    for first in [true, false] {
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o555)).unwrap();
        let said = keeper.ask("refresh");
        assert!(said.starts_with("FITBIT_ERROR_STORE"), "{said}");
        keeper.must("get");
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        if first {
            assert_eq!(stored(&path), before);
            assert_eq!(provider.requests(Target::Refresh), 0);
            // From here on there is a lock to be had in the folder.
            keeper.must("refresh");
        }
    }
    assert_eq!(provider.requests(Target::Refresh), 1);
    keeper.must("refresh");
}

#[test]
fn a_vanished_file_spends_no_refresh_token_and_the_program_can_put_it_back() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let client = app(&provider).from_file(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert_store_error(client.refresh(), &path);
    client.get(PROFILE).expect("the token lasts");
    assert_eq!(provider.requests(Target::Refresh), 0);
    assert!(!path.exists(), "somebody may have ended this login");
    client.set_token_file(&path).unwrap();
    client.refresh().unwrap();
    assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
}

#[test]
fn a_file_swapped_for_a_link_is_not_followed() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let target = folder.join("precious.json");
    let client = app(&provider).from_file(&path).unwrap();
    fs::rename(&path, &target).unwrap();
    symlink(&target, &path).unwrap();
    let before = fs::read(&target).unwrap();
    assert_store_error(client.refresh(), &path);
    client.get(PROFILE).expect("the token lasts");
    assert_eq!(provider.requests(Target::Refresh), 0);
    assert_eq!(fs::read(&target).unwrap(), before);
    fs::rename(&target, &path).unwrap();
    client.refresh().expect("the store is well again");
}

#[test]
fn a_file_swapped_for_a_link_during_a_renewal_is_replaced_and_its_target_left_alone() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let target = folder.join("precious.json");
    write_private(&target, "precious");
    let client = app(&provider).from_file(&path).unwrap();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(300)));
    std::thread::scope(|scope| {
        let renewing = scope.spawn(|| client.refresh());
        wait_for_refresh(&provider);
        fs::remove_file(&path).unwrap();
        symlink(&target, &path).unwrap();
        let _ = renewing.join().unwrap();
    });
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    client.get(PROFILE).expect("the new token is used");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
}

#[test]
fn a_file_replaced_by_garbage_is_not_written_over() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let well = fs::read(&path).unwrap();
    let client = app(&provider).from_file(&path).unwrap();
    write_private(&path, &well[..well.len() / 2]);
    assert_store_error(client.refresh(), &path);
    client.get(PROFILE).expect("the token lasts");
    assert_eq!(fs::read(&path).unwrap(), &well[..well.len() / 2]);
    assert_eq!(provider.requests(Target::Refresh), 0);
    write_private(&path, &well);
    client.refresh().expect("the store is well again");
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn an_expired_token_whose_mark_cannot_be_written_is_the_stores_error_and_lives() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, -10);
    let before = refresh_token_in(&path);
    let client = app(&provider).from_file(&path).unwrap();
    let obstacle = Obstacle::before(&path);
    assert_store_error(client.get(PROFILE), &path);
    assert_eq!(provider.requests(Target::Any), 0);
    assert_eq!(refresh_token_in(&path), before);
    drop(obstacle);
    client.get(PROFILE).unwrap();
}
