//! Pagination: what follows a page of a list.

use oauth2::url::form_urlencoded;
use serde_json::value::RawValue;
use ureq::http::{Method, Uri};

use super::{ApiRequest, ApiResponse, Client};
use crate::error::{Error, Input, Result};
use crate::provider::Paging;
use crate::token::{Fields, member, parse, raw};

/// The request that brings the next page.
struct Next {
    path: String,
    body: Option<Vec<u8>>,
}

impl Client {
    /// The page that follows; none: that was the last one.
    pub fn next_page(&self, page: &ApiResponse) -> Result<Option<ApiResponse>> {
        let paging = &self.app().provider.paging;
        // Only this member is parsed: a tree of all values would take many times the page's length.
        let named = match paging {
            Paging::NextUrl => "pagination",
            Paging::PageToken => "nextPageToken",
        };
        let json = std::str::from_utf8(page.body()).unwrap_or_default();
        let named = member(json, named).ok_or_else(|| Error::next_page("this one is not JSON"))?;
        // A response cannot make the library repeat a request that writes.
        let is_list = match paging {
            Paging::NextUrl => page.method == Method::GET,
            Paging::PageToken => matches!(page.method, Method::GET | Method::POST),
        };
        if !is_list {
            return Err(Error::invalid(Input::Page, "it was not asked for as a list is"));
        }
        let next = match paging {
            Paging::NextUrl => self.by_url(named)?,
            Paging::PageToken => self.by_page_token(page, named)?,
        };
        let Some(next) = next else { return Ok(None) };
        let mut request = ApiRequest::new(
            self.api_uri(),
            page.method.as_str(),
            &next.path,
            None,
            next.body.as_deref(),
        )
        .map_err(|why| Error::next_page(&why.to_string()))?;
        if next.body.is_none() && request.uri == page.uri {
            return Err(Error::next_page("it would be this one again"));
        }
        request.content_type = page.content_type.clone();
        self.request(&request).map(Some)
    }

    /// `pagination.next` is an absolute URL. Only its path and query are taken, and only if it is the
    /// provider's: the author of a list must not be able to send a token to another server.
    fn by_url(&self, pagination: Option<&RawValue>) -> Result<Option<Next>> {
        let next = pagination.and_then(|json| member(json.get(), "next").flatten());
        let Some(address) = text(next, "its pagination.next")? else { return Ok(None) };
        if address.contains('#') {
            return Err(Error::next_page("its pagination.next has a fragment"));
        }
        let uri: Uri =
            address.parse().map_err(|_| Error::next_page("its pagination.next is no address"))?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let endpoint = self.endpoint();
        let path = match origin(&uri) {
            None => return Err(Error::next_page("its pagination.next is not an absolute address")),
            own if own == origin(&endpoint) => below(&endpoint, target).unwrap_or(target),
            own if own == self.app().provider.api_uri.parse().ok().and_then(|uri| origin(&uri)) => {
                target
            }
            _ => return Err(Error::next_page("its pagination.next leads to another server")),
        };
        Ok(Some(Next { path: path.to_owned(), body: None }))
    }

    /// `nextPageToken` goes into the same request: into the body of a POST, else into the query.
    fn by_page_token(&self, page: &ApiResponse, token: Option<&RawValue>) -> Result<Option<Next>> {
        let Some(token) = text(token, "its nextPageToken")? else { return Ok(None) };
        let target = page.uri.path_and_query().map_or("/", |target| target.as_str());
        let path = below(&self.endpoint(), target)
            .ok_or_else(|| Error::invalid(Input::Page, "it came from another API endpoint"))?;
        let repeated = || Error::next_page("its nextPageToken is the one that brought it");
        if page.method == Method::POST {
            let body = page.body.as_deref().filter(|body| !body.is_empty()).unwrap_or(b"{}");
            let mut fields: Fields = parse(body).map_err(|_| {
                Error::invalid(Input::Page, "the body that it was asked for with is not JSON")
            })?;
            let new = raw(&token);
            if fields.get("pageToken").is_some_and(|old| old.get() == new.get()) {
                return Err(repeated());
            }
            fields.insert("pageToken".to_owned(), new);
            let body = fields.to_json().into_bytes();
            return Ok(Some(Next { path: path.to_owned(), body: Some(body) }));
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let new = form_urlencoded::Serializer::new(String::new())
            .append_pair("pageToken", &token)
            .finish();
        let mut parameters: Vec<_> = query.split('&').filter(|one| !one.is_empty()).collect();
        if parameters.contains(&&*new) {
            return Err(repeated());
        }
        parameters.retain(|one| one.split('=').next() != Some("pageToken"));
        parameters.push(&new);
        Ok(Some(Next { path: format!("{path}?{}", parameters.join("&")), body: None }))
    }

    fn endpoint(&self) -> Uri {
        self.api_uri().parse().unwrap_or_default()
    }
}

/// A text of the page; absent, null and empty mean that nothing follows.
fn text(field: Option<&RawValue>, what: &str) -> Result<Option<String>> {
    let text = match field {
        None => None,
        Some(json) => serde_json::from_str::<Option<String>>(json.get())
            .map_err(|_| Error::next_page(&format!("{what} is not a text")))?,
    };
    Ok(text.filter(|text| !text.is_empty()))
}

/// Scheme, host and port.
fn origin(uri: &Uri) -> Option<(String, String, u16)> {
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
    let default_port = if scheme == "https" { 443 } else { 80 };
    Some((
        scheme,
        authority.host().to_ascii_lowercase(),
        authority.port_u16().unwrap_or(default_port),
    ))
}

/// The target without the endpoint's own path before it.
fn below<'a>(endpoint: &Uri, target: &'a str) -> Option<&'a str> {
    let prefix = endpoint.path().trim_end_matches('/');
    target.strip_prefix(prefix).filter(|rest| rest.starts_with('/'))
}
