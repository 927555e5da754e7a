//! Arguments that no careful program passes: each is an error that names the argument, and nothing
//! is read or written that should not be.

use std::ptr::{null, null_mut};

use crate::c::{self, Text, app, done, number, refused};

const NOT_UTF_8: Text = c"\xff\xfe".as_ptr();

#[test]
fn null_and_bad_text_are_refused_by_name_and_outputs_are_cleared() {
    let app = app();
    // SAFETY: handles are living or NULL, texts are NUL-terminated or NULL.
    unsafe {
        for bad in [null(), NOT_UTF_8] {
            let mut out = c"something".as_ptr().cast_mut().cast();
            let error = c::fitbit_app_new(number(1), bad, null(), null(), &raw mut out);
            refused(error, "INVALID_ARGUMENT", "client_id");
            assert!(out.is_null());
            refused(c::fitbit_app_set_scopes(app, bad), "INVALID_ARGUMENT", "scopes");
            refused(c::fitbit_app_set_endpoint(app, number(1), bad), "INVALID_ARGUMENT", "uri");
            let error = c::fitbit_app_set_header(app, bad, c"a".as_ptr());
            refused(error, "INVALID_ARGUMENT", "name");
            let error = c::fitbit_from_token(app, bad, None, null_mut(), &raw mut out);
            refused(error, "INVALID_ARGUMENT", "token_json");
            refused(c::fitbit_from_file(app, bad, &raw mut out), "INVALID_ARGUMENT", "path");
        }
        refused(c::fitbit_app_set_scopes(null_mut(), NOT_UTF_8), "INVALID_ARGUMENT", "app");
        let id = c"22SRVR".as_ptr();
        let error = c::fitbit_app_new(number(1), id, null(), null(), null_mut());
        refused(error, "INVALID_ARGUMENT", "app");
        let mut session = null_mut();
        let error = c::fitbit_step_one(app, null(), null_mut(), &raw mut session);
        refused(error, "INVALID_ARGUMENT", "authorization_uri");
        let mut uri = null_mut();
        let error = c::fitbit_step_one(app, NOT_UTF_8, &raw mut uri, &raw mut session);
        refused(error, "INVALID_ARGUMENT", "params");
        assert!(uri.is_null() && session.is_null());
        refused(c::fitbit_save(null_mut()), "INVALID_ARGUMENT", "client");
        refused(c::fitbit_refresh(null_mut()), "INVALID_ARGUMENT", "client");
        refused(c::fitbit_token(null_mut(), &raw mut uri), "INVALID_ARGUMENT", "client");
        let mut response = null_mut();
        let error = c::fitbit_get(null_mut(), c"/".as_ptr(), &raw mut response);
        refused(error, "INVALID_ARGUMENT", "client");
        assert_eq!(c::fitbit_response_status(response), 0);
        c::fitbit_response_body(response);
        c::fitbit_response_free(response);
        let mut dup = c"something".as_ptr().cast_mut().cast();
        refused(c::fitbit_dup(null_mut(), &raw mut dup), "INVALID_ARGUMENT", "client");
        assert!(dup.is_null());
        refused(c::fitbit_app_dup(null_mut(), &raw mut dup), "INVALID_ARGUMENT", "app");
        refused(c::fitbit_app_dup(app, null_mut()), "INVALID_ARGUMENT", "dup");
        refused(c::fitbit_set_timeout_ms(null_mut(), 1), "INVALID_ARGUMENT", "client");
        refused(c::fitbit_set_rate_limit_wait(null_mut(), 1), "INVALID_ARGUMENT", "client");
        c::fitbit_app_cancel(null_mut());
        c::fitbit_app_abort(null_mut());
        c::fitbit_app_shutdown(null_mut());
        c::fitbit_abort(null_mut());
        c::fitbit_free(null_mut());
        c::fitbit_string_free(null_mut());
        c::fitbit_app_free(null_mut());
        c::fitbit_app_free(app);
    }
}

#[test]
fn numbers_that_no_enumeration_has_are_refused_by_name() {
    let app = app();
    // SAFETY: as above; a number is a number.
    unsafe {
        let mut other = null_mut();
        for wrong in [0, 3, 77, u32::MAX] {
            let id = c"22SRVR".as_ptr();
            let error = c::fitbit_app_new(number(wrong), id, null(), null(), &raw mut other);
            refused(error, "INVALID_ARGUMENT", "provider");
        }
        for wrong in [4, 77, u32::MAX] {
            let uri = c"https://example.com/token".as_ptr();
            let error = c::fitbit_app_set_endpoint(app, number(wrong), uri);
            refused(error, "INVALID_ARGUMENT", "endpoint");
            let error = c::fitbit_app_set_client_auth(app, number(wrong));
            refused(error, "INVALID_ARGUMENT", "method");
        }
        refused(c::fitbit_app_set_timeout_ms(app, 0), "INVALID_ARGUMENT", "milliseconds");
        refused(c::fitbit_app_set_max_body(app, 0), "INVALID_ARGUMENT", "bytes");
        done(c::fitbit_app_set_timeout_ms(app, u32::MAX));
        done(c::fitbit_app_set_refresh_leeway(app, u32::MAX));
        done(c::fitbit_app_set_max_body(app, usize::MAX));
        done(c::fitbit_app_set_client_auth(app, number(2)));
        done(c::fitbit_app_set_header(app, c"X-Mine".as_ptr(), c"a".as_ptr()));
        done(c::fitbit_app_set_header(app, c"X-Mine".as_ptr(), null()));
        done(c::fitbit_app_set_proxy(app, null()));
        c::fitbit_app_free(app);
    }
}
