//! The page: a table for each group.

use crate::row::Row;

pub fn markdown(rows: &[Row], skipped: &[String]) -> String {
    format!("{rows:#?}\n{skipped:?}\n")
}
