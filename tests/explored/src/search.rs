//! Who goes on, in every order.

use std::ops::Range;
use std::panic::resume_unwind;

use crate::schedule::{self, Body, Mistake, Rules, Run, Time};

/// What is explored.
pub struct Settings {
    pub mistake: Mistake,
    pub time: Time,
    /// The thread that cancels, by its number.
    pub canceller: Option<usize>,
    /// The threads that do the same.
    pub alike: Range<usize>,
    /// No more runs than this.
    pub most: usize,
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

/// One decision: who could go on, who did, who need not be tried (any more).
struct Decision {
    enabled: Vec<usize>,
    taken: usize,
    asleep: Vec<usize>,
}

impl Decision {
    fn next(&self) -> Option<usize> {
        self.enabled.iter().copied().find(|thread| !self.asleep.contains(thread))
    }
}

impl Settings {
    /// Who can go on; of those alike that have not begun, the first.
    fn choices(&self, run: &Run) -> Vec<usize> {
        let untouched = |thread: usize| self.alike.contains(&thread) && !run.has_begun(thread);
        let mut enabled = run.enabled();
        let first = enabled.iter().copied().find(|thread| untouched(*thread));
        enabled.retain(|thread| !untouched(*thread) || Some(*thread) == first);
        enabled
    }

    /// Once with the decisions so far, and further ones to the end. False: another run has gone in an
    /// order that differs in nothing that matters.
    fn run(
        &self,
        bodies: Vec<Body>,
        decisions: &mut Vec<Decision>,
        steps: &mut usize,
    ) -> Result<bool, Stuck> {
        let rules = Rules { mistake: self.mistake, time: self.time, canceller: self.canceller };
        let (stage, handles) = schedule::start(bodies, rules);
        let (mut asleep, mut is_new, mut order) = (Vec::new(), true, Vec::new());
        loop {
            let run = stage.quiet();
            if run.is_over() {
                break;
            }
            let enabled = self.choices(&run);
            if enabled.is_empty() {
                // The threads are left behind: nothing ends them.
                return Err(Stuck(order));
            }
            let at = order.len();
            if is_new && at == decisions.len() {
                let asleep = std::mem::take(&mut asleep);
                let mut decision = Decision { enabled: enabled.clone(), taken: 0, asleep };
                match decision.next() {
                    Some(taken) => {
                        decision.taken = taken;
                        decisions.push(decision);
                    }
                    None => is_new = false,
                }
            }
            let taken = match decisions.get(at) {
                Some(decision) if is_new => {
                    assert_eq!(decision.enabled, enabled, "the same every time, after {order:?}");
                    let others = decision.asleep.iter().copied();
                    asleep = others.filter(|&other| !run.meet(decision.taken, other)).collect();
                    decision.taken
                }
                _ => enabled[0],
            };
            order.push(taken);
            *steps += 1;
            stage.go_on(run, taken);
        }
        for handle in handles {
            if let Err(panic) = handle.join() {
                eprintln!("in the order {order:?}");
                resume_unwind(panic);
            }
        }
        Ok(is_new)
    }
}

/// Runs the threads of a scene in every order that matters, or in so many; after each run, `scene`'s
/// other half looks at what came of it.
pub fn explore<Check: FnOnce()>(
    settings: &Settings,
    mut scene: impl FnMut() -> (Vec<Body>, Check),
) -> Result<Explored, Stuck> {
    let mut explored = Explored { orders: 0, runs: 0, steps: 0, all: false };
    let mut decisions: Vec<Decision> = Vec::new();
    while explored.runs < settings.most {
        let (bodies, check) = scene();
        let is_new = settings.run(bodies, &mut decisions, &mut explored.steps)?;
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
            if let Some(next) = last.next() {
                last.taken = next;
                break;
            }
            decisions.pop();
        }
    }
    Ok(explored)
}
