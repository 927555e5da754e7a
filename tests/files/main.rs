//! A token kept in a file: private, whole, shared, and never lost, shown through the C interface.
//!
//! `FITBIT_LONG=1` runs the long forms: 500 kills, 300 expiries. `FITBIT_SEED` repeats a run.

mod daemons;
mod fleet;
mod forks;
mod kills;
mod marks;
mod mounts;
mod moving;
mod opening;
mod privacy;
mod refusals;
mod scene;
mod sharing;
mod syncing;
mod trouble;
mod unsaved;
mod whole;
