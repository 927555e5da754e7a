//! The person's own browser.

use std::process::Stdio;
use std::sync::{Arc, OnceLock};

use crate::call::Waker;
use crate::error::{Error, Result};
use crate::os;

/// A browser that was told to open the authorization URL.
pub(crate) struct Browser(Arc<OnceLock<Option<String>>>);

impl Browser {
    /// Starts the opener without a shell, so that nothing in the URL is ever a command. Some openers are the
    /// browser itself and run as long as it does: a thread waits for them, so that none becomes a zombie.
    /// `waker` wakes the call that waits for the person.
    pub fn open(uri: &str, waker: Waker) -> Browser {
        let outcome = Arc::<OnceLock<Option<String>>>::default();
        let (theirs, uri) = (outcome.clone(), uri.to_owned());
        let waiting = os::spawn("fitbit-browser", move || {
            let _ = theirs.set(run(&uri).err());
            waker.wake();
        });
        if let Err(why) = waiting {
            let _ = outcome.set(Some(format!("no thread can be started: {why}")));
        }
        Browser(outcome)
    }

    /// Fails as soon as it is known that no browser opened.
    pub fn check(&self) -> Result<()> {
        match self.0.get() {
            Some(Some(why)) => Err(Error::browser(why)),
            _ => Ok(()),
        }
    }
}

/// Runs the opener to its end.
fn run(uri: &str) -> std::result::Result<(), String> {
    let mut opener = os::browser_opener().map_err(|why| why.to_string())?;
    opener.arg(uri).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let name = opener.get_program().to_string_lossy().into_owned();
    match opener.spawn().map(|mut child| child.wait()) {
        Ok(Ok(status)) if !status.success() => Err(format!("{name} failed: {status}")),
        // If other code of the program waits for all its children, the outcome is not known.
        Ok(_) => Ok(()),
        Err(why) => Err(format!("{name} cannot be run: {why}")),
    }
}
