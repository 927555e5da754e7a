//! What a program or a page of a list puts into requests: it stays where it belongs on the wire.

use super::{FITBIT, PREFIX, PROVIDERS, choice, client, parts};
use crate::judge::{self, ACCESS, SECRETS};
use crate::server::{self, Asked};

fn say_ok() {
    server::will_always_say(server::whole(b"200 OK\r\nContent-Type: application/json", b"{}"));
}

/// A path: what goes out is below the API endpoint, whoever resolves it.
pub fn path(data: &[u8]) {
    let [path] = parts(data);
    say_ok();
    let done = client(FITBIT).get(path);
    let asked = server::asked();
    assert_eq!(asked.len(), usize::from(done.is_ok()), "{:?}", done.err());
    for asked in &asked {
        stays_below(asked);
        head_is_made_of(asked, &[]);
    }
    judge::no_secret(SECRETS);
}

fn stays_below(asked: &Asked) {
    let target = asked.target();
    let path = target.strip_prefix(PREFIX).unwrap_or_else(|| panic!("{target} is elsewhere"));
    assert!(path.starts_with('/'), "{target} is elsewhere");
    assert!(path.bytes().all(|b| b.is_ascii_graphic() && b != b'#' && b != b'\\'), "{target}");
    let path = path.split('?').next().unwrap_or_default();
    for segment in judge::without_percents(path).split(['/', '\\']) {
        // A slash or backslash that came encoded is no separator here, but may be one behind.
        let plain = path.to_ascii_lowercase();
        let hidden = plain.contains("%2f") || plain.contains("%5c");
        assert!((segment != "." && segment != "..") || hidden, "{target} leads elsewhere");
    }
    for segment in path.split('/') {
        let segment = judge::without_percents(segment);
        assert!(segment != "." && segment != "..", "{target} leads elsewhere");
    }
}

/// The head has the lines that the library writes, these, and no others.
fn head_is_made_of(asked: &Asked, more: &[&str]) {
    let own = [
        "host",
        "authorization",
        "user-agent",
        "accept",
        "accept-encoding",
        "content-length",
        "content-type",
    ];
    let mut seen = Vec::new();
    for line in asked.head().trim_end_matches("\r\n").split("\r\n").skip(1) {
        assert!(!line.contains(['\r', '\n']), "{line:?}");
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        assert!(own.contains(&&*name) || more.contains(&&*name), "{name} was smuggled in");
        seen.push(name);
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), all, "a header is there twice: {}", asked.head());
    let bearer = format!("\r\nauthorization: bearer {ACCESS}\r\n");
    assert!(asked.head().to_ascii_lowercase().contains(&bearer), "{}", asked.head());
}

/// Method, path, content type, a header's name and value, and a body, with NULs between.
pub fn request(data: &[u8]) {
    let [method, path, kind, name, value] = parts(data);
    let body = data.splitn(6, |&byte| byte == 0).nth(5).unwrap_or_default(); // may hold NULs
    let client = client(FITBIT);
    let is_set = client.set_header(name, value).is_ok();
    say_ok();
    let form = std::str::from_utf8(body).is_ok() && !body.contains(&0);
    if method == b"FORM" && form {
        let done = client.post(path, body);
        let asked = server::asked();
        assert_eq!(asked.len(), usize::from(done.is_ok()), "{:?}", done.err());
        assert!(asked.iter().all(|asked| asked.body == body), "the form is another one");
        return judge::no_secret(SECRETS);
    }
    let done = client.request(method, path, kind, body);
    let asked = server::asked();
    let head = method.eq_ignore_ascii_case(b"HEAD");
    assert!(head || asked.len() == usize::from(done.is_ok()), "{:?}", done.err());
    for asked in &asked {
        stays_below(asked);
        assert_eq!(asked.body, body, "the body is another one");
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let set = [name.as_str()];
        head_is_made_of(asked, if is_set { &set } else { &[] });
        let sent = asked.head().split(' ').next().unwrap_or_default();
        assert!(sent.as_bytes().eq_ignore_ascii_case(method), "{sent}");
        assert!(sent != "CONNECT" && sent != "TRACE");
    }
    judge::no_secret(SECRETS);
}

/// A provider, a way to ask, and a page of a list: what it names as the next page is asked of the
/// same server, below the endpoint.
pub fn page(data: &[u8]) {
    let (which, data) = choice(data, 2);
    let (call, page) = choice(data, 2);
    let client = client(PROVIDERS[usize::from(which)]);
    // A page cannot know which port the server has.
    let own = server::uri();
    let page = String::from_utf8_lossy(page).replace("http://own", &own).into_bytes();
    let first = server::whole(b"200 OK\r\nContent-Type: application/json", &page);
    let second = server::whole(b"200 OK\r\nContent-Type: application/json", b"{}");
    server::will_say(vec![first, second]);
    let list = if call == 0 {
        client.get(b"/list.json?limit=2")
    } else {
        client.request(b"POST", b"/list.json", b"application/json", b"{\"pageSize\":2}")
    };
    let list = list.expect("a whole answer");
    let next = client.next_page(&list);
    let asked = server::asked();
    let followed = matches!(next, Ok(Some(_)));
    assert_eq!(asked.len(), 1 + usize::from(followed), "{:?}", next.err());
    for asked in &asked {
        stays_below(asked);
        head_is_made_of(asked, &[]);
    }
    judge::no_secret(SECRETS);
}
