//! Lists that come in pages: activities and nights, one a day.
//!
//! A page ends at a date and the next one begins after it, so the offset is always 0; the link
//! to the next page is absolute and to be followed as it is.

use super::admission::Caller;
use super::date;
use super::sleep as nights;
use crate::answer::Answer;
use crate::calendar::Date;
use crate::fitbit::errors;
use crate::form::Form;
use crate::provider::{Provider, figures};
use crate::request::Request;
use serde_json::{Value, json};

const LONGEST_PAGE: usize = 100;

#[derive(Clone, Copy, Debug)]
enum Order {
    /// The days after this one, the earliest first.
    After(Date),
    /// The days before this one, the latest first.
    Before(Date),
}

pub(crate) fn activities(
    provider: &Provider,
    request: &Request,
    caller: &Caller,
    today: Date,
) -> Result<Answer, Answer> {
    page(provider, request, today, "activities", |day| {
        let number = caller.number("activity", day.days());
        let (start, end) = figures::run(day);
        json!({
            "activityName": "Run",
            "activityTypeId": 90_009,
            "calories": 200 + number % 300,
            "distance": caller.units.distance(5.0),
            "distanceUnit": "Kilometer",
            "duration": 1_000 * (end.0 - start.0),
            "logId": number | 1 << 63,
            "startTime": format!("{start}.000+01:00"),
            "steps": 4_000 + number % 2_000,
        })
    })
}

pub(crate) fn sleep(
    provider: &Provider,
    request: &Request,
    caller: &Caller,
    today: Date,
) -> Result<Answer, Answer> {
    page(provider, request, today, "sleep", |day| nights::night(caller, day))
}

fn page(
    provider: &Provider,
    request: &Request,
    today: Date,
    name: &str,
    entry: impl Fn(Date) -> Value,
) -> Result<Answer, Answer> {
    let query = request.query();
    let order = order(&query, today)?;
    if query.get("offset") != Some("0") {
        return Err(errors::validation("offset", "The offset has to be 0"));
    }
    let limit = query.get("limit").and_then(|limit| limit.parse().ok());
    let limit = limit.filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    let limit = limit.ok_or_else(|| errors::validation("limit", "Invalid limit"))?;

    let mut days: Vec<Date> = (figures::FIRST_DAY..=today.days()).map(Date::from_days).collect();
    match order {
        Order::After(date) => days.retain(|day| *day > date),
        Order::Before(date) => {
            days.retain(|day| *day < date);
            days.reverse();
        }
    }
    let more = days.len() > limit;
    days.truncate(limit);
    let (parameter, sort) = match order {
        Order::After(_) => ("afterDate", "asc"),
        Order::Before(_) => ("beforeDate", "desc"),
    };
    let next = match days.last() {
        Some(last) if more => format!(
            "{}{}?{parameter}={last}&sort={sort}&offset=0&limit={limit}",
            provider.world().settings.links_origin.as_deref().unwrap_or(&provider.uri),
            request.path()
        ),
        _ => String::new(),
    };
    let entries: Vec<Value> = days.into_iter().map(entry).collect();
    let mut pagination =
        json!({"limit": limit, "next": next, "offset": 0, "previous": "", "sort": sort});
    pagination[parameter] = query.get(parameter).into();
    Ok(Answer::json(200, &json!({name: entries, "pagination": pagination})))
}

/// Exactly one of the two dates, with the order that goes with it.
fn order(query: &Form, today: Date) -> Result<Order, Answer> {
    match (query.get("afterDate"), query.get("beforeDate"), query.get("sort")) {
        (Some(after), None, Some("asc")) => Ok(Order::After(date(after, today)?)),
        (None, Some(before), Some("desc")) => Ok(Order::Before(date(before, today)?)),
        _ => {
            let message = "Either afterDate with sort=asc or beforeDate with sort=desc";
            Err(errors::validation("sort", message))
        }
    }
}
