//! Several clients, here and in other processes, live on one file: one renews, the others read what
//! it saved.

use fitbit_simulator::{DEMO_SERVER_ID, Target};
use fitbit_test_support::code;
use fitbit_test_support::world::{PROFILE, app, client, provider, saved_token};

use crate::scene::{Folder, Keeper, stored, write_private};

#[test]
fn the_second_client_reads_what_the_first_one_saved() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, -10);
    let app = app(&provider);
    let (first, second) = (app.from_file(&path).unwrap(), app.from_file(&path).unwrap());
    first.get(PROFILE).unwrap();
    second.get(PROFILE).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(first.token(), second.token());
}

#[test]
fn a_second_process_reads_what_the_first_one_saved() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, -10);
    let (mut first, mut second) = (Keeper::new(&provider, &path), Keeper::new(&provider, &path));
    first.must("open 1");
    second.must("open 1");
    first.must("get");
    second.must("get");
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn after_a_401_a_client_takes_what_another_one_saved() {
    let provider = provider();
    provider.settings(|settings| settings.old_access_token_survives_refresh = false);
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let app = app(&provider);
    let (first, second) = (app.from_file(&path).unwrap(), app.from_file(&path).unwrap());
    first.refresh().unwrap();
    second.get(PROFILE).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(first.token(), second.token());
}

#[test]
fn refresh_takes_what_another_client_renewed_since() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let app = app(&provider);
    let (first, second) = (app.from_file(&path).unwrap(), app.from_file(&path).unwrap());
    first.refresh().unwrap();
    second.refresh().unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
    second.refresh().unwrap();
    first.refresh().unwrap();
    assert_eq!(provider.requests(Target::Refresh), 2);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn another_processs_new_login_of_the_same_person_is_taken_over() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, -10);
    let old = app(&provider).from_file(&path).unwrap();
    let mut keeper = Keeper::new(&provider, &path);
    keeper.must(&format!("token {}", saved_token(&provider, 3600)));
    keeper.must("move");
    let login = stored(&path);
    old.get(PROFILE).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 0);
    assert_eq!(login["access_token"], old.token_field("access_token").unwrap());
}

#[test]
fn another_persons_login_in_the_file_is_neither_used_nor_written_over() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, 3600);
    let client = app(&provider).from_file(&path).unwrap();
    let mut other = provider.issue_token(DEMO_SERVER_ID, "OTHER1", &["profile"]);
    other["expires_at"] = 4_000_000_000_u64.into();
    write_private(&path, other.to_string());
    let error = client.refresh().unwrap_err();
    assert_eq!(error.code, code::STORE, "{error:?}");
    client.get(PROFILE).expect("its own token lasts");
    assert_eq!(stored(&path), other);
    assert_eq!(provider.requests(Target::Refresh), 0);
    drop(client);
    assert_eq!(stored(&path), other);
}

#[test]
fn a_refused_refresh_token_makes_the_client_read_the_file_again() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, -10);
    let old = app(&provider).from_file(&path).unwrap();
    provider.revoke_user("26FWFL");
    assert_eq!(old.refresh().unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(old.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(provider.requests(Target::Refresh), 1, "a dead token is not sent again");

    client(&provider).set_token_file(&path).unwrap();
    old.get(PROFILE).expect("the file has a new login");
    assert_eq!(provider.requests(Target::Refresh), 1);
    old.refresh().unwrap();
    assert_eq!(stored(&path)["access_token"], old.token_field("access_token").unwrap());
}

#[test]
fn a_client_that_holds_a_dead_token_does_not_write_it_over_a_new_login() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.token_file(&provider, -10);
    let old = app(&provider).from_file(&path).unwrap();
    provider.revoke_user("26FWFL");
    assert_eq!(old.refresh().unwrap_err().code, code::REAUTHORIZE);
    client(&provider).set_token_file(&path).unwrap();
    let login = stored(&path);
    drop(old);
    assert_eq!(stored(&path), login);
}
