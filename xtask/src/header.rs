//! Generates the C header from the comments and signatures in `src/`. `build.rs` includes this file.

use std::path::Path;

/// Where the header is checked in, from the root of the repository.
pub const CHECKED_IN: &str = "include/fitbit.h";

/// The header of the package in `root`, for a version of three numbers.
pub fn generate(root: &Path, version: &str) -> Result<String, cbindgen::Error> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))
        .expect("cbindgen.toml is part of the package");
    let after_includes = config.after_includes.unwrap_or_default();
    config.after_includes = Some(format!("{}{after_includes}", version_macros(version)));
    let bindings = cbindgen::Builder::new().with_crate(root).with_config(config).generate()?;
    let mut header = Vec::new();
    bindings.write(&mut header);
    let header = String::from_utf8_lossy(&header);
    Ok(with_nonnull(&with_tags(&with_chapters(&header))))
}

fn version_macros(version: &str) -> String {
    let numbers = version.split(['-', '+']).next().unwrap_or_default().split('.');
    let macros = ["MAJOR", "MINOR", "PATCH"].into_iter().zip(numbers);
    macros.map(|(part, number)| format!("#define FITBIT_VERSION_{part} {number}\n")).collect()
}

/// A comment that begins with `# Title` opens a chapter: what stands above its `---` becomes the
/// chapter's own comment, what stands below stays the function's.
fn with_chapters(header: &str) -> String {
    header.replace("/**\n * # ", "/* ======== ").replace("\n *\n * ---\n", "\n */\n\n/**\n")
}

/// Gives enumerations and structures the tags that cbindgen leaves out with `style = "type"`, so
/// that `enum FitbitErrorCode` can be declared ahead.
fn with_tags(header: &str) -> String {
    let mut tagged = String::with_capacity(header.len() + 256);
    let mut rest = header;
    while let Some(at) = rest.find(" {\n").filter(|_| rest.contains("\n} ")) {
        let (head, body) = rest.split_at(at);
        tagged.push_str(head);
        if head.ends_with("\ntypedef enum") || head.ends_with("\ntypedef struct") {
            let name = body.split("\n} ").nth(1).and_then(|tail| tail.split(';').next());
            tagged.push(' ');
            tagged.push_str(name.unwrap_or_default());
        }
        let (brace, tail) = body.split_at(" {\n".len());
        tagged.push_str(brace);
        rest = tail;
    }
    tagged + rest
}

/// Tells Swift that no argument of a callback is NULL, except its `user_data`. What functions
/// take and return is in `include/CFitbit.apinotes`, which cannot speak of callbacks.
fn with_nonnull(header: &str) -> String {
    let callback = |part: &str| {
        let (declaration, rest) = part.split_once(';').expect("a declaration ends");
        let marked = declaration.replace("const char *", "const char *FITBIT_NONNULL ");
        let marked = marked.replace("(FitbitRenewal *", "(FitbitRenewal *FITBIT_NONNULL ");
        format!("{marked};{rest}")
    };
    let parts = header.split_inclusive("(*Fitbit").enumerate();
    parts.map(|(at, part)| if at == 0 { part.to_owned() } else { callback(part) }).collect()
}
