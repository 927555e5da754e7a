//! What the pages forbid, and that nothing in them is anybody else's: neither code nor resource.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fitbit_simulator::Decision;
use fitbit_test_support::Saver;
use fitbit_test_support::world::provider;
use ring::digest::{SHA256, digest};

use crate::scene::{Reply, app, login};

/// One of each kind.
fn all() -> BTreeMap<&'static str, Reply> {
    let provider = provider();
    let mut pages = BTreeMap::new();
    let (_, granted) =
        login(&app(&provider), &Saver::new(), |it| it.decide(&provider, Decision::Grant));
    pages.insert("granted", granted);
    let (_, not_saved) =
        login(&app(&provider), &Saver::doing(|_| 0), |it| it.decide(&provider, Decision::Grant));
    pages.insert("not saved", not_saved);
    let (_, denied) =
        login(&app(&provider), &Saver::new(), |it| it.decide(&provider, Decision::Deny));
    pages.insert("denied", denied);
    let (_, (failed, stray, missing)) = login(&app(&provider), &Saver::new(), |it| {
        let stray = it.get("/callback?state=other");
        let missing = it.get("/favicon.ico");
        (it.get(&it.answer("error=server_error")), stray, missing)
    });
    pages.extend([("failed", failed), ("stray", stray), ("missing", missing)]);
    pages
}

#[test]
fn every_answer_closes_is_kept_by_nobody_and_tells_nobody_where_it_came_from() {
    for (name, page) in all() {
        let header = |name| page.header(name).unwrap_or_default();
        assert_eq!(header("Connection"), "close", "{name}");
        assert_eq!(header("Cache-Control"), "no-store", "{name}");
        assert_eq!(header("Referrer-Policy"), "no-referrer", "{name}");
        assert_eq!(header("X-Content-Type-Options"), "nosniff", "{name}");
        assert_eq!(header("Content-Length"), page.body.len().to_string(), "{name}");
        assert_eq!(page.header("Access-Control-Allow-Origin"), None, "{name}");
        if !page.body.is_empty() {
            assert_eq!(header("Content-Type"), "text/html; charset=utf-8", "{name}");
        }
    }
}

#[test]
fn the_policy_lets_the_pages_own_style_in_and_nothing_else() {
    for (name, page) in all() {
        let policy = page.header("Content-Security-Policy").unwrap();
        let rules: BTreeMap<_, _> = policy
            .split(';')
            .map(|rule| rule.trim().split_once(' ').expect("a rule has a value"))
            .collect();
        assert_eq!(rules["default-src"], "'none'", "{name}");
        for none in ["base-uri", "form-action", "frame-ancestors"] {
            assert_eq!(rules[none], "'none'", "{name}");
        }
        if page.body.is_empty() {
            continue;
        }
        let style = page.body.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        assert_eq!(rules["style-src"], format!("'sha256-{hash}'"), "{name}");
        assert_eq!(page.body.matches("<style").count(), 1, "{name}");
    }
}

#[test]
fn no_page_has_a_script_a_link_an_image_or_a_style_from_elsewhere() {
    for (name, page) in all() {
        let page = page.body.to_lowercase();
        for never in [
            "<script", "<link", "<img", "<iframe", "<form", "<a ", "<object", "src=", "href=",
            "url(", "@import", "http:", "https:", "//", "style=\"", "onload",
        ] {
            assert!(!page.contains(never), "{name}: {never}");
        }
    }
}

#[test]
fn what_the_provider_says_is_text_and_nothing_else() {
    let provider = provider();
    let (_, page) = login(&app(&provider), &Saver::new(), |it| {
        let said =
            "%3Cscript%3Ealert(1)%3C%2Fscript%3E%26amp%3B%22%27%3Cimg+src%3Dx+onerror%3Dy%3E";
        it.get(&it.answer(&format!("error=%3Cb%3Ebold&error_description={said}")))
    });
    assert_eq!(page.title(), "That did not work");
    for tag in ["<script>alert", "<img", "<b>"] {
        assert!(!page.body.contains(tag), "{tag}: {}", page.body);
    }
    assert!(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;"), "{}", page.body);
}

#[test]
fn control_characters_and_a_description_without_end_stay_a_short_text() {
    let provider = provider();
    let (client, page) = login(&app(&provider), &Saver::new(), |it| {
        let said = format!("%1B%5B31m%00%0D%0A%E2%80%AE{}", "long+".repeat(8000));
        it.get(&it.answer(&format!("error=server_error&error_description={said}")))
    });
    assert_eq!(page.title(), "That did not work");
    assert!(!page.body.contains(['\u{1b}', '\0', '\r']), "{}", page.body);
    assert!(page.body.len() < 16 * 1024, "{} bytes", page.body.len());
    assert!(client.err().unwrap().message.len() < 8 * 1024);
}

#[test]
fn the_page_of_a_refused_state_shows_none() {
    let provider = provider();
    let _ = login(&app(&provider), &Saver::new(), |it| {
        let page = it.get("/callback?state=another-state&code=a-code-of-somebody");
        assert_eq!(page.status, 400);
        assert!(!page.body.contains("another-state") && !page.body.contains("a-code"));
        assert!(!page.body.contains(&it.state()));
    });
}
