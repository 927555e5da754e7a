//! Bodies of an exact size, made once: what a benchmark measures is then the client.

use crate::answer::{Answer, JSON};
use crate::fitbit::errors;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const LARGEST: usize = 64 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Fillers(Mutex<HashMap<usize, Arc<[u8]>>>);

impl Fillers {
    /// `count` bytes of valid JSON.
    pub(crate) fn answer(&self, count: &str) -> Result<Answer, Answer> {
        let count = count.parse().ok().filter(|count| (1..=LARGEST).contains(count));
        let count = count.ok_or_else(|| errors::validation("bytes", "Between 1 and 64 Mi"))?;
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let body = made.entry(count).or_insert_with(|| json_of(count).into());
        Ok(Answer::new(200, JSON, Arc::clone(body)))
    }
}

fn json_of(count: usize) -> Vec<u8> {
    const FRAME: usize = r#"{"filler":""}"#.len();
    match count.checked_sub(FRAME) {
        Some(rest) => format!("{{\"filler\":\"{}\"}}", "a".repeat(rest)).into_bytes(),
        None => format!("0{}", " ".repeat(count - 1)).into_bytes(),
    }
}
