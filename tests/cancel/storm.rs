//! A thousand cancels while eight threads make requests with tokens that live for two seconds: no
//! hang, no wrong answer, no lost login.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fitbit_test_support::world::{PROFILE, provider};
use fitbit_test_support::{Client, Error, Saver, code};
use serde_json::Value;

use crate::scene::{client_of, patient_app};

const SLEEP: &str = "/1.2/user/-/sleep/date/today.json";
const FOOD: &str = "/1/user/-/foods/log.json";
const APPLE: &str = "foodName=Apple&calories=80&mealTypeId=7&unitId=304&amount=1&date=today";

/// One request, and whether its answer is the right one.
fn ask(client: &Client, nth: usize) -> Result<(), Error> {
    let (response, holds) = match nth % 4 {
        0 | 1 => (client.get(PROFILE)?, "user"),
        2 => (client.get(SLEEP)?, "sleep"),
        _ => (client.post(FOOD, Some(APPLE))?, "foodLog"),
    };
    let body: Value = serde_json::from_slice(&response.body).expect("the body is whole");
    assert!(body.get(holds).is_some(), "another request's answer: {body}");
    Ok(())
}

#[test]
fn a_thousand_cancels_lose_nothing() {
    let provider = provider();
    provider.settings(|settings| settings.token_life = 2);
    let app = patient_app(&provider);
    let saver = Saver::new();
    let client = client_of(&app, &provider, -10, &saver);
    let over = AtomicBool::new(false);
    let (answered, cancelled) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let others = thread::scope(|scope| {
        let threads = [0, 1, 2, 3, 4, 5, 6, 7].map(|first| {
            let (client, over, answered, cancelled) = (&client, &over, &answered, &cancelled);
            scope.spawn(move || {
                let mut others = vec![];
                for nth in first.. {
                    match ask(client, nth) {
                        Ok(()) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Err(error) if error.code == code::CANCELLED => {
                            cancelled.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => others.push(error),
                    }
                    if over.load(Ordering::Relaxed) {
                        return others;
                    }
                }
                others
            })
        });
        for nth in 0..1000 {
            app.cancel();
            thread::sleep(Duration::from_micros(nth % 7 * 900));
        }
        over.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    assert_eq!(others, [], "of {answered:?} answers and {cancelled:?} cancelled calls");
    assert!(answered.load(Ordering::Relaxed) > 0 && cancelled.load(Ordering::Relaxed) > 0);
    assert_eq!(provider.replayed_refresh_tokens(), 0);
    client.refresh().unwrap();
    assert_eq!(saver.offered().last(), Some(&client.token()));
}
