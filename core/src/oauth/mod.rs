//! OAuth 2.0: the authorization code grant with PKCE, the token endpoint, and the loopback listener of
//! native apps (RFC 6749, 7009, 7636, 8252).

pub(crate) mod authorize;
pub(crate) mod loopback;
mod pkce;
mod recorder;
mod revocation;
pub(crate) mod scopes;
pub(crate) mod token_endpoint;
