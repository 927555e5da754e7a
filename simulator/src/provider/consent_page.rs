//! The pages a browser shows: the consent form, and the error page in place of a redirect.

use super::world::AuthorizationRequest;
use crate::answer::Answer;

/// The form, which goes to `path`; `id` brings the decision back to the request it is about.
pub(crate) fn form(path: &str, id: &str, request: &AuthorizationRequest, user_id: &str) -> Answer {
    let scopes: String = request.scopes.iter().map(|scope| scope_box(scope)).collect();
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>\n\
         <h1>{} wants to read the data of {}</h1>\n\
         <form method=\"post\" action=\"{path}\">\n\
         <input type=\"hidden\" name=\"consent\" value=\"{id}\">\n{scopes}\
         <button name=\"decision\" value=\"grant\">Allow</button>\n\
         <button name=\"decision\" value=\"deny\">Deny</button>\n\
         </form></body></html>\n",
        escape(&request.client_id),
        escape(user_id),
    );
    Answer::html(200, &page)
}

fn scope_box(scope: &str) -> String {
    let scope = escape(scope);
    format!(
        "<label><input type=\"checkbox\" name=\"scope\" value=\"{scope}\" checked> {scope}\
         </label><br>\n"
    )
}

/// The providers do not redirect when the request is wrong, so no client ever hears of it.
pub(crate) fn error(status: u16, heading: &str, message: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>Error</title></head><body>\n\
         <h1>{}</h1>\n<p>{}</p>\n</body></html>\n",
        escape(heading),
        escape(message)
    );
    Answer::html(status, &page)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
