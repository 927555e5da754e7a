//! Writing: answered with a long-running operation that is done. What was written is not kept.

use super::admission::Caller;
use super::data_types::DataType;
use crate::answer::Answer;
use crate::google::errors;
use crate::random;
use crate::request::Request;
use serde_json::{Value, json};

const MOST_NAMES: usize = 10_000;

pub(crate) fn create(
    caller: &Caller,
    data_type: DataType,
    request: &Request,
) -> Result<Answer, Answer> {
    caller.need_one_of(&[&data_type.writing()])?;
    let mut point = body(request)?;
    if !point[data_type.camel_case()].is_object() {
        let message = format!("A data point has \"{}\"", data_type.camel_case());
        return Err(errors::invalid_argument("INVALID_DATA_POINT", &message));
    }
    let (user, id) = (&caller.health_user_id, random::hex::<8>());
    let name = format!("users/{user}/dataTypes/{}/dataPoints/{id}", data_type.name);
    point["name"] = name.into();
    point["@type"] = "type.googleapis.com/google.devicesandservices.health.v4.DataPoint".into();
    Ok(done(&point))
}

/// Deletes points of one type, or of any type if it is `-`.
pub(crate) fn batch_delete(
    caller: &Caller,
    data_type: DataType,
    request: &Request,
) -> Result<Answer, Answer> {
    let body = body(request)?;
    let names = body["names"].as_array().filter(|names| (1..=MOST_NAMES).contains(&names.len()));
    let names = names.ok_or_else(|| {
        errors::invalid_argument("INVALID_REQUEST_PARAMETER", "Between 1 and 10000 names")
    })?;
    for name in names {
        let of_name = name.as_str().and_then(|name| name.split('/').nth(3)).unwrap_or("");
        let of_name = DataType::named(of_name)?;
        if !["-", of_name.name].contains(&data_type.name) {
            let message = format!("{name} is not of {}", data_type.name);
            return Err(errors::invalid_argument("INVALID_PARENT_DATA_TYPE_COLLECTION", &message));
        }
        caller.need_one_of(&[&of_name.writing()])?;
    }
    let empty = "type.googleapis.com/google.devicesandservices.health.v4.\
                 BatchDeleteDataPointsResponse";
    Ok(done(&json!({"@type": empty})))
}

fn body(request: &Request) -> Result<Value, Answer> {
    let body = serde_json::from_slice::<Value>(request.body()).ok().filter(Value::is_object);
    body.ok_or_else(|| {
        let message = "Invalid JSON payload received.";
        errors::invalid_argument("INVALID_REQUEST_PARAMETER", message)
    })
}

fn done(response: &Value) -> Answer {
    let name = format!("operations/{}", random::hex::<8>());
    Answer::json(200, &json!({"name": name, "done": true, "response": response}))
}
