/*
 * Text in the place of each string in turn: not UTF-8, empty, and a million bytes long.
 *
 *     text <provider's address> <a token>
 */

#include "wrong.h"

#define PROFILE "/1/user/-/profile.json"
#define MANY (1024 * 1024)

/* Success, or any error but a bug of the library: the contract leaves it open. */
#define EITHER (-1)

static FitbitApp *app, *unused, *guarding;
static FitbitClient *client;
static const char *token;
static char *session;

/* What a call left in its out-pointer has to go with its error. */
#define NEW(type, free_it, call) \
    type *out = (void *)garbage; \
    FitbitError *error = (call); \
    CHECK((out == NULL) == (error != NULL)); \
    free_it(out); \
    return error

#define APP(call) NEW(FitbitApp, fitbit_app_free, call)
#define CLIENT(call) NEW(FitbitClient, fitbit_free, call)
#define RESPONSE(call) NEW(FitbitResponse, fitbit_response_free, call)
#define CALL static FitbitError *
#define FITBIT FITBIT_PROVIDER_FITBIT
CALL client_id(const char *t) { APP(fitbit_app_new(FITBIT, t, NULL, NULL, &out)); }
CALL client_secret(const char *t) { APP(fitbit_app_new(FITBIT, "i", t, NULL, &out)); }
CALL callback_uri(const char *t) { APP(fitbit_app_new(FITBIT, "i", NULL, t, &out)); }
CALL scopes(const char *t) { return fitbit_app_set_scopes(unused, t); }
CALL endpoint(const char *t) { return fitbit_app_set_endpoint(unused, FITBIT_ENDPOINT_API, t); }
CALL app_name(const char *t) { return fitbit_app_set_header(unused, t, "v"); }
CALL app_value(const char *t) { return fitbit_app_set_header(unused, "X-A", t); }
CALL kept(const char *t) { CLIENT(fitbit_step_two(app, t, "/?code=c", NULL, NULL, &out)); }
CALL redirect(const char *t) { CLIENT(fitbit_step_two(app, session, t, NULL, NULL, &out)); }
CALL get(const char *t) { RESPONSE(fitbit_get(client, t, &out)); }
CALL post(const char *t) { RESPONSE(fitbit_post(client, t, "a=b", &out)); }
CALL form(const char *t) { RESPONSE(fitbit_post(client, PROFILE, t, &out)); }
CALL delete(const char *t) { RESPONSE(fitbit_delete(client, t, &out)); }
CALL method(const char *t) { RESPONSE(fitbit_request(client, t, PROFILE, NULL, NULL, 0, &out)); }
CALL path(const char *t) { RESPONSE(fitbit_request(client, "GET", t, NULL, NULL, 0, &out)); }
CALL kind(const char *t) { RESPONSE(fitbit_request(client, "PUT", PROFILE, t, "b", 1, &out)); }
CALL proxy(const char *t) { return fitbit_app_set_proxy(unused, t); }
CALL ca_file(const char *t) { return fitbit_app_set_ca_file(unused, t); }
CALL signature(const char *t) { return fitbit_verify_signature(app, t, "body", 4); }
CALL name(const char *t) { return fitbit_set_header(client, t, "v"); }
CALL from(const char *t) { CLIENT(fitbit_from_file(app, t, &out)); }
CALL file(const char *t) { return fitbit_set_token_file(client, t); }

CALL params(const char *t)
{
    char *uri = garbage, *new = garbage;
    FitbitError *error = fitbit_step_one(app, t, &uri, &new);
    CHECK((uri == NULL) == (error != NULL) && (new == NULL) == (error != NULL));
    fitbit_string_free(uri);
    fitbit_string_free(new);
    return error;
}

/* A client and a header that were accepted have to be usable, whatever the provider says to it. */
static void use(FitbitClient *some)
{
    FitbitResponse *response;
    FitbitError *error = fitbit_get(some, PROFILE, &response);
    CHECK(fitbit_error_code(error) != FITBIT_ERROR_INTERNAL);
    fitbit_error_free(error);
    fitbit_response_free(response);
}

CALL token_json(const char *t)
{
    FitbitClient *new = (void *)garbage;
    FitbitError *error = fitbit_from_token(app, t, NULL, NULL, &new);
    if (error == NULL) {
        use(new);
    }
    CHECK((new == NULL) == (error != NULL));
    fitbit_free(new);
    return error;
}

CALL value(const char *t)
{
    FitbitError *error = fitbit_set_header(client, "X-A", t);
    use(client);
    SUCCEED(fitbit_set_header(client, "X-A", NULL));
    return error;
}

CALL field(const char *t)
{
    char *out = garbage;
    FitbitError *error = fitbit_token_field(client, t, &out);
    CHECK(out == NULL);
    return error;
}

/* Reads this text from the row of a database, and hands on what the run said to it. */
struct row {
    const char *text;
    FitbitError *said;
};

static int guard(FitbitRenewal *renewal, void *user_data)
{
    struct row *row = user_data;
    const char *new = garbage;
    row->said = fitbit_renewal_run(renewal, row->text, &new);
    CHECK(row->said != NULL && new == NULL);
    return 1;
}

CALL stored(const char *t)
{
    struct row row = {t, NULL};
    FitbitClient *guarded;
    SUCCEED(fitbit_from_token(guarding, token, NULL, &row, &guarded));
    FitbitError *error = fitbit_refresh(guarded);
    CHECK(fitbit_error_code(error) == fitbit_error_code(row.said));
    CHECK(strcmp(fitbit_error_message(error), fitbit_error_message(row.said)) == 0);
    fitbit_error_free(error);
    fitbit_free(guarded);
    return row.said;
}

/* The code that the empty text brings (0: success), and the long one between `before` and `after`. */
static const struct position {
    const char *function, *argument;
    FitbitError *(*call)(const char *text);
    int empty, many;
    const char *before, *after;
} positions[] = {
    {"fitbit_app_new", "client_id", client_id, 1, 0, "", ""},
    {"fitbit_app_new", "client_secret", client_secret, 1, 0, "", ""},
    {"fitbit_app_new", "callback_uri", callback_uri, 1, 0, "https://a.example/", ""},
    {"fitbit_app_set_scopes", "scopes", scopes, 1, 0, "", ""},
    {"fitbit_app_set_endpoint", "uri", endpoint, 1, EITHER, "https://a.example/", ""},
    {"fitbit_app_set_proxy", "uri", proxy, 1, EITHER, "http://", ""},
    {"fitbit_app_set_ca_file", "pem_path", ca_file, 1, 1, "/", ""},
    {"fitbit_app_set_header", "name", app_name, 1, EITHER, "", ""},
    {"fitbit_app_set_header", "value", app_value, 0, 1, "", ""},
    {"fitbit_step_one", "params", params, 0, 0, "x=", ""},
    {"fitbit_step_two", "session", kept, 1, 1, "{\"state\":\"", "\"}"},
    {"fitbit_step_two", "redirect_uri", redirect, 2, 2, "/?code=c&state=", ""},
    {"fitbit_from_token", "token_json", token_json, 1, EITHER, "{\"access_token\":\"", "\"}"},
    {"fitbit_from_file", "path", from, 1, (int)FITBIT_ERROR_STORE, "/", ""},
    {"fitbit_get", "path", get, 1, EITHER, "/", ""},
    {"fitbit_post", "path", post, 1, EITHER, "/", ""},
    {"fitbit_post", "form", form, EITHER, EITHER, "a=", ""},
    {"fitbit_delete", "path", delete, 1, EITHER, "/", ""},
    {"fitbit_request", "method", method, 1, EITHER, "", ""},
    {"fitbit_request", "path", path, 1, EITHER, "/", ""},
    {"fitbit_request", "content_type", kind, EITHER, EITHER, "", ""},
    {"fitbit_set_header", "name", name, 1, EITHER, "", ""},
    {"fitbit_set_header", "value", value, 0, 1, "", ""},
    {"fitbit_token_field", "name", field, 0, 0, "", ""},
    {"fitbit_set_token_file", "path", file, 1, (int)FITBIT_ERROR_STORE, "/", ""},
    {"fitbit_verify_signature", "signature", signature, (int)FITBIT_ERROR_SIGNATURE,
     (int)FITBIT_ERROR_SIGNATURE, "", ""},
    {"fitbit_renewal_run", "stored_token_json", stored, 1, 1, "{\"scope\":\"", "\"}"},
};

static void check(const struct position *one, const char *text, int code, const char *how)
{
    FitbitError *error = one->call(text);
    int got = (int)fitbit_error_code(error);
    if (code == EITHER ? got == (int)FITBIT_ERROR_INTERNAL : got != code) {
        fprintf(stderr, "%s, %s is %s: %d, %s\n", one->function, one->argument, how, got,
                fitbit_error_message(error));
        exit(1);
    }
    if (got == (int)FITBIT_ERROR_INVALID_ARGUMENT) {
        CHECK(names(fitbit_error_message(error), one->argument));
    }
    /* A line for people, whatever it quotes. */
    if (strlen(fitbit_error_message(error)) > 4096) {
        fprintf(stderr, "%s, %s is %s: the message has %zu bytes\n", one->function, one->argument, how,
                strlen(fitbit_error_message(error)));
        exit(1);
    }
    fitbit_error_free(error);
    printf("%s %s %s\n", one->function, one->argument, how);
}

int main(int argc, char **argv)
{
    /* A lone byte, a truncated sequence, an overlong one, half of a surrogate pair, above U+10FFFF. */
    static const char *const not_utf8[] = {"\xff", "a\xe2\x82", "\xc0\xaf", "\xed\xa0\x80",
                                           "\xf4\x90\x80\x80"};
    char *uri, *many = malloc(MANY + 256);
    CHECK(argc == 3 && many != NULL);
    begin();
    app = app_at(argv[1]);
    unused = app_at(argv[1]);
    guarding = app_at(argv[1]);
    SUCCEED(fitbit_app_set_renewal_guard(guarding, guard));
    token = argv[2];
    SUCCEED(fitbit_from_token(app, token, NULL, NULL, &client));
    SUCCEED(fitbit_step_one(app, NULL, &uri, &session));
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        const struct position *one = &positions[i];
        for (size_t j = 0; j < sizeof not_utf8 / sizeof not_utf8[0]; j++) {
            refused(one->call(not_utf8[j]), one->function, one->argument, "not UTF-8");
        }
        check(one, "", one->empty, "empty");
        strcpy(many, one->before);
        memset(many + strlen(one->before), 'a', MANY);
        strcpy(many + strlen(one->before) + MANY, one->after);
        check(one, many, one->many, "long");
    }
    free(many);
    fitbit_string_free(uri);
    fitbit_string_free(session);
    fitbit_free(client);
    fitbit_app_free(guarding);
    fitbit_app_free(unused);
    fitbit_app_free(app);
    return 0;
}
