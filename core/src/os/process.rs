//! One value for each process.

use once_cell::race::OnceBox;

use super::fork_count;

/// A value that each process has for itself: a forked child gets a new one. A lock that another thread held at
/// the fork stays locked in the child for ever, and the parent's descriptors must not be used. So the child
/// never looks at the parent's value.
pub(crate) struct PerProcess<T>(OnceBox<Generation<T>>);

struct Generation<T> {
    /// The fork count of its process.
    forks: u32,
    value: T,
    next: PerProcess<T>,
}

impl<T> PerProcess<T> {
    pub const fn new() -> PerProcess<T> {
        PerProcess(OnceBox::new())
    }

    /// The value of this process if it was made. Async-signal-safe.
    pub fn get(&self) -> Option<&T> {
        // In this order: if there is a value, the forks are counted already.
        let mut generation = self.0.get()?;
        let forks = fork_count();
        while generation.forks != forks {
            generation = generation.next.0.get()?;
        }
        Some(&generation.value)
    }
}

impl<T: Default> PerProcess<T> {
    /// The value of this process, made the first time.
    pub fn get_or_default(&self) -> &T {
        let forks = fork_count();
        let make = || Box::new(Generation { forks, value: T::default(), next: PerProcess::new() });
        let mut generation = self.0.get_or_init(make);
        while generation.forks != forks {
            generation = generation.next.0.get_or_init(make);
        }
        &generation.value
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> PerProcess<T> {
        PerProcess::new()
    }
}
