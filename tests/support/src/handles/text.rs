//! Texts of the C interface.

use std::ffi::{CStr, CString, c_char};
use std::ptr::null;

use crate::interface::interface;

pub(super) fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_str().expect("texts of the library are UTF-8").to_owned())
}

pub(super) fn owned(string: *mut c_char) -> Option<String> {
    let copy = text(string);
    unsafe { (interface().string_free)(string) };
    copy
}

pub(super) fn c_text(text: &str) -> CString {
    CString::new(text).expect("no NUL inside")
}

pub(super) fn or_null(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(null(), |text| text.as_ptr())
}
