//! Inside a token callback: what other handles do, and handles that are freed around it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use fitbit_simulator::{Decision, Simulator, Target};
use fitbit_test_support::{App, Client, Saver};

use super::scene::{Gate, client_of};
use super::world::{PROFILE, app, provider, saved_token};

/// Does `inside` in the callback of a renewal; what fails in it fails after the call.
fn inside_a_callback(app: &App, provider: &Simulator, inside: impl FnOnce() + Send + 'static) {
    let mut inside = Some(AssertUnwindSafe(inside));
    let outcome: Arc<Mutex<Option<std::thread::Result<()>>>> = Arc::default();
    let saver = Saver::doing({
        let outcome = outcome.clone();
        move |_| {
            // No panic may leave a callback.
            if let Some(inside) = inside.take() {
                *outcome.lock().unwrap() = Some(catch_unwind(inside));
            }
            1
        }
    });
    let client = client_of(app, provider, -10, &saver);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    let outcome = outcome.lock().unwrap().take().expect("the callback ran");
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

#[test]
fn another_client_of_the_same_app_can_be_renewed_saved_used_and_freed() {
    let provider = provider();
    let app = app(&provider);
    let saver = Saver::new();
    let other = client_of(&app, &provider, -10, &saver);
    inside_a_callback(&app, &provider, move || {
        assert_eq!(other.get(PROFILE).unwrap().status, 200);
        other.refresh().unwrap();
        other.save().unwrap();
        other.token();
        drop(other);
    });
    assert_eq!(saver.offered().len(), 2);
    assert_eq!(provider.requests(Target::Refresh), 3);
}

#[test]
fn the_same_app_can_begin_and_finish_another_login() {
    let provider = Arc::new(provider());
    let app = Arc::new(app(&provider));
    let saver = Saver::new();
    inside_a_callback(&app, &provider, {
        let (provider, app, saver) = (provider.clone(), app.clone(), saver.clone());
        move || {
            let session = app.step_one(None).unwrap();
            let back = provider.visit(&session.authorization_uri, Decision::Grant).unwrap();
            let client = app.step_two(&session.session, &back, &saver).unwrap();
            assert_eq!(client.get(PROFILE).unwrap().status, 200);
            let loaded = app.from_token(&client.token(), &Saver::new()).unwrap();
            assert_eq!(loaded.get(PROFILE).unwrap().status, 200);
        }
    });
    assert_eq!(saver.offered().len(), 1);
}

/// A saver that renews the next client with the next of these tokens, and so on.
fn saver_of_a_chain(app: Arc<App>, mut tokens: Vec<String>) -> Saver {
    Saver::doing(move |_| {
        let Some(token) = tokens.pop() else { return 1 };
        let next = saver_of_a_chain(app.clone(), std::mem::take(&mut tokens));
        let client = app.from_token(&token, &next);
        i32::from(client.is_ok_and(|client| client.get(PROFILE).is_ok() && client.save().is_ok()))
    })
}

#[test]
fn callbacks_can_stand_in_callbacks_many_deep() {
    let provider = provider();
    let app = Arc::new(app(&provider));
    let tokens = (0..8).map(|_| saved_token(&provider, -10)).collect();
    let saver = saver_of_a_chain(app.clone(), tokens);
    let client = client_of(&app, &provider, -10, &saver);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(client.save(), Ok(()));
    assert_eq!(saver.offered().len(), 1, "every one of them was saved at once");
    assert_eq!((provider.requests(Target::Refresh), provider.requests(Target::Api)), (9, 9));
}

/// A client that is being renewed, in its callback until the gate opens.
fn client_in_its_callback(app: &App, provider: &Simulator) -> (Client, Arc<Gate>, Arc<Gate>) {
    let (saving, release) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let saver = Saver::doing({
        let (saving, release) = (saving.clone(), release.clone());
        move |_| {
            saving.open();
            i32::from(release.wait())
        }
    });
    (client_of(app, provider, -10, &saver), saving, release)
}

#[test]
fn a_long_callback_holds_up_no_other_client_of_the_app() {
    let provider = provider();
    let app = app(&provider);
    let (client, saving, release) = client_in_its_callback(&app, &provider);
    std::thread::scope(|scope| {
        let leader = scope.spawn(|| client.get(PROFILE).map(|response| response.status));
        assert!(saving.wait());
        let others: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let saver = Saver::new();
                    let other = client_of(&app, &provider, -10, &saver);
                    other.get(PROFILE).unwrap();
                    other.refresh().unwrap();
                    app.step_one(None).unwrap();
                    saver.offered().len()
                })
            })
            .collect();
        for other in others {
            assert_eq!(other.join().unwrap(), 2);
        }
        assert!(!leader.is_finished());
        release.open();
        assert_eq!(leader.join().unwrap(), Ok(200));
    });
}

#[test]
fn app_and_other_clients_can_be_freed_from_two_threads_while_one_is_renewed() {
    let provider = provider();
    let app = app(&provider);
    let (client, saving, release) = client_in_its_callback(&app, &provider);
    let refusing = Saver::doing(|_| 0);
    let others = [(); 2].map(|()| client_of(&app, &provider, -10, &refusing));
    for other in &others {
        other.get(PROFILE).unwrap();
    }
    let offers = refusing.offered().len();
    std::thread::scope(|scope| {
        let leader = scope.spawn(|| client.get(PROFILE).map(|response| response.status));
        assert!(saving.wait());
        let freed = others.map(|other| scope.spawn(|| drop(other)));
        drop(app);
        for thread in freed {
            thread.join().unwrap();
        }
        assert_eq!(refusing.offered().len(), offers + 2, "offered once more, each");
        assert!(!leader.is_finished());
        release.open();
        assert_eq!(leader.join().unwrap(), Ok(200));
    });
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
}

#[test]
fn a_client_outlives_its_app() {
    let (provider, saver) = (provider(), Saver::new());
    let app = app(&provider);
    let clients = [(); 3].map(|()| client_of(&app, &provider, -10, &saver));
    drop(app);
    for client in clients {
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        client.refresh().unwrap();
    }
    assert_eq!(saver.offered().len(), 6);
}
