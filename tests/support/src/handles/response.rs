//! `FitbitResponse`.

use std::ptr::null_mut;

use super::Error;
use super::text::{c_text, text};
use crate::interface::{Handle, interface};

/// Everything that a `FitbitResponse` says, and the handle for its headers.
#[derive(Debug)]
pub struct Response {
    pub handle: Handle,
    pub status: u16,
    pub body: Vec<u8>,
}

unsafe impl Send for Response {}
unsafe impl Sync for Response {}

pub(super) fn response(call: impl FnOnce(*mut Handle) -> Handle) -> Result<Response, Error> {
    let mut handle = null_mut();
    let outcome = Error::check(call(&mut handle));
    if let Err(error) = outcome {
        assert!(handle.is_null(), "a failed call leaves no response behind");
        return Err(error);
    }
    Ok(Response::read(handle))
}

impl Response {
    pub(super) fn read(handle: Handle) -> Response {
        let c = interface();
        unsafe {
            let (body, len) =
                ((c.response_body)(handle).cast::<u8>(), (c.response_body_len)(handle));
            assert_eq!(*body.add(len), 0, "a NUL stands behind the body");
            Response {
                handle,
                status: (c.response_status)(handle),
                body: std::slice::from_raw_parts(body, len).to_vec(),
            }
        }
    }

    pub fn header(&self, name: &str) -> Option<String> {
        text(unsafe { (interface().response_header)(self.handle, c_text(name).as_ptr()) })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("this body is text")
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        unsafe { (interface().response_free)(self.handle) }
    }
}
