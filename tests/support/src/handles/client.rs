//! `FitbitClient`.

use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::Arc;

use super::response::{Response, response};
use super::text::{c_text, or_null, owned};
use super::{Error, Saver};
use crate::interface::{Handle, RateLimit, interface};

/// A `FitbitClient`, with the callback that it calls. The handles of one login share the callback.
pub struct Client {
    pub handle: Handle,
    saver: Arc<Saver>,
}

unsafe impl Send for Client {}
unsafe impl Sync for Client {}

impl Client {
    pub(super) fn new(handle: Handle, saver: Arc<Saver>) -> Client {
        Client { handle, saver }
    }

    /// Another handle on the same login.
    pub fn dup(&self) -> Result<Client, Error> {
        let mut dup = null_mut();
        Error::check(unsafe { (interface().dup)(self.handle, &mut dup) })?;
        Ok(Client::new(dup, self.saver.clone()))
    }

    /// Ends this handle's calls, now and later.
    pub fn abort(&self) {
        unsafe { (interface().abort)(self.handle) }
    }

    /// The time for each call of this handle; 0: the app's.
    pub fn set_timeout_ms(&self, milliseconds: u32) -> Result<(), Error> {
        Error::check(unsafe { (interface().set_timeout_ms)(self.handle, milliseconds) })
    }

    /// How long one request of this handle waits for the provider; 0: it reports at once.
    pub fn set_rate_limit_wait(&self, seconds: u32) -> Result<(), Error> {
        Error::check(unsafe { (interface().set_rate_limit_wait)(self.handle, seconds) })
    }

    pub fn get(&self, path: &str) -> Result<Response, Error> {
        let path = c_text(path);
        response(|out| unsafe { (interface().get)(self.handle, path.as_ptr(), out) })
    }

    pub fn post(&self, path: &str, form: Option<&str>) -> Result<Response, Error> {
        let (path, form) = (c_text(path), form.map(c_text));
        let form = or_null(&form);
        response(|out| unsafe { (interface().post)(self.handle, path.as_ptr(), form, out) })
    }

    pub fn delete(&self, path: &str) -> Result<Response, Error> {
        let path = c_text(path);
        response(|out| unsafe { (interface().delete)(self.handle, path.as_ptr(), out) })
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: Option<&[u8]>,
    ) -> Result<Response, Error> {
        let (method, path, kind) = (c_text(method), c_text(path), content_type.map(c_text));
        let kind = or_null(&kind);
        let (bytes, len) = body.map_or((null(), 0), |body| (body.as_ptr().cast(), body.len()));
        response(|out| unsafe {
            (interface().request)(
                self.handle,
                method.as_ptr(),
                path.as_ptr(),
                kind,
                bytes,
                len,
                out,
            )
        })
    }

    /// None: that was the last page.
    pub fn next_page(&self, page: &Response) -> Result<Option<Response>, Error> {
        let mut next = null_mut();
        Error::check(unsafe { (interface().next_page)(self.handle, page.handle, &mut next) })?;
        Ok((!next.is_null()).then(|| Response::read(next)))
    }

    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<(), Error> {
        let (name, value) = (c_text(name), value.map(c_text));
        Error::check(unsafe {
            (interface().set_header)(self.handle, name.as_ptr(), or_null(&value))
        })
    }

    pub fn token(&self) -> String {
        let mut json = null_mut();
        Error::check(unsafe { (interface().token)(self.handle, &mut json) })
            .expect("there is a token");
        owned(json).expect("success gives a token")
    }

    pub fn token_field(&self, name: &str) -> Option<String> {
        let mut value = null_mut();
        let name = c_text(name);
        Error::check(unsafe { (interface().token_field)(self.handle, name.as_ptr(), &mut value) })
            .expect("a field can be asked for");
        owned(value)
    }

    pub fn user_id(&self) -> Result<String, Error> {
        let mut id = null_mut();
        Error::check(unsafe { (interface().user_id)(self.handle, &mut id) })?;
        Ok(owned(id).expect("success gives an id"))
    }

    pub fn refresh(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().refresh)(self.handle) })
    }

    pub fn revoke(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().revoke)(self.handle) })
    }

    pub fn save(&self) -> Result<(), Error> {
        Error::check(unsafe { (interface().save)(self.handle) })
    }

    pub fn set_token_file(&self, path: &Path) -> Result<(), Error> {
        let path = c_text(path.to_str().expect("test files have plain names"));
        Error::check(unsafe { (interface().set_token_file)(self.handle, path.as_ptr()) })
    }

    pub fn rate_limit(&self) -> Option<RateLimit> {
        let mut limit = RateLimit::default();
        unsafe { (interface().rate_limit)(self.handle, &mut limit) }.then_some(limit)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe { (interface().free)(self.handle) }
    }
}
