//! What `include/fitbit.h` declares, read from its text.
//!
//! The tests take their lists from here wherever they can, so that a function, a parameter or an
//! enumerator that is added to the header is tested, or missed aloud.

use std::fs;

use fitbit_test_support::library;

/// A function of the header.
pub struct Function {
    pub name: String,
    pub can_fail: bool,
    pub parameters: Vec<Parameter>,
}

/// One parameter: `const char *` and `path`.
pub struct Parameter {
    pub kind: String,
    pub name: String,
}

impl Parameter {
    /// Handles, strings, bodies and out-pointers; not what the library only hands back.
    pub fn is_checked_pointer(&self) -> bool {
        self.kind.ends_with('*') && !["user_data", "open_data"].contains(&&*self.name)
    }

    pub fn is_text(&self) -> bool {
        self.kind == "const char *"
    }
}

/// The header's text, as it is checked in.
pub fn header() -> String {
    let path = library::include().join("fitbit.h");
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Every function, in the header's order.
pub fn functions() -> Vec<Function> {
    let code = code(&header());
    let functions: Vec<_> = code.split(';').filter_map(function).collect();
    assert!(functions.len() > 30, "the header cannot be read: {} functions", functions.len());
    functions
}

/// Every enumeration and its enumerators.
pub fn enumerations() -> Vec<(String, Vec<String>)> {
    let code = code(&header());
    let bodies = code.split("typedef enum ").skip(1);
    bodies
        .map(|rest| {
            let (name, rest) = rest.split_once('{').expect("an enumeration has a body");
            let body = rest.split('}').next().expect("a body ends");
            let names = body.split(',').filter_map(|one| one.split('=').next());
            let names = names.map(str::trim).filter(|name| !name.is_empty());
            (name.trim().to_owned(), names.map(str::to_owned).collect())
        })
        .collect()
}

/// The text without comments and preprocessor lines.
fn code(text: &str) -> String {
    let mut code = String::new();
    for (at, part) in text.split("/*").enumerate() {
        code.push_str(if at == 0 { part } else { part.split_once("*/").expect("it ends").1 });
    }
    let lines = code.lines().filter(|line| !line.starts_with('#') && !line.starts_with("extern"));
    lines.collect::<Vec<_>>().join("\n")
}

fn function(declaration: &str) -> Option<Function> {
    let (head, parameters) = declaration.split_once('(')?;
    let (result, name) = head.split_at(head.find("fitbit_")?);
    let parameters = parameters.trim().trim_end_matches(')');
    Some(Function {
        name: name.to_owned(),
        can_fail: result.contains("FitbitError *"),
        parameters: parameters.split(',').filter_map(parameter).collect(),
    })
}

fn parameter(text: &str) -> Option<Parameter> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let start = text.rfind([' ', '*'])? + 1;
    let (kind, name) = text.split_at(start);
    Some(Parameter { kind: kind.trim().to_owned(), name: name.to_owned() })
}
