//! A token that could not be written: it is kept, used, and offered again until the file has it,
//! whatever the file has become meanwhile. No second refresh token is spent for it.

use std::ffi::{CStr, c_char, c_void};
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, app, provider};
use fitbit_test_support::{App, Client, code, level};

use crate::scene::{
    Folder, Obstacle, assert_store_error, beside, stored, wait_for_refresh, write_private,
};

/// Renews, and makes the file impossible to write between the mark and the answer.
fn unsaved(provider: &Simulator, path: &Path) -> (Client, Obstacle) {
    unsaved_by(&app(provider), provider, path)
}

fn unsaved_by(app: &App, provider: &Simulator, path: &Path) -> (Client, Obstacle) {
    app.set_timeout_ms(4000).unwrap();
    let client = app.from_file(path).unwrap();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(300)));
    let obstacle = std::thread::scope(|scope| {
        let renewing = scope.spawn(|| client.refresh());
        wait_for_refresh(provider);
        let obstacle = Obstacle::before(path);
        assert_store_error(renewing.join().unwrap(), path);
        obstacle
    });
    (client, obstacle)
}

fn holds_the_clients_token(path: &Path, client: &Client) -> bool {
    stored(path)["access_token"] == client.token_field("access_token").unwrap()
}

#[test]
fn a_token_that_could_not_be_written_is_used_and_offered_again() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let (client, obstacle) = unsaved(&provider, &path);
    client.get(PROFILE).expect("it is used");
    assert_store_error(client.save(), &path);
    assert!(!holds_the_clients_token(&path, &client));
    drop(obstacle);
    client.get(PROFILE).unwrap();
    assert!(holds_the_clients_token(&path, &client), "the next request offered it");
    client.save().unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
    client.refresh().unwrap();
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn a_client_that_is_freed_offers_its_token_once_more() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let (client, obstacle) = unsaved(&provider, &path);
    let access_token = client.token_field("access_token").unwrap();
    drop(obstacle);
    drop(client);
    assert_eq!(stored(&path)["access_token"], access_token);
    assert!(stored(&path).get("renewing_since").is_none());
    assert_eq!(provider.requests(Target::Refresh), 1);
    app(&provider).from_file(&path).unwrap().refresh().expect("the login lives");
}

/// Makes room at the next failure to save.
struct Room {
    new: PathBuf,
    wanted: AtomicBool,
}

unsafe extern "C" fn make_room(_: u32, message: *const c_char, room: *mut c_void) {
    let (line, room) = unsafe { (CStr::from_ptr(message), &*room.cast::<Room>()) };
    if line.to_bytes().starts_with(b"the token is not saved") && room.wanted.swap(false, SeqCst) {
        fs::remove_dir(&room.new).unwrap();
    }
}

#[test]
fn the_mark_that_a_client_wrote_with_its_unsaved_token_is_not_taken_for_another_login() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let room = Room { new: beside(&path, ".new"), wanted: AtomicBool::new(false) };
    let app = app(&provider);
    app.set_logger(level::WARN, Some(make_room), (&raw const room).cast_mut().cast()).unwrap();
    let (client, obstacle) = unsaved_by(&app, &provider, &path);
    std::mem::forget(obstacle);

    // Offered again it is not saved; then there is room for the mark, and none for its successor.
    room.wanted.store(true, SeqCst);
    provider.reset_counts();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(300)));
    let obstacle = std::thread::scope(|scope| {
        let renewing = scope.spawn(|| client.refresh());
        wait_for_refresh(&provider);
        let obstacle = Obstacle::before(&path);
        assert_store_error(renewing.join().unwrap(), &path);
        obstacle
    });
    let newest = client.token_field("refresh_token");
    assert_ne!(stored(&path)["refresh_token"].as_str(), newest.as_deref());
    drop(obstacle);

    client.get(PROFILE).unwrap();
    assert_eq!(client.token_field("refresh_token"), newest, "the newest token was dropped");
    assert!(holds_the_clients_token(&path, &client));
    client.refresh().expect("the login lives");
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn an_unsaved_token_is_written_where_the_file_has_vanished() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let (client, obstacle) = unsaved(&provider, &path);
    fs::remove_file(&path).unwrap();
    drop(obstacle);
    client.save().unwrap();
    assert!(holds_the_clients_token(&path, &client));
}

/// The file is spoilt in some way, and becomes well again.
fn an_unsaved_token_outlives(spoil: impl FnOnce(&Path), heal: impl FnOnce(&Path)) {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let well = folder.join("well");
    let (client, obstacle) = unsaved(&provider, &path);
    drop(obstacle);
    fs::copy(&path, &well).unwrap();
    spoil(&path);
    assert_eq!(client.save().unwrap_err().code, code::STORE);
    client.get(PROFILE).expect("the unsaved token is good, and is used");
    heal(&path);
    if fs::metadata(&path).is_err() {
        fs::rename(&well, &path).unwrap();
    }
    client.get(PROFILE).unwrap();
    assert!(holds_the_clients_token(&path, &client), "the store is well, and has it");
    assert_eq!(provider.requests(Target::Refresh), 1);
    client.refresh().unwrap();
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
}

#[test]
fn an_unsaved_token_is_used_while_the_file_holds_garbage() {
    an_unsaved_token_outlives(|path| write_private(path, "garbage"), remove);
}

#[test]
fn an_unsaved_token_is_used_while_the_file_is_a_link() {
    an_unsaved_token_outlives(
        |path| {
            remove(path);
            std::os::unix::fs::symlink("/dev/null", path).unwrap();
        },
        remove,
    );
}

#[test]
fn an_unsaved_token_is_used_while_the_lock_cannot_be_had() {
    an_unsaved_token_outlives(
        |path| {
            remove(&beside(path, ".lock"));
            fs::create_dir(beside(path, ".lock")).unwrap();
        },
        |path| fs::remove_dir(beside(path, ".lock")).unwrap(),
    );
}

#[test]
fn an_unsaved_token_is_used_while_another_process_holds_the_lock() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let (client, obstacle) = unsaved(&provider, &path);
    drop(obstacle);
    let lock = OpenOptions::new().write(true).open(beside(&path, ".lock")).unwrap();
    lock.lock().unwrap();
    client.get(PROFILE).expect("a request waits for the store, but not until its time is over");
    drop(lock);
    client.save().unwrap();
    assert!(holds_the_clients_token(&path, &client));
}
