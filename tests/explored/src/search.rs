//! Who goes on, in every order.

use std::collections::BTreeSet;
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
#[derive(Debug, Default)]
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

    /// Once to the end; `choose` says which of those that can goes on, after this order.
    fn drive(
        &self,
        bodies: Vec<Body>,
        steps: &mut usize,
        mut choose: impl FnMut(&Run, Vec<usize>, &[usize]) -> usize,
    ) -> Result<Vec<usize>, Stuck> {
        let rules = Rules { mistake: self.mistake, time: self.time, canceller: self.canceller };
        let (stage, handles) = schedule::start(bodies, rules);
        let mut order = Vec::new();
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
            let taken = choose(&run, enabled, &order);
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
        Ok(order)
    }

    /// Once with the decisions so far, and further ones to the end. False: another run has gone in an
    /// order that differs in nothing that matters.
    fn run(
        &self,
        bodies: Vec<Body>,
        decisions: &mut Vec<Decision>,
        steps: &mut usize,
    ) -> Result<bool, Stuck> {
        let (mut asleep, mut is_new) = (Vec::new(), true);
        self.drive(bodies, steps, |run, enabled, order| {
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
            match decisions.get(at) {
                Some(decision) if is_new => {
                    assert_eq!(decision.enabled, enabled, "the same every time, after {order:?}");
                    let others = decision.asleep.iter().copied();
                    asleep = others.filter(|&other| !run.meet(decision.taken, other)).collect();
                    decision.taken
                }
                _ => enabled[0],
            }
        })?;
        Ok(is_new)
    }
}

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // Knuth's multiplier; the high bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }
}

/// How often a thread loses its turn in a run at random, and within how many steps.
const CHANGES: usize = 4;
const CHANGES_WITHIN: usize = 120;

/// Runs the threads of a scene so often in orders at random: where there are too many orders, those that
/// [`explore`] tries first are much alike. Each thread has a priority, which some of them lose on the
/// way ("A randomized scheduler with probabilistic guarantees of finding bugs", Burckhardt and others).
pub fn sample<Check: FnOnce()>(
    settings: &Settings,
    mut scene: impl FnMut() -> (Vec<Body>, Check),
) -> Result<Explored, Stuck> {
    let mut random = Random(1);
    let (mut explored, mut orders) = (Explored::default(), BTreeSet::new());
    while explored.runs < settings.most {
        let (bodies, check) = scene();
        let mut priorities: Vec<i64> =
            (0..bodies.len()).map(|_| random.below(1000) as i64).collect();
        let changes: Vec<usize> = (0..CHANGES).map(|_| random.below(CHANGES_WITHIN)).collect();
        let mut lowest = 0;
        let order = settings.drive(bodies, &mut explored.steps, |_, enabled, order| {
            let highest = enabled.iter().copied().max_by_key(|thread| priorities[*thread]);
            let taken = highest.unwrap_or(enabled[0]);
            if changes.contains(&order.len()) {
                lowest -= 1;
                priorities[taken] = lowest;
            }
            taken
        })?;
        check();
        explored.runs += 1;
        orders.insert(order);
    }
    explored.orders = orders.len();
    Ok(explored)
}

/// Runs the threads of a scene in every order that matters, or in so many; after each run, `scene`'s
/// other half looks at what came of it.
pub fn explore<Check: FnOnce()>(
    settings: &Settings,
    mut scene: impl FnMut() -> (Vec<Body>, Check),
) -> Result<Explored, Stuck> {
    let mut explored = Explored::default();
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
