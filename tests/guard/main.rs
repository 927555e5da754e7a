//! A renewal inside the program's own transaction, shown through the C interface.
//!
//! `rules` to `storms` take the rules of the guard one by one, at the simulator. `explored` runs
//! the real library through every sequence of a small alphabet of steps, and a planted wrong rule
//! through the same. `refresh_faults` keeps the table of what each fault of the provider costs.

mod dead_logins;
mod explored;
mod first_tokens;
mod inside;
mod refresh_faults;
mod rules;
mod runs;
mod scene;
mod storms;
