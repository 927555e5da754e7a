//! The person in front of the browser, played over HTTP: opens the authorize page, reads its
//! form, submits a decision and reports where the browser is sent.

use crate::client::{Client, Reply};
use std::fmt;
use std::io;

/// What the person decides on the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allows what was asked for.
    Grant,
    /// Allows nothing.
    Deny,
    /// Leaves only these scopes ticked.
    GrantScopes(Vec<String>),
}

/// Why a visit ended without a redirect.
#[derive(Debug)]
pub enum PersonError {
    /// The provider showed a page that is not the consent page: its status and its text.
    Page(u16, String),
    /// The provider could not be reached, or the address is not one of its pages.
    Io(io::Error),
}

impl fmt::Display for PersonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(status, text) => write!(f, "a page with status {status}: {text}"),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for PersonError {}

impl From<io::Error> for PersonError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A person with a browser.
#[derive(Clone, Debug)]
pub struct Person {
    origin: String,
    client: Client,
}

impl Person {
    /// A person who uses the provider at this origin, e.g. `http://127.0.0.1:8765`.
    pub fn at(origin: &str) -> Self {
        Self { origin: origin.trim_end_matches('/').to_owned(), client: Client::new(origin) }
    }

    /// Speaks TLS and trusts the certificate `ca_pem`.
    ///
    /// # Errors
    ///
    /// If `ca_pem` is not a certificate.
    pub fn trusting(mut self, ca_pem: &str) -> io::Result<Self> {
        self.client = self.client.trusting(ca_pem)?;
        Ok(self)
    }

    /// Opens `authorization_uri`, decides, and returns the address the browser is sent to, with
    /// its fragment. The address is not opened.
    ///
    /// # Errors
    ///
    /// If the address cannot be opened, or the provider shows an error page.
    pub fn visit(
        &self,
        authorization_uri: &str,
        decision: Decision,
    ) -> Result<String, PersonError> {
        let target = authorization_uri.strip_prefix(&self.origin);
        let target = target.filter(|target| target.starts_with('/')).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "not an address of this provider")
        })?;
        let page = self.client.send("GET", target, &[], b"")?;
        if let Some(location) = location(&page) {
            return Ok(location);
        }
        let html = page.text();
        let action = attribute(&html, "<form", "action").filter(|_| page.status == 200);
        let action = action.ok_or_else(|| PersonError::Page(page.status, html.clone()))?;
        let fields = filled_in(&html, decision);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = self.client.post_form(&action, &[], &fields)?;
        location(&answer).ok_or_else(|| PersonError::Page(answer.status, answer.text()))
    }
}

fn location(reply: &Reply) -> Option<String> {
    reply.header("location").filter(|_| reply.status == 302).map(str::to_owned)
}

/// The form's fields as the browser submits them: hidden ones as they are, ticked scopes, and
/// the button that was pressed.
fn filled_in(html: &str, decision: Decision) -> Vec<(String, String)> {
    let (button, ticked) = match decision {
        Decision::Grant => ("grant", None),
        Decision::Deny => ("deny", None),
        Decision::GrantScopes(scopes) => ("grant", Some(scopes)),
    };
    let mut fields = vec![("decision".to_owned(), button.to_owned())];
    for input in html.split("<input").skip(1) {
        let input = input.split('>').next().unwrap_or("");
        let read = |name| attribute(input, "", name);
        let (Some(name), Some(value)) = (read("name"), read("value")) else {
            continue;
        };
        let unticked = read("type").as_deref() == Some("checkbox")
            && ticked.as_ref().is_some_and(|ticked| !ticked.contains(&value));
        if !unticked {
            fields.push((name, value));
        }
    }
    fields
}

/// The value of an attribute of the first `tag`.
fn attribute(html: &str, tag: &str, name: &str) -> Option<String> {
    let tag = html.split_once(tag)?.1.split('>').next()?;
    let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    Some(value.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&"))
}
