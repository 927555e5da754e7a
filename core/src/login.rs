//! Logging in with one call: a browser asks the person, and the response comes to a loopback port (RFC 8252
//! section 7.3).

use std::sync::Arc;
use std::time::Duration;

use crate::api::Client;
use crate::app::App;
use crate::call::{Deadline, Handle};
use crate::error::{Error, Input, Result};
use crate::log::{Level, Stopwatch};
use crate::oauth::authorize;
use crate::oauth::loopback::{Browser, Listener, Page, Verdict};
use crate::store::TokenStore;

/// Opens an authorization URL. False: it failed.
pub type Open<'a> = &'a dyn Fn(&str) -> bool;

/// Listens, opens the browser (or calls `open`), waits for the person and makes the client. The store gets
/// the token before the browser gets its page.
pub fn login(
    app: &App,
    handle: &Arc<Handle>,
    timeout: Duration,
    open: Option<Open>,
    store: TokenStore,
) -> Result<Client> {
    let app = app.shared()?;
    if timeout.is_zero() {
        return Err(Error::invalid(Input::LoginTimeout, "0 is no time at all"));
    }
    let mut deadline = Deadline::after(timeout, handle);
    if deadline.is_cancelled() {
        return Err(Error::cancelled());
    }
    let mut listener = Listener::bind(app.oauth.redirect_uri()?, app.provider)?;
    let (authorization_uri, session) = authorize::begin(&app.oauth, None, listener.redirect_uri())?;
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
    let accepted = listener.wait(&deadline, |target| {
        if let Some(Err(why)) = browser.as_ref().map(Browser::check) {
            return Err(why);
        }
        Ok(match target {
            Some(target) if session.is_answered_by(target) => Verdict::Accept,
            _ => Verdict::Refuse,
        })
    });
    let accepted = deadline.cancelled_or(accepted)?;

    // The exchange of the code has the app's whole timeout, even if the person came late.
    let exchange = deadline.restarted(app.timeout);
    let token = session.finish(
        &app.oauth,
        &accepted.target,
        app.transport(),
        &exchange,
        std::convert::identity,
    );
    let token = exchange.cancelled_or(token);
    let has_store = store.0.saves();
    let login = token.map(|token| Client::from_login(app.clone(), token, store));
    let provider = app.provider.display_name;
    let page = match &login {
        Ok((_, Ok(()))) if has_store => Page::logged_in(provider),
        Ok((_, Ok(()))) => Page::granted(provider),
        Ok((_, Err(_))) => Page::not_saved(provider),
        Err(why) => Page::failed(provider, why),
    };
    listener.respond(accepted, &page);
    login.map(|(client, _)| client)
}
