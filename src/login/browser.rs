//! The person's own browser.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::call::Waker;
use crate::error::{Error, Result};

/// What opens an address in the browser that the person has chosen.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// A browser that was told to open an address.
pub(super) struct Browser(Arc<OnceLock<Option<String>>>);

impl Browser {
    /// Without a shell, so that nothing in the address is ever a command. Some openers are the browser
    /// itself and stay as long as it does: a thread waits for them, so that none becomes a zombie.
    /// `waker`: of the call that waits for the person.
    pub fn open(uri: &str, waker: Waker) -> Browser {
        let outcome = Arc::<OnceLock<Option<String>>>::default();
        let (theirs, uri) = (outcome.clone(), uri.to_owned());
        let waiting = thread::Builder::new().name("fitbit-browser".to_owned()).spawn(move || {
            let mut opener = Command::new(OPENER);
            opener.arg(uri).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            opener.process_group(0); // a Ctrl-C in the program's terminal is not for the browser
            let _ = theirs.set(match opener.spawn().map(|mut child| child.wait()) {
                Ok(Ok(status)) if !status.success() => Some(format!("{OPENER} failed: {status}")),
                // Where the program has its children waited for by somebody else, nothing is known.
                Ok(_) => None,
                Err(why) => Some(format!("{OPENER} cannot be run: {why}")),
            });
            waker.wake();
        });
        if let Err(why) = waiting {
            let _ = outcome.set(Some(format!("no thread can be started: {why}")));
        }
        Browser(outcome)
    }

    /// Fails once it is known that no browser opened.
    pub fn check(&self) -> Result<()> {
        match self.0.get() {
            Some(Some(why)) => Err(Error::browser(why)),
            _ => Ok(()),
        }
    }
}
