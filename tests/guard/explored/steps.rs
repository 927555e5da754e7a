//! What can happen to a login that two processes share, as atomic steps.
//!
//! "Rolled back" stands for the uncertain commit that did not work too: the library sees the same.
//! "Refused" stands for every answer that was lost before the provider acted: the token is as it
//! was, and is asked for again later (429 is not asked for again within the call, which would
//! make these many runs slow and no different).

use crate::scene::Commit;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// No call is running: also the kill before the provider is asked.
    Idle,
    BetweenAnswerAndCommit,
    AfterCommit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A request with an expired token, whose transaction goes so.
    Request(usize, Commit),
    /// A request with an expired token, which the provider refuses for now.
    Refused(usize),
    /// A request with nothing to renew.
    Nothing(usize),
    /// Killed, and started again with what is in the row.
    Kill(usize, Moment),
    /// A new login in this process, stored by the guard.
    LogIn(usize, Commit),
    /// A new login in this process, stored by on_token or refused by it.
    LogInWithCallback(usize, bool),
    /// Both send a request with an expired token at once.
    Both,
}

impl Step {
    fn process(self) -> Option<usize> {
        match self {
            Step::Request(process, _)
            | Step::Refused(process)
            | Step::Nothing(process)
            | Step::Kill(process, _)
            | Step::LogIn(process, _)
            | Step::LogInWithCallback(process, _) => Some(process),
            Step::Both => None,
        }
    }
}

pub fn alphabet() -> Vec<Step> {
    let commits = [Commit::Works, Commit::Fails, Commit::WorksUnknown];
    let moments = [Moment::Idle, Moment::BetweenAnswerAndCommit, Moment::AfterCommit];
    let mut steps = vec![Step::Both];
    for process in [0, 1] {
        steps.extend(commits.map(|commit| Step::Request(process, commit)));
        steps.extend([Step::Refused(process), Step::Nothing(process)]);
        steps.extend(moments.map(|moment| Step::Kill(process, moment)));
        steps.extend(commits.map(|commit| Step::LogIn(process, commit)));
        steps.extend([true, false].map(|saved| Step::LogInWithCallback(process, saved)));
    }
    steps
}

/// Every sequence of up to so many steps. The processes are alike: the first to do something on
/// its own is the first process.
pub fn sequences(depth: u32) -> Vec<Vec<Step>> {
    let alphabet = alphabet();
    let mut all: Vec<Vec<Step>> = vec![vec![]];
    let mut begin = 0;
    for _ in 0..depth {
        let end = all.len();
        for at in begin..end {
            let fresh = all[at].iter().all(|step| step.process().is_none());
            for &step in &alphabet {
                if fresh && step.process() == Some(1) {
                    continue;
                }
                let mut longer = all[at].clone();
                longer.push(step);
                all.push(longer);
            }
        }
        begin = end;
    }
    all
}
