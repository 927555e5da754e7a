//! The simulated provider as a program of its own, for working offline:
//! `cargo run --example simulator -- --port 8765`. `--help` says what else it can do.

fn main() {
    fitbit_simulator::main();
}
