//! The program's callbacks.

use std::ffi::{c_char, c_int, c_void};
use std::sync::{Arc, Mutex};

use super::text::text;

/// A token callback that keeps every token it was offered, and does what it is told.
#[derive(Clone)]
pub struct Saver(Arc<Mutex<SaverState>>);

type OnToken = Box<dyn FnMut(&str) -> c_int + Send>;

struct SaverState {
    offered: Vec<String>,
    on_token: OnToken,
}

impl Saver {
    /// Saves everything.
    pub fn new() -> Saver {
        Saver::doing(|_| 1)
    }

    /// Answers as `on_token` does: 1 for saved.
    pub fn doing(on_token: impl FnMut(&str) -> c_int + Send + 'static) -> Saver {
        Saver(Arc::new(Mutex::new(SaverState {
            offered: Vec::new(),
            on_token: Box::new(on_token),
        })))
    }

    /// Every token that the callback was called with, oldest first.
    pub fn offered(&self) -> Vec<String> {
        self.0.lock().expect("no panic in a callback").offered.clone()
    }

    pub(super) unsafe extern "C" fn called(
        token_json: *const c_char,
        user_data: *mut c_void,
    ) -> c_int {
        let saver = unsafe { &*user_data.cast::<Saver>() };
        let json = text(token_json).expect("a callback gets a token");
        let mut on_token = {
            let mut state = saver.0.lock().expect("no panic in a callback");
            state.offered.push(json.clone());
            std::mem::replace(
                &mut state.on_token,
                Box::new(|_| panic!("callbacks run one at a time")),
            )
        };
        let answer = on_token(&json);
        saver.0.lock().expect("no panic in a callback").on_token = on_token;
        answer
    }
}

impl Default for Saver {
    fn default() -> Saver {
        Saver::new()
    }
}
