//! Who goes on, in every order.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What a thread is about to do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Step {
    Lock(usize),
    Wait { condvar: usize, mutex: usize },
    Notify(usize),
    Set,
}

/// A mistake put into the locks, which has to be found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mistake {
    None,
    /// A wake-up wakes one of those who wait.
    WakesOne,
    /// A thread that panics wakes nobody.
    WakesNobodyAfterPanic,
    /// The lock that keeps a wake-up from falling between a look and the wait.
    RingsWithoutLock,
}

/// What came of going through every order.
#[derive(Debug)]
pub struct Explored {
    /// Different orders, each run to its end.
    pub orders: usize,
    /// Runs, with those that turned out to be an order already seen.
    pub runs: usize,
    pub steps: usize,
    /// Whether those were all orders that there are.
    pub all: bool,
}

/// Some thread waits for ever: the order in which the threads went.
#[derive(Debug)]
pub struct Stuck(pub Vec<usize>);

#[derive(Clone, Copy, PartialEq, Debug)]
enum Thread {
    Running,
    /// About to do a step on an object.
    Before(Step, usize),
    Waiting {
        condvar: usize,
        mutex: usize,
        object: usize,
    },
    Done,
}

struct Run {
    number: usize,
    threads: Vec<Thread>,
    /// Locks, and who has them.
    held: BTreeMap<usize, usize>,
    mistake: Mistake,
}

/// One decision: who could go on, who did, who need not be tried (any more).
struct Decision {
    enabled: Vec<usize>,
    taken: usize,
    asleep: Vec<usize>,
}

static RUN: Mutex<Option<Run>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// What one thread does.
pub type Body = Box<dyn FnOnce() + Send>;

thread_local! {
    /// The number of its run, and its own.
    static ME: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
    static PANIC_AFTER: Cell<usize> = const { Cell::new(0) };
}

fn run() -> MutexGuard<'static, Option<Run>> {
    RUN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait(guard: MutexGuard<'static, Option<Run>>) -> MutexGuard<'static, Option<Run>> {
    CHANGED.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Stops this thread until it is its turn. False: it is none of those that are explored.
pub(crate) fn step(step: Step, object: usize) -> bool {
    let Some((number, me)) = ME.get() else { return false };
    let mut guard = run();
    if let Some(of) = guard.as_mut().filter(|of| of.number == number) {
        if matches!(step, Step::Notify(_))
            && of.mistake == Mistake::WakesNobodyAfterPanic
            && std::thread::panicking()
        {
            return true;
        }
        of.threads[me] = Thread::Before(step, object);
        CHANGED.notify_all();
    }
    // One that a run has left behind stays here.
    let my_turn = |of: &Run| of.number == number && of.threads[me] == Thread::Running;
    while !guard.as_ref().is_some_and(my_turn) {
        guard = wait(guard);
    }
    true
}

pub(crate) fn rings_without_lock() -> bool {
    run().as_ref().is_some_and(|of| of.mistake == Mistake::RingsWithoutLock)
}

pub(crate) fn unlocked(mutex: usize) {
    if let Some(of) = run().as_mut() {
        of.held.remove(&mutex);
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
    fn can_go_on(&self, thread: usize) -> bool {
        match self.threads[thread] {
            Thread::Before(Step::Lock(mutex), _) => !self.held.contains_key(&mutex),
            Thread::Before(..) => true,
            _ => false,
        }
    }

    fn object(&self, thread: usize) -> Option<usize> {
        match self.threads[thread] {
            Thread::Before(_, object) => Some(object),
            _ => None,
        }
    }

    /// Does a thread's step for it, and lets it run on where that is not the beginning of a wait.
    fn go_on(&mut self, thread: usize) {
        let Thread::Before(step, object) = self.threads[thread] else { return };
        self.threads[thread] = Thread::Running;
        match step {
            Step::Lock(mutex) => {
                let is_bell = object != mutex;
                if !(is_bell && self.mistake == Mistake::RingsWithoutLock) {
                    self.held.insert(mutex, thread);
                }
            }
            Step::Wait { condvar, mutex } => {
                self.held.remove(&mutex);
                self.threads[thread] = Thread::Waiting { condvar, mutex, object };
            }
            Step::Notify(of) => {
                for other in &mut self.threads {
                    if let Thread::Waiting { condvar, mutex, object } = *other
                        && condvar == of
                    {
                        *other = Thread::Before(Step::Lock(mutex), object);
                        if self.mistake == Mistake::WakesOne {
                            break;
                        }
                    }
                }
            }
            Step::Set => {}
        }
    }
}

/// The thread is done, also if it panicked.
struct Ends(usize);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(of) = run().as_mut() {
            of.threads[self.0] = Thread::Done;
        }
        CHANGED.notify_all();
    }
}

fn start(number: usize, me: usize, body: Body) -> JoinHandle<()> {
    std::thread::spawn(move || {
        ME.set(Some((number, me)));
        let _ends = Ends(me);
        body();
    })
}

/// Once with the decisions so far, and further ones to the end. False: another run has gone in an
/// order that differs in nothing that matters.
fn run_once(
    bodies: Vec<Body>,
    mistake: Mistake,
    decisions: &mut Vec<Decision>,
    steps: &mut usize,
) -> Result<bool, Stuck> {
    let count = bodies.len();
    let threads = vec![Thread::Running; count];
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let number = RUNS.fetch_add(1, Ordering::SeqCst);
    *run() = Some(Run { number, threads, held: BTreeMap::new(), mistake });
    let bodies = bodies.into_iter().enumerate();
    let handles: Vec<_> = bodies.map(|(me, body)| start(number, me, body)).collect();
    let (mut asleep, mut is_new, mut order) = (Vec::new(), true, Vec::new());
    loop {
        let mut guard = run();
        while guard.as_ref().is_some_and(|of| of.threads.contains(&Thread::Running)) {
            guard = wait(guard);
        }
        let Some(of) = guard.as_mut() else { unreachable!("it ends below") };
        if of.threads.iter().all(|thread| *thread == Thread::Done) {
            break;
        }
        let enabled: Vec<_> = (0..count).filter(|&thread| of.can_go_on(thread)).collect();
        if enabled.is_empty() {
            // The threads are left behind: nothing ends them.
            *guard = None;
            return Err(Stuck(order));
        }
        let at = order.len();
        if is_new && at == decisions.len() {
            match enabled.iter().find(|thread| !asleep.contains(*thread)) {
                Some(&taken) => {
                    let asleep = std::mem::take(&mut asleep);
                    decisions.push(Decision { enabled: enabled.clone(), taken, asleep });
                }
                None => is_new = false,
            }
        }
        let taken = match decisions.get(at) {
            Some(decision) if is_new => {
                let object = of.object(decision.taken);
                let others = decision.asleep.iter().copied();
                asleep = others.filter(|&thread| of.object(thread) != object).collect();
                decision.taken
            }
            _ => enabled[0],
        };
        of.go_on(taken);
        order.push(taken);
        *steps += 1;
        CHANGED.notify_all();
    }
    *run() = None;
    for handle in handles {
        if let Err(panic) = handle.join() {
            eprintln!("in the order {order:?}");
            resume_unwind(panic);
        }
    }
    Ok(is_new)
}

/// Runs the threads of a scene in every order that matters, or in so many; after each run, `scene`'s
/// other half looks at what came of it.
pub fn explore<Check: FnOnce()>(
    mistake: Mistake,
    most: usize,
    mut scene: impl FnMut() -> (Vec<Body>, Check),
) -> Result<Explored, Stuck> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _only_this = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut explored = Explored { orders: 0, runs: 0, steps: 0, all: false };
    let mut decisions: Vec<Decision> = Vec::new();
    while explored.runs < most {
        let (bodies, check) = scene();
        let is_new = run_once(bodies, mistake, &mut decisions, &mut explored.steps)?;
        check();
        explored.runs += 1;
        explored.orders += usize::from(is_new);
        // The last decision that could have been another one.
        loop {
            let Some(last) = decisions.last_mut() else {
                explored.all = true;
                return Ok(explored);
            };
            last.asleep.push(last.taken);
            if let Some(next) = last.enabled.iter().find(|thread| !last.asleep.contains(*thread)) {
                last.taken = *next;
                break;
            }
            decisions.pop();
        }
    }
    Ok(explored)
}
