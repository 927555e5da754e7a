//! A token file, used from C.

use fitbit_simulator::Target;
use fitbit_test_support::world::{provider, saved_token};

use crate::compilers::empty_folder;
use crate::run::{Way, command, talk};

fn keep(way: Way) {
    let Some(mut command) = command("token_file", way) else { return };
    let provider = provider();
    let folder = empty_folder(&format!("token_file_{way:?}"));
    command.arg(provider.uri()).arg(saved_token(&provider, 3600)).arg(&folder);
    let printed = talk(command, |question| {
        assert_eq!(question, "let the access token expire");
        provider.expire_access_tokens();
        "done".to_owned()
    });
    assert_eq!(printed, ["kept"]);
    // Two where it moves into the file, one for eight clients, one before the file vanishes, one last.
    assert_eq!(provider.requests(Target::Refresh), 5);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    let entries = std::fs::read_dir(folder).expect("it was made above");
    let mut left: Vec<_> = entries.map(|one| one.expect("it can be read").file_name()).collect();
    left.sort();
    assert_eq!(left, ["token", "token.lock"]);
}

#[test]
fn a_token_file_in_c_is_private_shared_and_always_the_newest() {
    keep(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_around_the_token_file() {
    keep(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_around_the_token_file() {
    keep(Way::Sanitized);
}
