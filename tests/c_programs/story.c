/*
 * The whole life of a login in C: two steps, a callback that saves to a private file, requests,
 * expiry and renewal, a restart from the file, and errors looked at one by one, up to a login that
 * ends while its newest token is not saved. Everything that the library hands out is freed.
 *
 *     story <provider's address> <token file>
 */

#include "program.h"

static int disk_is_full, offered;

/* Saves the token so that a crash leaves the old one or the new one, for nobody else to read. */
static int save(const char *token_json, void *user_data)
{
    const char *path = user_data;
    size_t len = strlen(token_json);
    char temporary[4096];
    offered++;
    if (disk_is_full) {
        return 0;
    }
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0) {
        return 0;
    }
    int written = write(file, token_json, len) == (ssize_t)len && fsync(file) == 0;
    written = close(file) == 0 && written;
    return written && rename(temporary, path) == 0;
}

static char *saved(const char *path)
{
    struct stat status;
    CHECK(stat(path, &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    char *text = calloc((size_t)status.st_size + 1, 1);
    FILE *file = fopen(path, "r");
    CHECK(text != NULL && file != NULL);
    CHECK(fread(text, 1, (size_t)status.st_size, file) == (size_t)status.st_size);
    fclose(file);
    return text;
}

static void check_that_the_newest_token_is_saved(const FitbitClient *client, const char *path)
{
    char *file = saved(path);
    char *token;
    SUCCEED(fitbit_token(client, &token));
    CHECK(strcmp(file, token) == 0);
    fitbit_string_free(token);
    free(file);
}

static FitbitClient *log_in(FitbitApp *app, char *path)
{
    char *authorization_uri, *session;
    FitbitClient *client;
    SUCCEED(fitbit_step_one(app, "scope=profile%20nutrition", &authorization_uri, &session));
    char *redirect_uri = ask("visit", authorization_uri);

    FAIL(fitbit_step_two(app, session, "/callback?code=x&state=forged", save, path, &client),
         FITBIT_ERROR_STATE_MISMATCH);
    CHECK(client == NULL);
    CHECK(access(path, F_OK) != 0);

    SUCCEED(fitbit_step_two(app, session, redirect_uri, save, path, &client));
    free(redirect_uri);
    fitbit_string_free(authorization_uri);
    fitbit_string_free(session);
    return client;
}

static void get_the_profile(FitbitClient *client)
{
    FitbitResponse *response;
    SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
    CHECK(fitbit_response_status(response) == 200);
    CHECK(fitbit_response_body_len(response) == strlen(fitbit_response_body(response)));
    CHECK(strstr(fitbit_response_body(response), "\"encodedId\"") != NULL);
    CHECK(strstr(fitbit_response_header(response, "CONTENT-type"), "json") != NULL);
    CHECK(fitbit_response_header(response, "X-Absent") == NULL);
    fitbit_response_free(response);
}

static void change_something(FitbitClient *client)
{
    FitbitResponse *response;
    SUCCEED(fitbit_post(client, "/1/user/-/foods/log.json",
                        "foodId=81409&amount=1&mealTypeId=1&unitId=304&date=2026-01-02", &response));
    CHECK(fitbit_response_status(response) == 201);
    fitbit_response_free(response);
    FAIL(fitbit_delete(client, "/1/user/-/foods/log/1.json", &response), FITBIT_ERROR_HTTP);
    CHECK(response == NULL);
}

static void look_at(FitbitClient *client)
{
    char *scope, *nothing, *user_id;
    SUCCEED(fitbit_token_field(client, "scope", &scope));
    SUCCEED(fitbit_token_field(client, "shoe_size", &nothing));
    SUCCEED(fitbit_user_id(client, &user_id));
    CHECK(strstr(scope, "profile") != NULL && nothing == NULL);
    CHECK(strcmp(user_id, "26FWFL") == 0);
    fitbit_string_free(scope);
    fitbit_string_free(nothing);
    fitbit_string_free(user_id);
}

static void meet_errors(FitbitClient *client)
{
    FitbitResponse *response;
    have("limit the rate to one request in 77 seconds");
    FitbitError *error = fitbit_get(client, "/1/user/-/profile.json", &response);
    CHECK(response == NULL);
    CHECK(fitbit_error_code(error) == FITBIT_ERROR_RATE_LIMITED);
    CHECK(fitbit_error_http_status(error) == 429);
    CHECK(fitbit_error_retry_after(error) == 78);
    CHECK(fitbit_error_body(error) != NULL);
    CHECK(strcmp(fitbit_error_provider_type(error), "system") == 0);
    CHECK(strcmp(fitbit_error_code_name(fitbit_error_code(error)), "FITBIT_ERROR_RATE_LIMITED") == 0);
    fitbit_error_free(error);

    error = fitbit_get(client, "profile.json", &response);
    CHECK(fitbit_error_code(error) == FITBIT_ERROR_INVALID_ARGUMENT);
    CHECK(fitbit_error_http_status(error) == 0 && fitbit_error_retry_after(error) == -1);
    CHECK(fitbit_error_body(error) == NULL && fitbit_error_provider_type(error) == NULL);
    fitbit_error_free(error);
}

/* A dead login is worth no place in the store. */
static void end_unsaved(FitbitClient *client)
{
    FitbitResponse *response;
    disk_is_full = 1;
    FAIL(fitbit_refresh(client), FITBIT_ERROR_STORE);
    FAIL(fitbit_save(client), FITBIT_ERROR_STORE);
    have("take back the grant");
    FAIL(fitbit_get(client, "/1/user/-/profile.json", &response), FITBIT_ERROR_REAUTHORIZE);
    int before = offered;
    FAIL(fitbit_refresh(client), FITBIT_ERROR_REAUTHORIZE);
    FAIL(fitbit_save(client), FITBIT_ERROR_REAUTHORIZE);
    FAIL(fitbit_set_token_file(client, "/none/token"), FITBIT_ERROR_REAUTHORIZE);
    fitbit_free(client);
    CHECK(offered == before);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    begin();
    char *path = argv[2];
    FitbitApp *app = app_at(argv[1]);
    FitbitClient *client = log_in(app, path);
    check_that_the_newest_token_is_saved(client, path);
    get_the_profile(client);
    change_something(client);
    look_at(client);

    char *first = saved(path);
    have("let the access token expire");
    get_the_profile(client);
    check_that_the_newest_token_is_saved(client, path);
    char *second = saved(path);
    CHECK(strcmp(first, second) != 0);
    SUCCEED(fitbit_save(client));
    fitbit_free(client);
    fitbit_app_free(app);
    free(first);
    free(second);

    char *token = saved(path);
    app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, token, save, path, &client));
    free(token);
    get_the_profile(client);
    SUCCEED(fitbit_refresh(client));
    check_that_the_newest_token_is_saved(client, path);
    meet_errors(client);
    end_unsaved(client);
    fitbit_app_free(app);
    puts("lived happily");
    return 0;
}
