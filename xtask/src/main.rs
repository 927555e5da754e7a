//! Work in the checkout that no build does: `cargo xtask header` writes `include/fitbit.h`.

mod header;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments != ["header"] {
        eprintln!("usage: cargo xtask header    (writes include/fitbit.h from src/)");
        return ExitCode::from(2);
    }
    match write_header() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("include/fitbit.h cannot be written: {why}");
            ExitCode::FAILURE
        }
    }
}

fn write_header() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask/ has no parent")?;
    let file = root.join(header::CHECKED_IN);
    let header = header::generate(root, env!("CARGO_PKG_VERSION"))?;
    // An unchanged file keeps its time, so that nothing that includes it is built again.
    if std::fs::read_to_string(&file).is_ok_and(|old| old == header) {
        return Ok(());
    }
    Ok(std::fs::write(file, header)?)
}
