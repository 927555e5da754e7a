"""The original's methods for what Fitbit's Web API offers: a table, and what makes methods of it.

A row is a name, a method of HTTP, a path, and arguments beside those that the path names; a ? marks
what may be left out. These are the query, or of a POST the form, under Fitbit's names (meal_type_id:
mealTypeId). Dates may be of datetime's types, or text. Every method also takes full_response=True.
"""

import datetime
import inspect
import re
from urllib.parse import quote

TABLE = """
get_activities_by_date GET /1/user/-/activities/date/{date}.json
get_activities_resource_by_date_range GET
    /1/user/-/activities/{resource_path}/date/{base_date}/{end_date}.json
get_activities_tracker_resource_by_date_range GET
    /1/user/-/activities/tracker/{resource_path}/date/{base_date}/{end_date}.json
get_activities_resource_by_date_period GET
    /1/user/-/activities/{resource_path}/date/{date}/{period}.json
get_activities_tracker_resource_by_date_period GET
    /1/user/-/activities/tracker/{resource_path}/date/{date}/{period}.json
get_activities_resource_by_date_range_intraday GET
    /1/user/-/activities/{resource_path}/date/{base_date}/{end_date}/{detail_level}.json
get_activities_resource_by_date_intraday GET
    /1/user/-/activities/{resource_path}/date/{date}/1d/{detail_level}.json
get_activities_resource_by_date_range_time_series_intraday GET
    /1/user/-/activities/{resource_path}/date/{date}/{end_date}/{detail_level}/time/{start_time}/{end_time}.json
get_activities_resource_by_date_time_series_intraday GET
    /1/user/-/activities/{resource_path}/date/{date}/1d/{detail_level}/time/{start_time}/{end_time}.json
add_activities_log POST /1/user/-/activities.json activity_id manual_calories start_time
    duration_millis date distance activity_name? distance_unit?
get_activities_log GET /1/user/-/activities.json
delete_activities_log DELETE /1/user/-/activities/{activity_log_id}.json
get_activities_log_list GET /1/user/-/activities/list.json sort offset limit before_date?
    after_date?
get_activities_t_c_x GET /1/user/-/activities/{log_id}.tcx include_partial_t_c_x?
get_activities_types GET /1/activities.json
get_activities_type_detail GET /1/activities/{activity_id}.json
get_frequent_activities GET /1/user/-/activities/frequent.json
get_recent_activities GET /1/user/-/activities/recent.json
get_favorite_activities GET /1/user/-/activities/favorite.json
delete_favorite_activities DELETE /1/user/-/activities/favorite/{activity_id}.json
add_favorite_activities POST /1/user/-/activities/favorite/{activity_id}.json
get_activities_goals GET /1/user/-/activities/goals/{period}.json
add_update_activities_goals POST /1/user/-/activities/goals/{period}.json type value
get_body_fat_by_date GET /1/user/-/body/log/fat/date/{date}.json
get_body_fat_by_date_period GET /1/user/-/body/log/fat/date/{date}/{period}.json
get_body_fat_by_date_range GET /1/user/-/body/log/fat/date/{base_date}/{end_date}.json
add_body_fat_log POST /1/user/-/body/log/fat.json fat date time
delete_body_fat_log DELETE /1/user/-/body/log/fat/{body_fat_log_id}.json
get_body_resource_by_date_period GET /1/user/-/body/{resource_path}/date/{date}/{period}.json
get_body_resource_by_date_range GET /1/user/-/body/{resource_path}/date/{base_date}/{end_date}.json
get_body_goals GET /1/user/-/body/log/{goal_type}/goal.json
update_body_fat_goal POST /1/user/-/body/log/fat/goal.json fat
update_weight_goal POST /1/user/-/body/log/weight/goal.json start_date start_weight weight?
get_weight_by_date GET /1/user/-/body/log/weight/date/{date}.json
get_weight_by_date_period GET /1/user/-/body/log/weight/date/{date}/{period}.json
get_weight_by_date_range GET /1/user/-/body/log/weight/date/{base_date}/{end_date}.json
add_weight_log POST /1/user/-/body/log/weight.json weight date time?
delete_weight_log DELETE /1/user/-/body/log/weight/{body_weight_log_id}.json
get_devices GET /1/user/-/devices.json
get_alarms GET /1/user/-/devices/tracker/{tracker_id}/alarms.json
add_alarms POST /1/user/-/devices/tracker/{tracker_id}/alarms.json time enabled recurring week_days
update_alarms POST /1/user/-/devices/tracker/{tracker_id}/alarms/{alarm_id}.json time enabled
    recurring week_days snooze_length snooze_count
delete_alarms DELETE /1/user/-/devices/tracker/{tracker_id}/alarms/{alarm_id}.json
get_foods_locales GET /1/foods/locales.json
get_foods_goal GET /1/user/-/foods/log/goal.json
add_update_foods_goal POST /1/user/-/foods/log/goal.json calories intensity? personalized?
get_foods_by_date GET /1/user/-/foods/log/date/{date}.json
get_water_by_date GET /1/user/-/foods/log/water/date/{date}.json
get_water_goal GET /1/user/-/foods/log/water/goal.json
add_update_water_goal POST /1/user/-/foods/log/water/goal.json target
get_foods_by_date_range GET /1/user/-/foods/log/{resource_path}/date/{base_date}/{end_date}.json
get_foods_resource_by_date_period GET /1/user/-/foods/log/{resource_path}/date/{date}/{period}.json
add_foods_log POST /1/user/-/foods/log.json food_id meal_type_id unit_id amount date food_name?
    favorite? brand_name? calories?
delete_foods_log DELETE /1/user/-/foods/log/{food_log_id}.json
add_water_log POST /1/user/-/foods/log/water.json date amount unit?
delete_water_log DELETE /1/user/-/foods/log/water/{water_log_id}.json
update_water_log POST /1/user/-/foods/log/water/{water_log_id}.json amount unit?
get_favorite_foods GET /1/user/-/foods/log/favorite.json
get_frequent_foods GET /1/user/-/foods/log/frequent.json
add_favorite_food POST /1/user/-/foods/log/favorite/{food_id}.json
delete_favorite_food DELETE /1/user/-/foods/log/favorite/{food_id}.json
get_meals GET /1/user/-/meals.json
add_meal POST /1/user/-/meals.json name description food_id unit_id amount
update_meal POST /1/user/-/meals/{meal_id}.json name description food_id unit_id amount
delete_meal DELETE /1/user/-/meals/{meal_id}.json
get_recent_foods GET /1/user/-/foods/log/recent.json
add_foods POST /1/user/-/foods.json name default_food_measurement_unit_id default_serving_size
    calories form_type? description?
delete_foods DELETE /1/user/-/foods/{food_id}.json
get_foods_info GET /1/foods/{food_id}.json
get_foods_units GET /1/foods/units.json
get_foods_list GET /1/foods/search.json query
get_friends GET /1.1/user/-/friends.json
get_friends_leaderboard GET /1.1/user/-/leaderboard/friends.json
get_friends_invitations GET /1.1/user/-/friends/invitations.json
create_friends_invitations POST /1.1/user/-/friends/invitations invited_user_email? invited_user_id?
respond_friends_invitation POST /1.1/user/-/friends/invitations/{from_user_id} accept
get_heart_by_date_period GET /1/user/-/activities/heart/date/{date}/{period}.json
get_heart_by_date_range GET /1/user/-/activities/heart/date/{base_date}/{end_date}.json
get_heart_by_date_range_intraday GET
    /1/user/-/activities/heart/date/{date}/{end_date}/{detail_level}.json
get_heart_by_date_range_timestamp_intraday GET
    /1/user/-/activities/heart/date/{date}/{end_date}/{detail_level}/time/{start_time}/{end_time}.json
get_heart_by_date_intraday GET /1/user/-/activities/heart/date/{date}/1d/{detail_level}.json
get_heart_by_date_timestamp_intraday GET
    /1/user/-/activities/heart/date/{date}/1d/{detail_level}/time/{start_time}/{end_time}.json
delete_sleep DELETE /1.2/user/-/sleep/{log_id}.json
get_sleep_by_date GET /1.2/user/-/sleep/date/{date}.json
get_sleep_by_date_range GET /1.2/user/-/sleep/date/{base_date}/{end_date}.json
get_sleep_list GET /1.2/user/-/sleep/list.json sort offset limit before_date? after_date?
get_sleep_goal GET /1.2/user/-/sleep/goal.json
update_sleep_goal POST /1.2/user/-/sleep/goal.json min_duration
add_sleep POST /1.2/user/-/sleep.json start_time duration date
get_subscriptions_list GET /1/user/-/{collection_path}/apiSubscriptions.json
add_subscriptions POST /1/user/-/{collection_path}/apiSubscriptions/{subscription_id}.json
delete_subscriptions DELETE /1/user/-/{collection_path}/apiSubscriptions/{subscription_id}.json
get_badges GET /1/user/-/badges.json
get_profile GET /1/user/-/profile.json
update_profile POST /1/user/-/profile.json gender? birthday? height? about_me? fullname? country?
    state? city? stride_length_walking? stride_length_running? weight_unit? height_unit? water_unit?
    glucose_unit? timezone? foods_locale? locale? locale_lang? locale_country? start_day_of_week?
"""


def _fitbits(name):
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.strftime("%Y-%m-%d") if isinstance(value, datetime.date) else value


def _method(name, verb, path, *others):
    in_path = re.findall(r"{(\w+)}", path)
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
    for argument in [*in_path, *others]:
        default = None if argument.endswith("?") else inspect.Parameter.empty
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(inspect.Parameter(argument.rstrip("?"), kind, default=default))
    last = inspect.Parameter("full_response", inspect.Parameter.KEYWORD_ONLY, default=False)
    signature = inspect.Signature([*parameters, last])

    def method(*args, **kwargs):
        given = signature.bind(*args, **kwargs).arguments
        client, full_response = given.pop("self"), given.pop("full_response", False)
        texts = {name: _text(value) for name, value in given.items() if value is not None}
        where = {name: quote(str(texts.pop(name)), safe=":/") for name in in_path}
        params = {_fitbits(name): value for name, value in texts.items()}
        return client.request(verb, path.format(**where), params, full_response)

    method.__name__ = name
    method.__qualname__ = f"Methods.{name}"
    method.__doc__ = f"{verb} {path}"
    method.__signature__ = signature
    return method


class Methods:
    """What a FitbitClient has beside request()."""


for _row in re.split(r"\n(?! )", TABLE.strip()):
    _name, *_rest = _row.split()
    setattr(Methods, _name, _method(_name, *_rest))
