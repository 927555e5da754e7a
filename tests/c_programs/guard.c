/*
 * A renewal inside the program's own transaction: the row of a database is a text in memory here,
 * and each scene is another way for a transaction to go. The test counts the renewals.
 *
 *     guard <provider's address> <one person's token> <another person's token>
 */

#include "program.h"

#define PROFILE "/1/user/-/profile.json"

/* A person's row, what the next transaction does with it, and what came of the last one. */
struct row {
    char *stored;
    int (*transaction)(FitbitRenewal *renewal, struct row *row);
    int entered, gave_out;
};

static FitbitApp *app;

static int guard(FitbitRenewal *renewal, void *user_data)
{
    struct row *row = user_data;
    row->entered++;
    return row->transaction(renewal, row);
}

static void store(struct row *row, const char *new)
{
    row->gave_out = new != NULL;
    if (new != NULL) {
        free(row->stored);
        row->stored = strdup(new);
    }
}

static int commits(FitbitRenewal *renewal, struct row *row)
{
    const char *new;
    SUCCEED(fitbit_renewal_run(renewal, row->stored, &new));
    store(row, new);
    return 1;
}

/* The connection broke: the row was written, and the program does not know it. */
static int commits_unaware(FitbitRenewal *renewal, struct row *row)
{
    commits(renewal, row);
    return 0;
}

static int rolls_back(FitbitRenewal *renewal, struct row *row)
{
    const char *new;
    SUCCEED(fitbit_renewal_run(renewal, row->stored, &new));
    row->gave_out = new != NULL;
    return 0;
}

static int runs_nothing(FitbitRenewal *renewal, struct row *row)
{
    CHECK(renewal != NULL && row->stored != NULL);
    return 1;
}

static int runs_twice(FitbitRenewal *renewal, struct row *row)
{
    const char *first, *second;
    SUCCEED(fitbit_renewal_run(renewal, row->stored, &first));
    char *copy = strdup(first);
    SUCCEED(fitbit_renewal_run(renewal, NULL, &second));
    /* What was lent first is still there after the second run. */
    CHECK(strcmp(copy, first) == 0 && strcmp(first, second) == 0);
    free(copy);
    store(row, second);
    return 1;
}

static int passes_nonsense(FitbitRenewal *renewal, struct row *row)
{
    const char *new = "";
    FAIL(fitbit_renewal_run(renewal, "{", &new), FITBIT_ERROR_INVALID_ARGUMENT);
    CHECK(new == NULL);
    FAIL(fitbit_renewal_run(renewal, row->stored, &new), FITBIT_ERROR_INVALID_ARGUMENT);
    CHECK(new == NULL);
    return 1;
}

static int passes_the_others(FitbitRenewal *renewal, struct row *row)
{
    const char *new;
    FAIL(fitbit_renewal_run(renewal, row->stored, &new), FITBIT_ERROR_STORE);
    CHECK(new == NULL);
    return 1;
}

struct run {
    FitbitRenewal *renewal;
    const char *stored, *new;
};

static void *run_elsewhere(void *argument)
{
    struct run *run = argument;
    SUCCEED(fitbit_renewal_run(run->renewal, run->stored, &run->new));
    return NULL;
}

/* A pool's threads carry out the transaction, two of them the same one at once. */
static int runs_on_other_threads(FitbitRenewal *renewal, struct row *row)
{
    pthread_t threads[2];
    struct run runs[2] = {{renewal, row->stored, NULL}, {renewal, row->stored, NULL}};
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, run_elsewhere, &runs[i]) == 0);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(strcmp(runs[0].new, runs[1].new) == 0);
    store(row, runs[0].new);
    return 1;
}

static void begin_with(struct row *row, int (*transaction)(FitbitRenewal *, struct row *))
{
    row->transaction = transaction;
    row->entered = row->gave_out = 0;
}

static char *token_of(const FitbitClient *client)
{
    char *token;
    SUCCEED(fitbit_token(client, &token));
    return token;
}

static void check_stored(const FitbitClient *client, const struct row *row, int is_stored)
{
    char *token = token_of(client);
    CHECK((strcmp(token, row->stored) == 0) == is_stored);
    fitbit_string_free(token);
}

static void get_the_profile(FitbitClient *client)
{
    FitbitResponse *response;
    SUCCEED(fitbit_get(client, PROFILE, &response));
    fitbit_response_free(response);
}

/* One renewal in each of four: whatever the program calls it from, and however often. */
static void renews_and_stores(FitbitClient *client, struct row *row)
{
    int (*const transactions[])(FitbitRenewal *, struct row *) = {commits, runs_twice,
                                                                  runs_on_other_threads, commits};
    for (int i = 0; i < 4; i++) {
        begin_with(row, transactions[i]);
        SUCCEED(fitbit_refresh(client));
        CHECK(row->entered == 1 && row->gave_out);
        check_stored(client, row, 1);
    }
    begin_with(row, commits);
    get_the_profile(client);
    SUCCEED(fitbit_save(client));
    CHECK(row->entered == 0);
}

/* No renewal at all: an error, whatever the guard says. */
static void sends_nothing(FitbitClient *client, struct row *row, const char *others)
{
    begin_with(row, runs_nothing);
    FAIL(fitbit_refresh(client), FITBIT_ERROR_STORE);
    begin_with(row, passes_nonsense);
    FAIL(fitbit_refresh(client), FITBIT_ERROR_INVALID_ARGUMENT);
    char *own = row->stored;
    row->stored = strdup(others);
    begin_with(row, passes_the_others);
    FAIL(fitbit_refresh(client), FITBIT_ERROR_STORE);
    free(row->stored);
    row->stored = own;
    check_stored(client, row, 1);
}

/* One renewal; what was not stored is handed out until it is. */
static void keeps_what_was_rolled_back(FitbitClient *client, struct row *row)
{
    begin_with(row, rolls_back);
    FAIL(fitbit_refresh(client), FITBIT_ERROR_STORE);
    CHECK(row->entered == 1 && row->gave_out);
    check_stored(client, row, 0);
    get_the_profile(client);
    FAIL(fitbit_save(client), FITBIT_ERROR_STORE);
    CHECK(row->entered == 3 && row->gave_out);
    begin_with(row, commits);
    SUCCEED(fitbit_save(client));
    CHECK(row->entered == 1 && row->gave_out);
    check_stored(client, row, 1);
}

/* One renewal; the next transaction finds out that it was stored. */
static void finds_out_what_was_committed(FitbitClient *client, struct row *row)
{
    begin_with(row, commits_unaware);
    FAIL(fitbit_refresh(client), FITBIT_ERROR_STORE);
    begin_with(row, commits);
    SUCCEED(fitbit_save(client));
    CHECK(row->entered == 1 && !row->gave_out);
    check_stored(client, row, 1);
}

/* One renewal, by one of two clients of a row: the other one takes what it finds there. */
static void takes_what_another_process_stored(FitbitClient *client, struct row *row)
{
    FitbitClient *other;
    SUCCEED(fitbit_from_token(app, row->stored, NULL, row, &other));
    begin_with(row, commits);
    SUCCEED(fitbit_refresh(other));
    fitbit_free(other);
    check_stored(client, row, 0);
    begin_with(row, commits);
    SUCCEED(fitbit_refresh(client));
    CHECK(row->entered == 1 && !row->gave_out);
    check_stored(client, row, 1);
}

/* One renewal for each client, and the transaction that was missing when it is freed. */
static void ends(FitbitClient *client, struct row *row, int (*last)(FitbitRenewal *, struct row *))
{
    begin_with(row, rolls_back);
    FAIL(fitbit_refresh(client), FITBIT_ERROR_STORE);
    begin_with(row, last);
    char *token = token_of(client);
    fitbit_free(client);
    CHECK(row->entered == 1 && row->gave_out == (last != runs_nothing));
    CHECK((strcmp(token, row->stored) == 0) == (last == commits));
    fitbit_string_free(token);
}

int main(int argc, char **argv)
{
    FitbitClient *client, *one;
    CHECK(argc == 4);
    begin();
    struct row row = {strdup(argv[2]), NULL, 0, 0};
    struct row others = {strdup(argv[3]), NULL, 0, 0};
    app = app_at(argv[1]);
    SUCCEED(fitbit_app_set_renewal_guard(app, guard));
    SUCCEED(fitbit_from_token(app, argv[2], NULL, &row, &client));
    SUCCEED(fitbit_from_token(app, argv[3], NULL, &others, &one));
    renews_and_stores(client, &row);
    sends_nothing(client, &row, argv[3]);
    keeps_what_was_rolled_back(client, &row);
    finds_out_what_was_committed(client, &row);
    takes_what_another_process_stored(client, &row);
    fitbit_app_free(app);
    ends(client, &row, commits);
    ends(one, &others, runs_nothing);
    free(row.stored);
    free(others.stored);
    puts("committed");
    return 0;
}
