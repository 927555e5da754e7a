//! A private authority made with openssl, which signs what no sensible one would, and openssl's own
//! server to show it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fitbit_test_support::{c, library};

/// Whoever is waiting for this long is hanging.
const LONG: Duration = Duration::from_secs(30);

const CONFIGURATION: &str = "[ca]
default_ca = here
[here]
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
";

/// The usual time of validity: 2020 to 2099.
pub const VALID: [&str; 2] = ["20200101000000Z", "20990101000000Z"];

/// What a certificate for 127.0.0.1 says.
pub const HERE: [&str; 1] = ["subjectAltName=IP:127.0.0.1"];

/// Its certificates and keys lie in a folder, each under the name that it is for: `NAME.pem`,
/// `NAME.key`.
pub struct Authority {
    folder: PathBuf,
}

/// The server while it runs.
pub struct Server {
    program: Child,
    pub uri: String,
    said: PathBuf,
}

/// Says aloud where it is not: it is asked for its version in a way of its own.
pub fn openssl_available() -> bool {
    let asked = Command::new("openssl").arg("version").output();
    let found = asked.is_ok_and(|out| out.status.success());
    if !found {
        c::skip("openssl is not installed");
    }
    found
}

impl Authority {
    /// `None`, said aloud, where openssl is not installed.
    pub fn new() -> Option<Authority> {
        if !openssl_available() {
            return None;
        }
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("authority-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let folder = library::target().join("tmp").join(name);
        fs::create_dir_all(&folder).expect("the target folder can be written to");
        let authority = Authority { folder };
        authority.write("conf", CONFIGURATION);
        authority.write("index.txt", "");
        authority.write("serial", "01\n");
        authority.self_signed("ca", &["basicConstraints=critical,CA:TRUE"]);
        Some(authority)
    }

    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, content).expect("the folder is ours");
        path
    }

    pub fn pem(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }

    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    fn openssl(&self, arguments: &str, more: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl.args(arguments.split(' ')).args(more).current_dir(&self.folder);
        c::succeeded(openssl.stdin(Stdio::null()).output().expect("it is installed"));
    }

    fn request(&self, kind: &str, name: &str, extensions: &[&str]) {
        let extensions: Vec<_> = extensions.iter().flat_map(|e| ["-addext", e]).collect();
        let arguments = format!(
            "req {kind} -config conf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
             -subj /CN={name} -keyout {name}.key"
        );
        self.openssl(&arguments, &extensions);
    }

    /// A certificate that nobody has signed but itself.
    pub fn self_signed(&self, name: &str, extensions: &[&str]) {
        self.request(&format!("-x509 -days 30 -out {name}.pem"), name, extensions);
    }

    /// A certificate that `signer` has signed.
    pub fn signed_by(
        &self,
        signer: &str,
        name: &str,
        extensions: &[&str],
        [from, until]: [&str; 2],
        digest: &str,
    ) {
        self.request(&format!("-out {name}.csr"), name, extensions);
        let arguments = format!(
            "ca -batch -notext -config conf -cert {signer}.pem -keyfile {signer}.key -md {digest} \
             -in {name}.csr -out {name}.pem -startdate {from} -enddate {until}"
        );
        self.openssl(&arguments, &[]);
    }

    /// openssl's server with this certificate. It writes down whatever it is told.
    pub fn serve(&self, name: &str, options: &str) -> Server {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let said = self.folder.join(format!("said-{}", NUMBER.fetch_add(1, Relaxed)));
        let log = fs::File::create(&said).expect("the folder is ours");
        let errors = log.try_clone().expect("a file can be opened twice");
        // It ends with the thread of the test, also where that is killed.
        let mut openssl = Command::new("setpriv");
        openssl.args(["--pdeathsig", "KILL", "openssl", "s_server"]);
        openssl.args(["-accept", "127.0.0.1:0", "-naccept", "9"]);
        openssl.args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")]);
        openssl.args(options.split_whitespace()).current_dir(&self.folder);
        // What it reads from the pipe it answers.
        let openssl = openssl.stdin(Stdio::piped()).stdout(log).stderr(errors);
        let program = openssl.spawn().expect("it is installed");
        let mut server = Server { program, uri: String::new(), said };
        server.uri = format!("https://{}", server.address());
        server
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // What is left over lies in the target folder and harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    /// Where it listens, as soon as it says so.
    fn address(&mut self) -> String {
        let until = Instant::now() + LONG;
        loop {
            let text = text(&self.said);
            let line = text.lines().find_map(|line| line.strip_prefix("ACCEPT "));
            if let Some(address) = line.filter(|_| text.ends_with('\n')) {
                return address.to_owned();
            }
            let gone = self.program.try_wait().expect("it was started");
            assert!(gone.is_none() && Instant::now() < until, "openssl does not run: {text}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether this was said to it.
    pub fn was_told(&self, text: &str) -> bool {
        let said = fs::read(&self.said).expect("the folder is ours");
        String::from_utf8_lossy(&said).contains(text)
    }

    /// Waits until this is said to it, and answers.
    pub fn answer(&mut self, text: &str, answer: &str) {
        let until = Instant::now() + LONG;
        while !self.was_told(text) {
            assert!(Instant::now() < until, "nobody says {text:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        let stdin = self.program.stdin.as_mut().expect("it is piped");
        stdin.write_all(answer.as_bytes()).expect("it reads");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A file's text.
pub fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("it was written")
}
