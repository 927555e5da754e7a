//! A complete C program against the simulator, which the test plays the world for.

use fitbit_simulator::{Decision, Fault, FaultKind, Target};
use fitbit_test_support::world::{USER, provider};

use crate::compilers::folder;
use crate::run::{Way, command, talk};

fn tell(way: Way) {
    let Some(mut command) = command("story", way) else { return };
    let file = folder("story").join(format!("{way:?}.json"));
    // What an earlier run may have left there.
    let _ = std::fs::remove_file(&file);
    let provider = provider();
    command.arg(provider.uri()).arg(&file);
    let printed = talk(command, |question| {
        match question.split_once(' ').unwrap_or((question, "")) {
            ("visit", uri) => return provider.visit(uri, Decision::Grant).expect("a redirect"),
            ("let", "the access token expire") => provider.expire_access_tokens(),
            ("limit", _) => {
                provider.fault(Fault::once(Target::Api, FaultKind::Status429Reset(77)));
            }
            ("take", "back the grant") => provider.revoke_user(USER),
            _ => panic!("an unexpected question: {question}"),
        }
        "done".to_owned()
    });
    assert_eq!(printed, ["lived happily"]);
    assert_eq!(provider.requests(Target::Exchange), 1);
    // After the expiry, twice at fitbit_refresh, and once when the grant was gone.
    assert_eq!(provider.requests(Target::Refresh), 4);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

#[test]
fn a_c_program_logs_in_saves_renews_and_starts_again_from_its_file() {
    tell(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_in_the_story() {
    tell(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_the_story() {
    tell(Way::Sanitized);
}
