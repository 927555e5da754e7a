//! A renewal inside the program's own transaction, shown through the C interface.
//!
//! `rules` to `storms` take the rules of the guard one by one, at the simulator. `explored` runs
//! the real library through every sequence of a small alphabet of steps, and a planted wrong rule
//! through the same. What each fault of the provider costs is measured in `tests/lost_answers`.

mod dead_logins;
mod explored;
mod first_tokens;
mod inside;
mod rules;
mod runs;
mod scene;
mod storms;
