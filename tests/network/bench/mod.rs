//! The test bench: a client and its servers in two network namespaces, and the path between them.
//!
//! A test needs five lines of it:
//!
//! ```ignore
//! let Some(net) = Network::new(Path::rtt_ms(80)) else { return };
//! net.name("api.test", &[net.dead_v6(), net.dead_v6(), net.live_v4()]);
//! let call = net.get("https://api.test");
//! assert_eq!(call.code, "FITBIT_OK");
//! assert!(net.connected("api.test").unwrap() - call.began < Duration::from_secs(1));
//! ```

mod certificates;
mod client;
mod flows;
mod forwarder;
mod listening;
mod names;
mod namespace;
mod packet;
pub mod proxy;
mod web;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use fitbit_test_support::c;

pub use client::{ANY, Call, End, Provider, Script};
pub use flows::Flow;
pub use forwarder::{Fate, Seen, now};
pub use listening::Listening;
pub use names::Record;
pub use packet::Kind;
pub use web::{Request, Session};

use forwarder::Forwarder;
use names::NameServer;
use namespace::Namespace;
use web::Web;

const CLIENT: &str = "
link set lo up
link set tun0 addrgenmode none
link set tun0 up
addr add 10.77.0.2/32 dev tun0
route add default dev tun0
addr add 2001:db8:77::2/128 dev tun0 nodad
route add ::/0 dev tun0
";

/// All addresses of two networks are the servers' own, so that none has to be added one by one.
const SERVERS: &str = "
link set lo up
link set tun0 addrgenmode none
link set tun0 up
addr add 10.78.255.1/32 dev tun0
route add default dev tun0
route add local 10.78.0.0/16 dev lo
addr add 2001:db8:78:ffff::1/128 dev tun0 nodad
route add ::/0 dev tun0
route add local 2001:db8:78::/48 dev lo
";

const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 78, 255, 53);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// The way between the client and every server.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    round_trip: Duration,
}

impl Path {
    pub fn rtt_ms(milliseconds: u64) -> Path {
        Path { round_trip: Duration::from_millis(milliseconds) }
    }
}

/// The bench. Its namespaces end with it, and with the process at the latest.
pub struct Network {
    client: Namespace,
    servers: Namespace,
    forwarder: Forwarder,
    name_server: NameServer,
    web: Web,
    names: Mutex<HashMap<String, Vec<IpAddr>>>,
    addresses: AtomicU32,
    /// What the client's programs find in /etc, a folder for each.
    folder: PathBuf,
    folders: AtomicU32,
}

/// Why there can be no bench here.
fn missing() -> Option<&'static str> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        if unsafe { libc::geteuid() } != 0 {
            return Some("the network bench takes root".to_owned());
        }
        let ip = Command::new("ip").arg("-V").output();
        if !ip.is_ok_and(|output| output.status.success()) {
            return Some("ip (iproute2) is not installed".to_owned());
        }
        let tried = Network::make(Path::rtt_ms(1)).and_then(|net| net.command("true").status());
        tried.err().map(|why| format!("the network bench cannot be built: {why}"))
    };
    MISSING.get_or_init(find).as_deref()
}

impl Network {
    /// `None`, said aloud, where this machine cannot have one.
    pub fn new(path: Path) -> Option<Network> {
        if let Some(why) = missing() {
            c::skip(why);
            return None;
        }
        Some(Network::make(path).expect("the bench can be built"))
    }

    fn make(path: Path) -> io::Result<Network> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (client, client_device) = Namespace::new(CLIENT)?;
        let (servers, servers_device) = Namespace::new(SERVERS)?;
        let forwarder = Forwarder::start(client_device, servers_device, path.round_trip)?;
        let name_server = servers.run(|| NameServer::start((NAME_SERVER, 53).into()))?;
        let web = servers.run(|| Web::start((Ipv6Addr::UNSPECIFIED, 443).into()))?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("fitbit-network-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("ca.pem"), certificates::ca_pem())?;
        Ok(Network {
            client,
            servers,
            forwarder,
            name_server,
            web,
            names: Mutex::default(),
            addresses: AtomicU32::new(0),
            folder,
            folders: AtomicU32::new(0),
        })
    }

    pub fn round_trip(&self) -> Duration {
        self.forwarder.round_trip()
    }

    /// Of packets that enter the path from now on.
    pub fn set_round_trip(&self, time: Duration) {
        self.forwarder.set_round_trip(time);
    }

    /// A new address of the servers, and what happens to packets for it.
    pub fn address(&self, family: Family, fate: Fate) -> IpAddr {
        let number = self.addresses.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(number < 0xff00, "the last 256 addresses are for other things");
        let address = match family {
            Family::V4 => Ipv4Addr::from(0x0a4e_0000 + number).into(),
            Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0x78, 0, 0, 0, 0, number as u16).into(),
        };
        self.set_fate(address, fate);
        address
    }

    pub fn set_fate(&self, address: IpAddr, fate: Fate) {
        self.forwarder.set_fate(address, fate);
    }

    pub fn live_v4(&self) -> IpAddr {
        self.address(Family::V4, Fate::Forward)
    }

    pub fn live_v6(&self) -> IpAddr {
        self.address(Family::V6, Fate::Forward)
    }

    pub fn dead_v4(&self) -> IpAddr {
        self.address(Family::V4, Fate::Swallow)
    }

    pub fn dead_v6(&self) -> IpAddr {
        self.address(Family::V6, Fate::Swallow)
    }

    /// getaddrinfo(3) gives the addresses in this order to programs that start from now on. A name
    /// without addresses exists; one that was never given does not.
    pub fn name(&self, name: &str, addresses: &[IpAddr]) {
        self.names.lock().expect("no thread panics with it").insert(name.into(), addresses.into());
        self.name_server.set(name, Record::Addresses(addresses.to_vec()));
    }

    /// What the name server says about a name.
    pub fn set_record(&self, name: &str, record: Record) {
        self.name_server.set(name, record);
    }

    /// How often the name server was asked for a name: twice for one look-up.
    pub fn questions(&self, name: &str) -> usize {
        self.name_server.questions(name)
    }

    /// A file of this bench.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the https server does with connections to the addresses of a name, instead of responding.
    pub fn serve(
        &self,
        name: &str,
        serve: impl Fn(&mut Session) -> io::Result<()> + Send + Sync + Clone + 'static,
    ) {
        for address in self.addresses_of(name) {
            self.web.set(address, serve.clone());
        }
    }

    /// What the https server was asked for at the addresses of a name, in order.
    pub fn requests(&self, name: &str) -> Vec<Request> {
        let addresses = self.addresses_of(name);
        self.web.requests().into_iter().filter(|to| addresses.contains(&to.to)).collect()
    }

    fn addresses_of(&self, name: &str) -> Vec<IpAddr> {
        let names = self.names.lock().expect("no thread panics with it");
        names.get(name).cloned().unwrap_or_else(|| panic!("{name} was not given"))
    }

    /// Every packet so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.forwarder.seen()
    }

    /// The client's SYNs to the addresses of a name: when, to which address, from which port.
    pub fn syns(&self, name: &str) -> Vec<(Duration, IpAddr, u16)> {
        let addresses = self.addresses_of(name);
        let all = self.seen().into_iter();
        all.filter(|seen| seen.by_client && seen.header.kind == Kind::Syn)
            .map(|seen| (seen.at, seen.header.destination.ip(), seen.header.source.port()))
            .filter(|(_, address, _)| addresses.contains(address))
            .collect()
    }

    /// The first SYN to each address of a name, in their order.
    pub fn first_syns(&self, name: &str) -> Vec<(Duration, IpAddr)> {
        let mut first: Vec<(Duration, IpAddr)> = Vec::new();
        for (at, address, _) in self.syns(name) {
            if first.iter().all(|(_, known)| *known != address) {
                first.push((at, address));
            }
        }
        first
    }

    /// When the client first knew that it was connected to an address of this name: its ACK.
    pub fn connected(&self, name: &str) -> Option<Duration> {
        let addresses = self.addresses_of(name);
        let ack = self.seen().into_iter().find(|seen| {
            seen.by_client
                && seen.header.kind == Kind::Tcp
                && addresses.contains(&seen.header.destination.ip())
        });
        ack.map(|seen| seen.at)
    }

    /// A TCP server of the test's own, with a thread for each connection.
    pub fn listen(
        &self,
        address: IpAddr,
        port: u16,
        serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Listening {
        let start = move || {
            // The local route is enough for IPv4, and for connections to any address.
            // Without `nodad` an IPv6 address cannot be bound to before the kernel has looked at it.
            let at_once = if address.is_ipv6() { "nodad" } else { "" };
            namespace::ip(&format!("addr replace {address} dev lo {at_once}\n"))?;
            Listening::start(SocketAddr::new(address, port), serve)
        };
        self.servers.run(start).expect("the port is free")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // What is left over lies in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
