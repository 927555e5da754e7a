//! Renewal and saving: a login is never lost, shown through the C interface.

mod ages;
mod callbacks;
mod clocks;
mod dead_logins;
mod expiry;
mod faults;
mod forks;
mod handles_in_callbacks;
mod lost_answers;
mod peers;
mod rejected;
mod saving;
mod scene;
mod slow_callbacks;
mod storm;
mod unsaved;
mod waiting;
