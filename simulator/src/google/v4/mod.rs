//! The Google Health API: who asks, whether they still may, and which resource it is.
//!
//! The order of the checks is the order of the answers a client can get: 401 for the token, 429
//! for the minute, 404 for the path, 403 for the person or the scope, and then what the resource
//! says.

mod admission;
mod data_types;
mod filter;
mod paging;
mod person;
mod points;
mod roll_up;
mod series;
mod writing;

use super::errors;
use crate::answer::Answer;
use crate::calendar::Date;
use crate::form;
use crate::provider::Provider;
use crate::request::Request;
use admission::Caller;
use data_types::DataType;
use points::List;

pub(crate) fn is_for(path: &str) -> bool {
    path.starts_with("/v4/")
}

pub(crate) fn answer(provider: &Provider, request: &Request) -> Answer {
    let today = Date::from_unix(provider.clock.unix(provider.clock.now()));
    let answer =
        admission::admit(provider, request).and_then(|caller| respond(request, &caller, today));
    answer.unwrap_or_else(|refusal| refusal)
}

fn respond(request: &Request, caller: &Caller, today: Date) -> Result<Answer, Answer> {
    // A colon may be escaped.
    let path = form::decode(request.path());
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let ["v4", "users", user, rest @ ..] = segments.as_slice() else {
        return Err(errors::not_found());
    };
    if !["me", caller.health_user_id.as_str()].contains(user) {
        return Err(errors::permission_denied());
    }
    match (request.method(), rest) {
        ("GET", ["identity"]) => Ok(person::identity(caller)),
        ("GET", ["profile"]) => person::profile(caller),
        ("GET", ["settings"]) => person::settings(caller),
        ("GET", ["pairedDevices"]) => person::paired_devices(caller, request),
        ("GET", ["pairedDevices", id]) => person::paired_device(caller, id),
        (method, ["dataTypes", data_type, rest @ ..]) => {
            let data_type = DataType::named(data_type)?;
            match (method, rest) {
                ("GET", ["dataPoints"]) => {
                    points::list(caller, data_type, request, today, List::Points)
                }
                ("GET", ["dataPoints:reconcile"]) => {
                    points::list(caller, data_type, request, today, List::Reconciled)
                }
                ("GET", ["dataPoints", id]) => match id.split_once(':') {
                    None => points::get(caller, data_type, id, today),
                    Some((id, "exportExerciseTcx")) => {
                        points::exercise_file(caller, data_type, id, request, today)
                    }
                    Some(_) => Err(errors::not_found()),
                },
                ("POST", ["dataPoints"]) => writing::create(caller, data_type, request),
                ("POST", ["dataPoints:batchDelete"]) => {
                    writing::batch_delete(caller, data_type, request)
                }
                ("POST", ["dataPoints:rollUp"]) => {
                    roll_up::windows(caller, data_type, request, today)
                }
                ("POST", ["dataPoints:dailyRollUp"]) => {
                    roll_up::days(caller, data_type, request, today)
                }
                _ => Err(errors::not_found()),
            }
        }
        _ => Err(errors::not_found()),
    }
}
