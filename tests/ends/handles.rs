//! Several handles on one login, and on one application.

use std::collections::VecDeque;
use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::{PROFILE, app, provider, saved_token};
use fitbit_test_support::{App, Client, Saver, c, code, library};

use crate::scene::{client_of, is_ended_already, patient_app, start, wait_for};

/// The values of a header that the API requests carried, oldest first.
fn sent(provider: &Simulator, header: &str) -> Vec<Option<String>> {
    let log = provider.log();
    let api = log.iter().filter(|entry| entry.target.starts_with("/1/"));
    api.map(|entry| entry.header(header).map(str::to_owned)).collect()
}

#[test]
fn handles_share_the_login() {
    let provider = provider();
    let app = app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    let dup = client.dup().unwrap();
    dup.get(PROFILE).unwrap();
    client.get(PROFILE).unwrap();
    assert_eq!(client.token(), dup.token());
    assert_eq!(provider.requests(Target::Refresh), 1, "one renewal serves both");
    assert_eq!(provider.requests(Target::Api), 2);
    assert_eq!(saver.offered(), [client.token()]);
    // The rate limit that one has heard of, and where the token goes, are the login's too.
    assert_eq!(client.rate_limit(), dup.rate_limit());
    assert!(dup.rate_limit().is_some());
    let path = crate::files::token_file("");
    dup.set_token_file(&path).unwrap();
    client.refresh().unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap().trim(), dup.token());
    assert_eq!(saver.offered().len(), 1);
}

#[test]
fn handles_share_the_connections() {
    let provider = provider();
    let app = app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    client.get(PROFILE).unwrap();
    let dup = client.dup().unwrap();
    dup.get(PROFILE).unwrap();
    let other = app.dup().unwrap();
    client_of(&other, &provider, 3600, &Saver::new()).get(PROFILE).unwrap();
    assert_eq!(provider.connections(), 1);
}

#[test]
fn a_revocation_by_one_handle_ends_the_login_of_all() {
    let provider = provider();
    let app = app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    let dup = client.dup().unwrap();
    dup.revoke().unwrap();
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
}

#[test]
fn headers_are_copied_and_then_each_handles_own() {
    let provider = provider();
    let app = app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    client.set_header("X-One", Some("first")).unwrap();
    let dup = client.dup().unwrap();
    dup.get(PROFILE).unwrap();
    dup.set_header("X-One", Some("second")).unwrap();
    client.set_header("X-Two", Some("more")).unwrap();
    client.get(PROFILE).unwrap();
    dup.get(PROFILE).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(sent(&provider, "x-one"), [text("first"), text("first"), text("second")]);
    assert_eq!(sent(&provider, "x-two"), [None, text("more"), None]);
}

#[test]
fn the_timeout_is_copied_and_then_each_handles_own() {
    let provider = provider();
    provider.fault(Fault::always(Target::Api, FaultKind::Latency(1500)));
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    client.set_timeout_ms(100).unwrap();
    let dup = client.dup().unwrap();
    assert_eq!(dup.get(PROFILE).unwrap_err().code, code::TIMEOUT);
    dup.set_timeout_ms(0).unwrap();
    assert_eq!(dup.get(PROFILE).unwrap().status, 200, "the app's timeout");
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::TIMEOUT);
    client.set_timeout_ms(u32::MAX).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn the_wait_for_the_rate_limit_is_copied_and_then_each_handles_own() {
    let provider = provider();
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    let limited = |times| {
        let fault = FaultKind::Status429Reset(1);
        provider.fault(Fault { times, ..Fault::always(Target::Api, fault) });
    };
    limited(1);
    assert_eq!(
        client.get(PROFILE).unwrap_err().code,
        code::RATE_LIMITED,
        "the app waits for nobody"
    );
    client.set_rate_limit_wait(60).unwrap();
    let dup = client.dup().unwrap();
    for waiting in [&client, &dup] {
        limited(1);
        assert_eq!(waiting.get(PROFILE).unwrap().status, 200);
    }
    dup.set_rate_limit_wait(0).unwrap();
    limited(1);
    assert_eq!(dup.get(PROFILE).unwrap_err().code, code::RATE_LIMITED);
    limited(1);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn a_handle_may_wait_less_than_its_app() {
    let provider = provider();
    let app = patient_app(&provider);
    app.set_rate_limit_wait(1000).unwrap();
    let client = client_of(&app, &provider, 3600, &Saver::new());
    client.set_rate_limit_wait(0).unwrap();
    provider.fault(Fault::always(Target::Api, FaultKind::Status429Reset(100)));
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::RATE_LIMITED);
    assert_eq!(provider.requests(Target::Api), 1);
}

/// What a handle has little time for is little by its own timeout, not by its app's.
#[test]
fn a_handle_with_a_short_timeout_renews() {
    let provider = provider();
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, -10, &Saver::new());
    client.set_timeout_ms(400).unwrap();
    // A busy machine may need more than one call.
    assert!((0..50).any(|_| client.get(PROFILE).is_ok()), "{:?}", client.get(PROFILE).err());
    assert!((0..50).any(|_| client.refresh().is_ok()), "{:?}", client.refresh().err());
    client.set_timeout_ms(300).unwrap();
    assert!((0..50).any(|_| client.revoke().is_ok()), "{:?}", client.revoke().err());
}

/// Every order of freeing two clients' handles and two apps'.
#[test]
fn handles_are_freed_in_any_order() {
    enum Any {
        Client(Client),
        #[allow(dead_code)] // it is only freed
        App(App),
    }
    for order in 0..24 {
        let provider = provider();
        let app = app(&provider);
        let saver = Saver::new();
        let client = client_of(&app, &provider, -10, &saver);
        let (other_app, dup) = (app.dup().unwrap(), client.dup().unwrap());
        let mut left = VecDeque::from([
            Any::Client(client),
            Any::App(app),
            Any::Client(dup),
            Any::App(other_app),
        ]);
        let mut number = order;
        while !left.is_empty() {
            let first = left.remove(number % left.len());
            number /= left.len() + 1;
            drop(first);
            for one in &left {
                if let Any::Client(client) = one {
                    assert_eq!(client.get(PROFILE).unwrap().status, 200);
                }
            }
        }
        assert!(saver.offered().len() <= 1);
        assert_eq!(provider.replayed_refresh_tokens(), 0);
    }
}

#[test]
fn the_last_free_offers_an_unsaved_token_and_no_earlier_one() {
    let provider = provider();
    let app = app(&provider);
    for first_is_the_original in [true, false] {
        let saver = Saver::doing(|_| 0);
        let client = client_of(&app, &provider, 3600, &saver);
        assert_eq!(client.refresh().unwrap_err().code, code::STORE);
        let dup = client.dup().unwrap();
        let (first, last) = if first_is_the_original { (client, dup) } else { (dup, client) };
        drop(first);
        assert_eq!(saver.offered().len(), 1);
        let token = last.token();
        drop(last);
        assert_eq!(saver.offered().len(), 2);
        assert_eq!(saver.offered()[1], token);
    }
}

#[test]
fn a_dup_of_an_aborted_handle_is_alive() {
    let provider = provider();
    let app = app(&provider);
    let client = client_of(&app, &provider, -10, &Saver::new());
    client.abort();
    let dup = client.dup().unwrap();
    assert_eq!(dup.get(PROFILE).unwrap().status, 200);
    is_ended_already(|| client.get(PROFILE));
    app.abort();
    let other = app.dup().unwrap();
    assert_eq!(client_of(&other, &provider, 3600, &Saver::new()).get(PROFILE).unwrap().status, 200);
}

#[test]
fn an_aborted_app_handle_makes_no_client_and_its_clients_go_on() {
    let provider = provider();
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    let dup = app.dup().unwrap();
    let step = dup.step_one(None).unwrap();
    let back = provider.visit(&step.authorization_uri, fitbit_simulator::Decision::Grant).unwrap();
    app.abort();
    is_ended_already(|| app.step_two(&step.session, &back, &Saver::new()));
    is_ended_already(|| app.login(1000, |_| 1, &Saver::new()));
    assert_eq!(provider.requests(Target::Exchange), 0);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    client.refresh().unwrap();
    // The other handle of the app goes on with the same login.
    let new = dup.step_two(&step.session, &back, &Saver::new()).unwrap();
    assert_eq!(new.get(PROFILE).unwrap().status, 200);
}

#[test]
fn making_another_handle_is_the_apps_first_use() {
    let provider = provider();
    let app = app(&provider);
    app.set_scopes("sleep").unwrap();
    let dup = app.dup().unwrap();
    for handle in [&app, &dup] {
        assert_eq!(handle.set_scopes("sleep").unwrap_err().code, code::INVALID_ARGUMENT);
    }
    drop(app);
    assert_eq!(dup.set_scopes("sleep").unwrap_err().code, code::INVALID_ARGUMENT);
    assert_eq!(client_of(&dup, &provider, 3600, &Saver::new()).get(PROFILE).unwrap().status, 200);
}

/// Does `inside` in the callback of a renewal, with another handle of the same login.
fn inside_the_callback(inside: impl FnOnce(&Client) + Send + 'static) {
    let provider = provider();
    let app = app(&provider);
    let dup: Arc<Mutex<Option<Client>>> = Arc::default();
    let outcome: Arc<Mutex<Option<thread::Result<()>>>> = Arc::default();
    let (theirs, told) = (dup.clone(), outcome.clone());
    let mut inside = Some(inside);
    let saver = Saver::doing(move |_| {
        if let Some(inside) = inside.take() {
            // No panic may leave a callback.
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let client = theirs.lock().unwrap();
                inside(client.as_ref().expect("it was made"));
            }));
            *told.lock().unwrap() = Some(result);
        }
        1
    });
    let client = client_of(&app, &provider, -10, &saver);
    *dup.lock().unwrap() = Some(client.dup().unwrap());
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    let result = outcome.lock().unwrap().take().expect("the callback ran");
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
    let last = dup.lock().unwrap().take();
    assert_eq!(last.unwrap().get(PROFILE).unwrap().status, 200);
}

#[test]
fn in_a_callback_every_handle_of_its_login_is_its_own_client() {
    inside_the_callback(|dup| {
        let refused = [
            dup.get(PROFILE).err(),
            dup.refresh().err(),
            dup.save().err(),
            dup.revoke().err(),
            dup.set_token_file(std::path::Path::new("/nowhere/token.json")).err(),
        ];
        for error in refused {
            assert_eq!(error.expect("it would wait for itself").code, code::INVALID_ARGUMENT);
        }
        assert!(!dup.token().is_empty());
        assert!(dup.token_field("access_token").is_some());
        dup.set_header("X-A", Some("b")).unwrap();
        dup.set_timeout_ms(1000).unwrap();
        dup.set_rate_limit_wait(1).unwrap();
        dup.user_id().unwrap();
    });
}

#[test]
fn a_handle_that_is_made_in_a_callback_is_its_own_client_too() {
    inside_the_callback(|client| {
        let dup = client.dup().unwrap();
        assert_eq!(dup.get(PROFILE).unwrap_err().code, code::INVALID_ARGUMENT);
        assert_eq!(dup.token(), client.token());
    });
}

#[test]
fn a_callback_may_end_its_own_clients_handle() {
    let provider = provider();
    let app = app(&provider);
    let (tell, told) = channel::<usize>();
    let saver = Saver::doing(move |_| {
        if let Ok(handle) = told.try_recv() {
            unsafe { (fitbit_test_support::interface().abort)(handle as *mut std::ffi::c_void) };
        }
        1
    });
    let client = client_of(&app, &provider, -10, &saver);
    tell.send(client.handle as usize).unwrap();
    is_ended_already(|| client.get(PROFILE));
    assert_eq!(saver.offered(), [client.token()], "its token is saved");
    is_ended_already(|| client.get(PROFILE));
    assert_eq!(client.dup().unwrap().get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_renewal_by_an_aborted_handle_is_everybodys() {
    let provider = provider();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(700)));
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    let dup = client.dup().unwrap();
    thread::scope(|scope| {
        let renewing = start(scope, || client.get(PROFILE));
        wait_for(&provider, Target::Refresh, 1);
        client.abort();
        assert_eq!(renewing.end().0.err().unwrap().code, code::CANCELLED);
    });
    assert_eq!(dup.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(saver.offered(), [dup.token()]);
}

fn program() -> c::Program {
    static PROGRAM: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    let build =
        || c::build(&library::root().join("tests/ends/handles.c"), "ends_handles", &["-g"]).path;
    c::Program { path: PROGRAM.get_or_init(build).clone() }
}

#[test]
fn a_thousand_handles_cost_no_descriptor_and_no_thread() {
    let provider = provider();
    let said = program().run(["hold", provider.uri(), &saved_token(&provider, 20_000), "1000"]);
    assert_eq!(said, "descriptors 0\nthreads 0\n");
}

/// Instructions that valgrind counts for so many handles, made and freed.
fn instructions(what: &str, token: &str, count: u32) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(&program().path);
    let arguments = [what, "http://127.0.0.1:9", token, &count.to_string()];
    let output = valgrind.args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    c::succeeded(output);
    let line = said.lines().find_map(|line| line.split_once("Collected :"));
    line.expect("callgrind counts").1.trim().parse().expect("a number")
}

#[test]
fn making_and_freeing_a_handle_takes_at_most_two_thousand_instructions() {
    if !c::available("valgrind") {
        return;
    }
    let token = saved_token(&provider(), 20_000);
    for what in ["client", "app"] {
        let (few, many) = (instructions(what, &token, 1000), instructions(what, &token, 2000));
        let each = (many - few) / 1000;
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "a dup of a {what}: {each} instructions");
        assert!(each <= 2000, "{what}: {each}");
        assert!(each > 0, "they were made");
    }
}

#[test]
fn valgrind_finds_nothing_where_handles_are_made_and_freed() {
    if !c::available("valgrind") {
        return;
    }
    let token = saved_token(&provider(), 20_000);
    for what in ["client", "app", "hold"] {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
        valgrind.arg("--error-exitcode=99").arg(&program().path);
        let output = valgrind.args([what, "http://127.0.0.1:9", &token, "10"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        c::succeeded(output);
    }
}
