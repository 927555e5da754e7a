//! Renewal and saving: a login is never lost, shown through the C interface.

mod storm;
