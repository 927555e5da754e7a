//! When a token expires: the one place that decides.

use std::num::NonZeroU64;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use once_cell::sync::OnceCell;

use super::Token;
use crate::provider::Provider;

/// How long before its expiry a token is renewed, unless the program sets another time.
pub(crate) const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);

/// How long a token counts as just received: it is used once before its age renews it. So a life shorter than
/// the leeway, or a clock that jumps, does not renew for ever.
const JUST_RECEIVED: Duration = Duration::from_secs(60);

/// The time on both clocks. The wall clock can be set; the monotonic one stops in suspend.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    /// Seconds since the epoch.
    pub(super) wall: i64,
    pub(super) monotonic: Moment,
}

/// A time on the monotonic clock: milliseconds since this process first asked for one, plus one. It takes half
/// of the memory of std's, in every token.
#[derive(Clone, Copy)]
pub(super) struct Moment(NonZeroU64);

impl Moment {
    fn now() -> Moment {
        static FIRST: OnceCell<Instant> = OnceCell::new();
        let since = FIRST.get_or_init(Instant::now).elapsed();
        let milliseconds = since.as_secs() * 1000 + u64::from(since.subsec_millis());
        Moment(NonZeroU64::MIN.saturating_add(milliseconds))
    }

    fn earlier(self, by: Duration) -> Moment {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Moment(NonZeroU64::new(self.0.get().saturating_sub(by)).unwrap_or(NonZeroU64::MIN))
    }

    fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Now {
    pub fn read() -> Now {
        Now::ago(Duration::ZERO)
    }

    /// The time so long ago, on both clocks.
    pub fn ago(time: Duration) -> Now {
        let now = SystemTime::now().checked_sub(time).unwrap_or(UNIX_EPOCH);
        let wall = match now.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(_) => 0,
        };
        Now { wall, monotonic: Moment::now().earlier(time) }
    }
}

/// How much of its life a token has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// More than the leeway.
    Lasting,
    /// Less than the leeway: it still works and is to be renewed.
    ExpiringSoon,
    /// None.
    Expired,
}

impl Token {
    /// The one place that decides whether a token has expired.
    ///
    /// A token that this process received ages by the clock that shows the higher age. It is used once before
    /// its age counts, even if its life is short. A loaded token ages by the wall clock. Without `expires_at`,
    /// it has expired if it can be renewed; otherwise it is used until a 401. The leeway is at most a tenth of
    /// the token's life, and only for a token that can be renewed.
    pub fn age(&self, now: Now, leeway: Duration, provider: &Provider) -> Age {
        let renewable = !self.refresh_token().is_empty();
        if self.access_token().is_empty() {
            return Age::Expired;
        }
        let Some(expires_at) = self.expires_at() else {
            return if renewable { Age::Expired } else { Age::Lasting };
        };
        let mut left = expires_at.saturating_sub(now.wall);
        if let Some(received) = self.received {
            let age = now.monotonic.since(received);
            if self.unused.load(Ordering::Relaxed) && age < JUST_RECEIVED {
                return Age::Lasting;
            }
            left = left.min(i64::from(self.life).saturating_sub_unsigned(age.as_secs()));
        }
        let life = if self.life > 0 { self.life } else { provider.token_life };
        let leeway = leeway.as_secs().min(u64::from(life / 10));
        match left {
            ..=0 => Age::Expired,
            _ if renewable && left.unsigned_abs() <= leeway => Age::ExpiringSoon,
            _ => Age::Lasting,
        }
    }
}
