//! Writes `include/fitbit.h` from the comments and signatures in `src/`.
//!
//! It is checked in: the package may be built where its folder cannot be written to, and readers
//! should not need a build. So it is written only where it differs, and a folder that cannot be
//! written to is no failure.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=cbindgen.toml");
    println!("cargo::rerun-if-changed=include/fitbit.h");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // A thread that looks up a name may outlive its call, and `fork` calls a handler of the
        // library: its code has to stay in memory after dlclose.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("fitbit.h");
    match generate(&root) {
        Ok(bindings) => {
            let mut header = Vec::new();
            bindings.write(&mut header);
            let header = String::from_utf8_lossy(&header);
            let header = with_nonnull(&with_tags(&with_chapters(&header)));
            fs::write(&out, header).expect("OUT_DIR is ours to write to");
            if let Err(why) = update(&root.join("include/fitbit.h"), &out) {
                println!("cargo::warning=include/fitbit.h is stale and cannot be written: {why}");
            }
        }
        // rustc will say it better.
        Err(cbindgen::Error::ParseSyntaxError { .. }) => {}
        Err(why) => panic!("include/fitbit.h cannot be generated: {why}"),
    }
}

fn generate(root: &Path) -> Result<cbindgen::Bindings, cbindgen::Error> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))
        .expect("cbindgen.toml is part of the package");
    let versions: Vec<_> = ["MAJOR", "MINOR", "PATCH"]
        .iter()
        .map(|part| (part, env::var(format!("CARGO_PKG_VERSION_{part}")).expect("cargo sets it")))
        .map(|(part, number)| format!("#define FITBIT_VERSION_{part} {number}\n"))
        .collect();
    let after_includes = config.after_includes.unwrap_or_default();
    config.after_includes = Some(format!("{}{after_includes}", versions.concat()));
    cbindgen::Builder::new().with_crate(root).with_config(config).generate()
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

/// Tells Swift that what a callback is given is never NULL, but for its `user_data`. What functions
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

fn update(header: &Path, generated: &Path) -> std::io::Result<()> {
    let new = fs::read(generated)?;
    if fs::read(header).is_ok_and(|old| old == new) {
        return Ok(());
    }
    fs::write(header, new)
}
