//! As much of the C interface as these tests call, declared as C declares it.

use std::ffi::{c_char, c_int, c_void};

// Its functions are called by their C names.
extern crate fitbit_linked as _;

type Text = *const c_char;
type Handle = *mut c_void;
pub type TokenCallback = Option<unsafe extern "C" fn(Text, Handle) -> c_int>;
pub type LogCallback = Option<unsafe extern "C" fn(u32, Text, Handle)>;

unsafe extern "C" {
    pub fn fitbit_app_new(
        provider: u32,
        client_id: Text,
        client_secret: Text,
        callback_uri: Text,
        app: *mut Handle,
    ) -> Handle;
    pub fn fitbit_app_set_endpoint(app: Handle, endpoint: u32, uri: Text) -> Handle;
    pub fn fitbit_app_set_proxy(app: Handle, uri: Text) -> Handle;
    pub fn fitbit_app_set_logger(app: Handle, most: u32, log: LogCallback, data: Handle) -> Handle;
    pub fn fitbit_app_cancel(app: Handle);
    pub fn fitbit_app_shutdown(app: Handle);
    pub fn fitbit_dup(client: Handle, dup: *mut Handle) -> Handle;
    pub fn fitbit_set_timeout_ms(client: Handle, milliseconds: u32) -> Handle;
    pub fn fitbit_abort(client: Handle);
    pub fn fitbit_app_free(app: Handle);
    pub fn fitbit_from_token(
        app: Handle,
        token_json: Text,
        on_token: TokenCallback,
        user_data: Handle,
        client: *mut Handle,
    ) -> Handle;
    pub fn fitbit_free(client: Handle);
    pub fn fitbit_get(client: Handle, path: Text, response: *mut Handle) -> Handle;
    pub fn fitbit_response_free(response: Handle);
    pub fn fitbit_token_field(client: Handle, name: Text, value: *mut *mut c_char) -> Handle;
    pub fn fitbit_string_free(string: *mut c_char);
    fn fitbit_error_code(error: Handle) -> u32;
    fn fitbit_error_free(error: Handle);
}

/// An error's code; 0: there is none. It is freed.
pub fn code_of(error: Handle) -> u32 {
    unsafe {
        let code = if error.is_null() { 0 } else { fitbit_error_code(error) };
        fitbit_error_free(error);
        code
    }
}
