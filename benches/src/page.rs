//! The page: what was measured on what, a table and honest sentences for each group, what was
//! promised, and where the instructions of a GET go.

use std::fmt::Write;

use crate::profile::{Profile, crate_of};
use crate::row::Row;

/// Times nearer to this library's than that are called the same.
const LEVEL: f64 = 0.02;

pub struct Page<'a> {
    pub rows: &'a [Row],
    pub bars: &'a [(String, bool)],
    pub versions: &'a [(String, String)],
    pub skipped: &'a [String],
    pub profile: Option<&'a Profile>,
}

const HEAD: &str = "# Measured

Written by `cargo bench --package fitbit-bench -- --write`: nothing on this page was typed. Without
`-- --write` the same is measured and printed; `-- --check` counts the hot rows alone and compares them
with `figures.tsv`; `-- get` measures one part.

![Instructions and time of each client, as multiples of this library's](results.svg)

- **instructions**: for one operation, in user space, counted by callgrind as the difference of two run lengths,
  so that neither start nor noise counts. (Under TLS it counts what the ciphers do on the processor that valgrind
  emulates, which has AES and AVX2, but no AVX-512.)
- **time**: the median, over 11 rounds in one run, of a subject's time over libfitbit's in the same round. All
  subjects stay running and take turns, every other round in reverse. It holds the kernel's and the server's time as
  well, which are the same for everybody and draw every ratio towards 1: the floor shows how much they are.
- **/ libfitbit** and **time**: above 1 it costs more than libfitbit, below 1 less.
- Peers are what their packages are: Debian's libcurl (OpenSSL's) and iddawc, PyPI's Python clients; ureq, oauth2-rs
  and rustls are built for speed alone (`opt-level = 3`, link-time optimised), the library as it is shipped: for size.
";

impl Page<'_> {
    pub fn markdown(&self) -> String {
        let mut text = String::from(HEAD);
        text.push_str("\n| | |\n|---|---|\n");
        for (name, version) in self.versions {
            let _ = writeln!(text, "| {name} | {version} |");
        }
        if !self.skipped.is_empty() {
            text.push_str("\nSkipped:\n\n");
            for line in self.skipped {
                let _ = writeln!(text, "- {line}");
            }
        }
        text.push_str("\n## What was promised\n\n| | held |\n|---|---|\n");
        for (line, held) in self.bars {
            let _ = writeln!(text, "| {line} | {} |", if *held { "yes" } else { "**no**" });
        }
        let mut groups: Vec<&str> = self.rows.iter().map(|row| row.group).collect();
        groups.dedup();
        for group in groups {
            self.group(group, &mut text);
        }
        if let Some(profile) = self.profile {
            where_they_go(profile, &mut text);
        }
        text
    }

    fn group(&self, group: &str, text: &mut String) {
        let rows: Vec<_> = self.rows.iter().filter(|row| row.group == group).collect();
        let _ = writeln!(text, "\n## {group}\n");
        let counted = rows.iter().any(|row| row.instructions.is_some());
        let raced = rows.iter().any(|row| row.ratio.is_some());
        let measured = rows.iter().any(|row| row.figure.is_some());
        let columns = [
            (counted, " instructions | / libfitbit |", "---:|---:|"),
            (raced, " time |", "---:|"),
            (measured, " measured |", "---|"),
        ];
        text.push_str("| | |");
        columns.iter().filter(|(there, ..)| *there).for_each(|(_, head, _)| text.push_str(head));
        text.push_str("\n|---|---|");
        columns.iter().filter(|(there, ..)| *there).for_each(|(.., line)| text.push_str(line));
        text.push('\n');
        let mut last = "";
        for row in &rows {
            let name = if row.name == last { "" } else { &row.name };
            last = &row.name;
            let _ = write!(text, "| {name} | {} |", row.subject);
            if counted {
                let over = over_library(&rows, row).map_or(String::new(), times);
                let _ = write!(text, " {} | {over} |", row.instructions.map_or("".into(), grouped));
            }
            if raced {
                let _ = write!(text, " {} |", row.ratio.map_or(String::new(), times));
            }
            if measured {
                let _ = write!(text, " {} |", row.figure.as_deref().unwrap_or_default());
            }
            text.push('\n');
        }
        let mut blocks: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        blocks.dedup();
        text.push('\n');
        for name in blocks {
            let block: Vec<_> = rows.iter().filter(|row| row.name == name).copied().collect();
            if let Some(sentence) = sentence(&block) {
                let _ = writeln!(text, "- **{name}**: {sentence}");
            }
        }
        let mut notes: Vec<(&str, Vec<&str>)> = Vec::new();
        for row in rows.iter().filter(|row| !row.note.is_empty()) {
            match notes.iter_mut().find(|(note, _)| *note == row.note) {
                Some((_, subjects)) if subjects.contains(&row.subject.as_str()) => {}
                Some((_, subjects)) => subjects.push(&row.subject),
                None => notes.push((&row.note, vec![&row.subject])),
            }
        }
        text.push('\n');
        for (note, subjects) in notes {
            let _ = writeln!(text, "- {}: {note}.", subjects.join("; "));
        }
    }
}

/// A row's instructions over those of this library's row of the same work.
pub fn over_library(rows: &[&Row], row: &Row) -> Option<f64> {
    let library = rows.iter().find(|other| other.is_library() && other.same_work(row))?;
    Some(row.instructions? as f64 / library.instructions? as f64)
}

/// Who is ahead of this library, who behind, who both.
fn sentence(block: &[&Row]) -> Option<String> {
    if !block.first().is_some_and(|row| row.is_library()) {
        return None;
    }
    let (mut ahead, mut behind, mut both, mut floors) = (vec![], vec![], vec![], vec![]);
    for row in &block[1..] {
        let (count, time) = (over_library(block, row), row.ratio);
        let mut parts = Vec::new();
        parts.extend(count.map(|count| format!("{} of the instructions", times(count))));
        parts.extend(time.map(|time| format!("{} of the time", times(time))));
        if parts.is_empty() {
            continue;
        }
        let subject = row.subject.trim_start_matches("floor: ");
        let said = format!("{subject} ({})", parts.join(", "));
        let time = time.filter(|time| (time - 1.0).abs() > LEVEL);
        let mut over = count.iter().chain(&time);
        if row.is_floor() {
            floors.push(said);
        } else if over.clone().all(|over| *over <= 1.0) {
            ahead.push(said);
        } else if over.all(|over| *over >= 1.0) {
            behind.push(said);
        } else {
            both.push(said);
        }
    }
    if ahead.is_empty() && behind.is_empty() && both.is_empty() && floors.is_empty() {
        return None; // what was measured of them is not an instruction, nor a time
    }
    let list = |what: &str, who: Vec<String>| {
        (!who.is_empty()).then(|| format!("{what} {}.", who.join(", ")))
    };
    let nobody = ahead.is_empty().then(|| "Nobody is ahead of libfitbit.".to_owned());
    let sentences = [
        list("Ahead of libfitbit:", ahead).or(nobody),
        list("Ahead in one, behind in the other:", both),
        list("Behind:", behind),
        list("The least possible:", floors),
    ];
    let sentences: Vec<_> = sentences.into_iter().flatten().collect();
    (block.len() > 1).then(|| sentences.join(" "))
}

fn where_they_go(profile: &Profile, text: &mut String) {
    let share = |cost: f64| 100.0 * cost / profile.all;
    let _ = writeln!(
        text,
        "\n## Where the instructions of a GET go\n\nOf {} instructions for a GET of 2 KB, plain (of the release \
         build with its symbols kept), {} ({:.0} %) are in `libfitbit.so`; the rest is libc's: memory, copying, \
         system calls. By the crate whose source it is, also where it was inlined into another's function:\n",
        grouped(profile.all as u64),
        grouped(profile.library as u64),
        share(profile.library)
    );
    text.push_str("| crate | instructions | share |\n|---|---:|---:|\n");
    for (name, cost) in profile.crates.iter().filter(|(_, cost)| share(*cost) >= 0.5) {
        let _ = writeln!(text, "| {name} | {} | {:.1} % |", grouped(*cost as u64), share(*cost));
    }
    let own = profile.functions.iter().filter(|(function, _)| crate_of(function) == "fitbit");
    for (title, functions) in [
        ("The ten largest functions of this library's own code:", own.take(10).collect::<Vec<_>>()),
        (
            "The ten largest of all, wherever they are:",
            profile.everywhere.iter().take(10).collect(),
        ),
    ] {
        let _ = writeln!(text, "\n{title}\n\n| function | instructions | share |\n|---|---:|---:|");
        for (function, cost) in functions {
            let (function, count) = (function.replace('|', "\\|"), grouped(*cost as u64));
            let _ = writeln!(text, "| `{function}` | {count} | {:.1} % |", share(*cost));
        }
    }
}

/// Three digits that count.
fn times(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 0.0995 => format!("{ratio:.3}"),
        ratio if ratio < 9.95 => format!("{ratio:.2}"),
        ratio if ratio < 99.5 => format!("{ratio:.1}"),
        ratio => format!("{ratio:.0}"),
    }
}

/// 1,234,567
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
