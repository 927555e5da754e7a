//! A token file for the tests.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::world::DIALECT;

/// A token file in a folder of the test's own, gone when the test is.
pub struct File(PathBuf);

impl File {
    pub fn holding(text: &str) -> File {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fitbit-login-{}-{}-{nth}", DIALECT.name, std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let file = File(folder);
        file.write(text);
        file
    }

    pub fn path(&self) -> PathBuf {
        self.0.join("token.json")
    }

    /// As the library writes it: readable for nobody else.
    pub fn write(&self, text: &str) {
        let mut options = std::fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        options.open(self.path()).unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub fn read(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
