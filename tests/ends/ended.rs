//! What a handle still does after it was ended: whatever keeps the login, and whatever neither waits
//! nor asks anybody.

use std::fs::read_to_string;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use fitbit_simulator::{Fault, FaultKind, Simulator, Target};
use fitbit_test_support::google_health::world as google;
use fitbit_test_support::world::{PROFILE, USER, app as app_of, provider, saved_token};
use fitbit_test_support::{App, Client, Saver, code, in_parallel};

use crate::files::{lock_beside, token_file};
use crate::scene::{
    AT_MOST, LONG, SOON, a_moment, client_of, is_cancelled, is_ended_already, patient_app, start,
    wait_for,
};
use crate::silent::{Silent, Then, Until};

/// The two ways to end a client's handle for good.
const WAYS: [fn(&App, &Client); 2] = [|_, client| client.abort(), |app, _| app.shutdown()];

/// A saver that says what the test wants said.
fn saver(answer: i32) -> (Saver, Arc<AtomicI32>) {
    let says = Arc::new(AtomicI32::new(answer));
    let said = says.clone();
    (Saver::doing(move |_| said.load(Ordering::SeqCst)), says)
}

/// A login with a new token that could not be saved.
fn unsaved(app: &App, provider: &Simulator) -> (Client, Saver, Arc<AtomicI32>) {
    let (saver, says) = saver(0);
    let client = client_of(app, provider, 3600, &saver);
    assert_eq!(client.refresh().unwrap_err().code, code::STORE);
    assert_eq!(saver.offered().len(), 1);
    (client, saver, says)
}

#[test]
fn an_ended_handle_asks_nobody() {
    for end in WAYS {
        let provider = provider();
        let app = patient_app(&provider);
        let client = client_of(&app, &provider, 3600, &Saver::new());
        let page = client.get(PROFILE).unwrap();
        provider.reset_counts();
        end(&app, &client);
        is_ended_already(|| client.get(PROFILE));
        is_ended_already(|| client.post(PROFILE, None));
        is_ended_already(|| client.delete(PROFILE));
        is_ended_already(|| client.request("PUT", PROFILE, None, Some(b"a")));
        is_ended_already(|| client.refresh());
        is_ended_already(|| client.revoke());
        // A page that names no next one needs no request.
        if let Err(error) = client.next_page(&page) {
            assert_eq!(error.code, code::CANCELLED);
        }
        assert_eq!(provider.requests(Target::Any), 0);
        assert_eq!(provider.connections(), 0);
    }
}

#[test]
fn an_ended_handle_asks_nobody_who_its_person_is() {
    for end in WAYS {
        let provider = provider();
        let app = google::app(&provider);
        let token = google::saved_token(&provider, 3600);
        let client = app.from_token(&token, &Saver::new()).unwrap();
        end(&app, &client);
        is_ended_already(|| client.user_id());
        assert_eq!(provider.requests(Target::Any), 0);
    }
}

#[test]
fn an_ended_handle_still_gives_its_token_and_saves_it() {
    for end in WAYS {
        let provider = provider();
        let app = patient_app(&provider);
        let (client, saver, says) = unsaved(&app, &provider);
        end(&app, &client);
        assert_eq!(client.token(), saver.offered()[0]);
        assert!(client.token_field("access_token").is_some());
        assert_eq!(client.save().unwrap_err().code, code::STORE);
        says.store(1, Ordering::SeqCst);
        client.save().unwrap();
        assert_eq!(saver.offered().last(), Some(&client.token()));
        let path = token_file("");
        client.set_token_file(&path).unwrap();
        assert_eq!(read_to_string(&path).unwrap().trim(), client.token());
    }
}

#[test]
fn the_last_free_of_an_ended_login_offers_its_unsaved_token() {
    for end in WAYS {
        let provider = provider();
        let app = patient_app(&provider);
        let (client, saver, says) = unsaved(&app, &provider);
        end(&app, &client);
        says.store(1, Ordering::SeqCst);
        let token = client.token();
        drop(client);
        assert_eq!(saver.offered().len(), 2);
        assert_eq!(saver.offered().last(), Some(&token));
    }
}

#[test]
fn functions_that_neither_wait_nor_ask_are_not_affected() {
    for end in WAYS {
        let provider = provider();
        let app = patient_app(&provider);
        let client = client_of(&app, &provider, 3600, &Saver::new());
        client.get(PROFILE).unwrap();
        end(&app, &client);
        client.set_header("Accept-Language", Some("en_US")).unwrap();
        client.set_timeout_ms(1000).unwrap();
        client.set_rate_limit_wait(1).unwrap();
        assert!(client.rate_limit().is_some());
        assert_eq!(client.user_id().unwrap(), USER);
        let dup = client.dup().unwrap();
        assert_eq!(dup.token(), client.token());
        app.dup().unwrap();
    }
}

#[test]
fn a_notification_is_verified_after_a_shutdown() {
    let provider = provider();
    let app = patient_app(&provider);
    app.shutdown();
    let error = app.verify_signature("c2ln", b"[]").unwrap_err();
    assert_eq!(error.code, code::SIGNATURE);
}

#[test]
fn after_a_shutdown_every_handle_of_the_application_is_ended_now_and_later() {
    let provider = provider();
    let app = patient_app(&provider);
    let other_app = app.dup().unwrap();
    let client = client_of(&app, &provider, 3600, &Saver::new());
    let second = client_of(&other_app, &provider, 3600, &Saver::new());
    let dup = client.dup().unwrap();
    other_app.shutdown();
    for ended in [&client, &second, &dup, &client.dup().unwrap()] {
        is_ended_already(|| ended.get(PROFILE));
    }
    let later_app = app.dup().unwrap();
    for ended in [&app, &other_app, &later_app] {
        is_ended_already(|| ended.login(LONG, |_| 1, &Saver::new()));
        match ended.from_token(&saved_token(&provider, 3600), &Saver::new()) {
            Ok(client) => is_ended_already(|| client.get(PROFILE)),
            Err(error) => assert_eq!(error.code, code::CANCELLED),
        }
    }
    assert_eq!(provider.requests(Target::Any), 0);
    // Another application of this process is not concerned.
    let other = client_of(&patient_app(&provider), &provider, 3600, &Saver::new());
    assert_eq!(other.get(PROFILE).unwrap().status, 200);
}

#[test]
fn an_ended_handle_waits_at_most_two_seconds_for_a_files_lock() {
    for end in WAYS {
        let provider = provider();
        let app = patient_app(&provider);
        let client = client_of(&app, &provider, 3600, &Saver::new());
        let path = token_file("");
        let (theirs, _) = lock_beside(&path);
        theirs.lock().unwrap();
        end(&app, &client);
        let begun = Instant::now();
        let error = client.set_token_file(&path).unwrap_err();
        let took = begun.elapsed();
        assert!([code::CANCELLED, code::TIMEOUT].contains(&error.code), "{error:?}");
        assert!(took >= Duration::from_millis(1500) && took < SOON, "{took:?}");
        assert_eq!(read_to_string(&path).unwrap(), "");
        theirs.unlock().unwrap();
        client.set_token_file(&path).unwrap();
        assert_eq!(read_to_string(&path).unwrap().trim(), client.token());
    }
}

#[test]
fn an_ended_handle_gets_a_files_lock_that_is_free_within_two_seconds() {
    for end in WAYS {
        let provider = provider();
        let app = patient_app(&provider);
        let client = client_of(&app, &provider, 3600, &Saver::new());
        let path = token_file("");
        let (theirs, _) = lock_beside(&path);
        theirs.lock().unwrap();
        thread::scope(|scope| {
            // The wait has begun when the handle is ended.
            let saving = start(scope, || client.set_token_file(&path));
            a_moment();
            end(&app, &client);
            a_moment();
            assert!(saving.is_running());
            theirs.unlock().unwrap();
            assert_eq!(saving.end().0, Ok(()));
        });
        assert_eq!(read_to_string(&path).unwrap().trim(), client.token());
    }
}

#[test]
fn the_two_seconds_begin_when_a_waiting_call_is_ended() {
    for end in WAYS {
        let provider = provider();
        let app = patient_app(&provider);
        let client = client_of(&app, &provider, 3600, &Saver::new());
        let path = token_file("");
        let (theirs, _) = lock_beside(&path);
        theirs.lock().unwrap();
        let took = thread::scope(|scope| {
            let saving = start(scope, || client.set_token_file(&path));
            a_moment();
            let ending = Instant::now();
            end(&app, &client);
            let (outcome, ended) = saving.end();
            let error = outcome.unwrap_err();
            assert!([code::CANCELLED, code::TIMEOUT].contains(&error.code), "{error:?}");
            ended - ending
        });
        assert!(took >= Duration::from_millis(1500) && took < SOON, "{took:?}");
    }
}

#[test]
fn an_ended_handle_waits_at_most_two_seconds_for_another_threads_renewal() {
    for end in WAYS {
        let provider = provider();
        let app = patient_app(&provider);
        let (saver, says) = saver(0);
        let client = client_of(&app, &provider, 3600, &saver);
        assert_eq!(client.refresh().unwrap_err().code, code::STORE);
        let (saved, path) = (client.token(), token_file(""));
        let leading = client.dup().unwrap();
        says.store(1, Ordering::SeqCst);
        provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(6000)));
        thread::scope(|scope| {
            let renewing = start(scope, || leading.refresh());
            wait_for(&provider, Target::Refresh, 1);
            while provider.requests(Target::Refresh) < 2 {
                thread::sleep(Duration::from_millis(1));
            }
            end(&app, &client);
            let begun = Instant::now();
            let (outcome, took) = (client.set_token_file(&path), begun.elapsed());
            match outcome {
                // Nothing of the renewal has to be waited for.
                Ok(()) => assert_eq!(read_to_string(&path).unwrap().trim(), saved),
                Err(error) => {
                    assert!([code::CANCELLED, code::TIMEOUT].contains(&error.code), "{error:?}");
                    assert!(took >= Duration::from_millis(1500), "{took:?}");
                }
            }
            assert!(took < AT_MOST + Duration::from_secs(3), "{took:?}");
            drop(renewing.end());
        });
        client.set_token_file(&path).unwrap();
        assert_eq!(read_to_string(&path).unwrap().trim(), client.token());
        assert_eq!(provider.replayed_refresh_tokens(), 0);
    }
}

#[test]
fn an_ended_handle_still_saves_after_another_threads_callback() {
    let provider = provider();
    let app = patient_app(&provider);
    let (tell, saving) = channel();
    let (go_on, told) = channel::<()>();
    let saver = Saver::doing(move |_| {
        tell.send(()).unwrap();
        told.recv().unwrap();
        1
    });
    let client = client_of(&app, &provider, -10, &saver);
    let dup = client.dup().unwrap();
    thread::scope(|scope| {
        let renewing = start(scope, || dup.get(PROFILE));
        saving.recv().unwrap();
        client.abort();
        let saved = start(scope, || client.save());
        a_moment();
        go_on.send(()).unwrap();
        assert_eq!(saved.end().0, Ok(()));
        assert_eq!(renewing.end().0.unwrap().status, 200);
    });
    assert_eq!(saver.offered(), [client.token()]);
}

/// If the renewal brings nothing in time, there is nothing to be saved.
#[test]
fn a_login_whose_token_is_saved_is_saved_although_another_threads_renewal_stalls() {
    in_parallel(WAYS, |end| {
        let provider = provider();
        let app = patient_app(&provider);
        let saver = Saver::new();
        let client = client_of(&app, &provider, 3600, &saver);
        let (leading, hasty) = (client.dup().unwrap(), client.dup().unwrap());
        hasty.set_timeout_ms(1000).unwrap();
        provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(6000)));
        thread::scope(|scope| {
            let renewing = start(scope, || leading.refresh());
            wait_for(&provider, Target::Refresh, 1);
            saves_soon(&hasty);
            end(&app, &client);
            saves_soon(&client);
            drop(renewing.end());
        });
        assert_eq!(client.save(), Ok(()));
        assert_eq!(saver.offered(), [client.token()]);
        assert_eq!(provider.replayed_refresh_tokens(), 0);
    });
}

#[track_caller]
fn saves_soon(client: &Client) {
    let begun = Instant::now();
    let (outcome, took) = (client.save(), begun.elapsed());
    assert_eq!(outcome, Ok(()), "{took:?}");
    assert!(took < AT_MOST + Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_token_that_another_threads_callback_is_still_saving_is_not_called_saved() {
    let provider = provider();
    let app = patient_app(&provider);
    let (tell, saving) = channel();
    let (go_on, told) = channel::<()>();
    let saver = Saver::doing(move |_| {
        let _ = tell.send(());
        told.recv().is_ok().into()
    });
    let client = client_of(&app, &provider, -10, &saver);
    let [renewing, hasty, ended] = [(); 3].map(|()| client.dup().unwrap());
    hasty.set_timeout_ms(500).unwrap();
    ended.abort();
    thread::scope(|scope| {
        let go_on = go_on; // a failure of this test lets the callback return
        let renewing = start(scope, || renewing.get(PROFILE));
        saving.recv().unwrap();
        assert_eq!(hasty.save().unwrap_err().code, code::TIMEOUT);
        let error = ended.save().unwrap_err();
        assert!([code::CANCELLED, code::TIMEOUT].contains(&error.code), "{error:?}");
        let patient = start(scope, || client.save());
        a_moment();
        assert!(patient.is_running());
        go_on.send(()).unwrap();
        assert_eq!(patient.end().0, Ok(()));
        assert_eq!(renewing.end().0.unwrap().status, 200);
    });
    for handle in [&hasty, &ended] {
        assert_eq!(handle.save(), Ok(()));
    }
    assert_eq!(saver.offered(), [client.token()]);
}

/// A token that a file's lock kept from being saved is offered by the last free, which does not hang.
#[test]
fn a_free_of_an_ended_handle_waits_at_most_two_seconds_for_a_files_lock() {
    let provider = provider();
    let path = token_file(&saved_token(&provider, -10));
    let app = patient_app(&provider);
    let client = app.from_file(&path).unwrap();
    provider.fault(Fault::once(Target::Refresh, FaultKind::Latency(1000)));
    let renewing = client.dup().unwrap();
    thread::scope(|scope| {
        let running = start(scope, || renewing.get(PROFILE));
        wait_for(&provider, Target::Refresh, 1);
        client.abort();
        let begun = Instant::now();
        drop(client);
        assert!(begun.elapsed() < SOON);
        assert_eq!(running.end().0.unwrap().status, 200);
    });
    let (theirs, _) = lock_beside(&path);
    theirs.lock().unwrap();
    renewing.abort();
    is_cancelled(renewing.refresh());
    let begun = Instant::now();
    drop(renewing);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn an_ended_app_opens_no_token_file() {
    let provider = provider();
    let path = token_file(&saved_token(&provider, 3600));
    let missing = path.with_extension("missing");
    for end in [App::abort, App::shutdown] {
        let app = patient_app(&provider);
        let dup = app.dup().unwrap();
        end(&dup);
        is_ended_already(|| dup.from_file(&path));
        is_ended_already(|| dup.from_file(&missing));
        match app.from_file(&path) {
            Ok(client) => assert_eq!(client.get(PROFILE).unwrap().status, 200),
            Err(error) => assert_eq!(error.code, code::CANCELLED, "{error:?}"),
        }
    }
    assert_eq!(provider.requests(Target::Any), 1, "only the abort leaves the other handle alone");
    assert!(!missing.exists());
}

/// A renewal marker in the file means that the response to a renewal was lost: the library asks again.
#[test]
fn fitbit_from_file_is_ended_while_it_asks_for_a_lost_response() {
    for end in [|app: &App| app.abort(), |app: &App| app.shutdown(), |app: &App| app.cancel()] {
        let provider = provider();
        let path = token_file(&saved_token(&provider, -10));
        provider.fault(Fault::always(Target::Refresh, FaultKind::CloseAfterRead));
        let client = patient_app(&provider).from_file(&path).unwrap();
        client.get(PROFILE).unwrap_err();
        drop(client);
        let silent = Silent::after(&[(Until::Bytes(5), b"")], Then::Reads);
        let app = app_of(&provider);
        app.set_endpoint(1, &format!("https://{}/oauth2/token", silent.address)).unwrap();
        app.set_timeout_ms(LONG).unwrap();
        let stored = || -> serde_json::Value {
            serde_json::from_str(&read_to_string(&path).unwrap()).unwrap()
        };
        let before = stored();
        assert!(before["renewing_since"].is_number());
        thread::scope(|scope| {
            let opening = start(scope, || app.from_file(&path).map(drop));
            silent.wait_for(1);
            a_moment();
            let ending = Instant::now();
            end(&app);
            let (outcome, ended) = opening.end();
            // The login is there, whether or not the call says that it was ended.
            if let Err(error) = outcome {
                assert_eq!(error.code, code::CANCELLED, "{error:?}");
            }
            // By itself it would ask for five seconds.
            let took = ended.saturating_duration_since(ending);
            assert!(took < Duration::from_secs(3), "{took:?}");
        });
        assert_eq!(stored()["refresh_token"], before["refresh_token"]);
        assert!(stored()["renewing_since"].is_number(), "the marker stays");
    }
}

#[test]
fn a_cancel_is_not_final() {
    let provider = provider();
    let app = patient_app(&provider);
    let client = client_of(&app, &provider, 3600, &Saver::new());
    app.cancel();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(client.dup().unwrap().get(PROFILE).unwrap().status, 200);
}
