//! Reading points: one, a page of them, a page of what several sources agree on, and a file.

use super::admission::Caller;
use super::data_types::{DataType, Shape};
use super::filter;
use super::paging::Question;
use super::series::Series;
use crate::answer::Answer;
use crate::calendar::Date;
use crate::google::errors;
use crate::provider::figures;
use crate::request::Request;
use serde_json::{Map, Value, json};

/// Which of the two lists it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Points,
    Reconciled,
}

/// A page of points, the latest first.
pub(crate) fn list(
    caller: &Caller,
    data_type: DataType,
    request: &Request,
    today: Date,
    list: List,
) -> Result<Answer, Answer> {
    caller.need_one_of(&[&data_type.reading()])?;
    if data_type.shape == Shape::RollUpOnly && list == List::Points {
        let message = format!("{} cannot be listed", data_type.name);
        return Err(errors::invalid_argument("UNSUPPORTED_DATA_TYPE", &message));
    }
    let query = request.query();
    if let Some(family) = query.get("dataSourceFamily") {
        check_family(family)?;
    }
    let mut asked: Vec<String> = query
        .iter()
        .filter(|(name, _)| name != "pageToken")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    asked.sort();
    let asked = format!("{}?{}", request.path(), asked.join("&"));
    let (size, token) = (query.get("pageSize"), query.get("pageToken"));
    let question = Question::new(caller, &asked, size, data_type.page_sizes(), token)?;

    let series = Series::new(caller, data_type, today);
    let passing = filter::range(&series, query.get("filter"))?;
    let end = question.from.map_or(passing.end, |from| from.min(passing.end));
    let start = passing.start.max(end.saturating_sub(question.size));
    let points: Vec<Value> = (start..end).rev().map(|index| point(&series, index, list)).collect();
    // What is empty is left out (the JSON mapping of proto3).
    let mut page = Map::new();
    if !points.is_empty() {
        page.insert("dataPoints".to_owned(), points.into());
    }
    if start > passing.start {
        page.insert("nextPageToken".to_owned(), question.token(start).into());
    }
    Ok(Answer::json(200, &page.into()))
}

fn point(series: &Series<'_>, index: i64, list: List) -> Value {
    let name = if list == List::Points { "name" } else { "dataPointName" };
    json!({
        name: series.name(index),
        "dataSource": {
            "recordingMethod": "PASSIVELY_MEASURED",
            "platform": "FITBIT",
            "device": {"manufacturer": "Fitbit", "displayName": "Charge 6"},
        },
        series.data_type.camel_case(): series.value(index),
    })
}

pub(crate) fn check_family(family: &str) -> Result<(), Answer> {
    const FAMILIES: [&str; 3] = ["all-sources", "google-wearables", "google-sources"];
    let name = family.strip_prefix("users/me/dataSourceFamilies/");
    if name.is_some_and(|name| FAMILIES.contains(&name)) {
        return Ok(());
    }
    Err(errors::invalid_argument("INVALID_DATA_SOURCE_FAMILY", family))
}

pub(crate) fn get(
    caller: &Caller,
    data_type: DataType,
    id: &str,
    today: Date,
) -> Result<Answer, Answer> {
    caller.need_one_of(&[&data_type.reading()])?;
    let series = Series::new(caller, data_type, today);
    let index = series.index_of(id).ok_or_else(errors::not_found)?;
    Ok(Answer::json(200, &point(&series, index, List::Points)))
}

/// A recorded exercise as a file, or as a file inside JSON.
pub(crate) fn exercise_file(
    caller: &Caller,
    data_type: DataType,
    id: &str,
    request: &Request,
    today: Date,
) -> Result<Answer, Answer> {
    caller.need_one_of(&[&data_type.reading()])?;
    caller.need_one_of(&["location.readonly"])?;
    if data_type.name != "exercise" {
        return Err(errors::not_found());
    }
    Series::new(caller, data_type, today).index_of(id).ok_or_else(errors::not_found)?;
    let file = figures::training_file(id);
    if request.query().get("alt") == Some("media") {
        return Ok(Answer::new(200, "application/vnd.garmin.tcx+xml", file.into_bytes()));
    }
    Ok(Answer::json(200, &json!({"tcxData": file})))
}
