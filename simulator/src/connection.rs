//! One connection from its first byte to its last: read a request, see which fault it meets,
//! have the provider act, send what is left of the answer.

use crate::answer::Answer;
use crate::control;
use crate::delivery::{Afterwards, Delivery};
use crate::fault::FaultKind;
use crate::incoming::Incoming;
use crate::provider::Provider;
use crate::request::Request;
use crate::simulator::Core;
use crate::spoil;
use crate::stream::Stream;
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::time::Duration;

/// Serves requests until one side has had enough; a network error ends it like a close.
///
/// The stream is given back to be dropped when nothing else holds the connection open.
pub(crate) fn serve(core: &Core, id: u64, tcp: TcpStream) -> Option<Stream> {
    let mut stream = tcp.set_nodelay(true).and_then(|()| Stream::new(tcp, core.tls())).ok()?;
    if converse(core, id, &mut stream).is_ok_and(|afterwards| afterwards == Afterwards::Reset) {
        // With a linger time of zero the kernel answers the coming close with a reset. Should
        // that fail, the client sees an orderly close, which is the next best thing.
        let _ = socket2::SockRef::from(stream.tcp()).set_linger(Some(Duration::ZERO));
    }
    Some(stream)
}

fn converse(core: &Core, id: u64, stream: &mut Stream) -> io::Result<Afterwards> {
    let mut incoming = Incoming::default();
    let mut is_counted = false;
    loop {
        let came = incoming.wait(stream);
        if !is_counted && let Some(handshake) = stream.handshake() {
            core.counts.handshake(handshake.is_resumed, handshake.offers_early_data);
            is_counted = true;
        }
        if !came? {
            break;
        }
        if !control::is_addressed_by(incoming.pending())
            && let Some(kind) = core.faults.meet_unread()
        {
            core.counts.unread();
            return Ok(ending(&kind));
        }
        let request = match incoming.request(stream) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let refusal = Answer::text(400, &error.to_string());
                return Delivery::Whole(refusal).send(stream, true, false);
            }
            request => request?,
        };
        let (last, head_only) = (request.is_last(), request.method() == "HEAD");
        let afterwards = match handle(core, id, request) {
            Handled::Answered(delivery) => delivery.send(stream, last, head_only)?,
            Handled::Dropped(afterwards) => afterwards,
        };
        if afterwards != Afterwards::GoOn {
            return Ok(afterwards);
        }
    }
    Ok(Afterwards::Close)
}

enum Handled {
    Answered(Delivery),
    Dropped(Afterwards),
}

/// Everything between reading a request and sending its answer. It is counted and logged when
/// this returns, so a client that has the answer finds itself in both.
fn handle(core: &Core, id: u64, request: Request) -> Handled {
    if control::is_for(&request) {
        return Handled::Answered(Delivery::Whole(control::answer(core, &request)));
    }
    let class = Provider::classify(&request);
    core.provider.note_secrets(class, &request);
    core.counts.on_connection(id, class);
    let in_flight = core.counts.enter(class, request.path());
    let met = core.faults.meet_read(class, request.path());
    if !met.delay.is_zero() {
        std::thread::sleep(met.delay);
    }
    let delivery = match &met.kind {
        None => Delivery::Whole(core.provider.answer(&request)),
        Some(kind) if kind.is_before_read() => return Handled::Dropped(ending(kind)),
        Some(kind) if kind.acts() => spoil::after(kind, core.provider.answer(&request)),
        Some(kind) => spoil::instead(kind, &request, &core.provider),
    };
    core.log.note(request, delivery.status(), met.name(), core.clock.now());
    drop(in_flight);
    Handled::Answered(delivery)
}

fn ending(kind: &FaultKind) -> Afterwards {
    if *kind == FaultKind::ResetBeforeRead { Afterwards::Reset } else { Afterwards::Close }
}
