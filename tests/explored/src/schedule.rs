//! Threads that stop before each step, and one that lets them go on, one at a time.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a thread is about to do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Step {
    Lock(usize),
    /// It is about to wait.
    Begin(usize),
    Wait {
        event: usize,
        time: Duration,
    },
    Notify(usize),
    Touch,
}

/// What it does that to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Object {
    Lock(usize),
    Event(usize),
    /// Only the thread that cancels meets others there.
    OfCancel(usize),
}

/// A mistake put into the events, which has to be found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mistake {
    None,
    /// Of several wake-ups of one thread in a row, the last ones get lost.
    WakesOne,
    /// A thread that panics wakes nobody.
    WakesNobodyAfterPanic,
    /// A wake-up that comes before the wait is lost.
    ForgetsEarlyWakeUps,
}

/// When the time of a wait is over.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Time {
    /// Never: who is never woken is found.
    Stands,
    /// When nobody can go on, and for the shortest wait.
    Passes,
    /// Whenever somebody waits.
    Runs,
}

/// What one thread does.
pub type Body = Box<dyn FnOnce() + Send>;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Thread {
    Running,
    Before(Step, Object),
    Done,
}

/// One run of some threads.
pub(crate) struct Run {
    pub rules: Rules,
    threads: Vec<Thread>,
    /// Steps that each has done.
    steps: Vec<usize>,
    /// Whose last wait ended with its time.
    in_vain: Vec<bool>,
    /// Locks, and who has them.
    held: BTreeMap<usize, usize>,
    /// Events whose next wait ends at once.
    notified: BTreeSet<usize>,
    /// The thread whose last step was a wake-up.
    last_notifier: Option<usize>,
}

#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub mistake: Mistake,
    pub time: Time,
    /// The number of the thread that cancels. Without one, what is there for it is no step.
    pub canceller: Option<usize>,
}

pub(crate) struct Stage {
    run: Mutex<Run>,
    changed: Condvar,
}

thread_local! {
    static ME: RefCell<Option<(Arc<Stage>, usize)>> = const { RefCell::new(None) };
    static PANIC_AFTER: Cell<usize> = const { Cell::new(0) };
}

impl Stage {
    pub fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, guard: MutexGuard<'a, Run>) -> MutexGuard<'a, Run> {
        self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// When every thread has stopped.
    pub fn quiet(&self) -> MutexGuard<'_, Run> {
        let mut run = self.run();
        while run.threads.contains(&Thread::Running) {
            run = self.wait(run);
        }
        run
    }

    pub fn go_on(&self, mut run: MutexGuard<'_, Run>, thread: usize) {
        run.go_on(thread);
        self.changed.notify_all();
    }
}

fn me() -> Option<(Arc<Stage>, usize)> {
    ME.with_borrow(Clone::clone)
}

/// Stops this thread until it is its turn. False: it is none of those that are explored.
pub(crate) fn step(step: Step, object: Object) -> bool {
    let Some((stage, me)) = me() else { return false };
    let mut run = stage.run();
    if run.leaves_out(step) {
        return true;
    }
    run.threads[me] = Thread::Before(step, object);
    stage.changed.notify_all();
    // One that a run has left behind stays here.
    while run.threads[me] != Thread::Running {
        run = stage.wait(run);
    }
    true
}

pub(crate) fn waited_in_vain() -> bool {
    me().is_some_and(|(stage, me)| stage.run().in_vain[me])
}

pub(crate) fn unlocked(mutex: usize) {
    if let Some((stage, _)) = me() {
        stage.run().held.remove(&mutex);
    }
    let left = PANIC_AFTER.get();
    PANIC_AFTER.set(left.saturating_sub(1));
    if left == 1 && !std::thread::panicking() {
        // Without the hook: it is nothing that anybody should read of.
        resume_unwind(Box::new("planted"));
    }
}

/// Lets this thread panic as soon as it has let go of so many locks more.
pub fn panic_after_unlocks(unlocks: usize) {
    PANIC_AFTER.set(unlocks);
}

impl Run {
    fn leaves_out(&self, step: Step) -> bool {
        let Rules { mistake, canceller, .. } = self.rules;
        match step {
            Step::Touch => canceller.is_none(),
            Step::Notify(_) => {
                mistake == Mistake::WakesNobodyAfterPanic && std::thread::panicking()
            }
            _ => false,
        }
    }

    pub fn is_over(&self) -> bool {
        self.threads.iter().all(|thread| *thread == Thread::Done)
    }

    pub fn has_begun(&self, thread: usize) -> bool {
        self.steps[thread] > 0
    }

    /// Who can go on.
    pub fn enabled(&self) -> Vec<usize> {
        let all = 0..self.threads.len();
        let can_go_on = |thread: &usize| match self.threads[*thread] {
            Thread::Before(Step::Lock(mutex), _) => !self.held.contains_key(&mutex),
            Thread::Before(Step::Wait { event, .. }, _) => {
                self.notified.contains(&event) || self.rules.time == Time::Runs
            }
            Thread::Before(..) => true,
            _ => false,
        };
        let enabled: Vec<_> = all.clone().filter(can_go_on).collect();
        if !enabled.is_empty() || self.rules.time != Time::Passes {
            return enabled;
        }
        let time = |thread: &usize| match self.threads[*thread] {
            Thread::Before(Step::Wait { time, .. }, _) => Some((time, *thread)),
            _ => None,
        };
        all.filter_map(|thread| time(&thread)).min().map(|(_, thread)| thread).into_iter().collect()
    }

    fn object(&self, thread: usize) -> Option<Object> {
        match self.threads[thread] {
            Thread::Before(_, object) => Some(object),
            _ => None,
        }
    }

    /// Whether it matters which of the two takes its next step first.
    pub fn meet(&self, one: usize, other: usize) -> bool {
        let (Some(object), cancels) = (self.object(one), self.rules.canceller) else { return true };
        let only_of_cancel = matches!(object, Object::OfCancel(_));
        self.object(other) == Some(object)
            && (!only_of_cancel || cancels == Some(one) || cancels == Some(other))
    }

    /// Does a thread's step for it, and lets it run on.
    fn go_on(&mut self, thread: usize) {
        self.steps[thread] += 1;
        let Thread::Before(step, _) = self.threads[thread] else { return };
        self.threads[thread] = Thread::Running;
        let follows_its_own_wake_up = self.last_notifier == Some(thread);
        self.last_notifier = None;
        match step {
            Step::Lock(mutex) => {
                self.held.insert(mutex, thread);
            }
            Step::Begin(event) => {
                if self.rules.mistake == Mistake::ForgetsEarlyWakeUps {
                    self.notified.remove(&event);
                }
            }
            Step::Wait { event, .. } => self.in_vain[thread] = !self.notified.remove(&event),
            Step::Notify(event) => {
                self.last_notifier = Some(thread);
                let is_lost = self.rules.mistake == Mistake::WakesOne && follows_its_own_wake_up;
                if !is_lost {
                    self.notified.insert(event);
                }
            }
            Step::Touch => {}
        }
    }
}

/// The thread is done, also if it panicked.
struct Ends(Arc<Stage>, usize);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.run().threads[self.1] = Thread::Done;
        self.0.changed.notify_all();
    }
}

/// Lets them run to their first step.
pub(crate) fn start(bodies: Vec<Body>, rules: Rules) -> (Arc<Stage>, Vec<JoinHandle<()>>) {
    let count = bodies.len();
    let run = Run {
        rules,
        threads: vec![Thread::Running; count],
        steps: vec![0; count],
        in_vain: vec![false; count],
        held: BTreeMap::new(),
        notified: BTreeSet::new(),
        last_notifier: None,
    };
    let stage = Arc::new(Stage { run: Mutex::new(run), changed: Condvar::new() });
    let start = |(me, body): (usize, Body)| {
        let stage = stage.clone();
        std::thread::spawn(move || {
            ME.set(Some((stage.clone(), me)));
            let _ends = Ends(stage, me);
            body();
        })
    };
    let handles = bodies.into_iter().enumerate().map(start).collect();
    (stage, handles)
}
