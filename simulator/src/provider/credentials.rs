//! Reading what a request to an OAuth endpoint brings: its form, and Basic credentials.

use crate::form::{self, Form};
use crate::request::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// An Authorization header that is not Basic credentials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Malformed;

/// Why a request has no usable form.
#[derive(Clone, Debug)]
pub(crate) enum NoForm {
    /// The Content-Type is not that of a form.
    ContentType,
    /// This field is there more than once.
    Repeated(String),
}

/// Id and secret of the Authorization header, each form-encoded (RFC 6749 section 2.3.1).
pub(crate) fn basic(request: &Request) -> Result<Option<(String, String)>, Malformed> {
    if request.header("authorization").is_none() {
        return Ok(None);
    }
    let read = || {
        let bytes = STANDARD.decode(request.credentials("Basic")?).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((form::decode(id), form::decode(secret)))
    };
    read().map(Some).ok_or(Malformed)
}

/// The form of a request to an OAuth endpoint.
pub(crate) fn form_of(request: &Request) -> Result<Form, NoForm> {
    if request.media_type() != "application/x-www-form-urlencoded" {
        return Err(NoForm::ContentType);
    }
    let form = request.form();
    match form.repeated() {
        Some(name) => Err(NoForm::Repeated(name.to_owned())),
        None => Ok(form),
    }
}
