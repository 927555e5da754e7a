//! How a logger is set, and what holds for every line whatever it says: its level, its length, and
//! that nothing secret is in it.

use std::ptr::null_mut;
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::level::{DEBUG, ERROR, INFO, TRACE, WARN};
use fitbit_test_support::{Error, Saver, code, interface};

use crate::heard::{Heard, hear};
use crate::logger::{client, for_both, request};
use crate::providers::{BOTH, FITBIT, GOOGLE, Provider, field};

/// A life with lines of every level: a renewal, a request, a rate limit, the end.
fn a_life(provider: &Provider, most: u32) -> Vec<(u32, String)> {
    let (simulator, heard) = (Simulator::start().unwrap(), Heard::new());
    let app = provider.app(&simulator);
    app.set_rate_limit_wait(1).unwrap();
    heard.listen(&app, most);
    let client = client(provider, &simulator, &app, -10);
    simulator.fault(Fault::once(Target::Api, FaultKind::Status429RetryAfter(0)));
    client.get(provider.path).unwrap();
    simulator.revoke_user("26FWFL");
    client.refresh().unwrap_err();
    drop(client);
    heard.lines()
}

#[test]
fn each_level_tells_itself_and_what_matters_more() {
    for provider in BOTH {
        let all = a_life(&provider, TRACE);
        for most in [ERROR, WARN, INFO, DEBUG, TRACE] {
            assert!(all.iter().any(|(level, _)| *level == most), "{most} is among them: {all:?}");
            let mut expected = all.clone();
            expected.retain(|(level, _)| *level <= most);
            assert_eq!(a_life(&provider, most), expected, "{most}");
        }
    }
}

fn is_an_invalid(argument: &str, outcome: Result<(), Error>) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code, code::INVALID_ARGUMENT, "{error:?}");
    assert!(error.message.starts_with(&format!("{argument}:")), "{error:?}");
}

#[test]
fn a_level_that_there_is_not_is_refused_and_changes_nothing() {
    for_both(|provider, simulator, app, heard| {
        let nobody = Heard::new();
        for most in [0, 6, 7, 1 << 31, u32::MAX] {
            is_an_invalid("most", app.set_logger(most, Some(hear), nobody.user_data()));
            is_an_invalid("most", app.set_logger(most, None, null_mut()));
        }
        let no_app = unsafe { (interface().app_set_logger)(null_mut(), TRACE, None, null_mut()) };
        is_an_invalid("app", Error::check(no_app));
        client(provider, simulator, app, 3600).get(provider.path).unwrap();
        assert_eq!(heard.lines().len(), 2);
        assert!(nobody.lines().is_empty());
    });
}

#[test]
fn no_logger_is_one_too_and_the_last_one_set_counts() {
    for_both(|provider, simulator, app, heard| {
        app.set_logger(TRACE, None, null_mut()).unwrap();
        client(provider, simulator, app, -10).get(provider.path).unwrap();
        assert!(heard.lines().is_empty());

        let (app, last) = (provider.app(simulator), Heard::new());
        heard.listen(&app, TRACE);
        last.listen(&app, INFO);
        client(provider, simulator, &app, -10).get(provider.path).unwrap();
        assert!(heard.lines().is_empty());
        assert_eq!(last.lines().len(), 2);
    });
}

#[test]
fn an_app_in_use_keeps_its_logger() {
    for_both(|provider, simulator, app, heard| {
        let (client, late) = (client(provider, simulator, app, 3600), Heard::new());
        is_an_invalid("app", app.set_logger(TRACE, Some(hear), late.user_data()));
        is_an_invalid("app", app.set_logger(TRACE, None, null_mut()));
        client.get(provider.path).unwrap();
        assert!(late.lines().is_empty());
        assert_eq!(heard.lines().len(), 2);
    });
}

#[test]
fn each_app_tells_its_own_user_data_and_after_it_is_freed_its_clients_do() {
    let simulator = Simulator::start().unwrap();
    let (first, second) = (Heard::new(), Heard::new());
    let (one, other) = (FITBIT.app(&simulator), GOOGLE.app(&simulator));
    first.listen(&one, DEBUG);
    second.listen(&other, DEBUG);
    let (mine, theirs) =
        (client(&FITBIT, &simulator, &one, 3600), client(&GOOGLE, &simulator, &other, 3600));
    drop((one, other));
    mine.get(FITBIT.path).unwrap();
    theirs.get(GOOGLE.path).unwrap();
    assert_eq!(first.lines(), [request("GET", FITBIT.path, 200)]);
    assert_eq!(second.lines(), [request("GET", GOOGLE.path, 200)]);
}

#[test]
fn no_line_holds_the_token_that_a_program_put_into_its_path() {
    for_both(|provider, simulator, app, heard| {
        let token = provider.token(simulator, 3600);
        let access_token = field(&token, "access_token").unwrap();
        let client = app.from_token(&token, &Saver::new()).unwrap();
        client.get(&format!("/v4/{access_token}/x")).unwrap_err();
        client.get(&format!("{}?access_token={access_token}", provider.path)).unwrap();
        // The journal searches for it too: this says which line it is.
        for line in heard.texts() {
            assert!(
                !line.contains(&access_token[..24]),
                "{}",
                line.replace(&access_token, "TOKEN")
            );
        }
    });
}

#[test]
fn a_path_of_any_length_is_a_line_of_a_sensible_one() {
    for_both(|provider, simulator, app, heard| {
        let client = client(provider, simulator, app, 3600);
        client.get(&format!("/v4/{}", "a long way ".repeat(2000))).unwrap_err();
        let longest = heard.texts().iter().map(String::len).max().unwrap();
        assert!(longest <= 4096, "{longest}");
    });
}

#[test]
fn a_proxys_password_is_in_no_line() {
    for_both(|provider, simulator, app, heard| {
        // Nobody listens there.
        app.set_proxy(Some("http://somebody:their-password@127.0.0.1:1")).unwrap();
        app.set_endpoint(3, "https://api.invalid").unwrap();
        app.set_timeout_ms(5000).unwrap();
        client(provider, simulator, app, 3600).get(provider.path).unwrap_err();
        let texts = heard.texts();
        assert!(texts[0].starts_with("connecting to "), "{texts:?}");
        assert!(!texts.concat().contains("their-password"), "{texts:?}");
        assert!(!texts.concat().contains("somebody"), "{texts:?}");
    });
}

#[test]
fn the_loggers_time_is_not_the_calls() {
    for_both(|provider, simulator, app, heard| {
        app.set_timeout_ms(600).unwrap();
        heard.then(|_| std::thread::sleep(Duration::from_millis(400)));
        // Seven lines of 400 ms.
        let client = client(provider, simulator, app, -10);
        client.get(provider.path).unwrap();
        assert_eq!(heard.lines().len(), 7);
    });
}
