//! The answers that end a login, and those that look like one.

use fitbit_simulator::{Decision, Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{Saver, code};
use serde_json::Value;

use crate::scene::{
    LONG, app, callback_uri, fitbit_app, free_port, is_closed, login, login_within,
};

#[test]
fn a_person_who_grants_access_is_logged_in_and_reads_so() {
    let provider = provider();
    let app = fitbit_app(&provider, &callback_uri());
    let saver = Saver::new();
    let (client, page) = login(&app, &saver, |it| it.decide(&provider, Decision::Grant));
    let client = client.unwrap();
    assert_eq!((page.status, page.title()), (200, "You are logged in"));
    assert!(page.body.contains("Fitbit"), "{page:?}");
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(client.token_field("user_id").as_deref(), Some("26FWFL"));
    // The first token was the callback's before the call returned.
    assert_eq!(saver.offered(), [client.token()]);
}

#[test]
fn at_google_any_port_does_and_the_address_says_which() {
    let provider = provider();
    let (client, (callback_uri, page)) = login(&app(&provider), &Saver::new(), |it| {
        (it.callback_uri(), it.decide(&provider, Decision::Grant))
    });
    let port = callback_uri.strip_prefix("http://127.0.0.1:").unwrap();
    let port: u16 = port.strip_suffix("/callback").unwrap().parse().unwrap();
    assert_ne!(port, 0);
    assert_eq!(page.status, 200);
    client.unwrap();
    // The exchange names the same address.
    let log = provider.log();
    let exchange = log.iter().find(|entry| entry.target == "/token").unwrap();
    let sent =
        fitbit_test_support::field(std::str::from_utf8(&exchange.body).unwrap(), "redirect_uri");
    assert_eq!(sent.as_deref(), Some(&*callback_uri));
}

#[test]
fn a_login_asks_for_the_apps_scopes_and_proves_itself_with_a_challenge() {
    let provider = provider();
    let app = app(&provider);
    app.set_scopes("a b").unwrap();
    let _ = login(&app, &Saver::new(), |it| {
        assert_eq!(it.field("scope"), "a b");
        assert_eq!(it.field("code_challenge_method"), "S256");
        assert_eq!(it.field("access_type"), "offline");
    });
}

#[test]
fn a_person_who_says_no_is_told_so_and_so_is_the_program() {
    let provider = provider();
    let (client, page) =
        login(&app(&provider), &Saver::new(), |it| it.decide(&provider, Decision::Deny));
    assert_eq!((page.status, page.title()), (200, "You said no"));
    assert_eq!(client.err().unwrap().code, code::ACCESS_DENIED);
    assert_eq!(provider.requests(Target::Exchange), 0);
}

#[test]
fn another_error_in_the_redirect_is_shown_and_reported() {
    let provider = provider();
    let (client, page) = login(&app(&provider), &Saver::new(), |it| {
        it.get(&it.answer("error=server_error&error_description=come+back+later"))
    });
    assert_eq!(page.title(), "That did not work");
    assert!(page.body.contains("come back later"), "{page:?}");
    let error = client.err().unwrap();
    assert_eq!(error.code, code::AUTHORIZATION);
    assert!(error.message.contains("server_error"), "{error:?}");
    assert_eq!(provider.requests(Target::Exchange), 0);
}

#[test]
fn an_answer_with_neither_code_nor_error_ends_the_login() {
    let provider = provider();
    let (client, page) = login(&app(&provider), &Saver::new(), |it| it.get(&it.answer("code=")));
    assert_eq!(page.title(), "That did not work");
    assert_eq!(client.err().unwrap().code, code::AUTHORIZATION);
}

#[test]
fn answers_with_another_state_get_a_page_and_the_waiting_goes_on() {
    let provider = provider();
    let (client, page) = login(&app(&provider), &Saver::new(), |it| {
        let state = it.state();
        let (shorter, upper) = (&state[1..], state.to_uppercase());
        for query in [
            "?code=x&state=forged".to_owned(),
            "?error=access_denied&state=forged".to_owned(),
            "?error=access_denied".to_owned(),
            "?code=x".to_owned(),
            "?code=x&state=".to_owned(),
            format!("?code=x&state={shorter}"),
            format!("?code=x&state={upper}"),
            String::new(),
        ] {
            let page = it.get(&format!("/callback{query}"));
            assert_eq!((page.status, page.title()), (400, "Not this login"), "{query}");
        }
        assert_eq!(provider.requests(Target::Exchange), 0);
        it.decide(&provider, Decision::Grant)
    });
    assert_eq!(page.title(), "You are logged in");
    client.unwrap();
}

#[test]
fn an_answer_with_a_parameter_twice_is_nobodys() {
    let provider = provider();
    let (client, _) = login(&app(&provider), &Saver::new(), |it| {
        let state = it.state();
        for twice in ["code=x&code=y", &format!("code=x&state={state}"), "error=a&error=a"] {
            assert_eq!(it.get(&it.answer(twice)).status, 400, "{twice}");
        }
        it.decide(&provider, Decision::Grant)
    });
    client.unwrap();
    assert_eq!(provider.requests(Target::Exchange), 1);
}

#[test]
fn the_first_of_two_tabs_wins_and_the_second_finds_nobody() {
    let provider = provider();
    let app = app(&provider);
    let saver = Saver::new();
    let (client, (first, second, port)) = login_within(&app, LONG, &saver, |it| {
        let both =
            [(); 2].map(|()| provider.visit(&it.authorization_uri, Decision::Grant).unwrap());
        let [first, second] = both;
        (it.open(&first), second, it.port())
    });
    assert_eq!((first.status, first.title()), (200, "You are logged in"));
    client.unwrap();
    assert!(second.contains(&format!(":{port}/")), "{second}");
    assert!(is_closed(port));
    assert_eq!(provider.requests(Target::Exchange), 1);
    assert_eq!(saver.offered().len(), 1);
}

#[test]
fn two_tabs_that_come_back_at_once_are_one_login() {
    let provider = provider();
    let app = app(&provider);
    // Both requests are there before the first is answered.
    provider.fault(Fault::once(Target::Exchange, FaultKind::Latency(300)));
    let (client, pages) = login_within(&app, LONG, &Saver::new(), |it| {
        let back =
            [(); 2].map(|()| provider.visit(&it.authorization_uri, Decision::Grant).unwrap());
        std::thread::scope(|scope| {
            let tabs = back.each_ref().map(|uri| scope.spawn(|| it.open(uri)));
            tabs.map(|tab| tab.join().unwrap().title().to_owned())
        })
    });
    client.unwrap();
    assert!(pages.contains(&"You are logged in".to_owned()), "{pages:?}");
    assert!(pages.contains(&"Not this login".to_owned()), "{pages:?}");
    assert_eq!(provider.requests(Target::Exchange), 1);
}

#[test]
fn a_code_that_is_refused_is_an_error_and_the_page_holds_no_secret() {
    let provider = provider();
    let app = app(&provider);
    provider.fault(Fault::once(Target::Exchange, FaultKind::EchoSecrets));
    let (client, page) = login(&app, &Saver::new(), |it| it.decide(&provider, Decision::Grant));
    let error = client.err().unwrap();
    assert_eq!(error.http_status, 400, "{error:?}");
    assert_eq!(page.title(), "That did not work");
    let secrets = provider.secrets();
    assert!(secrets.len() > 2, "there was a code and a verifier");
    for secret in secrets.iter().filter(|secret| secret.len() >= 8) {
        assert!(!page.body.contains(secret) && !error.all_text().contains(secret), "{page:?}");
    }
}

#[test]
fn an_exchange_that_fails_is_reported_to_both() {
    let provider = provider();
    provider.fault(Fault::once(Target::Exchange, FaultKind::CloseAfterRead));
    let (client, page) =
        login(&app(&provider), &Saver::new(), |it| it.decide(&provider, Decision::Grant));
    assert_eq!(page.title(), "That did not work");
    assert_eq!(client.err().unwrap().code, code::NETWORK);
    // A code is sent once, whatever becomes of its answer.
    assert_eq!(provider.requests(Target::Exchange), 1);
}

#[test]
fn the_callback_has_the_token_before_the_page_says_so() {
    let provider = provider();
    let saver = Saver::new();
    let (client, before) = login(&app(&provider), &saver, |it| {
        it.decide(&provider, Decision::Grant);
        saver.offered()
    });
    client.unwrap();
    assert_eq!(before.len(), 1);
    let token: Value = serde_json::from_str(&before[0]).unwrap();
    assert_eq!(token["provider"], "google_health");
}

#[test]
fn a_token_that_is_not_saved_does_not_fail_the_login_and_the_page_says_so() {
    let provider = provider();
    let saver = Saver::doing(|_| 0);
    let (client, page) = login(&app(&provider), &saver, |it| it.decide(&provider, Decision::Grant));
    assert_eq!((page.status, page.title()), (200, "Your login is not saved"));
    assert_eq!(client.unwrap().save().unwrap_err().code, code::STORE);
}

#[test]
fn the_same_port_serves_one_login_after_another() {
    let provider = provider();
    let app = fitbit_app(&provider, &format!("http://localhost:{}/callback", free_port()));
    for _ in 0..3 {
        let (client, _) = login(&app, &Saver::new(), |it| it.decide(&provider, Decision::Grant));
        client.unwrap();
    }
}
