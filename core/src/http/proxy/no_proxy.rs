//! The hosts that do not use the environment's proxy: `NO_PROXY`, and loopback.
//!
//! There is no standard for the variable. The rules here:
//!
//! - Entries are separated by commas, blanks or semicolons. Other entries are ignored.
//! - `*` lists every host.
//! - A name lists itself and every name below it. A dot at its beginning or end does not matter,
//!   nor does case.
//! - An IP address or a CIDR block lists hosts that are given as IP addresses. No name is resolved.
//! - `name:port` lists that port only. A URI without a port has the default port of its scheme.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ureq::http::Uri;

#[derive(Clone, Default)]
pub(crate) struct NoProxy(Vec<Entry>);

#[derive(Clone)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone)]
enum Hosts {
    All,
    /// In lower case, without dots around it.
    Domain(String),
    Block(IpAddr, u8),
}

impl NoProxy {
    pub fn parse(list: &str) -> NoProxy {
        let entries = list.split(|c: char| matches!(c, ',' | ';') || c.is_whitespace());
        NoProxy(entries.filter_map(Entry::parse).collect())
    }

    /// Whether requests to this https URI use no proxy.
    pub fn lists(&self, uri: &Uri) -> bool {
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(443);
        is_loopback(host) || self.0.iter().any(|entry| entry.lists(host, port))
    }
}

/// Exactly these: a resolver can give another name any address.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

impl Entry {
    fn parse(entry: &str) -> Option<Entry> {
        // First as a whole: an IPv6 address has colons of its own.
        if let Some(block) = block(entry) {
            return Some(Entry { hosts: block, port: None });
        }
        let (hosts, port) = match entry.rsplit_once(':') {
            Some((hosts, port)) => (hosts, Some(number(port)?)),
            None => (entry, None),
        };
        let hosts = match hosts {
            "*" => Hosts::All,
            _ => block(hosts).or_else(|| domain(hosts))?,
        };
        Some(Entry { hosts, port })
    }

    fn lists(&self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|own| own != port) {
            return false;
        }
        let address = unbracketed(host).parse::<IpAddr>().ok();
        match (&self.hosts, address) {
            (Hosts::All, _) => true,
            (Hosts::Domain(domain), None) => is_below(host, domain),
            (Hosts::Block(block, prefix), Some(address)) => {
                is_in(address.to_canonical(), *block, *prefix)
            }
            _ => false,
        }
    }
}

/// An address, or the block of addresses that share this many bits with it.
fn block(text: &str) -> Option<Hosts> {
    let text = unbracketed(text);
    let Some((address, prefix)) = text.split_once('/') else {
        let address = text.parse::<IpAddr>().ok()?.to_canonical();
        return Some(Hosts::Block(address, bits(address)));
    };
    let address = unbracketed(address).parse().ok()?;
    let prefix = number(prefix).filter(|prefix| *prefix <= bits(address))?;
    Some(Hosts::Block(address, prefix))
}

fn domain(text: &str) -> Option<Hosts> {
    let name = text.strip_prefix("*.").unwrap_or(text).trim_start_matches('.');
    let name = name.strip_suffix('.').unwrap_or(name);
    (!name.is_empty()).then(|| Hosts::Domain(name.to_ascii_lowercase()))
}

/// Digits and nothing else: Rust's own parser accepts a sign, too.
fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_below(host: &str, domain: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).as_bytes();
    let Some(rest) = host.len().checked_sub(domain.len()) else { return false };
    let (front, back) = host.split_at(rest);
    back.eq_ignore_ascii_case(domain.as_bytes()) && (front.is_empty() || front.ends_with(b"."))
}

fn is_in(address: IpAddr, block: IpAddr, prefix: u8) -> bool {
    let other_bits = u32::from(bits(block).saturating_sub(prefix));
    match (address, block) {
        (IpAddr::V4(address), IpAddr::V4(block)) => {
            let differing = address.to_bits() ^ block.to_bits();
            differing.checked_shr(other_bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(block)) => {
            let differing = address.to_bits() ^ block.to_bits();
            differing.checked_shr(other_bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "https://api.fitbit.com";

    #[track_caller]
    fn check(cases: &[(&str, &str, bool)]) {
        for (list, uri, listed) in cases {
            let parsed: Uri = uri.parse().unwrap();
            assert_eq!(NoProxy::parse(list).lists(&parsed), *listed, "{list:?} and {uri}");
        }
    }

    #[test]
    fn an_empty_list_lists_loopback_alone() {
        check(&[
            ("", HOST, false),
            (" , ;\t,", HOST, false),
            ("", "https://localhost", true),
            ("", "https://127.0.0.1:8443", true),
            ("", "https://127.255.3.4", true),
            ("", "https://[::1]:8443", true),
            ("", "https://localhost.example", false),
            ("", "https://128.0.0.1", false),
            ("", "https://[::2]", false),
        ]);
    }

    #[test]
    fn separators_are_commas_blanks_and_semicolons() {
        for list in [
            "api.fitbit.com",
            "a.example,api.fitbit.com",
            "a.example;api.fitbit.com",
            "a.example api.fitbit.com",
            "a.example\tapi.fitbit.com",
            "a.example ; api.fitbit.com , b.example",
            ",,api.fitbit.com;",
            " api.fitbit.com ",
        ] {
            check(&[(list, HOST, true), (list, "https://www.fitbit.com", false)]);
        }
        check(&[("api.fitbit|com", HOST, false), ("api,fitbit,co", HOST, false)]);
    }

    #[test]
    fn a_star_lists_every_host() {
        for uri in [HOST, "https://10.1.2.3", "https://[2001:db8::1]:8443"] {
            check(&[("*", uri, true), ("a.example, *", uri, true), ("**", uri, false)]);
        }
    }

    #[test]
    fn a_name_lists_itself_and_every_name_below_it() {
        check(&[
            ("api.fitbit.com", HOST, true),
            ("fitbit.com", HOST, true),
            ("com", HOST, true),
            ("*.fitbit.com", HOST, true),
            ("*.fitbit.com", "https://fitbit.com", true),
            ("fitbit.com", "https://fitbit.com", true),
            ("bit.com", HOST, false),
            ("api.fitbit", HOST, false),
            ("api.fitbit.co", HOST, false),
            ("x.api.fitbit.com", HOST, false),
            ("xapi.fitbit.com", HOST, false),
            ("api-fitbit.com", HOST, false),
            ("fitbit.*", HOST, false),
            ("api.*.com", HOST, false),
            ("https://api.fitbit.com", HOST, false),
            ("api.fitbit.com/", HOST, false),
        ]);
    }

    #[test]
    fn dots_around_a_name_and_case_do_not_matter() {
        for list in [".fitbit.com", "fitbit.com.", ".fitbit.com.", "Fitbit.COM", "..fitbit.com"] {
            for uri in [HOST, "https://fitbit.com", "https://API.FITBIT.com", "https://fitbit.com."]
            {
                check(&[(list, uri, true), (list, "https://notfitbit.com", false)]);
            }
        }
        check(&[(".", HOST, false), ("...", HOST, false), ("*.", HOST, false)]);
        check(&[(".", "https://fitbit.com.", false)]);
    }

    #[test]
    fn a_port_lists_that_port_only() {
        check(&[
            ("api.fitbit.com:443", HOST, true),
            ("fitbit.com:443", HOST, true),
            (".fitbit.com.:443", HOST, true),
            ("api.fitbit.com:443", "https://api.fitbit.com:443", true),
            ("api.fitbit.com:443", "https://api.fitbit.com:8443", false),
            ("api.fitbit.com:8443", "https://api.fitbit.com:8443", true),
            ("api.fitbit.com:8443", HOST, false),
            ("api.fitbit.com", "https://api.fitbit.com:8443", true),
            ("*:443", HOST, true),
            ("*:8443", HOST, false),
            ("10.1.2.3:443", "https://10.1.2.3", true),
            ("10.1.2.3:8443", "https://10.1.2.3", false),
            ("10.0.0.0/8:443", "https://10.1.2.3", true),
            ("[2001:db8::1]:443", "https://[2001:db8::1]", true),
            ("[2001:db8::1]:8443", "https://[2001:db8::1]", false),
            ("[2001:db8::]/32:443", "https://[2001:db8::1]", true),
        ]);
        for odd in [":", ":x", ":443x", ":+443", ":-1", ":65979", ":4 43", "::443", ":443:"] {
            let list = format!("api.fitbit.com{odd}");
            check(&[(&list, HOST, false)]);
        }
        check(&[(":443", HOST, false)]);
    }

    #[test]
    fn an_address_lists_itself_however_it_is_written() {
        check(&[
            ("10.1.2.3", "https://10.1.2.3", true),
            ("10.1.2.3", "https://10.1.2.4", false),
            ("10.1.2", "https://10.1.2.3", false),
            ("3", "https://10.1.2.3", false),
            (".2.3", "https://10.1.2.3", false),
            ("10.1.2.3", HOST, false),
            ("10.1.2.3", "https://10.1.2.3.example", false),
            ("2001:db8::1", "https://[2001:db8::1]", true),
            ("[2001:db8::1]", "https://[2001:db8::1]", true),
            ("2001:DB8:0:0::1", "https://[2001:0db8::1]", true),
            ("2001:db8::1", "https://[2001:db8::2]", false),
            ("::ffff:10.1.2.3", "https://10.1.2.3", true),
            ("10.1.2.3", "https://[::ffff:10.1.2.3]", true),
        ]);
    }

    #[test]
    fn a_block_lists_the_addresses_in_it() {
        check(&[
            ("10.0.0.0/8", "https://10.255.1.2", true),
            ("10.1.2.3/8", "https://10.255.1.2", true),
            ("10.0.0.0/8", "https://11.0.0.1", false),
            ("192.168.128.0/17", "https://192.168.128.0", true),
            ("192.168.128.0/17", "https://192.168.127.255", false),
            ("10.1.2.3/32", "https://10.1.2.3", true),
            ("10.1.2.3/32", "https://10.1.2.2", false),
            ("0.0.0.0/0", "https://10.1.2.3", true),
            ("0.0.0.0/0", "https://[2001:db8::1]", false),
            ("0.0.0.0/0", HOST, false),
            ("10.0.0.0/8", "https://[::ffff:10.1.2.3]", true),
            ("2001:db8::/32", "https://[2001:db8:ffff::1]", true),
            ("[2001:db8::]/32", "https://[2001:db8:ffff::1]", true),
            ("[2001:db8::/32]", "https://[2001:db8:ffff::1]", true),
            ("2001:db8::/32", "https://[2001:db9::1]", false),
            ("2001:db8::1/128", "https://[2001:db8::1]", true),
            ("::/0", "https://[2001:db8::1]", true),
            ("::/0", "https://10.1.2.3", false),
        ]);
        for odd in ["/33", "/", "/x", "/+8", "/-1", "/8/8", "/256", "/255.0.0.0"] {
            check(&[(&format!("10.0.0.0{odd}"), "https://10.0.0.0", false)]);
        }
        check(&[("2001:db8::/129", "https://[2001:db8::]", false)]);
    }
}
