//! A person's way to Google's API, and to Fitbit's for comparison.

use fitbit_simulator::{Client, DEMO_CLIENT_ID, DEMO_GOOGLE_ID, Reply, Simulator};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;

pub struct Api {
    client: Client,
    bearer: String,
}

impl Api {
    pub fn of(simulator: &Simulator, user_id: &str, scopes: &[&str]) -> io::Result<Self> {
        let token = simulator.issue_token(DEMO_GOOGLE_ID, user_id, scopes);
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap_or(""));
        Ok(Self { client: simulator.client()?, bearer })
    }

    pub fn with(simulator: &Simulator, scopes: &[&str]) -> io::Result<Self> {
        Self::of(simulator, "26FWFL", scopes)
    }

    pub fn get(&self, target: &str) -> io::Result<Reply> {
        self.client.get(target, &[("Authorization", &self.bearer)])
    }

    pub fn post(&self, target: &str, body: &Value) -> io::Result<Reply> {
        let headers =
            [("Authorization", self.bearer.as_str()), ("Content-Type", "application/json")];
        self.client.send("POST", target, &headers, body.to_string().as_bytes())
    }
}

/// The status and the reason of an error; the status's name if there is no reason.
pub fn reason(reply: &Reply) -> (u16, String) {
    let json = reply.json();
    let error = &json["error"];
    let reason = error["details"][0]["reason"].as_str().or(error["status"].as_str());
    (reply.status, reason.unwrap_or("").to_owned())
}

pub fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

/// What Fitbit says of the same person.
pub fn fitbit(simulator: &Simulator, path: &str) -> io::Result<Value> {
    let token = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["activity", "sleep"]);
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap_or(""));
    Ok(simulator.client()?.get(path, &[("Authorization", &bearer)])?.json())
}

/// The steps of each day, as Fitbit has them.
pub fn fitbit_steps(
    simulator: &Simulator,
    from: &str,
    until: &str,
) -> io::Result<BTreeMap<String, u64>> {
    let path = format!("/1/user/-/activities/steps/date/{from}/{until}.json");
    let series = fitbit(simulator, &path)?;
    let day = |point: &Value| {
        let steps = point["value"].as_str()?.parse().ok()?;
        Some((point["dateTime"].as_str()?.to_owned(), steps))
    };
    Ok(series["activities-steps"].as_array().into_iter().flatten().filter_map(day).collect())
}
