//! The scopes, and the short codes that stand for them inside an access token.

const SCOPES: [(&str, &str); 15] = [
    ("activity", "ract"),
    ("cardio_fitness", "rcf"),
    ("electrocardiogram", "recg"),
    ("heartrate", "rhr"),
    ("irregular_rhythm_notifications", "rirn"),
    ("location", "rloc"),
    ("nutrition", "rnut"),
    ("oxygen_saturation", "roxy"),
    ("profile", "rpro"),
    ("respiratory_rate", "rres"),
    ("settings", "rset"),
    ("sleep", "rsle"),
    ("social", "rsoc"),
    ("temperature", "rtem"),
    ("weight", "rwei"),
];

pub(crate) fn exists(scope: &str) -> bool {
    SCOPES.iter().any(|(name, _)| *name == scope)
}

/// The `scopes` claim of an access token.
pub(crate) fn claim(scopes: &[String]) -> String {
    scopes.iter().map(|scope| code(scope)).collect::<Vec<_>>().join(" ")
}

fn code(scope: &str) -> &str {
    let known = SCOPES.iter().find(|(name, _)| *name == scope);
    known.map_or(scope, |(_, code)| code)
}
