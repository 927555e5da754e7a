//! Roll-ups: what a type's points add up to, in windows of time or in days.

use super::admission::Caller;
use super::data_types::DataType;
use super::paging::Question;
use super::points::check_family;
use super::series::{self, Series};
use crate::answer::Answer;
use crate::calendar::Date;
use crate::google::errors;
use crate::provider::figures;
use crate::provider::moment::Moment;
use crate::request::Request;
use serde_json::{Map, Value, json};

const DAY: i64 = 86_400;

/// Windows of so many seconds, in pages.
pub(crate) fn windows(
    caller: &Caller,
    data_type: DataType,
    request: &Request,
    today: Date,
) -> Result<Answer, Answer> {
    let mut body = begin(caller, data_type, request)?;
    let token = body.as_object_mut().and_then(|fields| fields.remove("pageToken"));
    let size = body["pageSize"].as_u64().map(|size| size.to_string());
    let question = Question::new(
        caller,
        &format!("{}{body}", request.path()),
        size.as_deref(),
        data_type.page_sizes(),
        token.as_ref().and_then(Value::as_str),
    )?;
    let moment = |field: &str| {
        let moment = body["range"][field].as_str().and_then(Moment::parse_utc);
        let moment = moment.map(|moment| moment.plus(figures::UTC_OFFSET));
        moment.ok_or_else(|| invalid(&format!("range.{field} is a timestamp")))
    };
    let (start, end) = (moment("startTime")?, moment("endTime")?);
    let window = body["windowSize"].as_str().and_then(|text| text.strip_suffix('s')?.parse().ok());
    let window: i64 = window.filter(|window| *window > 0).ok_or_else(|| invalid("windowSize"))?;
    check_range(data_type, start, end)?;

    let series = Series::new(caller, data_type, today);
    let first = question.from.unwrap_or(0);
    let count = (end.0 - start.0 + window - 1) / window;
    let last = count.min(first.saturating_add(question.size));
    let rolled = (first..last).filter_map(|place| {
        let from = start.plus(place * window);
        let until = from.plus(window).min(end);
        let mut point = total(&series, from, until, today)?;
        point["startTime"] = series::utc(from).into();
        point["endTime"] = series::utc(until).into();
        Some(point)
    });
    let mut page = page(rolled.collect());
    if last < count {
        page.insert("nextPageToken".to_owned(), question.token(last).into());
    }
    Ok(Answer::json(200, &page.into()))
}

/// Windows of so many days by the person's clock, all at once.
pub(crate) fn days(
    caller: &Caller,
    data_type: DataType,
    request: &Request,
    today: Date,
) -> Result<Answer, Answer> {
    let body = begin(caller, data_type, request)?;
    let midnight = |field: &str| {
        let date = &body["range"][field]["date"];
        let number = |name: &str| date[name].as_i64();
        let text = number("year").zip(number("month")).zip(number("day"));
        let text = text.map(|((year, month), day)| format!("{year:04}-{month:02}-{day:02}"));
        let moment = text.as_deref().and_then(Moment::parse);
        moment.ok_or_else(|| invalid(&format!("range.{field}.date is a date")))
    };
    let (start, end) = (midnight("start")?, midnight("end")?);
    let window = body["windowSizeDays"].as_i64().unwrap_or(1);
    if window < 1 {
        return Err(invalid("windowSizeDays is positive"));
    }
    check_range(data_type, start, end)?;
    let series = Series::new(caller, data_type, today);
    let count = ((end.0 - start.0) / DAY + window - 1) / window;
    let rolled = (0..count).filter_map(|place| {
        let from = start.plus(place * window * DAY);
        let until = from.plus(window * DAY).min(end);
        let mut point = total(&series, from, until, today)?;
        point["civilStartTime"] = series::civil(from);
        point["civilEndTime"] = series::civil(until);
        Some(point)
    });
    Ok(Answer::json(200, &page(rolled.collect()).into()))
}

/// What is empty is left out (the JSON mapping of proto3).
fn page(points: Vec<Value>) -> Map<String, Value> {
    let mut page = Map::new();
    if !points.is_empty() {
        page.insert("rollupDataPoints".to_owned(), points.into());
    }
    page
}

/// The body of a request that may be answered.
fn begin(caller: &Caller, data_type: DataType, request: &Request) -> Result<Value, Answer> {
    caller.need_one_of(&[&data_type.reading()])?;
    let body: Value = serde_json::from_slice(request.body())
        .map_err(|error| invalid(&format!("Invalid JSON payload received. {error}")))?;
    if let Some(family) = body["dataSourceFamily"].as_str() {
        check_family(family)?;
    }
    Ok(body)
}

fn check_range(data_type: DataType, start: Moment, end: Moment) -> Result<(), Answer> {
    let Some(most) = data_type.roll_up_days() else {
        let message = format!("{} cannot be rolled up", data_type.name);
        return Err(errors::invalid_argument("UNSUPPORTED_DATA_TYPE", &message));
    };
    if start >= end {
        return Err(invalid("The range is empty or backwards"));
    }
    if end.0 - start.0 > most * DAY {
        let message = format!("The range is longer than {most} days");
        return Err(errors::invalid_argument("INVALID_ROLLUP_QUERY_DURATION", &message));
    }
    Ok(())
}

fn invalid(message: &str) -> Answer {
    errors::invalid_argument("INVALID_REQUEST_PARAMETER", message)
}

/// A roll-up point without its times; `None` where there is no data.
fn total(series: &Series<'_>, from: Moment, until: Moment, today: Date) -> Option<Value> {
    let places = series.before(from)..series.before(until);
    let value = match series.data_type.name {
        "total-calories" => calories(series, from, until, today)?,
        _ if places.is_empty() => return None,
        "steps" => {
            let steps: u64 = places.map(|place| series.steps(place)).sum();
            json!({"countSum": steps.to_string()})
        }
        "distance" => {
            let steps: u64 = places.map(|place| series.steps(place)).sum();
            json!({"millimetersSum": (steps * 734).to_string()})
        }
        "heart-rate" => {
            let beats: Vec<u32> = places
                .map(|place| u32::try_from(series.beats_per_minute(place)).unwrap_or(u32::MAX))
                .collect();
            let sum: f64 = beats.iter().copied().map(f64::from).sum();
            let count = f64::from(u32::try_from(beats.len()).unwrap_or(u32::MAX));
            json!({
                "beatsPerMinuteAvg": sum / count,
                "beatsPerMinuteMin": beats.iter().min(),
                "beatsPerMinuteMax": beats.iter().max(),
            })
        }
        "weight" => json!({"weightGramsAvg": 70_000.5}),
        _ => return None,
    };
    Some(json!({ series.data_type.camel_case(): value }))
}

/// What whole days burn, begun in the window.
fn calories(series: &Series<'_>, from: Moment, until: Moment, today: Date) -> Option<Value> {
    let first = from.plus(DAY - 1).date().days().max(figures::FIRST_DAY);
    let last = until.plus(-1).date().days().min(today.days());
    let sum: u64 = (first..=last)
        .map(|day| 1_600 + figures::steps(series.user_id(), Date::from_days(day)) / 12)
        .sum();
    let sum = f64::from(u32::try_from(sum).unwrap_or(u32::MAX));
    (first <= last).then(|| json!({"kcalSum": sum}))
}
