//! The environment's proxies and certificates.
//!
//! The environment is read when an app is made, and never later. A request may run while another thread of the
//! program calls `setenv`.

use std::env;
use std::ffi::OsString;

/// The variables that are set. An empty one counts as unset.
pub(crate) struct Environment {
    pub https_proxy: Option<Variable>,
    pub all_proxy: Option<Variable>,
    pub no_proxy: Option<Variable>,
    pub ssl_cert_file: Option<Variable>,
    pub ssl_cert_dir: Option<Variable>,
}

pub(crate) struct Variable {
    pub name: &'static str,
    pub value: OsString,
}

impl Environment {
    /// The lower-case form of a proxy's variable counts first, as with curl.
    pub fn read() -> Environment {
        Environment {
            https_proxy: first(&["https_proxy", "HTTPS_PROXY"]),
            all_proxy: first(&["all_proxy", "ALL_PROXY"]),
            no_proxy: first(&["no_proxy", "NO_PROXY"]),
            ssl_cert_file: first(&["SSL_CERT_FILE"]),
            ssl_cert_dir: first(&["SSL_CERT_DIR"]),
        }
    }
}

fn first(names: &[&'static str]) -> Option<Variable> {
    names.iter().find_map(|&name| {
        let value = env::var_os(name).filter(|value| !value.is_empty())?;
        Some(Variable { name, value })
    })
}
