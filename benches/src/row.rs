//! What the bench finds: rows. A row is one subject doing one thing; rows with the same group and
//! name did the same thing and are compared with the first of them, which is this library.

/// The subject that all others are compared with.
pub const LIBRARY: &str = "libfitbit";

/// The subject that shows what the least possible work costs.
pub const FLOOR: &str = "floor";

#[derive(Clone, Debug, Default)]
pub struct Row {
    /// A chapter of the page: "Authenticated GET".
    pub group: &'static str,
    /// What was done: "2 KB, plain".
    pub name: String,
    /// Who did it: [`LIBRARY`], "libcurl", or [`FLOOR`] and how: "floor: raw sockets".
    pub subject: String,
    /// Instructions for one operation, counted by callgrind as the difference of two run lengths.
    pub instructions: Option<u64>,
    /// Its time over this library's: the median of the pairs of one run.
    pub ratio: Option<f64>,
    /// What else was measured, with its unit: "236 bytes", "12 of 12".
    pub figure: Option<String>,
    /// A promise of the design, and whether it is held.
    pub bar: Option<(String, bool)>,
    /// What a reader has to know to judge it fairly.
    pub note: String,
}

impl Row {
    pub fn new(group: &'static str, name: impl Into<String>, subject: impl Into<String>) -> Row {
        Row { group, name: name.into(), subject: subject.into(), ..Row::default() }
    }

    pub fn instructions(mut self, count: impl Into<Option<u64>>) -> Row {
        self.instructions = count.into();
        self
    }

    pub fn ratio(mut self, ratio: impl Into<Option<f64>>) -> Row {
        self.ratio = ratio.into();
        self
    }

    pub fn figure(mut self, figure: impl Into<String>) -> Row {
        self.figure = Some(figure.into());
        self
    }

    pub fn bar(mut self, promise: impl Into<String>, held: bool) -> Row {
        self.bar = Some((promise.into(), held));
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Row {
        self.note = note.into();
        self
    }

    pub fn is_library(&self) -> bool {
        self.subject == LIBRARY
    }

    pub fn is_floor(&self) -> bool {
        self.subject.starts_with(FLOOR)
    }

    /// What it has in common with the rows that it is compared with.
    pub fn same_work(&self, other: &Row) -> bool {
        self.group == other.group && self.name == other.name
    }
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}
