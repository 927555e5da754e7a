//! One client with an expired token, and three threads that need it renewed: every order in which
//! they can come by each other, on the library's own sources. One request is sent, everybody is woken,
//! and nobody gets the old token for the new one; whether the provider agrees, refuses or has to be
//! asked again, the callback saves or does not, or calls the library itself, the thread that renews
//! panics, who waits or who renews runs out of time, or another thread cancels.

#![cfg(explored)]

mod interface;
mod server;

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ops::Range;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fitbit_explorer::{Body, Explored, Mistake, Settings, Stuck, Time, explore, sample};
use fitbit_explorer::{panic_after_unlocks, pass};
use fitbit_test_support::figures;
use interface::*;
use server::{Answers, Server};

/// What a provider's refresh tokens are.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Tokens {
    SingleUse,
    /// One works any number of times: a renewal that is cut loses nothing.
    Reused,
}

impl Tokens {
    fn provider(self) -> u32 {
        match self {
            Tokens::SingleUse => 1,
            Tokens::Reused => 2,
        }
    }

    fn old(self) -> &'static CStr {
        match self {
            Tokens::SingleUse => {
                cr#"{"access_token":"old","refresh_token":"r1","expires_at":1,"expires_in":28800,"user_id":"U"}"#
            }
            Tokens::Reused => {
                cr#"{"access_token":"old","refresh_token":"r1","expires_at":1,"expires_in":3599}"#
            }
        }
    }

    /// What a provider says when it is asked for a new one.
    fn renewed(self) -> &'static str {
        match self {
            Tokens::SingleUse => {
                r#"{"access_token":"new","refresh_token":"r2","expires_in":28800,"user_id":"U"}"#
            }
            Tokens::Reused => {
                r#"{"access_token":"new","expires_in":3599,"token_type":"Bearer","scope":"s"}"#
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Case {
    Renews,
    IsRefused,
    IsNeverSaved,
    CallsBack,
    /// The thread that has noted that it renews.
    PanicsBefore,
    /// The thread that has the new token, and has saved it nowhere yet.
    PanicsAfter,
    /// The provider hangs up when it is first asked.
    LosesAnAnswer,
    /// Those who wait for the thread that renews, or some of them.
    RunsOutOfTime,
    /// The first thread, if it renews: it returns before the provider answers.
    LeaderRunsOutOfTime,
    /// One thread more cancels.
    IsCancelled,
    LosesAnAnswerAndIsCancelled,
    /// It ends the handle of one thread: of the one that renews, or of one that waits for it.
    AbortsOne,
    AbortsAll,
    IsShutDown,
}

impl Case {
    fn answers(self) -> Answers {
        match self {
            Case::IsRefused => Answers::None,
            Case::LosesAnAnswer | Case::LosesAnAnswerAndIsCancelled => Answers::Again,
            Case::LeaderRunsOutOfTime => Answers::Late,
            _ => Answers::All,
        }
    }

    fn time(self) -> Time {
        match self {
            Case::LosesAnAnswer | Case::LosesAnAnswerAndIsCancelled => Time::Passes,
            Case::RunsOutOfTime => Time::Runs,
            _ => Time::Stands,
        }
    }

    /// One thread more ends calls.
    fn is_cancelled(self) -> bool {
        use Case::{AbortsAll, AbortsOne, IsCancelled, IsShutDown, LosesAnAnswerAndIsCancelled};
        matches!(
            self,
            IsCancelled | LosesAnAnswerAndIsCancelled | AbortsOne | AbortsAll | IsShutDown
        )
    }

    /// The threads, of so many, whose handles are ended.
    fn aborted(self, threads: usize) -> Range<usize> {
        match self {
            Case::AbortsOne => 0..1,
            Case::AbortsAll => 0..threads,
            _ => 0..0,
        }
    }

    /// The first threads that do not do the same as the others.
    fn unlike(self) -> usize {
        use Case::{AbortsOne, LeaderRunsOutOfTime, PanicsBefore};
        usize::from(matches!(self, PanicsBefore | AbortsOne | LeaderRunsOutOfTime))
    }

    /// In some orders one call sends the renewal and another one reads its response.
    fn leaves_a_renewal(self, tokens: Tokens) -> bool {
        self == Case::LeaderRunsOutOfTime || self.is_cancelled() && tokens == Tokens::Reused
    }

    /// Some orders at random, because there are too many, or because each takes long.
    fn is_sampled(self) -> bool {
        self.is_cancelled() || self == Case::LeaderRunsOutOfTime
    }
}

/// Of a thread that is to run out of time, milliseconds: until then its request has gone out, on a busy
/// machine too.
const IMPATIENT: u32 = 150;

/// What a run's callback sees and leaves.
struct Run {
    case: Case,
    server: &'static Server,
    app: AtomicPtr<c_void>,
    client: AtomicPtr<c_void>,
    /// One for each thread, where handles are ended.
    dups: Mutex<Vec<AtomicPtr<c_void>>>,
    offered: AtomicUsize,
    inside: AtomicUsize,
    codes: Mutex<Vec<u32>>,
}

unsafe extern "C" fn save(token_json: *const c_char, run: *mut c_void) -> c_int {
    let (run, token) = unsafe { (&*run.cast::<Run>(), CStr::from_ptr(token_json)) };
    assert_eq!(run.inside.fetch_add(1, SeqCst), 0, "one callback at a time");
    assert!(token.to_string_lossy().contains(r#""access_token":"new""#));
    run.offered.fetch_add(1, SeqCst);
    if run.case == Case::CallsBack {
        let client = run.client.load(SeqCst);
        assert_eq!(get(client), 1, "what would wait for itself is an invalid argument");
        assert_eq!(current(client), "new");
    }
    run.inside.fetch_sub(1, SeqCst);
    c_int::from(run.case != Case::IsNeverSaved)
}

/// The thread that renews says so before it asks; the next lock that it lets go of is the one under
/// which it has put the new token away.
unsafe extern "C" fn log(_: u32, message: *const c_char, _: *mut c_void) {
    if unsafe { CStr::from_ptr(message) }.to_bytes().starts_with(b"renewing the token") {
        panic_after_unlocks(1);
    }
}

thread_local! {
    static IS_IMPATIENT: Cell<bool> = const { Cell::new(false) };
}

/// The provider answers if another thread renews than the one that is to run out of time. It counts
/// the renewals that one call has begun and another one finishes.
unsafe extern "C" fn listen(_: u32, message: *const c_char, server: *mut c_void) {
    let message = unsafe { CStr::from_ptr(message) }.to_bytes();
    let server = unsafe { &*server.cast::<Server>() };
    if message.starts_with(b"renewing the token") && !IS_IMPATIENT.get() {
        server.answers_all_late();
    }
    if message.starts_with(b"reading the response to a renewal that was sent") {
        server.read_late.fetch_add(1, SeqCst);
    }
}

fn get(client: *mut c_void) -> u32 {
    let mut response = null_mut();
    unsafe {
        let error = fitbit_get(client, c"/1/user/-/profile.json".as_ptr(), &mut response);
        assert_eq!(error.is_null(), !response.is_null());
        fitbit_response_free(response);
        code_of(error)
    }
}

/// The same so many seconds later. They pass for a thread of their own.
fn get_later(client: *mut c_void, seconds: u64) -> u32 {
    let client = AtomicPtr::new(client);
    let later = || {
        pass(Duration::from_secs(seconds));
        get(client.load(SeqCst))
    };
    std::thread::scope(|scope| scope.spawn(later).join()).expect("no panic")
}

fn current(client: *mut c_void) -> String {
    let mut value = null_mut();
    unsafe {
        assert_eq!(code_of(fitbit_token_field(client, c"access_token".as_ptr(), &mut value)), 0);
        let text = CStr::from_ptr(value).to_string_lossy().into_owned();
        fitbit_string_free(value);
        text
    }
}

fn app(server: &Server, case: Case, tokens: Tokens) -> *mut c_void {
    let (mut app, uri) = (null_mut(), CString::new(&*server.uri).expect("no NUL"));
    let token_uri = CString::new(server.token_uri()).expect("no NUL");
    let (id, secret) = (c"a-client", c"s3cr3t");
    unsafe {
        let new =
            fitbit_app_new(tokens.provider(), id.as_ptr(), secret.as_ptr(), null_mut(), &mut app);
        assert_eq!(code_of(new), 0);
        // The library keeps panics quiet, and here they are the test's own, too.
        std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
        assert_eq!(code_of(fitbit_app_set_endpoint(app, 1, token_uri.as_ptr())), 0);
        assert_eq!(code_of(fitbit_app_set_endpoint(app, 3, uri.as_ptr())), 0);
        assert_eq!(code_of(fitbit_app_set_proxy(app, null_mut())), 0);
        if case == Case::PanicsAfter {
            assert_eq!(code_of(fitbit_app_set_logger(app, 3, Some(log), null_mut())), 0);
        }
        if case.leaves_a_renewal(tokens) {
            let server = std::ptr::from_ref(server).cast_mut().cast();
            assert_eq!(code_of(fitbit_app_set_logger(app, 4, Some(listen), server)), 0);
        }
    }
    app
}

/// Every order of so many threads, each looked at. One of them may be the one that cancels.
fn orders(
    case: Case,
    tokens: Tokens,
    threads: usize,
    mistake: Mistake,
    most: usize,
) -> Result<Explored, Stuck> {
    let threads = threads - usize::from(case.is_cancelled());
    let server: &Server = Box::leak(Box::new(Server::start(case.answers(), tokens.renewed())));
    let settings = Settings {
        mistake,
        time: case.time(),
        canceller: case.is_cancelled().then_some(threads),
        alike: case.unlike()..threads,
        most,
    };
    let scene = || {
        server.forget();
        let mut client = null_mut();
        let app = app(server, case, tokens);
        let run = Arc::new(Run {
            case,
            server,
            app: AtomicPtr::new(app),
            client: AtomicPtr::default(),
            dups: Mutex::default(),
            offered: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            codes: Mutex::default(),
        });
        unsafe {
            let (token, user_data) = (tokens.old(), Arc::as_ptr(&run).cast_mut().cast());
            let made = fitbit_from_token(app, token.as_ptr(), Some(save), user_data, &mut client);
            assert_eq!(code_of(made), 0);
        }
        run.client.store(client, SeqCst);
        for thread in 0..threads {
            let mut dup = null_mut();
            assert_eq!(unsafe { code_of(fitbit_dup(client, &mut dup)) }, 0);
            if case == Case::LeaderRunsOutOfTime && thread == 0 {
                assert_eq!(unsafe { code_of(fitbit_set_timeout_ms(dup, IMPATIENT)) }, 0);
            }
            run.dups.lock().expect("no panic").push(AtomicPtr::new(dup));
        }
        let gets = |thread: usize| {
            let run = run.clone();
            let mine = run.dups.lock().expect("no panic")[thread].load(SeqCst);
            let mine = AtomicPtr::new(mine);
            Box::new(move || {
                if run.case == Case::PanicsBefore && thread == 0 {
                    panic_after_unlocks(2);
                }
                IS_IMPATIENT.set(thread == 0);
                let code = get(mine.load(SeqCst));
                panic_after_unlocks(0);
                if thread == 0 && run.case == Case::LeaderRunsOutOfTime {
                    run.server.answers_all_late();
                }
                run.codes.lock().expect("no panic").push(code);
            }) as Body
        };
        let cancels = || {
            let run = run.clone();
            Box::new(move || unsafe {
                let app = run.app.load(SeqCst);
                match run.case {
                    Case::IsShutDown => fitbit_app_shutdown(app),
                    Case::AbortsOne | Case::AbortsAll => {
                        let dups = run.dups.lock().expect("no panic");
                        for dup in &dups[run.case.aborted(threads)] {
                            fitbit_abort(dup.load(SeqCst));
                        }
                    }
                    _ => fitbit_app_cancel(app),
                }
            }) as Body
        };
        let canceller = case.is_cancelled().then(cancels);
        let bodies = (0..threads).map(gets).chain(canceller).collect();
        (bodies, move || {
            looks_right(&run, tokens, threads, server);
            unsafe {
                for dup in run.dups.lock().expect("no panic").iter() {
                    fitbit_free(dup.load(SeqCst));
                }
                fitbit_free(run.client.load(SeqCst));
                fitbit_app_free(run.app.load(SeqCst));
            }
        })
    };
    let explored = match most < usize::MAX && case.is_sampled() {
        true => sample(&settings, scene),
        false => explore(&settings, scene),
    };
    let read_late = server.read_late.load(SeqCst);
    // After a shutdown nobody has time to read.
    let is_read = case.leaves_a_renewal(tokens) && case != Case::IsShutDown;
    assert!(read_late > 0 || !is_read, "no response was read by another call");
    explored
}

/// What a run has to have come to, in whatever order.
fn looks_right(run: &Run, tokens: Tokens, threads: usize, server: &Server) {
    let client = run.client.load(SeqCst);
    let codes = run.codes.lock().expect("no panic");
    let said = |code| codes.iter().filter(|is| **is == code).count();
    let (answered, dead, late, cancelled, internal) =
        (said(0), said(6), said(12), said(16), said(17));
    let (renewals, bearers) = (server.renewals(), server.bearers());
    let offered = run.offered.load(SeqCst);
    assert_eq!(codes.len(), threads);
    assert!(bearers.iter().all(|token| token == "Bearer new"), "{bearers:?}");
    // A request that is cancelled may have been carried out all the same, and so may one whose thread
    // panics afterwards. The server may also see a cancelled one late, when the next order has begun.
    let is_cut_off = internal > 0 || run.case.is_sampled();
    assert!(bearers.len() == answered || is_cut_off && bearers.len() > answered, "{bearers:?}");
    match run.case {
        Case::IsRefused => {
            assert_eq!((renewals, dead, offered), (1, threads, 0));
            assert_eq!(current(client), "old");
        }
        Case::PanicsBefore => {
            // Nobody renews, if all came while that thread was about to; the next call does.
            assert!(renewals <= 1 && internal + answered == threads, "{codes:?}");
            assert_eq!(renewals == 1, answered > 0);
            assert_eq!(get(client), 0);
            assert_eq!((server.renewals(), current(client).as_str()), (1, "new"));
        }
        Case::PanicsAfter => {
            assert!(renewals == 1 && internal >= 1 && internal + answered == threads, "{codes:?}");
            assert_eq!(current(client), "new");
            assert_eq!(get(client), 0);
            assert_eq!((server.renewals(), run.offered.load(SeqCst)), (1, 1));
        }
        Case::Renews | Case::CallsBack => {
            assert_eq!((renewals, answered, offered), (1, threads, 1));
        }
        Case::IsNeverSaved => {
            // When it was new, and before later requests: not more than once for each thread.
            assert!(renewals == 1 && answered == threads);
            assert!((1..=threads).contains(&offered));
        }
        Case::LosesAnAnswer => {
            assert_eq!((renewals, answered, offered), (2, threads, 1), "{codes:?}");
        }
        Case::RunsOutOfTime => {
            // The one that renews has nobody to wait for.
            assert!(answered >= 1 && answered + late == threads, "{codes:?}");
            assert_eq!((renewals, offered, current(client).as_str()), (1, 1, "new"));
        }
        Case::LeaderRunsOutOfTime => {
            // Whoever has time reads the response to the one request.
            assert!(late <= 1 && answered + late == threads, "{codes:?}");
            assert_eq!((renewals, offered, current(client).as_str()), (1, 1, "new"));
        }
        Case::AbortsOne if threads > 1 => {
            // Somebody takes over, and learns nothing of the end.
            assert!(cancelled <= 1 && answered + cancelled == threads, "{codes:?}");
            assert_eq!((renewals, offered, current(client).as_str()), (1, 1, "new"));
        }
        Case::IsShutDown => {
            assert_eq!(answered + cancelled, threads, "{codes:?}");
            assert!(offered <= renewals && renewals <= 1);
            // What cannot be repeated and was sent is waited for, and what it brought is saved.
            assert!(tokens == Tokens::Reused || offered == renewals);
            assert_eq!(current(client) == "new", offered == 1);
            assert_eq!(get(client), 16, "later calls are ended as well");
        }
        Case::IsCancelled
        | Case::LosesAnAnswerAndIsCancelled
        | Case::AbortsOne
        | Case::AbortsAll => {
            assert_eq!(answered + cancelled, threads, "{codes:?}");
            let lost = usize::from(run.case == Case::LosesAnAnswerAndIsCancelled);
            let all_sent = renewals == 1 + lost;
            assert!(all_sent || renewals <= lost, "{renewals} renewals");
            assert!(offered == 0 || all_sent && offered == 1);
            // What cannot be repeated and was sent is waited for, and what it brought is saved.
            assert!(tokens == Tokens::Reused || (offered == 1) == all_sent);
            assert_eq!(current(client) == "new", offered == 1);
            server.answers_all();
            // An answer that was lost is asked for again after five seconds.
            let later = if lost > 0 { 6 } else { 0 };
            assert_eq!((get_later(client, later), current(client).as_str()), (0, "new"));
            assert_eq!(run.offered.load(SeqCst), 1);
            // The response to a renewal that was cut is read: nobody asks a second time.
            assert!((1..=1 + lost).contains(&server.renewals()), "{} renewals", server.renewals());
        }
    }
}

/// Two threads always; three in so many orders, and in the long form in all of them. If one of them ends
/// calls, it meets the others at every step: those orders are too many, and some are taken at random.
fn all_orders(case: Case, tokens: Tokens) {
    let is_long = std::env::var_os("FITBIT_LONG").is_some();
    let takes_long = case == Case::LeaderRunsOutOfTime;
    let most_of_three = match (is_long, case.is_cancelled()) {
        (false, _) if takes_long => 80,
        (true, _) if takes_long => 4000,
        (false, _) => 1500,
        (true, false) => usize::MAX,
        (true, true) => 60_000,
    };
    let most_of_two = if takes_long { most_of_three } else { usize::MAX };
    let explored = |threads, most| orders(case, tokens, threads, Mistake::None, most);
    let two = explored(2, most_of_two).expect("nobody waits for ever");
    let three = explored(3, most_of_three).expect("nobody waits for ever");
    assert!(two.all || most_of_two < usize::MAX);
    assert!(three.all || most_of_three < usize::MAX);
    assert!(two.orders > 2, "{two:?}");
    assert!(three.orders > two.orders, "{two:?} {three:?}");
    let how = |explored: &Explored| match (explored.all, case.is_sampled()) {
        (true, _) => "all",
        (false, false) => "the first",
        (false, true) => "at random",
    };
    let what = format!("orders of 2 and 3 threads in a renewal: {case:?}");
    let what = if tokens == Tokens::Reused { format!("{what}, {tokens:?}") } else { what };
    let (how_two, how_three) = (how(&two), how(&three));
    let tried = format!("{how_two} {} and {how_three} {}", two.orders, three.orders);
    eprintln!("{what}: {tried}, {} and {} runs, {} steps", two.runs, three.runs, three.steps);
    figures::record("Memory and races", &what, tried, 0);
}

#[test]
fn every_order_of_threads_brings_one_request_and_the_new_token() {
    all_orders(Case::Renews, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_learns_of_a_refusal_from_one_request() {
    all_orders(Case::IsRefused, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_uses_a_token_that_is_never_saved() {
    all_orders(Case::IsNeverSaved, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_stands_a_callback_that_calls_the_library() {
    all_orders(Case::CallsBack, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_stands_a_panic_of_the_one_that_is_about_to_renew() {
    all_orders(Case::PanicsBefore, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_stands_a_panic_of_the_one_that_has_the_new_token() {
    all_orders(Case::PanicsAfter, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_gets_the_answer_that_was_lost_at_first() {
    all_orders(Case::LosesAnAnswer, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_keeps_the_new_token_from_who_runs_out_of_time() {
    all_orders(Case::RunsOutOfTime, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_keeps_the_new_token_when_another_thread_cancels() {
    all_orders(Case::IsCancelled, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_gives_the_new_token_to_those_whose_handle_is_not_aborted() {
    all_orders(Case::AbortsOne, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_keeps_the_new_token_when_all_their_handles_are_aborted() {
    all_orders(Case::AbortsAll, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_keeps_the_new_token_when_the_application_is_shut_down() {
    all_orders(Case::IsShutDown, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_keeps_the_login_when_a_renewal_that_is_asked_for_again_is_cancelled() {
    all_orders(Case::LosesAnAnswerAndIsCancelled, Tokens::SingleUse);
}

#[test]
fn every_order_of_threads_reads_the_response_that_the_first_has_no_time_for() {
    all_orders(Case::LeaderRunsOutOfTime, Tokens::SingleUse);
}

#[test]
fn every_order_reads_the_response_that_the_first_has_no_time_for_if_tokens_are_reused() {
    all_orders(Case::LeaderRunsOutOfTime, Tokens::Reused);
}

#[test]
fn every_order_keeps_the_new_token_from_who_runs_out_of_time_if_tokens_are_reused() {
    all_orders(Case::RunsOutOfTime, Tokens::Reused);
}

#[test]
fn every_order_reads_the_response_of_a_cancelled_renewal_if_tokens_are_reused() {
    all_orders(Case::IsCancelled, Tokens::Reused);
}

#[test]
fn every_order_reads_the_response_of_an_aborted_renewal_if_tokens_are_reused() {
    all_orders(Case::AbortsOne, Tokens::Reused);
}

#[test]
fn every_order_keeps_the_login_when_all_handles_are_aborted_if_tokens_are_reused() {
    all_orders(Case::AbortsAll, Tokens::Reused);
}

#[test]
fn every_order_ends_all_calls_when_the_application_is_shut_down_if_tokens_are_reused() {
    all_orders(Case::IsShutDown, Tokens::Reused);
}

#[test]
fn every_order_keeps_the_login_when_a_repeated_renewal_is_cancelled_if_tokens_are_reused() {
    all_orders(Case::LosesAnAnswerAndIsCancelled, Tokens::Reused);
}

/// Proof that the explorer would have found something.
#[test]
fn a_wake_up_that_is_left_out_is_found() {
    for (case, threads, mistake) in [
        (Case::Renews, 3, Mistake::WakesOne),
        (Case::PanicsAfter, 2, Mistake::WakesNobodyAfterPanic),
        (Case::Renews, 2, Mistake::ForgetsEarlyWakeUps),
    ] {
        let found = orders(case, Tokens::SingleUse, threads, mistake, usize::MAX);
        assert!(found.is_err(), "{mistake:?} went by: {found:?}");
    }
}
