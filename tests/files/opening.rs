//! `fitbit_from_file`: what it answers to each thing that can stand at the path, without a request.

use std::fs;

use fitbit_simulator::Target;
use fitbit_test_support::code;
use fitbit_test_support::world::{PROFILE, app, provider, saved_token};

use crate::scene::{Folder, Keeper, assert_store_error, write_private};

#[test]
fn a_kept_token_becomes_a_client_without_a_request() {
    let provider = provider();
    let folder = Folder::new();
    for expires_in in [3600, -10] {
        let path = folder.token_file(&provider, expires_in);
        let client = app(&provider).from_file(&path).unwrap();
        assert_eq!(provider.requests(Target::Any), 0);
        client.get(PROFILE).unwrap();
        provider.reset_counts();
    }
}

#[test]
fn no_file_and_an_empty_one_ask_for_a_login() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let error = app(&provider).from_file(&path).err().unwrap();
    assert_eq!(error.code, code::REAUTHORIZE);
    assert_eq!(folder.names(), [""; 0]);
    for nothing in ["", "\n", " \t\r\n "] {
        write_private(&path, nothing);
        let error = app(&provider).from_file(&path).err().unwrap();
        assert_eq!(error.code, code::REAUTHORIZE, "{nothing:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), nothing);
    }
    assert_eq!(provider.requests(Target::Any), 0);
}

#[test]
fn where_nobody_has_logged_in_nobody_is_told_to_log_in_again() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let error = app(&provider).from_file(&path).err().unwrap();
    let said = format!("there is no token in {}; the person must log in", path.display());
    assert_eq!(error.message, said);
    assert_eq!(error.provider_type, None);
}

#[test]
fn a_missing_folder_is_named_before_anybody_is_asked_to_log_in() {
    let provider = provider();
    let folder = Folder::new();
    let missing = folder.join("no/such/folder");
    let path = missing.join("token.json");
    let said = format!("the directory {} does not exist", missing.display());
    let client = fitbit_test_support::world::client(&provider);
    for outcome in [app(&provider).from_file(&path).map(drop), client.set_token_file(&path)] {
        let error = outcome.unwrap_err();
        assert_eq!(error.code, code::STORE, "{error:?}");
        assert!(error.message.contains(&said), "{error:?}");
        assert_eq!(error.provider_type, None);
    }
    assert_eq!(provider.requests(Target::Any), 0);
}

#[test]
fn a_folder_that_vanishes_is_named_by_the_renewal() {
    let provider = provider();
    let folder = Folder::new();
    let inner = folder.join("inner");
    fs::create_dir(&inner).unwrap();
    let path = inner.join("token.json");
    write_private(&path, saved_token(&provider, 3600));
    let client = app(&provider).from_file(&path).unwrap();
    fs::remove_dir_all(&inner).unwrap();
    let error = client.refresh().unwrap_err();
    assert_eq!(error.code, code::STORE, "{error:?}");
    let said = format!("the directory {} does not exist", inner.display());
    assert!(error.message.contains(&said), "{error:?}");
    assert_eq!(provider.requests(Target::Any), 0);
}

/// As Windows editors write it.
#[test]
fn a_byte_order_mark_before_a_token_is_skipped() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    write_private(&path, format!("\u{feff}{}", saved_token(&provider, 3600)));
    let client = app(&provider).from_file(&path).unwrap();
    client.refresh().unwrap();
    client.get(PROFILE).unwrap();
    assert!(fs::read_to_string(&path).unwrap().starts_with('{'));
    write_private(&path, "\u{feff}");
    let error = app(&provider).from_file(&path).err().unwrap();
    assert_eq!(error.code, code::REAUTHORIZE, "nothing is in it: {error:?}");
}

#[test]
fn what_is_no_token_is_the_stores_fault() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let whole = saved_token(&provider, 3600);
    let half = &whole[..whole.len() / 2];
    let long = vec![b' '; 2 << 20];
    let contents: [&[u8]; 9] = [
        half.as_bytes(),
        b"{}",
        b"[]",
        b"null",
        b"\"token\"",
        b"{\"name\": \"somebody else's settings\"}",
        b"{\"access_token\": \"\xff\xfe\"}",
        b"\0\0\0\0",
        &long,
    ];
    for content in contents {
        write_private(&path, content);
        assert_store_error(app(&provider).from_file(&path), &path);
        assert_eq!(fs::read(&path).unwrap(), content, "it was left as it is");
    }
    assert_eq!(provider.requests(Target::Any), 0);
}

/// The design: "an unreadable or foreign one STORE". A program that is told REAUTHORIZE logs in and
/// saves over the other provider's login.
#[test]
fn another_providers_token_is_the_stores_fault_and_stays() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let mut token: serde_json::Value = serde_json::from_str(&saved_token(&provider, 3600)).unwrap();
    token["provider"] = "google_health".into();
    write_private(&path, token.to_string());
    assert_store_error(app(&provider).from_file(&path), &path);
    assert_eq!(fs::read_to_string(&path).unwrap(), token.to_string());
    assert_eq!(provider.requests(Target::Any), 0);
}

#[test]
fn what_can_name_no_file_is_a_wrong_argument() {
    let provider = provider();
    let client = fitbit_test_support::world::client(&provider);
    for path in ["", "/", ".."] {
        let error = app(&provider).from_file(path.as_ref()).err().unwrap();
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{path:?}");
        let error = client.set_token_file(path.as_ref()).err().unwrap();
        assert_eq!(error.code, code::INVALID_ARGUMENT, "{path:?}");
    }
}

#[test]
fn a_relative_path_is_found_again_from_another_folder() {
    let provider = provider();
    let folder = Folder::new();
    folder.token_file(&provider, 3600);
    let elsewhere = Folder::new();
    let mut keeper = Keeper::new(&provider, "token.json".as_ref());
    keeper.must(&format!("chdir {}", folder.path().display()));
    keeper.must("open 1");
    keeper.must(&format!("chdir {}", elsewhere.path().display()));
    keeper.must("refresh");
    assert_eq!(elsewhere.names(), [""; 0]);
    assert_eq!(folder.names(), ["token.json", "token.json.lock"]);
    drop(keeper);
    let client = app(&provider).from_file(&folder.join("token.json")).unwrap();
    client.refresh().unwrap();
}
