//! The requests that oauth2 writes, taken from it through its HTTP client trait.

use std::cell::RefCell;

use oauth2::{HttpRequest, HttpResponse, SyncHttpClient};

use crate::error::{Error, Result};

/// An HTTP client that sends nothing and keeps the request.
#[derive(Default)]
pub(super) struct Taker(RefCell<Option<HttpRequest>>);

#[derive(Debug)]
pub(super) struct NothingIsSent;

impl std::fmt::Display for NothingIsSent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing is sent from here")
    }
}

impl std::error::Error for NothingIsSent {}

impl SyncHttpClient for Taker {
    type Error = NothingIsSent;

    /// Inlined: the compiler then sees that there is never a response, and leaves out the code that reads one.
    #[inline(always)]
    fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, NothingIsSent> {
        self.0.replace(Some(request));
        Err(NothingIsSent)
    }
}

/// The request that oauth2 hands to its HTTP client.
pub(super) fn written(hand_over: impl FnOnce(&Taker)) -> Result<HttpRequest> {
    let taker = Taker::default();
    hand_over(&taker);
    taker.0.take().ok_or_else(|| Error::internal("oauth2 wrote no request"))
}
