//! Filters over time: the part of AIP-160 that the API documents, which is bounds joined by AND.

use super::data_types::{DataType, Shape};
use super::series::Series;
use crate::answer::Answer;
use crate::google::errors;
use crate::provider::figures;
use crate::provider::moment::Moment;
use std::ops::Range;

/// The points that pass, as their places in the series.
pub(crate) fn range(series: &Series<'_>, filter: Option<&str>) -> Result<Range<i64>, Answer> {
    let mut passing = 0..series.len();
    for bound in filter.unwrap_or("").split(" AND ").filter(|bound| !bound.trim().is_empty()) {
        let (is_lower, moment) = read(series.data_type, bound.trim())
            .ok_or_else(|| errors::invalid_argument("INVALID_DATA_POINT_FILTER", bound))?;
        let place = series.before(moment);
        if is_lower {
            passing.start = passing.start.max(place);
        } else {
            passing.end = passing.end.min(place);
        }
    }
    passing.start = passing.start.min(passing.end);
    Ok(passing)
}

/// Whether it is `>=` (and not `<`), and the moment by the person's clock.
fn read(data_type: DataType, bound: &str) -> Option<(bool, Moment)> {
    let at = bound.find(['<', '>'])?;
    let (field, rest) = bound.split_at(at);
    let (is_lower, value) = match rest.strip_prefix(">=") {
        Some(value) => (true, value),
        None => (false, rest.strip_prefix('<').filter(|value| !value.starts_with('='))?),
    };
    let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    let field = field.trim().strip_prefix(data_type.snake_case().as_str())?.strip_prefix('.')?;
    let [physical, civil] = fields(data_type);
    let moment = if field == physical {
        Moment::parse_utc(value).map(|moment| moment.plus(figures::UTC_OFFSET))
    } else if field == civil {
        Moment::parse(value)
    } else {
        None
    };
    // Electrocardiograms have a beginning and no more.
    let is_allowed = is_lower || data_type.name != "electrocardiogram";
    moment.filter(|_| is_allowed).map(|moment| (is_lower, moment))
}

/// The fields that can be filtered by: with timestamps, and with the person's clock.
fn fields(data_type: DataType) -> [&'static str; 2] {
    match (data_type.shape, data_type.name) {
        (_, "sleep") => ["interval.end_time", "interval.civil_end_time"],
        (_, "electrocardiogram") => ["interval.start_time", ""],
        (Shape::Interval | Shape::Session, _) => {
            ["interval.start_time", "interval.civil_start_time"]
        }
        (Shape::Sample, _) => ["sample_time.physical_time", "sample_time.civil_time"],
        (Shape::Daily, _) => ["", "date"],
        (Shape::RollUpOnly | Shape::Entity, _) => ["", ""],
    }
}
