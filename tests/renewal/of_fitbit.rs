//! What only Fitbit does around a renewal, or only the simulator's Fitbit: it stores what is posted.

use fitbit_test_support::Saver;

use super::scene::client_with;
use super::world::provider;

#[test]
fn a_post_is_carried_out_once() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    provider.expire_access_tokens();
    let path = "/1/user/-/foods/log.json";
    let form = "foodName=Soup&calories=90&mealTypeId=7&unitId=304&amount=1&date=2024-05-01";
    assert_eq!(client.post(path, Some(form)).unwrap().status, 201);
    let day = client.get("/1/user/-/foods/log/date/2024-05-01.json").unwrap();
    let day: serde_json::Value = serde_json::from_str(day.text()).unwrap();
    assert_eq!(day["foods"].as_array().unwrap().len(), 1);
}
