//! From a method and a path to a resource, and the scopes it takes to use it.

use crate::answer::Answer;
use crate::fitbit::errors;
use crate::request::Request;

/// A resource with the variable parts of its path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resource<'a> {
    Profile,
    Devices,
    ActivityOfDay(&'a str),
    ActivitySeries { resource: &'a str, from: &'a str, until: &'a str },
    HeartRateOfDay { day: &'a str, detail: &'a str },
    ActivityFile(&'a str),
    ActivityList,
    SleepOfDay(&'a str),
    SleepList,
    FoodOfDay(&'a str),
    LogFood,
    DeleteFood(&'a str),
    CreateMeal,
    Bytes(&'a str),
}

impl Resource<'_> {
    pub(crate) fn scopes(&self) -> &'static [&'static str] {
        match self {
            Self::Profile => &["profile"],
            Self::Devices => &["settings"],
            Self::ActivityOfDay(_) | Self::ActivitySeries { .. } | Self::ActivityList => {
                &["activity"]
            }
            Self::HeartRateOfDay { .. } => &["heartrate"],
            Self::ActivityFile(_) => &["activity", "location"],
            Self::SleepOfDay(_) | Self::SleepList => &["sleep"],
            Self::FoodOfDay(_) | Self::LogFood | Self::DeleteFood(_) | Self::CreateMeal => {
                &["nutrition"]
            }
            // Not the provider's: bodies of a chosen size for benchmarks.
            Self::Bytes(_) => &[],
        }
    }
}

/// The resource a person with this id asks for.
pub(crate) fn resource<'a>(request: &'a Request, user_id: &str) -> Result<Resource<'a>, Answer> {
    let path = request.path();
    let (path, extension) = path.rsplit_once('.').ok_or_else(errors::not_found)?;
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let [version, "user", owner, rest @ ..] = segments.as_slice() else {
        return Err(errors::not_found());
    };
    if !["-", user_id].contains(owner) {
        return Err(errors::insufficient_permissions());
    }
    let resource = match (request.method(), *version, rest, extension) {
        ("GET", "1", ["profile"], "json") => Resource::Profile,
        ("GET", "1", ["devices"], "json") => Resource::Devices,
        ("GET", "1", ["activities", "date", day], "json") => Resource::ActivityOfDay(day),
        ("GET", "1", ["activities", "list"], "json") => Resource::ActivityList,
        ("GET", "1", ["activities", id], "tcx") => Resource::ActivityFile(id),
        ("GET", "1", ["activities", "heart", "date", day, "1d", detail], "json") => {
            Resource::HeartRateOfDay { day, detail }
        }
        ("GET", "1", ["activities", resource, "date", from, until], "json") => {
            Resource::ActivitySeries { resource, from, until }
        }
        ("GET", "1.2", ["sleep", "date", day], "json") => Resource::SleepOfDay(day),
        ("GET", "1.2", ["sleep", "list"], "json") => Resource::SleepList,
        ("GET", "1", ["foods", "log", "date", day], "json") => Resource::FoodOfDay(day),
        ("POST", "1", ["foods", "log"], "json") => Resource::LogFood,
        ("DELETE", "1", ["foods", "log", id], "json") => Resource::DeleteFood(id),
        ("POST", "1", ["meals"], "json") => Resource::CreateMeal,
        ("GET", "1", ["bytes", count], "json") => Resource::Bytes(count),
        _ => return Err(errors::not_found()),
    };
    Ok(resource)
}
