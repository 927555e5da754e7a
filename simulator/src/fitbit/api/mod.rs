//! The Web API: who asks, whether they still may, and which resource it is.
//!
//! The order of the checks is the order of the answers a client can get: 401 for the token, 429
//! for the hour, 405 and 404 for the path, 403 for the scope, and then what the resource says.

mod activities;
mod admission;
mod body;
mod bytes;
mod food;
mod lists;
mod route;
mod sleep;

pub(crate) use admission::bearer;
pub(crate) use bytes::Fillers;
pub(crate) use food::Diaries;

use super::errors;
use crate::answer::Answer;
use crate::calendar::Date;
use crate::provider::Provider;
use crate::request::Request;
use admission::Caller;
use route::Resource;

pub(crate) fn is_for(path: &str) -> bool {
    ["/1/", "/1.1/", "/1.2/"].iter().any(|version| path.starts_with(version))
}

pub(crate) fn answer(provider: &Provider, request: &Request) -> Answer {
    let (caller, rate) = match admission::admit(provider, request) {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let answer = respond(provider, request, &caller).unwrap_or_else(|refusal| refusal);
    admission::tell(rate, answer)
}

fn respond(provider: &Provider, request: &Request, caller: &Caller) -> Result<Answer, Answer> {
    if !["GET", "POST", "DELETE"].contains(&request.method()) {
        return Err(errors::method_not_allowed());
    }
    let resource = route::resource(request, &caller.user_id)?;
    let scopes = resource.scopes();
    if let Some(scope) = scopes.iter().find(|scope| !caller.has(scope)) {
        return Err(errors::insufficient_scope(&scope.to_uppercase()));
    }
    let today = Date::from_unix(provider.clock.unix(provider.clock.now()));
    match resource {
        Resource::Profile => Ok(body::profile(caller)),
        Resource::Devices => Ok(body::devices(caller)),
        Resource::ActivityOfDay(day) => Ok(activities::of_day(caller, date(day, today)?)),
        Resource::ActivitySeries { resource, from, until } => {
            activities::series(caller, resource, date(from, today)?, until, today)
        }
        Resource::HeartRateOfDay { .. } if !caller.intraday => {
            Err(errors::insufficient_permissions())
        }
        Resource::HeartRateOfDay { day, detail } => {
            activities::heart_rate(caller, date(day, today)?, detail)
        }
        Resource::ActivityFile(id) => activities::tcx(id),
        Resource::ActivityList => lists::activities(provider, request, caller, today),
        Resource::SleepOfDay(day) => Ok(sleep::of_day(caller, date(day, today)?)),
        Resource::SleepList => lists::sleep(provider, request, caller, today),
        Resource::FoodOfDay(day) => Ok(provider.fitbit.diaries.of_day(caller, date(day, today)?)),
        Resource::LogFood => provider.fitbit.diaries.log(caller, request, today),
        Resource::DeleteFood(id) => provider.fitbit.diaries.delete(caller, id),
        Resource::CreateMeal => Diaries::create_meal(request),
        Resource::Bytes(count) => provider.fitbit.fillers.answer(count),
    }
}

fn date(text: &str, today: Date) -> Result<Date, Answer> {
    Date::parse(text, today).ok_or_else(|| errors::validation("date", "Invalid date"))
}
