//! Logging in with one call: the browser goes out, the answer comes back to a loopback port
//! (RFC 8252 section 7.3).

mod browser;
mod listener;
mod page;

use std::sync::Arc;
use std::time::Duration;

use crate::app::Shared;
use crate::authorize;
use crate::call::{Deadline, Handle};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::log::{Level, Stopwatch};
use crate::store::Store;
use browser::Browser;
use listener::{Listener, Verdict};
use page::Page;

/// Opens an address; false: it could not.
pub(crate) type Open<'a> = &'a dyn Fn(&str) -> bool;

/// Listens, opens the browser (or calls `open`), waits for the person and makes the client. The store
/// has the token before the browser gets its page.
pub(crate) fn login(
    app: &Arc<Shared>,
    handle: &Arc<Handle>,
    timeout: Duration,
    open: Option<Open>,
    store: Arc<dyn Store>,
) -> Result<Client> {
    if timeout.is_zero() {
        return Err(Error::invalid_argument("timeout_ms", "0 is no time at all"));
    }
    let mut deadline = Deadline::after(timeout, handle);
    if deadline.is_cancelled() {
        return Err(Error::cancelled());
    }
    let mut listener = Listener::bind(app.callback_uri()?, app.provider)?;
    let (authorization_uri, session) = authorize::begin(app, None, listener.callback_uri())?;
    app.log.line(Level::Info, || format!("waiting for the answer on port {}", listener.port()));

    let browser = match open {
        Some(open) => {
            let outside = Stopwatch::start();
            let opened = open(&authorization_uri);
            deadline.give_back(outside.elapsed());
            if !opened {
                let why = Error::browser("the program's own function did not open it");
                return deadline.unless_cancelled(Err(why));
            }
            None
        }
        None => Some(Browser::open(&authorization_uri, deadline.waker())),
    };
    let answer = listener.wait(&deadline, |target| {
        if let Some(Err(why)) = browser.as_ref().map(Browser::check) {
            return Err(why);
        }
        Ok(match target {
            Some(target) if session.is_answered_by(target) => Verdict::Accept,
            _ => Verdict::Refuse,
        })
    });
    let answer = deadline.cancelled_or(answer)?;

    // A code is worth the app's own timeout, however late it came.
    let exchange = deadline.anew(app.timeout);
    let token =
        exchange.cancelled_or(session.finish(app, &answer.target, &exchange, |error| error));
    let has_store = store.saves();
    let login = token.map(|token| Client::from_login(app.clone(), token, store));
    let provider = app.provider.display_name;
    let page = match &login {
        Ok((_, Ok(()))) if has_store => Page::logged_in(provider),
        Ok((_, Ok(()))) => Page::granted(provider),
        Ok((_, Err(_))) => Page::not_saved(provider),
        Err(why) => Page::failed(provider, why),
    };
    listener.answer(answer, &page);
    login.map(|(client, _)| client)
}
