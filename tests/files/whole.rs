//! The file is replaced as a whole: who reads it at any moment reads a token.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};

use fitbit_simulator::Target;
use fitbit_test_support::world::{app, provider};

use crate::scene::{Folder, beside, stored};

#[test]
fn a_renewal_puts_a_new_file_in_the_old_ones_place() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let other_name = folder.join("linked.json");
    fs::hard_link(&path, &other_name).unwrap();
    let (inode, before) = (fs::metadata(&path).unwrap().ino(), fs::read(&path).unwrap());
    let client = app(&provider).from_file(&path).unwrap();
    client.refresh().unwrap();
    assert_ne!(fs::metadata(&path).unwrap().ino(), inode);
    assert_eq!(fs::read(&other_name).unwrap(), before, "a second name of the old file");
    let token: serde_json::Value = serde_json::from_str(&client.token()).unwrap();
    assert_eq!(stored(&path), token);
    assert!(!beside(&path, ".new").exists());
}

#[test]
fn who_reads_the_file_during_200_renewals_always_reads_a_token() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let client = app(&provider).from_file(&path).unwrap();
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                assert!(stored(&path)["refresh_token"].is_string());
                reads += 1;
            }
            reads
        });
        let renewed: Result<(), _> = (0..200).try_for_each(|_| client.refresh());
        done.store(true, Ordering::Relaxed);
        renewed.unwrap();
        reader.join().unwrap()
    });
    assert!(reads > 0);
    assert_eq!(provider.requests(Target::Refresh), 200);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn what_a_killed_process_left_half_written_is_no_obstacle() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    fs::write(beside(&path, ".new"), "{\"access_tok").unwrap();
    let client = app(&provider).from_file(&path).unwrap();
    client.refresh().unwrap();
    assert!(!beside(&path, ".new").exists());
    assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
}
