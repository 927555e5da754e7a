//! The requests that oauth2 writes, taken from it through its HTTP client trait.

use std::cell::RefCell;

use oauth2::{HttpRequest, HttpResponse, SyncHttpClient};

use crate::error::{Error, Result};

/// An HTTP client that sends nothing and keeps the request.
#[derive(Default)]
pub(super) struct Recorder(RefCell<Option<HttpRequest>>);

#[derive(Debug)]
pub(super) struct NotSent;

impl std::fmt::Display for NotSent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing is sent from here")
    }
}

impl std::error::Error for NotSent {}

impl SyncHttpClient for Recorder {
    type Error = NotSent;

    /// Inlined: the compiler then sees that there is never a response, and leaves out the code that reads one.
    #[inline(always)]
    fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, NotSent> {
        self.0.replace(Some(request));
        Err(NotSent)
    }
}

/// The request that oauth2 hands to its HTTP client.
pub(super) fn recorded(hand_over: impl FnOnce(&Recorder)) -> Result<HttpRequest> {
    let taker = Recorder::default();
    hand_over(&taker);
    taker.0.take().ok_or_else(|| Error::internal("oauth2 wrote no request"))
}
