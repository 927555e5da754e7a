//! The response to an API request.

use ureq::http::{HeaderValue, Method, Uri};

use super::ApiRequest;
use crate::http::Response;
use crate::provider::{Paging, Provider};

/// A response, and what is needed to ask for the next page.
pub struct ApiResponse {
    /// Its body ends with a NUL, for C.
    response: Response,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) content_type: Option<HeaderValue>,
    /// Kept if the next page is asked for with the same body.
    pub(super) body: Option<Box<[u8]>>,
}

impl ApiResponse {
    pub(super) fn new(
        mut response: Response,
        request: &ApiRequest,
        provider: &Provider,
    ) -> ApiResponse {
        response.body.push(0);
        let repeats_body = provider.paging == Paging::PageToken && request.method == Method::POST;
        ApiResponse {
            response,
            method: request.method.clone(),
            uri: request.uri.clone(),
            content_type: request.content_type.clone(),
            body: request.body.filter(|_| repeats_body).map(Box::from),
        }
    }

    /// Below 300.
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// Each header with its name in lower case; the values of repeated ones are joined.
    pub fn headers(&self) -> impl Iterator<Item = (&str, String)> {
        let headers = &self.response.headers;
        headers.keys().map(|name| {
            let values = headers.get_all(name).iter();
            let values: Vec<_> =
                values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            (name.as_str(), values.join(", "))
        })
    }

    /// A NUL follows it in memory, for C.
    pub fn body(&self) -> &[u8] {
        self.response.body.split_last().map_or(&[], |(_nul, body)| body)
    }
}
