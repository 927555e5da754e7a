//! Strings that the program owns, and the version.

use std::ffi::CString;

use libc::c_char;
use zeroize::Zeroize;

use crate::infallible;

/// # Strings and version
///
/// What belongs to no handle.
///
/// ---
/// Frees a string that this library gave out, and wipes it first. NULL: nothing happens.
///
/// @param string  from a `char **` of this library, unchanged (what is behind an earlier NUL would not be
///                wiped), or NULL; gone afterwards
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fitbit_string_free(string: *mut c_char) {
    infallible((), || {
        if !string.is_null() {
            // SAFETY: the header's rule: it came from `give_text` and was not freed yet.
            let string = unsafe { CString::from_raw(string) };
            string.into_bytes().zeroize();
        }
    });
}

/// The version of the library that is loaded, such as "0.1.0"; lives for ever. The macros
/// FITBIT_VERSION_MAJOR, FITBIT_VERSION_MINOR and FITBIT_VERSION_PATCH are the version of the
/// header that was compiled against.
#[unsafe(no_mangle)]
pub extern "C" fn fitbit_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
