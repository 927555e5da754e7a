/*
 * One login, many processes: the token stands in a row of a PostgreSQL table, and each renewal is
 * a transaction on that row.  cc fleet_postgres.c -I$(pg_config --includedir) -lpq -lfitbit -lpthread
 *
 *     fleet_postgres CONNINFO USER_ID add < token.json  stores a login's first token
 *     fleet_postgres CONNINFO USER_ID THREADS           one request per thread, again at each Enter
 *
 * FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET and FITBIT_SIMULATOR are as in quickstart.c.
 *
 * What the lock does when its holder dies: the server ends a transaction whose connection closes, so
 * after a kill the row is free at once. If the provider had not yet acted, nothing has happened; if
 * it had, the row holds the spent refresh token, and Fitbit repeats its answer to it for two minutes
 * to whoever asks next: no login is lost if somebody does. A machine that vanishes without a word
 * closes nothing. Then idle_in_transaction_session_timeout ends its transaction: it has to be longer
 * than the app's timeout, for a transaction is idle while the provider is asked, and with some room
 * shorter than two minutes. A commit that is answered has to last: leave synchronous_commit on, and
 * where a standby may take over, make it a synchronous one. The time that the database takes is no
 * part of the app's timeout: put connect_timeout and tcp_user_timeout into CONNINFO.
 */
#include <fitbit.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char TABLE[] = "CREATE TABLE IF NOT EXISTS fitbit_login"
                            " (user_id text PRIMARY KEY, token text NOT NULL)";
static const char ADD[] = "INSERT INTO fitbit_login VALUES ($1, $2)"
                          " ON CONFLICT (user_id) DO UPDATE SET token = excluded.token";
static const char BEGIN[] = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '60s';"
                            " SET LOCAL lock_timeout = '75s'";
static const char LOCK[] = "SELECT token FROM fitbit_login WHERE user_id = $1 FOR UPDATE";
static const char READ[] = "SELECT token FROM fitbit_login WHERE user_id = $1";
static const char STORE[] = "UPDATE fitbit_login SET token = $2 WHERE user_id = $1";

/* A client's user_data. Its guard runs one at a time, so that one connection serves all its threads;
 * another client needs another one. */
struct login {
    PGconn *database;
    const char *user_id;
};

static PGresult *ask(struct login *login, const char *sql, const char *token)
{
    const char *values[2] = {login->user_id, token};

    return PQexecParams(login->database, sql, token == NULL ? 1 : 2, NULL, values, NULL, NULL, 0);
}

/* Whether the server did exactly this. (It answers a COMMIT that fails with "ROLLBACK".) */
static int did(PGresult *result, const char *what)
{
    int did = result != NULL && strcmp(PQcmdStatus(result), what) == 0;

    if (!did)
        fprintf(stderr, "No %s: %s\n", what, PQresultErrorMessage(result));
    PQclear(result);
    return did;
}

/* The guard. 1 only where the COMMIT was answered: on any doubt the library keeps the new token and
 * offers it again, and the next run finds out what is stored. */
static int renew(FitbitRenewal *renewal, void *user_data)
{
    struct login *login = user_data;
    const char *new_token = NULL;
    PGresult *row;
    int good = 0;

    if (!did(PQexec(login->database, BEGIN), "SET")) {
        PQreset(login->database); /* the connection broke since the last time */
        if (!did(PQexec(login->database, BEGIN), "SET"))
            return 0;
    }
    row = ask(login, LOCK, NULL);
    if (PQntuples(row) == 1) { /* no row: the login was removed, and nobody is asked */
        FitbitError *error = fitbit_renewal_run(renewal, PQgetvalue(row, 0, 0), &new_token);

        good = error == NULL && (new_token == NULL || did(ask(login, STORE, new_token), "UPDATE 1"));
        fitbit_error_free(error); /* fitbit_get() returns it too */
    }
    PQclear(row);
    if (good)
        return did(PQexec(login->database, "COMMIT"), "COMMIT");
    did(PQexec(login->database, "ROLLBACK"), "ROLLBACK");
    return 0;
}

/* Whether it is one; then it is said, and freed. */
static int failed(FitbitError *error)
{
    if (error == NULL)
        return 0;
    fprintf(stderr, "%s: %s\n", fitbit_error_code_name(fitbit_error_code(error)),
            fitbit_error_message(error));
    fitbit_error_free(error);
    return 1;
}

static void check(FitbitError *error)
{
    if (failed(error))
        exit(EXIT_FAILURE);
}

static FitbitApp *new_app(void)
{
    const char *simulator = getenv("FITBIT_SIMULATOR");
    char uri[256];
    FitbitApp *app;

    check(fitbit_app_new(FITBIT_PROVIDER_FITBIT, getenv("FITBIT_CLIENT_ID"),
                         getenv("FITBIT_CLIENT_SECRET"), NULL, &app));
    if (simulator != NULL) {
        snprintf(uri, sizeof uri, "%s/oauth2/token", simulator);
        check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, uri));
        check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, simulator));
    }
    check(fitbit_app_set_timeout_ms(app, 30000)); /* half of the idle timeout */
    check(fitbit_app_set_renewal_guard(app, renew));
    return app;
}

/* One request, in a thread of its own; NULL where it failed. */
static void *request(void *client)
{
    FitbitResponse *profile;

    if (failed(fitbit_get(client, "/1/user/-/profile.json", &profile)))
        return NULL;
    fitbit_response_free(profile);
    return client;
}

int main(int argc, char **argv)
{
    char text[16384];
    struct login login;
    FitbitApp *app;
    FitbitClient *client;
    PGresult *row;

    if (argc != 4) {
        fprintf(stderr, "usage: %s CONNINFO USER_ID add|THREADS\n", argv[0]);
        return EXIT_FAILURE;
    }
    login.database = PQconnectdb(argv[1]);
    login.user_id = argv[2];
    PQsetErrorVerbosity(login.database, PQERRORS_TERSE); /* details can quote a row */
    if (strcmp(argv[3], "add") == 0) {
        text[fread(text, 1, sizeof text - 1, stdin)] = '\0';
        return did(PQexec(login.database, TABLE), "CREATE TABLE") &&
                       did(ask(&login, ADD, text), "INSERT 0 1")
                   ? EXIT_SUCCESS
                   : EXIT_FAILURE;
    }

    row = ask(&login, READ, NULL);
    if (PQntuples(row) != 1) {
        fprintf(stderr, "No token is stored. %s\n", PQerrorMessage(login.database));
        return EXIT_FAILURE;
    }
    app = new_app();
    check(fitbit_from_token(app, PQgetvalue(row, 0, 0), NULL, &login, &client));
    PQclear(row);
    do {
        pthread_t threads[64];
        int i, started = 0, answered = 0, wanted = atoi(argv[3]);
        void *answer;

        while (started < wanted && started < 64 &&
               pthread_create(&threads[started], NULL, request, client) == 0)
            started++;
        for (i = 0; i < started; i++)
            answered += pthread_join(threads[i], &answer) == 0 && answer != NULL;
        printf("%d of %d requests were answered.\n", answered, wanted);
        fflush(stdout);
    } while (fgets(text, sizeof text, stdin) != NULL);

    fitbit_free(client); /* may run the guard once more: the connection is closed after it */
    fitbit_app_free(app);
    PQfinish(login.database);
    return EXIT_SUCCESS;
}
