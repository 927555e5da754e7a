//! How long a login waits, and what ends it early. Afterwards the port is closed, whatever happened.

use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use fitbit_simulator::{Decision, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{App, Saver, code};

use crate::program::{Folder, Program, waiting};
use crate::scene::{
    Browser, LONG, V4, callback_uri, connect, fitbit_app, get, is_closed, login, login_within,
    receive,
};

fn app(provider: &Simulator) -> App {
    fitbit_app(provider, &callback_uri())
}

#[test]
fn nobody_comes_back_and_the_time_runs_out() {
    let provider = provider();
    let begun = Instant::now();
    let (client, port) = login_within(&app(&provider), 300, &Saver::new(), Browser::port);
    assert_eq!(client.err().unwrap().code, code::TIMEOUT);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(is_closed(port));
}

#[test]
fn strays_do_not_lengthen_the_wait() {
    let provider = provider();
    let (client, strays) = login_within(&app(&provider), 500, &Saver::new(), |it| {
        let mut strays = 0;
        while let Ok(mut stream) = connect(V4, it.port()) {
            if stream.write_all(&get("/", "another.example")).is_err() {
                break;
            }
            strays += 1;
        }
        strays
    });
    assert!(strays > 0);
    assert_eq!(client.err().unwrap().code, code::TIMEOUT);
}

#[test]
fn a_millisecond_is_a_time_and_none_is_not() {
    let provider = provider();
    let app = app(&provider);
    let open = |_: &str| 1;
    assert_eq!(app.login(1, open, &Saver::new()).err().unwrap().code, code::TIMEOUT);
    let error = app.login(0, open, &Saver::new()).err().unwrap();
    assert_eq!(error.code, code::INVALID_ARGUMENT);
    assert!(error.message.contains("timeout_ms"), "{error:?}");
}

#[test]
fn the_longest_time_is_an_ordinary_one() {
    let provider = provider();
    let app = app(&provider);
    let (client, _) = login_within(&app, u32::MAX, &Saver::new(), |it| {
        it.decide(&provider, Decision::Grant);
        app.cancel();
    });
    client.unwrap();
}

#[test]
fn the_programs_own_time_to_open_a_browser_is_not_counted() {
    let provider = provider();
    let app = app(&provider);
    let client = app.login(
        400,
        |uri| {
            thread::sleep(Duration::from_millis(800));
            let uri = uri.to_owned();
            let back = provider.visit(&uri, Decision::Grant).unwrap();
            thread::spawn(move || Browser { authorization_uri: uri }.open(&back));
            1
        },
        &Saver::new(),
    );
    assert!(client.is_ok(), "{:?}", client.err());
}

#[test]
fn the_exchange_has_the_apps_own_time() {
    let provider = provider();
    let app = app(&provider);
    provider.fault(Fault::once(Target::Exchange, FaultKind::Latency(1500)));
    let (client, page) =
        login_within(&app, 1000, &Saver::new(), |it| it.decide(&provider, Decision::Grant));
    assert_eq!(page.title(), "You are logged in");
    client.unwrap();

    let hasty = self::app(&provider);
    hasty.set_timeout_ms(300).unwrap();
    provider.fault(Fault::once(Target::Exchange, FaultKind::StallBeforeAnswer));
    let (client, page) = login(&hasty, &Saver::new(), |it| it.decide(&provider, Decision::Grant));
    assert_eq!(page.title(), "That did not work");
    assert_eq!(client.err().unwrap().code, code::TIMEOUT);
}

#[test]
fn a_browser_that_the_program_cannot_open_ends_the_login() {
    let provider = provider();
    for answer in [0, 2, -1, i32::MIN] {
        let mut port = 0;
        let outcome = app(&provider).login(
            LONG,
            |uri| {
                port = Browser { authorization_uri: uri.to_owned() }.port();
                answer
            },
            &Saver::new(),
        );
        assert_eq!(outcome.err().unwrap().code, code::AUTHORIZATION);
        assert!(is_closed(port));
    }
}

/// Twenty, so that two seconds more for each would be far more than a busy machine can add.
#[test]
fn a_login_returns_when_the_page_was_sent_and_waits_for_no_reload() {
    let provider = provider();
    let app = app(&provider);
    let begun = Instant::now();
    for _ in 0..20 {
        let (client, port) = login_within(&app, LONG, &Saver::new(), |it| {
            it.decide(&provider, Decision::Grant);
            it.port()
        });
        client.unwrap();
        assert!(is_closed(port));
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

/// The login has returned before the browser reads, and the browser sent more than was asked for:
/// a connection that is closed with unread input is reset, and its page is lost.
#[test]
fn the_page_is_whole_although_the_login_has_returned_and_the_browser_sent_more() {
    let provider = provider();
    for more in [0, 1, 5_000, 50_000] {
        let (client, mut stream) = login_within(&app(&provider), LONG, &Saver::new(), |it| {
            let back = provider.visit(&it.authorization_uri, Decision::Grant).unwrap();
            let target = back.strip_prefix(&format!("http://{}", it.authority())).unwrap();
            let mut request = get(target, &it.authority());
            request.resize(request.len() + more, b'x');
            let mut stream = it.connect();
            stream.write_all(&request).unwrap();
            stream
        });
        client.unwrap();
        let page = receive(&mut stream);
        assert_eq!((page.status, page.title()), (200, "You are logged in"), "{more}");
        assert_eq!(page.header("Content-Length"), Some(&*page.body.len().to_string()), "{more}");
    }
}

/// Connections that are open when the login ends: empty, half a request, a whole one.
#[test]
fn connections_that_others_opened_end_with_the_login_and_do_not_hold_it() {
    let provider = provider();
    let app = app(&provider);
    // All of them are there before the login is over.
    provider.fault(Fault::once(Target::Exchange, FaultKind::Latency(500)));
    let (client, mut strays) = login_within(&app, LONG, &Saver::new(), |it| {
        let strays =
            ["", "GET /callback HTTP/1.1\r\nHost", "GET /icon HTTP/1.1\r\nHost: a\r\n\r\n"].map(
                |sent| {
                    let mut stream = it.connect();
                    stream.write_all(sent.as_bytes()).unwrap();
                    stream
                },
            );
        it.decide(&provider, Decision::Grant);
        strays
    });
    client.unwrap();
    for stream in &mut strays {
        // Closed or reset, but not open: nobody is left to answer.
        let end = stream.read_to_end(&mut vec![]).map_err(|why| why.kind());
        assert!(end.is_ok() || end == Err(ErrorKind::ConnectionReset), "{end:?}");
    }
}

/// A process without a descriptor cannot take the connection that waits at its port.
#[test]
fn a_connection_that_cannot_be_taken_is_not_looked_at_without_end() {
    let provider = provider();
    let (folder, callback_uri) = (Folder::new(), callback_uri());
    drop(fitbit_app(&provider, &callback_uri));
    folder.opener("exit 0");
    let mut command = waiting(&provider, &callback_uri, 3000);
    command.env("NO_DESCRIPTORS", "yes");
    let mut program = Program::start(command, &folder);
    let said = program.line();
    assert_eq!(said, "connected");
    let said = program.line();
    assert!(said.starts_with(&format!("{} ", code::TIMEOUT)), "{said}");
    let said = program.line();
    let used = said.strip_prefix("processor time in ms: ").unwrap();
    assert!(used.parse::<u32>().unwrap() < 500, "three seconds were spent looking: {said}");
    program.end();
}

#[test]
fn a_login_that_waits_is_cancelled_soon() {
    let provider = provider();
    let app = app(&provider);
    let (client, (port, cancelled)) = login_within(&app, LONG, &Saver::new(), |it| {
        thread::sleep(Duration::from_millis(100));
        app.cancel();
        (it.port(), Instant::now())
    });
    assert_eq!(client.err().unwrap().code, code::CANCELLED);
    assert!(cancelled.elapsed() < Duration::from_secs(20));
    assert!(is_closed(port));
    // The next login is not.
    let (client, _) = login(&app, &Saver::new(), |it| it.decide(&provider, Decision::Grant));
    client.unwrap();
}

/// However the program's own function answers.
#[test]
fn a_login_that_is_ended_while_its_browser_is_opened_is_cancelled() {
    let provider = provider();
    for end in [App::cancel, App::abort, App::shutdown] {
        for answer in [1, 0, -1] {
            let app = app(&provider);
            let open = |_: &str| {
                end(&app);
                answer
            };
            let error = app.login(LONG, open, &Saver::new()).err().unwrap();
            assert_eq!(error.code, code::CANCELLED, "{answer}: {error:?}");
        }
    }
}

#[test]
fn an_exchange_that_was_sent_is_finished_although_the_login_is_cancelled() {
    let provider = provider();
    let app = app(&provider);
    provider.fault(Fault::once(Target::Exchange, FaultKind::Latency(700)));
    let saver = Saver::new();
    let (client, page) = login_within(&app, LONG, &saver, |it| {
        thread::scope(|scope| {
            scope.spawn(|| {
                while provider.max_in_flight(Target::Exchange) == 0 {
                    thread::yield_now();
                }
                app.cancel();
            });
            it.decide(&provider, Decision::Grant)
        })
    });
    assert_eq!(page.title(), "You are logged in");
    assert_eq!(saver.offered(), [client.unwrap().token()]);
}
