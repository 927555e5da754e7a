//! Logging in with one call: what the loopback port answers, to whom, for how long; the browser.
//!
//! First the port, over plain sockets: the answers that end a login (`answers`), requests that have
//! nothing to do with it (`strays`), which addresses are listened on (`ports`), how long (`time`),
//! what the pages say and forbid (`pages`). Then a C program with a browser of its own (`opener`), and
//! at last Chromium, driven through it all (`chromium`).

mod answers;
mod chromium;
mod devtools;
mod opener;
mod pages;
mod ports;
mod program;
mod scene;
mod strays;
mod time;
