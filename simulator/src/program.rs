//! The simulator as a program: for trying an application by hand, without a network.

use crate::form;
use crate::google::{AUTHORIZE, REVOKE, TOKEN};
use crate::provider::demos::{
    DEMO_CLIENT_ID, DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, DEMO_PERSONAL_ID, DEMO_PERSONAL_SECRET,
    DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET,
};
use crate::simulator::Simulator;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

const DEFAULT_PORT: u16 = 8765;

const USAGE: &str = "\
A stand-in for Fitbit and for Google Health on 127.0.0.1.

  --port N              the port to listen on (default 8765; 0: any)
  --tls                 serve HTTPS with a certificate made at the start
  --ca-file PATH        where to write the certificate that clients have to trust
  --grace               repeat the answer to a refresh for two minutes, as documented
  --no-grace            refuse a spent refresh token at once (default)
  --token-life SECONDS  how long an access token works (default 28800, Google: 3599)
  --retired             Fitbit has been turned off: its endpoints answer 410 Gone
  --help                this text
";

#[derive(Debug, Default)]
struct Options {
    port: Option<u16>,
    tls: bool,
    ca_file: Option<PathBuf>,
    grace: bool,
    token_life: Option<u64>,
    retired: bool,
    help: bool,
}

/// Runs the simulator with the options on the command line, until it is killed.
pub fn main() {
    if let Err(error) = options(std::env::args().skip(1)).and_then(|options| run(&options)) {
        eprintln!("{error}\n\n{USAGE}");
        std::process::exit(2);
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let mut options = Options::default();
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{option} needs a value"));
        match option.as_str() {
            "--port" => options.port = Some(value()?.parse()?),
            "--tls" => options.tls = true,
            "--ca-file" => options.ca_file = Some(value()?.into()),
            "--grace" => options.grace = true,
            "--no-grace" => options.grace = false,
            "--token-life" => options.token_life = Some(value()?.parse()?),
            "--retired" => options.retired = true,
            "--help" => options.help = true,
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if options.help {
        println!("{USAGE}");
        return Ok(());
    }
    if options.ca_file.is_some() && !options.tls {
        return Err("--ca-file goes with --tls".into());
    }
    let port = options.port.unwrap_or(DEFAULT_PORT);
    let simulator = Simulator::builder().port(port).tls(options.tls).start()?;
    simulator.settings(|settings| {
        settings.grace = options.grace.then_some(Duration::from_secs(120));
        settings.retired = options.retired;
        settings.token_life = options.token_life.unwrap_or(settings.token_life);
    });
    if let Some(path) = &options.ca_file {
        std::fs::write(path, simulator.ca_pem())?;
    }
    println!("{}", introduction(simulator.uri()));
    loop {
        std::thread::park();
    }
}

fn introduction(uri: &str) -> String {
    let callback = form::encode(DEMO_REDIRECT_URIS[0]);
    let scope = form::encode("https://www.googleapis.com/auth/googlehealth.sleep.readonly");
    let redirects = DEMO_REDIRECT_URIS.join("\n               ");
    format!(
        "Listening at {uri}

Fitbit
Authorize page {uri}/oauth2/authorize
Token endpoint {uri}/oauth2/token
Revocation     {uri}/oauth2/revoke
API endpoint   {uri}   (for example /1/user/-/profile.json)
Server app     {DEMO_SERVER_ID}, secret {DEMO_SERVER_SECRET}
Client app     {DEMO_CLIENT_ID}, no secret, PKCE
Personal app   {DEMO_PERSONAL_ID}, secret {DEMO_PERSONAL_SECRET}

Google Health
Authorize page {uri}{AUTHORIZE}
Token endpoint {uri}{TOKEN}
Revocation     {uri}{REVOKE}
API endpoint   {uri}   (for example /v4/users/me/identity)
Google app     {DEMO_GOOGLE_ID}
               secret {DEMO_GOOGLE_SECRET}; any port of 127.0.0.1

Redirect URIs  {redirects}

Pages to open in a browser:
  {uri}/oauth2/authorize?client_id={DEMO_SERVER_ID}&response_type=code&scope=profile&redirect_uri={callback}
  {uri}{AUTHORIZE}?client_id={DEMO_GOOGLE_ID}&response_type=code&access_type=offline&scope={scope}&redirect_uri={callback}

The next refresh is carried out but its answer is lost:
  curl {uri}/_simulator/fault -d '{{\"on\":\"refresh\",\"kind\":\"close_after_read\"}}'
Everything else: curl {uri}/_simulator/"
    )
}
