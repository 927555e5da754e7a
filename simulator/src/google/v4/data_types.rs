//! The data types: how each is spelt, what it takes to read it, and what can be asked of it.

use crate::answer::Answer;
use crate::google::errors;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// From a moment to another.
    Interval,
    /// At a moment.
    Sample,
    /// Of a date.
    Daily,
    /// Like an interval, with a story; few to a page.
    Session,
    /// Known by its roll-ups alone.
    RollUpOnly,
    /// Neither time nor roll-ups.
    Entity,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct DataType {
    /// As a path has it, e.g. `heart-rate`.
    pub(crate) name: &'static str,
    /// The group of scopes, e.g. `health_metrics_and_measurements`.
    pub(crate) group: &'static str,
    pub(crate) shape: Shape,
}

const ACTIVITY: &str = "activity_and_fitness";
const METRICS: &str = "health_metrics_and_measurements";
const NUTRITION: &str = "nutrition";
const REPRODUCTION: &str = "reproductive_health";

const ALL: [(&str, &str, Shape); 45] = [
    ("steps", ACTIVITY, Shape::Interval),
    ("distance", ACTIVITY, Shape::Interval),
    ("floors", ACTIVITY, Shape::RollUpOnly),
    ("altitude", ACTIVITY, Shape::Interval),
    ("active-minutes", ACTIVITY, Shape::Interval),
    ("active-zone-minutes", ACTIVITY, Shape::Interval),
    ("active-energy-burned", ACTIVITY, Shape::Interval),
    ("basal-energy-burned", ACTIVITY, Shape::Interval),
    ("activity-level", ACTIVITY, Shape::Interval),
    ("sedentary-period", ACTIVITY, Shape::Interval),
    ("time-in-heart-rate-zone", ACTIVITY, Shape::Interval),
    ("swim-lengths-data", ACTIVITY, Shape::Interval),
    ("menstrual-period", REPRODUCTION, Shape::Interval),
    ("heart-rate", METRICS, Shape::Sample),
    ("heart-rate-variability", METRICS, Shape::Sample),
    ("oxygen-saturation", METRICS, Shape::Sample),
    ("weight", METRICS, Shape::Sample),
    ("height", METRICS, Shape::Sample),
    ("body-fat", METRICS, Shape::Sample),
    ("core-body-temperature", METRICS, Shape::Sample),
    ("blood-glucose", METRICS, Shape::Sample),
    ("respiratory-rate-sleep-summary", METRICS, Shape::Sample),
    ("vo2-max", ACTIVITY, Shape::Sample),
    ("run-vo2-max", ACTIVITY, Shape::Sample),
    ("ovulation-test", REPRODUCTION, Shape::Sample),
    ("symptoms", "logged_symptoms", Shape::Sample),
    ("moods", "mindfulness", Shape::Sample),
    ("daily-resting-heart-rate", METRICS, Shape::Daily),
    ("daily-heart-rate-variability", METRICS, Shape::Daily),
    ("daily-heart-rate-zones", METRICS, Shape::Daily),
    ("daily-oxygen-saturation", METRICS, Shape::Daily),
    ("daily-respiratory-rate", METRICS, Shape::Daily),
    ("daily-sleep-temperature-derivations", METRICS, Shape::Daily),
    ("daily-vo2-max", ACTIVITY, Shape::Daily),
    ("sleep", "sleep", Shape::Session),
    ("exercise", ACTIVITY, Shape::Session),
    ("nutrition-log", NUTRITION, Shape::Session),
    ("hydration-log", NUTRITION, Shape::Session),
    ("electrocardiogram", "ecg", Shape::Session),
    ("irregular-rhythm-notification", "irn", Shape::Session),
    ("food", NUTRITION, Shape::Entity),
    ("food-measurement-unit", NUTRITION, Shape::Entity),
    ("total-calories", ACTIVITY, Shape::RollUpOnly),
    ("calories-in-heart-rate-zone", ACTIVITY, Shape::RollUpOnly),
    // Any type at all, in a path that deletes.
    ("-", "", Shape::Entity),
];

/// What can be rolled up.
const ROLLED_UP: [&str; 21] = [
    "steps",
    "floors",
    "heart-rate",
    "weight",
    "altitude",
    "distance",
    "body-fat",
    "total-calories",
    "active-zone-minutes",
    "sedentary-period",
    "run-vo2-max",
    "calories-in-heart-rate-zone",
    "activity-level",
    "nutrition-log",
    "hydration-log",
    "time-in-heart-rate-zone",
    "active-minutes",
    "swim-lengths-data",
    "core-body-temperature",
    "active-energy-burned",
    "blood-glucose",
];

/// What can be rolled up over 14 days only.
const SHORT_RANGE: [&str; 4] =
    ["heart-rate", "total-calories", "active-minutes", "calories-in-heart-rate-zone"];

impl DataType {
    pub(crate) fn named(name: &str) -> Result<Self, Answer> {
        let known = ALL.iter().find(|(known, ..)| *known == name);
        let known = known.map(|&(name, group, shape)| Self { name, group, shape });
        known.ok_or_else(|| {
            let message = format!("Unknown data type: {name}");
            errors::invalid_argument("INVALID_PARENT_DATA_TYPE_COLLECTION", &message)
        })
    }

    pub(crate) fn reading(&self) -> String {
        format!("{}.readonly", self.group)
    }

    pub(crate) fn writing(&self) -> String {
        format!("{}.writeonly", self.group)
    }

    /// The name as a filter has it, e.g. `heart_rate`.
    pub(crate) fn snake_case(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The name as JSON has it, e.g. `heartRate`.
    pub(crate) fn camel_case(&self) -> String {
        let mut words = self.name.split('-');
        let first = words.next().unwrap_or("").to_owned();
        words.fold(first, |name, word| {
            let (initial, rest) = word.split_at(word.len().min(1));
            name + &initial.to_ascii_uppercase() + rest
        })
    }

    /// How many points are on a page if nobody says, and at most.
    pub(crate) fn page_sizes(&self) -> (usize, usize) {
        if ["sleep", "exercise"].contains(&self.name) { (25, 25) } else { (1_440, 10_000) }
    }

    /// The most days a roll-up may cover; `None`: there are no roll-ups.
    pub(crate) fn roll_up_days(&self) -> Option<i64> {
        let days = if SHORT_RANGE.contains(&self.name) { 14 } else { 90 };
        ROLLED_UP.contains(&self.name).then_some(days)
    }
}
