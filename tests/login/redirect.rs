//! The address that the person comes back to, in every form in which a program may have it.

use fitbit_simulator::{Simulator, Target};
use fitbit_test_support::{Saver, Session, code};

use super::steps::{error_of, form, granted, query};
use super::world::{app, provider};

/// Logs in with the redirect that `rewrite` makes of the query of the provider's one.
fn accepted(provider: &Simulator, rewrite: impl Fn(&str) -> String) {
    let app = app(provider);
    let session = app.step_one(None).unwrap();
    let redirect = rewrite(query(&granted(provider, &session)));
    let outcome = app.step_two(&session.session, &redirect, &Saver::new());
    assert_eq!(outcome.err(), None, "{redirect}");
}

#[test]
fn a_whole_address_a_request_target_and_a_query_are_all_read() {
    let provider = provider();
    for before in [
        "http://127.0.0.1:8080/callback?",
        "https://proxy.example:8443/other/path?",
        "myapp://callback?",
        "myapp:callback?",
        "/callback?",
        "/?",
        "?",
        "",
    ] {
        accepted(&provider, |query| format!("{before}{query}"));
    }
}

/// `=` is an ordinary character of a path (RFC 3986 section 3.3).
#[test]
fn an_equals_sign_before_the_question_mark_does_not_make_an_address_a_query() {
    let provider = provider();
    for before in ["/a=b/callback?", "https://app.example/cb;v=1?", "myapp:a=b?"] {
        accepted(&provider, |query| format!("{before}{query}"));
    }
}

#[test]
fn everything_from_the_first_hash_is_dropped() {
    let provider = provider();
    for fragment in ["#", "#_=_", "#a#b", "#?code=x&state=y", "#&state=other", "#/\u{e9}%ff "] {
        for before in ["http://127.0.0.1:8080/callback?", "/callback?", "?", ""] {
            accepted(&provider, |query| format!("{before}{query}{fragment}"));
        }
    }
}

#[test]
fn what_stands_in_the_fragment_is_not_an_answer() {
    let provider = provider();
    let app = app(&provider);
    let session = app.step_one(None).unwrap();
    let redirect = granted(&provider, &session);
    let moved = format!("http://127.0.0.1:8080/callback#{}", query(&redirect));
    let error = error_of(app.step_two(&session.session, &moved, &Saver::new()));
    assert_eq!(error.code, code::STATE_MISMATCH);
    assert_eq!(provider.requests(Target::Exchange), 0);
}

#[test]
fn other_parameters_and_their_order_do_not_matter() {
    let provider = provider();
    for before in ["tenant=7&", "code_challenge=&x&=&&", "q=what?&", "next=http://a.example/?b=c&"]
    {
        accepted(&provider, |query| format!("{before}{query}"));
        accepted(&provider, |query| format!("/callback?{before}{query}"));
    }
    accepted(&provider, |query| {
        let mut fields: Vec<_> = query.split('&').collect();
        fields.reverse();
        fields.join("&")
    });
}

/// A framework between browser and program may write the query anew, with other escapes.
#[test]
fn escapes_in_code_and_state_are_decoded() {
    let provider = provider();
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    accepted(&provider, |query| {
        let fields = form(query);
        let fields = fields.iter().map(|(name, value)| [escape(name), escape(value)].join("="));
        fields.collect::<Vec<_>>().join("&")
    });
}

#[test]
fn an_address_without_an_answer_belongs_to_no_session() {
    let provider = provider();
    let app = app(&provider);
    let Session { session, .. } = app.step_one(None).unwrap();
    for redirect in
        ["", "?", "#", "/", "/callback", "http://127.0.0.1:8080/callback", "x", "&&", "="]
    {
        let error = error_of(app.step_two(&session, redirect, &Saver::new()));
        assert_eq!(error.code, code::STATE_MISMATCH, "{redirect:?}");
    }
    assert_eq!(provider.connections(), 0);
}

#[test]
fn a_megabyte_of_garbage_is_refused_like_any_other() {
    let provider = provider();
    let app = app(&provider);
    let Session { session, .. } = app.step_one(None).unwrap();
    for garbage in ["a", "&", "=", "%", "?", "/", "a=b&", "\u{e9}"] {
        let redirect = garbage.repeat(1_000_000 / garbage.len());
        let error = error_of(app.step_two(&session, &redirect, &Saver::new()));
        assert_eq!(error.code, code::STATE_MISMATCH, "{garbage}");
        assert!(error.message.len() < 1000);
    }
    assert_eq!(provider.connections(), 0);
}
