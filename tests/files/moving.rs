//! `fitbit_set_token_file`: a client's token goes into a file, and every later one follows it; where
//! that fails, everything stays as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex, OnceLock};

use fitbit_simulator::Target;
use fitbit_test_support::world::{PROFILE, app, client, provider, saved_token};
use fitbit_test_support::{Client, Saver, code};

use crate::scene::{Folder, assert_store_error, stored, write_private};

#[test]
fn the_token_is_in_the_file_at_once_and_every_later_one_too() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let saver = Saver::new();
    let client = app(&provider).from_token(&saved_token(&provider, 3600), &saver).unwrap();
    client.set_token_file(&path).unwrap();
    assert_eq!(provider.requests(Target::Any), 0);
    assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
    client.refresh().unwrap();
    assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
    assert_eq!(saver.offered(), [""; 0], "the file stands in the callback's place");
}

#[test]
fn what_is_no_token_is_written_over() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let client = client(&provider);
    let other = saved_token(&provider, 3600).replace("\"26FWFL\"", "\"OTHER1\"");
    let foreign = saved_token(&provider, 3600).replacen('{', "{\"provider\":\"google_health\",", 1);
    let large = vec![b'x'; 2 << 20];
    let contents: [&[u8]; 6] =
        [b"", b"{\"acc", b"\xff\xfe\xfd", &large, other.as_bytes(), foreign.as_bytes()];
    for content in contents {
        write_private(&path, content);
        let shown = String::from_utf8_lossy(&content[..content.len().min(20)]).into_owned();
        client.set_token_file(&path).unwrap_or_else(|error| panic!("{shown:?}: {error:?}"));
        assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
    }
}

#[test]
fn a_file_that_must_not_be_trusted_is_not_written_over_and_the_callback_stays() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    write_private(&path, "precious");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let saver = Saver::new();
    let client = app(&provider).from_token(&saved_token(&provider, 3600), &saver).unwrap();
    assert_store_error(client.set_token_file(&path), &path);
    assert_store_error(client.set_token_file(&folder.join("no/token.json")), "token.json".as_ref());
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    client.refresh().unwrap();
    assert_eq!(saver.offered(), [client.token()]);
    client.save().unwrap();
    client.get(PROFILE).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn the_callback_gets_no_token_that_went_into_the_file() {
    let provider = provider();
    let folder = Folder::new();
    let (first, second) = (folder.join("first.json"), folder.join("second.json"));
    let client = client(&provider);
    client.set_token_file(&first).unwrap();
    client.set_token_file(&second).unwrap();
    let before = fs::read(&first).unwrap();
    client.refresh().unwrap();
    assert_eq!(fs::read(&first).unwrap(), before, "the file that was left");
    assert_eq!(stored(&second)["access_token"], client.token_field("access_token").unwrap());
}

#[test]
fn an_unsaved_token_is_saved_by_moving_it_into_a_file() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let saver = Saver::doing(|_| 0);
    let client = app(&provider).from_token(&saved_token(&provider, 3600), &saver).unwrap();
    assert_eq!(client.refresh().unwrap_err().code, code::STORE);
    client.set_token_file(&path).unwrap();
    client.save().unwrap();
    assert_eq!(stored(&path)["access_token"], client.token_field("access_token").unwrap());
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn inside_its_own_callback_a_client_cannot_be_moved() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let client: Arc<OnceLock<Client>> = Arc::default();
    let answers: Arc<Mutex<Vec<_>>> = Arc::default();
    let saver = Saver::doing({
        let (client, answers, path) = (client.clone(), answers.clone(), path.clone());
        move |_| {
            let moved = client.get().expect("it is renewing").set_token_file(&path);
            answers.lock().unwrap().push(moved.unwrap_err().code);
            1
        }
    });
    let made = app(&provider).from_token(&saved_token(&provider, 3600), &saver).unwrap();
    let Ok(()) = client.set(made) else { panic!("it is set once") };
    client.get().unwrap().refresh().unwrap();
    assert_eq!(*answers.lock().unwrap(), [code::INVALID_ARGUMENT]);
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_dead_login_is_not_moved_into_a_file() {
    let provider = provider();
    let folder = Folder::new();
    let path = folder.join("token.json");
    let client = client(&provider);
    provider.revoke_user("26FWFL");
    assert_eq!(client.refresh().unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(client.set_token_file(&path).unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(folder.names(), [""; 0]);
}

/// The path of a folder with a slash behind it: the lock must not be made inside of that folder.
#[test]
fn a_folders_path_is_refused_and_nothing_is_written_into_it() {
    let provider = provider();
    let folder = Folder::new();
    let inner = folder.join("inner");
    fs::create_dir(&inner).unwrap();
    let inner_text = inner.display().to_string();
    for path in [inner_text.clone(), format!("{inner_text}/"), format!("{inner_text}/.")] {
        let error = client(&provider).set_token_file(path.as_ref()).unwrap_err();
        let refused = [code::STORE, code::INVALID_ARGUMENT].contains(&error.code);
        assert!(refused, "{error:?}");
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 0, "{path}");
    }
}
