//! Fleets: processes that share one login through a database. The two examples are built as a user
//! would build them and run against a real PostgreSQL and a real Redis, private instances on
//! loopback that live as long as one test.

mod database;
mod expiries;
mod instance;
mod kills;
mod lost_locks;
mod member;
mod postgres;
mod redis;
mod users;

/// Each story, once with each database.
macro_rules! with_both {
    ($($story:ident)*) => {$(
        mod $story {
            #[test]
            fn with_postgres() {
                crate::database::with::<crate::postgres::Postgres>(super::$story);
            }

            #[test]
            fn with_redis() {
                crate::database::with::<crate::redis::Redis>(super::$story);
            }
        }
    )*};
}
pub(crate) use with_both;
