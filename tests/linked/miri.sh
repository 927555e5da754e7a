#!/usr/bin/env bash
# Runs the tests of tests/linked under Miri, which sees undefined behaviour, races and leaks, and
# says for the table of SECURITY.md how many there were. With FITBIT_LONG=1 under 16 schedules of the
# threads. Skipped aloud where Miri is not installed; CI skips nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! cargo +nightly miri --version >/dev/null 2>&1; then
    [ -z "${CI:-}" ] || { echo "Miri is missing: rustup component add --toolchain nightly miri" >&2; exit 1; }
    echo "SKIPPED Miri: it is not installed" >&2
    exit 0
fi
# Files of their own are what some tests need; the clock and the environment too.
export MIRIFLAGS=-Zmiri-disable-isolation
[ -z "${FITBIT_LONG:-}" ] || MIRIFLAGS+=" -Zmiri-many-seeds=0..16"
export CARGO_TARGET_DIR=target/miri
mkdir -p target/figures
cargo +nightly miri test --locked --package fitbit-linked --test interface 2>&1 | tee target/miri.txt
passed=$(grep -c '\.\.\. ok$' target/miri.txt)
[ "$passed" -gt 5 ]
printf 'Memory and races\ttests of the C interface under Miri\t%s\t0\n' "$passed" \
    >target/figures/memory-and-races-miri.tsv
