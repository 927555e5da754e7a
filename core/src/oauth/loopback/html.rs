//! The HTML pages that the browser shows at the end: small, self-contained, without a script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use crate::error::{Error, ErrorKind};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:#f4f6f7;color:#1c2b33;\
font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\
main{max-width:26rem;margin:1.5rem;padding:2.25rem 2.5rem;border-radius:14px;background:#fff;\
box-shadow:0 1px 2px #0001,0 8px 30px #0000000f}\
.mark{width:2.75rem;height:2.75rem;border-radius:50%;display:grid;place-items:center;\
font-size:1.35rem;font-weight:700;color:#fff;background:#00875a}\
.no .mark{background:#5c6b73}.bad .mark{background:#c0362c}\
h1{margin:1.1rem 0 .4rem;font-size:1.3rem;line-height:1.3}p{margin:.4rem 0 0}\
.why{color:#5c6b73;font-size:.9rem;overflow-wrap:anywhere}\
@media(prefers-color-scheme:dark){body{background:#12181b;color:#e6ecef}\
main{background:#1c2529;box-shadow:none}.why{color:#9aa9b1}}";

/// A whole response, head and body.
pub(crate) struct Page(Vec<u8>);

impl Page {
    /// The login is saved: a program that ends now has lost nothing.
    pub fn logged_in(provider: &str) -> Page {
        Page::new(
            "200 OK",
            "yes",
            "\u{2713}",
            "You are logged in",
            &[
                &format!("{provider} has let you in."),
                "You can close this window and go back to the program.",
            ],
        )
    }

    /// The program has no store, or sets one after the call.
    pub fn granted(provider: &str) -> Page {
        Page::new(
            "200 OK",
            "yes",
            "\u{2713}",
            "Access granted",
            &[
                &format!("{provider} has let you in."),
                "The program finishes the login. You can close this window and go back to it.",
            ],
        )
    }

    /// The program's store failed. The client keeps the token and offers it again.
    pub fn not_saved(provider: &str) -> Page {
        Page::new(
            "200 OK",
            "bad",
            "!",
            "Your login is not saved",
            &[
                &format!("{provider} has let you in, but the program could not save your login."),
                "Go back to the program. When it has ended, you may have to log in again.",
            ],
        )
    }

    pub fn failed(provider: &str, why: &Error) -> Page {
        if why.is(ErrorKind::AccessDenied) {
            return Page::new(
                "200 OK",
                "no",
                "\u{2212}",
                "You said no",
                &[
                    &format!("The program gets no access to your data at {provider}."),
                    "You can close this window.",
                ],
            );
        }
        Page::new(
            "200 OK",
            "bad",
            "!",
            "That did not work",
            &["Go back to the program and try again.", &why.to_string()],
        )
    }

    /// For a request that does not belong to the login that waits here.
    pub fn stray() -> Page {
        Page::new(
            "400 Bad Request",
            "no",
            "?",
            "Not this login",
            &[
                "This address does not belong to the login that the program is waiting for.",
                "Go back to the window in which it began.",
            ],
        )
    }

    /// For a request that is not for the callback. It has no body.
    pub fn bare(status: &str) -> Page {
        Page(head(status, 0, "").into_bytes())
    }

    fn new(status: &str, kind: &str, mark: &str, title: &str, lines: &[&str]) -> Page {
        let mut text = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <title>{title}</title><style>{STYLE}</style></head>\
             <body class=\"{kind}\"><main><div class=\"mark\">{mark}</div><h1>{title}</h1>"
        );
        for (nth, line) in lines.iter().enumerate() {
            let class = if nth == 0 { "" } else { " class=\"why\"" };
            text.push_str(&format!("<p{class}>{}</p>", escaped(line)));
        }
        text.push_str("</main></body></html>\n");
        let mut page = head(status, text.len(), "Content-Type: text/html; charset=utf-8\r\n");
        page.push_str(&text);
        Page(page.into_bytes())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn head(status: &str, length: usize, more: &str) -> String {
    let style = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    format!(
        "HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'sha256-{style}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\r\n"
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
