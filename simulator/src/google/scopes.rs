//! The scopes, in full and shortened.

const PREFIX: &str = "https://www.googleapis.com/auth/googlehealth.";

/// What is read and written.
const GROUPS: [&str; 9] = [
    "activity_and_fitness",
    "health_metrics_and_measurements",
    "logged_symptoms",
    "mindfulness",
    "nutrition",
    "profile",
    "reproductive_health",
    "settings",
    "sleep",
];
/// What is only read.
const READ_ONLY: [&str; 3] = ["ecg", "irn", "location"];

/// `sleep.readonly` in full; a scope that is not one of Google Health's stays as it is.
pub(crate) fn full_name(scope: &str) -> String {
    if is_suffix(scope) { format!("{PREFIX}{scope}") } else { scope.to_owned() }
}

pub(crate) fn exists(scope: &str) -> bool {
    scope.strip_prefix(PREFIX).is_some_and(is_suffix)
}

fn is_suffix(scope: &str) -> bool {
    match scope.rsplit_once('.') {
        Some((group, "readonly")) => GROUPS.contains(&group) || READ_ONLY.contains(&group),
        Some((group, "writeonly")) => GROUPS.contains(&group),
        _ => false,
    }
}
