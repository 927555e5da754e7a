//! `include/CFitbit.apinotes` against `include/fitbit.h`: no function is forgotten, and what one says of
//! NULL, the other says too.

use std::collections::BTreeMap;
use std::fs;

use fitbit_test_support::library;

/// A function of the header, with what its comment says.
struct Function {
    name: String,
    comment: String,
    result: String,
    /// Type and name.
    parameters: Vec<(String, String)>,
}

impl Function {
    fn can_fail(&self) -> bool {
        self.result.starts_with("FitbitError *")
    }

    /// What the comment says of a parameter; of `as for f()` what f's says.
    fn says_of(&self, parameter: &str, all: &BTreeMap<String, Function>) -> String {
        let mut paragraphs = self.comment.split("@param ").skip(1);
        let own = paragraphs.find_map(|text| text.strip_prefix(&format!("{parameter} ")));
        let own = own.unwrap_or_default().split("@return").next().unwrap_or_default();
        let other =
            own.trim_start().strip_prefix("as for ").and_then(|rest| rest.split('(').next());
        let theirs = other.map(|name| all[name].says_of(parameter, all));
        format!("{own}{}", theirs.unwrap_or_default())
    }

    /// Whether NULL may be passed, or comes back from nothing but NULL.
    fn takes_null(&self, kind: &str, name: &str, all: &BTreeMap<String, Function>) -> bool {
        let handle = ["FitbitApp", "FitbitClient", "FitbitResponse", "FitbitError"]
            .iter()
            .any(|handle| kind.trim_start_matches("const ").starts_with(handle));
        let frees = self.comment.contains("NULL: nothing happens");
        if kind.ends_with("**") {
            false
        } else if name.ends_with("_data") {
            true
        } else if handle || frees {
            // An error is looked at where there may be none; the other handles are there.
            frees || self.name.starts_with("fitbit_error_")
        } else {
            self.says_of(name, all).contains("NULL")
        }
    }
}

fn functions() -> BTreeMap<String, Function> {
    let path = library::include().join("fitbit.h");
    let header = fs::read_to_string(path).expect("the header is checked in");
    let declared = header.split("/**").skip(1).filter_map(|part| part.split_once("*/"));
    let functions = declared.filter_map(|(comment, code)| {
        let code = code.split(';').next()?.trim().trim_start_matches("FITBIT_MUST_USE").trim();
        let (head, parameters) = code.split_once('(').filter(|_| !code.starts_with("typedef"))?;
        let (result, name) = head.split_at(head.find("fitbit_")?);
        let words = parameters.trim_end_matches(')').split_whitespace().collect::<Vec<_>>();
        let parameters = words.join(" ");
        let parameters = parameters.split(", ").filter(|one| *one != "void").map(|one| {
            let (kind, name) = one.split_at(one.rfind([' ', '*']).expect("type and name") + 1);
            (kind.trim().to_owned(), name.to_owned())
        });
        let words = comment.split_whitespace().filter(|word| *word != "*").collect::<Vec<_>>();
        let function = Function {
            name: name.to_owned(),
            comment: words.join(" "),
            result: result.trim().to_owned(),
            parameters: parameters.collect(),
        };
        Some((name.to_owned(), function))
    });
    functions.collect()
}

/// What the notes say of each function: of its result, and of its parameters.
fn notes() -> BTreeMap<String, (Option<String>, String)> {
    let path = library::include().join("CFitbit.apinotes");
    let notes = fs::read_to_string(path).expect("the notes are checked in");
    let entries = notes.split("\n- Name: ").skip(1).map(|entry| {
        let field = |name| entry.lines().find_map(|line| line.trim().strip_prefix(name));
        let name = entry.lines().next().unwrap_or_default().to_owned();
        let result = field("NullabilityOfRet: ").map(str::to_owned);
        (name, (result, field("Nullability: ").unwrap_or("[]").to_owned()))
    });
    entries.collect()
}

#[test]
fn the_notes_say_of_null_what_the_header_says() {
    let (functions, notes) = (functions(), notes());
    assert!(functions.len() > 50, "the header cannot be read: {} functions", functions.len());
    let from_the_header = functions.iter().map(|(name, function)| {
        let parameters = function.parameters.iter().map(|(kind, name)| {
            let callback = kind.ends_with("Callback") || kind.ends_with("Guard");
            match kind.ends_with('*') || callback {
                false => "S",
                true if callback || function.takes_null(kind, name, &functions) => "O",
                true => "N",
            }
        });
        let parameters = format!("[{}]", parameters.collect::<Vec<_>>().join(", "));
        // A text is there unless the comment speaks of NULL; NULL for NULL is no case in Swift,
        // which passes none.
        let own = function.comment.split("@param").next().unwrap_or_default();
        let own = own.replace("NULL for NULL.", "").replace("for NULL.", "");
        let own = own.replace("is never NULL", "");
        let optional = if function.can_fail() || own.contains("NULL") { "O" } else { "N" };
        let result = function.result.ends_with('*').then(|| optional.to_owned());
        (name.clone(), (result, parameters))
    });
    let from_the_header: BTreeMap<_, _> = from_the_header.collect();
    for (name, said) in &from_the_header {
        assert_eq!(notes.get(name), Some(said), "{name}");
    }
    assert_eq!(
        notes.len(),
        from_the_header.len(),
        "the notes speak of functions that are not there"
    );
}
