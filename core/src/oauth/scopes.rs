//! Scopes, as RFC 6749 section 3.3 writes them.

use crate::error::{Error, Input, Result};

/// Returns the scopes with single spaces between them.
pub(crate) fn check(input: Input, scopes: &str) -> Result<String> {
    let is_scope =
        |scope: &str| scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    let scopes: Vec<_> = scopes.split(' ').filter(|scope| !scope.is_empty()).collect();
    if scopes.is_empty() {
        return Err(Error::invalid(input, "it names no scope"));
    }
    if !scopes.iter().all(|scope| is_scope(scope)) {
        return Err(Error::invalid(input, "a scope has a character that none may have"));
    }
    Ok(scopes.join(" "))
}
