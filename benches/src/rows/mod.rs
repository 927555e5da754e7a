//! The rows of one thread: each subject does the same work against the same server.

use crate::bench::Bench;
use crate::row::{LIBRARY, Row};

pub fn address(_bench: &Bench) -> Vec<Row> {
    vec![Row::new("Authorization address", "one address", LIBRARY)]
}
