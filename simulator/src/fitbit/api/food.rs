//! The food diary: the part of the API that can be written to.

use super::admission::Caller;
use super::date;
use crate::answer::Answer;
use crate::calendar::Date;
use crate::fitbit::errors;
use crate::form::Form;
use crate::request::Request;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct Entry {
    log_id: u64,
    date: Date,
    food: Value,
}

/// Everybody's food diary.
#[derive(Debug, Default)]
pub(crate) struct Diaries {
    entries: Mutex<HashMap<String, Vec<Entry>>>,
    logged: AtomicU64,
}

/// Log ids begin here, beyond what a double holds exactly.
const FIRST_LOG_ID: u64 = 1 << 62;

impl Diaries {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Vec<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn of_day(&self, caller: &Caller, day: Date) -> Answer {
        let entries = self.entries();
        let theirs = entries.get(&*caller.user_id).into_iter().flatten();
        let foods: Vec<Value> =
            theirs.filter(|entry| entry.date == day).map(Entry::describe).collect();
        let calories: u64 = foods.iter().filter_map(|f| f["loggedFood"]["calories"].as_u64()).sum();
        let answer = json!({"foods": foods, "summary": {"calories": calories, "water": 0}});
        Answer::json(200, &answer)
    }

    /// Parameters may be in the query or in a form body.
    pub(crate) fn log(
        &self,
        caller: &Caller,
        request: &Request,
        today: Date,
    ) -> Result<Answer, Answer> {
        let mut form = request.query();
        form.extend(request.form());
        let amount = number::<f64>(&form, "amount")?;
        let unit = number::<u64>(&form, "unitId")?;
        let meal_type = number::<u64>(&form, "mealTypeId")?;
        if !(1..=7).contains(&meal_type) {
            return Err(errors::validation("mealTypeId", "Invalid mealTypeId"));
        }
        let date = date(required(&form, "date")?, today)?;
        let mut food = match (form.get("foodId"), form.get("foodName")) {
            (Some(_), None) => {
                json!({"foodId": number::<u64>(&form, "foodId")?, "name": "Apple", "calories": 95})
            }
            (None, Some(name)) => {
                let calories = number::<u64>(&form, "calories")?;
                json!({"foodId": 0, "name": name, "calories": calories})
            }
            _ => return Err(errors::validation("foodId", "Either foodId or foodName")),
        };
        food["amount"] = json!(amount);
        food["mealTypeId"] = json!(meal_type);
        food["unit"] = json!({"id": unit, "name": "serving", "plural": "servings"});

        let log_id = FIRST_LOG_ID + self.logged.fetch_add(1, Relaxed);
        let entry = Entry { log_id, date, food };
        let answer = Answer::json(201, &json!({"foodLog": entry.describe()}));
        self.entries().entry(caller.user_id.to_string()).or_default().push(entry);
        Ok(answer)
    }

    pub(crate) fn delete(&self, caller: &Caller, id: &str) -> Result<Answer, Answer> {
        let mut entries = self.entries();
        let theirs = entries.get_mut(&*caller.user_id).ok_or_else(errors::not_found)?;
        let place = theirs.iter().position(|entry| entry.log_id.to_string() == id);
        theirs.remove(place.ok_or_else(errors::not_found)?);
        Ok(Answer::empty(204))
    }

    /// One of the two resources that take JSON.
    pub(crate) fn create_meal(request: &Request) -> Result<Answer, Answer> {
        if request.media_type() != "application/json" {
            return Err(errors::validation("Content-Type", "The body has to be JSON"));
        }
        let meal: Value = serde_json::from_slice(request.body())
            .map_err(|_| errors::validation("body", "The body is not JSON"))?;
        if !meal["name"].is_string() || !meal["mealFoods"].is_array() {
            return Err(errors::validation("name", "A meal has a name and mealFoods"));
        }
        let meal = json!({
            "description": meal["description"].as_str().unwrap_or(""),
            "id": FIRST_LOG_ID,
            "mealFoods": meal["mealFoods"],
            "name": meal["name"],
        });
        Ok(Answer::json(201, &json!({"meal": meal})))
    }
}

impl Entry {
    fn describe(&self) -> Value {
        json!({
            "isFavorite": false,
            "logDate": self.date.to_string(),
            "logId": self.log_id,
            "loggedFood": self.food,
        })
    }
}

fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, Answer> {
    form.get(name).ok_or_else(|| errors::validation(name, &format!("{name} is missing")))
}

fn number<T: std::str::FromStr>(form: &Form, name: &str) -> Result<T, Answer> {
    let number = required(form, name)?.parse();
    number.map_err(|_| errors::validation(name, &format!("{name} is not a number")))
}
