//! Chromium, driven through the pipe that its own developer tools speak: JSON, a NUL behind each.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::program::Folder;

/// Starting takes its time on a machine that builds something else.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Chromium {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last_id: u64,
    /// What the console said: a style or a resource that the policy refuses, too.
    pub complaints: Vec<String>,
    _profile: Folder,
}

/// A tab: its target, and the session in which it is spoken to.
pub struct Tab {
    target: String,
    session: String,
}

impl Chromium {
    pub fn start() -> Chromium {
        let profile = Folder::new();
        // Descriptors 3 and 4 are its pipe.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh", "chromium"]);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        command.args(["--remote-debugging-pipe", "--no-first-run", "--window-size=900,700"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell can be run");
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        Chromium { child, to, from, last_id: 0, complaints: vec![], _profile: profile }
    }

    fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        write!(self.to, "{message}\0").expect("Chromium listens");
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).expect("Chromium answers");
            assert_eq!(bytes.pop(), Some(0), "Chromium has ended");
            let answer: Value = serde_json::from_slice(&bytes).expect("it speaks JSON");
            if answer["method"] == "Log.entryAdded" {
                let text = answer["params"]["entry"]["text"].to_string();
                // It says as much of each answer that is no success, an icon's too.
                if !text.contains("Failed to load resource") {
                    self.complaints.push(text);
                }
            }
            if answer["id"] == self.last_id {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    pub fn open(&mut self, uri: &str) -> Tab {
        let target = self.call(None, "Target.createTarget", json!({ "url": "about:blank" }));
        let target = target["targetId"].as_str().expect("a tab has a name").to_owned();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = self.call(None, "Target.attachToTarget", attach);
        let session = session["sessionId"].as_str().expect("and a session").to_owned();
        self.call(Some(&session), "Log.enable", json!({}));
        self.call(Some(&session), "Page.navigate", json!({ "url": uri }));
        Tab { target, session }
    }

    pub fn close(&mut self, tab: Tab) {
        self.call(None, "Target.closeTarget", json!({ "targetId": tab.target }));
    }

    pub fn evaluate(&mut self, tab: &Tab, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true });
        let answer = self.call(Some(&tab.session), "Runtime.evaluate", params);
        answer["result"]["value"].clone()
    }

    /// The title of the page, once there is one that is not this.
    pub fn title_after(&mut self, tab: &Tab, before: &str) -> String {
        let begun = Instant::now();
        loop {
            let ready = "document.readyState == 'complete' ? document.title : ''";
            match self.evaluate(tab, ready).as_str() {
                Some(title) if !title.is_empty() && title != before => return title.to_owned(),
                _ => assert!(begun.elapsed() < PATIENCE, "no page comes after {before:?}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses the mouse where this element is.
    pub fn click(&mut self, tab: &Tab, selector: &str) {
        let place = self.evaluate(
            tab,
            &format!(
                "(b => ({{ x: b.x + b.width / 2, y: b.y + b.height / 2 }}))\
                 (document.querySelector('{selector}').getBoundingClientRect())"
            ),
        );
        for kind in ["mousePressed", "mouseReleased"] {
            let mouse = json!({
                "type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1,
            });
            self.call(Some(&tab.session), "Input.dispatchMouseEvent", mouse);
        }
    }

    pub fn prefer(&mut self, tab: &Tab, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call(
            Some(&tab.session),
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        );
    }

    /// What the window shows.
    pub fn shoot(&mut self, tab: &Tab, path: &Path) {
        let shot =
            self.call(Some(&tab.session), "Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = STANDARD.decode(shot["data"].as_str().expect("a picture")).expect("in base64");
        fs::write(path, bytes).expect("it can be written");
    }

    /// The width of the window, of a telephone perhaps.
    pub fn resize(&mut self, tab: &Tab, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call(Some(&tab.session), "Emulation.setDeviceMetricsOverride", size);
    }
}

impl Drop for Chromium {
    /// It is asked first: its helpers, which write into the profile, end with it.
    fn drop(&mut self) {
        let _ = write!(self.to, "{}\0", json!({ "id": 0, "method": "Browser.close" }));
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < PATIENCE / 6 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
