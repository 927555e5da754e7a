//! The C interface under Miri, which sees every access to memory: `cargo +nightly miri test
//! --package fitbit-linked`. Everything that needs no network: the handles, the texts, the
//! out-pointers, tokens, sessions, errors, callbacks, threads. Without Miri the same tests see that
//! it does what the header says.
//!
//! Not here: notifications' signatures (ring's HMAC is assembly) and what needs a connection.

mod c;
mod logins;
mod misuse;

#[test]
fn an_error_is_looked_at_in_every_way_and_freed() {
    // SAFETY: no handle is a valid argument of all of these.
    unsafe {
        let null = std::ptr::null_mut();
        assert_eq!(c::fitbit_error_http_status(null), 0);
        assert_eq!(c::fitbit_error_retry_after(null), -1);
        assert!(c::fitbit_error_body(null).is_null());
        assert!(c::fitbit_error_provider_type(null).is_null());
        c::copied(c::fitbit_error_message(null));
        c::fitbit_error_free(null);
        for code in [0, 1, 7, 18, 19, 255, u32::MAX] {
            assert!(c::copied(c::fitbit_error_code_name(c::number(code))).starts_with("FITBIT_"));
        }
        assert!(c::copied(c::fitbit_version()).contains('.'));
    }
    let mut client = null();
    let app = c::app();
    // SAFETY: all are texts, and the handle may be written to.
    let error = unsafe { c::fitbit_from_token(app, c"{".as_ptr(), None, null(), &raw mut client) };
    c::refused(error, "INVALID_ARGUMENT", "token_json");
    // SAFETY: it is freed once.
    unsafe { c::fitbit_app_free(app) };
}

fn null() -> c::Handle {
    std::ptr::null_mut()
}
