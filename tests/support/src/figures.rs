//! What a test tried, in numbers, for the table of SECURITY.md: a file per row, in the target folder.

use std::fmt::Display;

use crate::library;

/// One row: which part of the hardening it belongs to, what was tried, how often, and what was found
/// that should not be (crashes, leaks, lost logins); a test that finds any has failed already.
pub fn record(part: &str, what: &str, tried: impl Display, found: impl Display) {
    let folder = library::target().join("figures");
    let name: String = format!("{part}-{what}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let row = format!("{part}\t{what}\t{tried}\t{found}\n");
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    std::fs::write(folder.join(format!("{name}.tsv")), row).expect("a row can be written");
}
