/*
 * Handles are freed in every order, and in one thread while another one is renewing; what was
 * given out before lives on.
 *
 *     lifetimes <provider's address> <one person's expired token> <another one's>
 */

#include "program.h"

#define PROFILE "/1/user/-/profile.json"

struct person {
    FitbitClient *client;
    /* Freed as soon as fitbit_free() has returned: a callback after that is found by the tools. */
    int *saves;
    int renews_again;
    FitbitResponse *response;
    FitbitError *error;
};

static int save(const char *token_json, void *user_data)
{
    CHECK(token_json[0] == '{');
    ++*(int *)user_data;
    return 1;
}

static void *live(void *argument)
{
    struct person *me = argument;
    SUCCEED(fitbit_get(me->client, PROFILE, &me->response));
    if (me->renews_again) {
        SUCCEED(fitbit_refresh(me->client));
    }
    FitbitResponse *none;
    me->error = fitbit_get(me->client, "/1/user/-/nothing.json", &none);
    CHECK(me->error != NULL && none == NULL);
    fitbit_free(me->client);
    CHECK(*me->saves == (me->renews_again ? 2 : 1));
    free(me->saves);
    return NULL;
}

static void read_response(FitbitResponse *response)
{
    CHECK(fitbit_response_status(response) == 200);
    CHECK(strlen(fitbit_response_body(response)) == fitbit_response_body_len(response));
    CHECK(fitbit_response_header(response, "content-type") != NULL);
    fitbit_response_free(response);
}

static void read_error(FitbitError *error)
{
    CHECK(fitbit_error_code(error) == FITBIT_ERROR_HTTP && fitbit_error_http_status(error) == 404);
    CHECK(strlen(fitbit_error_message(error)) > 0 && strlen(fitbit_error_body(error)) > 0);
    CHECK(strcmp(fitbit_error_provider_type(error), "not_found") == 0);
    fitbit_error_free(error);
}

/* The app goes while both clients renew, the first client while the second one renews again. */
static void two_threads(const char *server, char **tokens)
{
    pthread_t threads[2];
    struct person people[2] = {{0}, {0}};
    FitbitApp *app = app_at(server);
    people[1].renews_again = 1;
    for (int i = 0; i < 2; i++) {
        people[i].saves = calloc(1, sizeof *people[i].saves);
        SUCCEED(fitbit_from_token(app, tokens[i], save, people[i].saves, &people[i].client));
    }
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, live, &people[i]) == 0);
    }
    have("wait until both renew");
    fitbit_app_free(app);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        read_response(people[i].response);
        read_error(people[i].error);
    }
}

struct handles {
    FitbitApp *app;
    FitbitClient *client;
    FitbitResponse *response;
    FitbitError *error;
};

static void free_one(struct handles *all, int which)
{
    switch (which) {
    case 0:
        fitbit_app_free(all->app);
        break;
    case 1:
        fitbit_free(all->client);
        break;
    case 2:
        read_response(all->response);
        break;
    default:
        read_error(all->error);
    }
}

static void every_order(const char *server, const char *token)
{
    FitbitResponse *none;
    for (int order = 0; order < 256; order++) {
        int first = order & 3, second = order >> 2 & 3, third = order >> 4 & 3, last = order >> 6;
        if ((1 << first | 1 << second | 1 << third | 1 << last) != 15) {
            continue;
        }
        struct handles all;
        all.app = app_at(server);
        SUCCEED(fitbit_from_token(all.app, token, NULL, NULL, &all.client));
        SUCCEED(fitbit_get(all.client, PROFILE, &all.response));
        all.error = fitbit_get(all.client, "/1/user/-/nothing.json", &none);
        free_one(&all, first);
        free_one(&all, second);
        free_one(&all, third);
        free_one(&all, last);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    begin();
    two_threads(argv[1], &argv[2]);
    char *token = ask("give me", "a token that lasts");
    every_order(argv[1], token);
    free(token);
    return 0;
}
