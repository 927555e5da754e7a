//! What each cell of the table has to be. This is the rule of the manual (`docs/lost-answers.md`),
//! written down a second time and independently of the library: the test compares both.

use fitbit_test_support::{FITBIT, GOOGLE_HEALTH};

use crate::ends::{Closing, End, Framing, PASSING_WORDS, Row, Stage};

/// Where a login's token is kept, or the exchange of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Callback,
    File,
    Guard,
    /// A renewal over a connection that an earlier one has kept.
    Kept,
    Exchange,
}

impl Flow {
    /// Whether the exchange gets to this stage.
    pub fn has(self, stage: Stage) -> bool {
        // What a new connection needs has been done.
        self != Flow::Kept || stage.is_sent()
    }
}

pub const RENEWALS: [Flow; 3] = [Flow::Callback, Flow::File, Flow::Guard];

/// What the provider does with a refresh token that it is given a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Refresh tokens are single-use; for two minutes it repeats its response (Fitbit).
    Repeats,
    /// Refresh tokens are single-use; it repeats nothing.
    RepeatsNothing,
    /// Refresh tokens work any number of times (Google Health).
    Reuses,
}

pub const PROVIDERS: [Provider; 3] =
    [Provider::Repeats, Provider::RepeatsNothing, Provider::Reuses];

impl Provider {
    /// The flows that are measured: how a code is exchanged does not depend on refresh tokens.
    pub fn flows(self) -> &'static [Flow] {
        match self {
            Provider::Repeats => &[Flow::Callback, Flow::File, Flow::Guard, Flow::Exchange],
            Provider::RepeatsNothing => &RENEWALS,
            Provider::Reuses => {
                &[Flow::Callback, Flow::File, Flow::Guard, Flow::Kept, Flow::Exchange]
            }
        }
    }

    /// What is sent in this flow works once only.
    fn is_single_use(self, flow: Flow) -> bool {
        self != Provider::Reuses || flow == Flow::Exchange
    }

    pub fn number(self) -> u32 {
        if self == Provider::Reuses { GOOGLE_HEALTH } else { FITBIT }
    }
}

/// What stands in the store after the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Old,
    /// With the renewal marker.
    OldMarked,
    New,
    /// The new one, with a marker that does not belong there.
    NewMarked,
}

/// What becomes of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The code's name, without its prefix; `success` for none.
    pub code: String,
    /// Requests that the token endpoint received, those that were only begun included.
    pub requests: u64,
    pub acted: bool,
    pub stored: Stored,
    /// What a later call says when the fault is gone.
    pub later: String,
    /// Requests that it sends to the token endpoint. None are needed if it reads a response to the
    /// first call.
    pub later_requests: u64,
}

pub const LIVES: &str = "lives";
/// The provider refuses a refresh token whose response never arrived.
pub const LOST: &str = "lost";
/// The same, where the first response can still come: `TIMEOUT` until then, for 30 seconds.
pub const LOST_LATER: &str = "lost, said later";
/// The provider has ended it, in its own words.
pub const ENDED: &str = "ended";

/// What is known of the refresh token (or code) after one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    NotSent,
    /// The provider said no: it was not used.
    Refused,
    /// The program ended the request, and it can be used again.
    Reusable,
    PossiblyUsed,
    Used,
}

/// What one request means, by how it ended.
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    pub code: &'static str,
    pub doubt: Doubt,
    /// A renewal is asked for again within the same call.
    pub again: bool,
}

/// The rule for one request.
pub fn judge(row: &Row, flow: Flow, provider: Provider) -> Judgement {
    if !row.stage.is_sent() {
        return not_sent(row);
    }
    let possibly = |code, again| Judgement { code, doubt: Doubt::PossiblyUsed, again };
    match row.end {
        End::Silence | End::SilenceThenAnswer => possibly("TIMEOUT", false), // the time is up
        End::Cancel | End::CancelThenAnswer if !provider.is_single_use(flow) => {
            Judgement { code: "CANCELLED", doubt: Doubt::Reusable, again: false }
        }
        End::Cancel => possibly("CANCELLED", false),
        End::CancelThenAnswer => Judgement { code: "CANCELLED", doubt: Doubt::Used, again: false },
        End::NoHttp => possibly("PROTOCOL", true),
        End::Body(framing, closing) => body(framing, closing),
        End::Answer(answer) => answered(answer.status, answer.word(), provider),
        End::Simulated(name) => simulated(name, provider),
        // However a connection ends behind the first byte: the response may be lost.
        _ => possibly("NETWORK", true),
    }
}

/// Nothing of the request has gone out: nothing can have been used.
fn not_sent(row: &Row) -> Judgement {
    let (code, again) = match (row.end, row.stage) {
        (End::Silence, _) => ("TIMEOUT", false), // the time is up
        (End::Cancel, _) => ("CANCELLED", false),
        (End::Untrusted, _) => ("TLS", false),
        (End::Alert | End::NoTls, _) => ("TLS", false),
        (End::NoHttp, Stage::Proxy | Stage::Socks) => ("PROTOCOL", true),
        _ => ("NETWORK", true),
    };
    Judgement { code, doubt: Doubt::NotSent, again }
}

/// A body ends by its length, by its chunks, or by a clean close. Half of one is never a success.
fn body(framing: Framing, closing: Closing) -> Judgement {
    let possibly = |code| Judgement { code, doubt: Doubt::PossiblyUsed, again: true };
    let is_clean = matches!(closing, Closing::Close | Closing::PlainClose);
    match framing {
        Framing::HalfOfChunks => possibly("NETWORK"),
        Framing::HalfOfGzip => possibly("PROTOCOL"),
        Framing::HalfWithoutLength if is_clean => possibly("PROTOCOL"), // half of the JSON
        Framing::WholeWithoutLength if is_clean => SUCCESS,
        Framing::HalfWithoutLength | Framing::WholeWithoutLength => possibly("NETWORK"),
        Framing::WholeWithLength => SUCCESS,
    }
}

const SUCCESS: Judgement = Judgement { code: "success", doubt: Doubt::Used, again: false };

/// A complete response without an access token. `word`: the error type, where the body is an error
/// of the provider's own.
fn answered(status: u16, word: Option<&str>, provider: Provider) -> Judgement {
    let possibly = |code, again| Judgement { code, doubt: Doubt::PossiblyUsed, again };
    let refused = |code| Judgement { code, doubt: Doubt::Refused, again: false };
    match (status, word) {
        (100..=299, _) => possibly("PROTOCOL", true),
        (300..=399, _) => possibly("HTTP", false),
        (409 | 500..=599, _) => possibly("HTTP", true),
        (_, Some(word)) if PASSING_WORDS.contains(&word) => possibly("HTTP", true),
        (_, Some("invalid_grant")) => refused("REAUTHORIZE"),
        (_, Some("invalid_client")) => refused("INVALID_CLIENT"),
        (429, Some(_)) => refused("RATE_LIMITED"),
        (_, Some(_)) => refused("HTTP"),
        // Somebody in between answered: to ask again would meet the same one.
        (429, None) => possibly("RATE_LIMITED", false),
        (410, None) if provider.number() == FITBIT => possibly("PROVIDER_RETIRED", false),
        (_, None) => possibly("HTTP", false),
    }
}

/// The simulator's faults, in the words of the rule.
fn simulated(name: &str, provider: Provider) -> Judgement {
    let possibly = |code, again| Judgement { code, doubt: Doubt::PossiblyUsed, again };
    let own = |status, word| answered(status, Some(word), provider);
    match name {
        "latency" | "wrong_content_type" | "slow_drip" => SUCCESS,
        "status_401_expired" | "status_401_invalid" => own(401, "invalid_token"),
        "status_401_empty" => answered(401, None, provider),
        "status_401_invalid_client" => own(401, "invalid_client"),
        "status_400_invalid_grant" | "status_400_rfc6749" => own(400, "invalid_grant"),
        "status_403_scope" | "status_403_permissions" => own(403, "insufficient_scope"),
        "status_404" => own(404, "not_found"),
        "status_409" => own(409, "request"),
        "status_410" => answered(410, None, provider),
        "status_422" => own(422, "validation"),
        "status_429_reset"
        | "status_429_retry_after"
        | "status_429_retry_after_date"
        | "status_429_bare"
        | "status_429_malformed" => own(429, "system"),
        "status_500" | "status_502" | "status_503" | "lost_answer_503" => {
            answered(503, None, provider)
        }
        "empty_body"
        | "malformed_json"
        | "ok_with_error_inside"
        | "ok_without_access_token"
        | "raw" => answered(200, None, provider),
        "endless_body" | "endless_headers" | "gzip_bomb" => possibly("PROTOCOL", true),
        "truncated_body" | "close_before_read" | "reset_before_read" | "close_after_read"
        | "reset_after_read" => possibly("NETWORK", true),
        "stall" | "stall_before_answer" => possibly("TIMEOUT", false),
        "redirect_to" | "redirect_307" => answered(307, None, provider),
        "echo_secrets" | "control_characters" => own(400, "invalid_request"),
        "json" => answered(418, None, provider),
        other => panic!("the rule does not know the simulator's fault {other}"),
    }
}

/// How often one call asks the token endpoint at most.
const MAX_REQUESTS: u64 = 4;

/// What a cell has to be, where the end falls on every request of the first call.
pub fn expected(row: &Row, flow: Flow, provider: Provider) -> Outcome {
    let Judgement { code, doubt, again } = judge(row, flow, provider);
    let acted = row.stage.has_acted()
        || row.end.is_answered_late()
        || row.end.fault().is_some_and(|kind| kind.acts());
    if flow == Flow::Exchange {
        // A code is sent once. A login that succeeded while it was cancelled is a login.
        let code = match (code, doubt) {
            ("REAUTHORIZE", _) => "AUTHORIZATION",
            ("CANCELLED", Doubt::Used) => "success",
            _ => code,
        };
        let stored = if doubt == Doubt::Used { Stored::New } else { Stored::Old };
        let requests = u64::from(row.stage.is_sent());
        let (code, later) = (code.into(), LIVES.into());
        return Outcome { code, requests, acted, stored, later, later_requests: 1 };
    }
    // Its connection stays with the login: the later call reads on there.
    let is_read_late = row.end.is_answered_late() && doubt != Doubt::Used;
    let mut outcome = Outcome {
        code: code.into(),
        requests: match (row.stage.is_sent(), again) {
            (false, _) => 0,
            (true, false) if is_doubtful(row, code, flow) => 2,
            (true, false) => 1,
            (true, true) => MAX_REQUESTS,
        },
        acted,
        stored: match doubt {
            Doubt::Used => Stored::New,
            // Only the token file has a marker.
            Doubt::PossiblyUsed if flow == Flow::File => Stored::OldMarked,
            _ => Stored::Old,
        },
        later: match (doubt, provider) {
            _ if is_read_late => LIVES,
            (Doubt::PossiblyUsed, Provider::RepeatsNothing) if acted => {
                if row.end.takes_all_the_time() { LOST_LATER } else { LOST }
            }
            _ if code == "REAUTHORIZE" => ENDED,
            _ => LIVES,
        }
        .into(),
        later_requests: match doubt {
            Doubt::Used => 0,
            _ if is_read_late || code == "REAUTHORIZE" => 0,
            _ => 1,
        },
    };
    if provider == Provider::RepeatsNothing {
        spoil_the_refusal(row, &mut outcome);
    }
    outcome
}

/// A provider that repeats nothing refuses the second request. An end that spoils every body spoils
/// that refusal, too. Its status stays, and decides.
fn spoil_the_refusal(row: &Row, outcome: &mut Outcome) {
    use Closing::{Close, PlainClose};
    use Framing::{HalfOfGzip, HalfWithoutLength};
    match row.end {
        // A status of 400, and no words that can be read: nobody knows whose they are.
        End::Simulated("malformed_json" | "endless_body" | "gzip_bomb")
        | End::Body(HalfOfGzip, _)
        | End::Body(HalfWithoutLength, Close | PlainClose) => {
            outcome.code = "HTTP".into();
            outcome.requests = 2;
        }
        // A refusal has no access token that could be missing: it is whole.
        End::Simulated("ok_without_access_token") => {
            outcome.code = "REAUTHORIZE".into();
            outcome.requests = 2;
            outcome.stored = Stored::Old;
            outcome.later_requests = 0;
        }
        _ => {}
    }
}

/// Whether one call gets over an end that falls on its first request alone.
pub fn is_asked_again(row: &Row, flow: Flow, provider: Provider) -> bool {
    let Judgement { code, again, .. } = judge(row, flow, provider);
    again || is_doubtful(row, code, flow)
}

/// On a connection that was kept, a refusal can be a response to somebody else's request. `code`: of a
/// response that is not asked for again for another reason. A limit holds for every connection.
fn is_doubtful(row: &Row, code: &str, flow: Flow) -> bool {
    let is_refusal = ["REAUTHORIZE", "INVALID_CLIENT", "HTTP"].contains(&code);
    let leads_elsewhere = match row.end {
        End::Answer(answer) => answer.status < 400,
        End::Simulated(name) => name.starts_with("redirect_"),
        _ => false,
    };
    flow == Flow::Kept && is_refusal && !leads_elsewhere
}
