/*
 * One login, many processes: the token stands in Redis, and whoever renews it holds a lock with an
 * owner and an expiry.  cc fleet_redis.c -lhiredis -lfitbit -lpthread
 *
 *     fleet_redis HOST:PORT USER_ID add < token.json  stores a login's first token
 *     fleet_redis HOST:PORT USER_ID THREADS           one request per thread, again at each Enter
 *
 * FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET and FITBIT_SIMULATOR are as in quickstart.c.
 *
 * What the lock does when its holder dies: it expires after LOCK_MS; until then the others wait (and
 * threads that share a client with the one that waits end with FITBIT_ERROR_TIMEOUT after CALL_MS).
 * If the provider had acted, the spent refresh token is stored, and Fitbit repeats its answer to it
 * for two minutes: so LOCK_MS is well below that, and above the app's timeout. A holder that
 * is merely slow (suspended, swapped out) has lost the lock: its store is refused, the guard returns
 * 0, and the library keeps its token and offers it again. The lock outlives a broken connection.
 *
 * Its limits: Redis answers before a write is on the disk, unless it runs with appendonly yes and
 * appendfsync always; and a replica that takes over may not have the last write. An older token is
 * then taken for a newer one, and the login is lost if that is noticed after the two minutes. Where
 * this matters, a database that commits is the better place. No key may be evicted: maxmemory-policy
 * noeviction.
 */
#define _POSIX_C_SOURCE 200809L
#include <fitbit.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef LOCK_MS
#define LOCK_MS 60000
#endif
#define CALL_MS (LOCK_MS / 2)

/* Each may be repeated when its answer was lost. KEYS: lock, token. ARGV[1]: the lock's owner. */
static const char LOCK[] =
    "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])"
    " or redis.call('GET', KEYS[1]) == ARGV[1] then return 1 else return 0 end";
static const char STORE[] = /* over what was read under this lock, and nothing else */
    "local stored = redis.call('GET', KEYS[2])"
    " if redis.call('GET', KEYS[1]) ~= ARGV[1] or stored ~= ARGV[2] and stored ~= ARGV[3]"
    " then return 0 end redis.call('SET', KEYS[2], ARGV[3]) return 1";
static const char UNLOCK[] =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/* A client's user_data. Its guard runs one at a time, so that one connection serves all its threads;
 * another client needs another one. */
struct login {
    redisContext *redis;
    char host[256], lock[300], token[300];
    int port;
};

/* Sends a command, on a fresh connection where the old one broke; NULL where it was not answered. */
static redisReply *ask(struct login *login, const char *format, ...)
{
    const struct timeval patience = {5, 0};
    redisReply *reply = NULL;
    int attempt;

    for (attempt = 0; attempt < 2 && reply == NULL; attempt++) {
        va_list values;

        if (login->redis == NULL || login->redis->err != 0) {
            redisFree(login->redis);
            login->redis = redisConnectWithTimeout(login->host, login->port, patience);
            if (login->redis == NULL || login->redis->err != 0)
                continue;
            redisSetTimeout(login->redis, patience);
        }
        va_start(values, format);
        reply = redisvCommand(login->redis, format, values);
        va_end(values);
    }
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
        fprintf(stderr, "Redis: %s\n", reply == NULL ? "no answer" : reply->str);
    return reply;
}

/* Whether a script answered 1. */
static int did(redisReply *reply)
{
    int did = reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;

    freeReplyObject(reply);
    return did;
}

/* Takes the lock for an owner that nobody else can be; 0 where it was not to be had. */
static int lock(struct login *login, char owner[33])
{
    const struct timespec pause = {0, 20000000};
    unsigned char random[16];
    FILE *source = fopen("/dev/urandom", "rb");
    size_t i, len = source == NULL ? 0 : fread(random, 1, sizeof random, source);
    time_t until = time(NULL) + (LOCK_MS + CALL_MS) / 1000;

    if (source != NULL)
        fclose(source);
    for (i = 0; i < len; i++)
        snprintf(owner + 2 * i, 3, "%02x", random[i]);
    while (len == sizeof random && time(NULL) <= until) {
        if (did(ask(login, "EVAL %s 1 %s %s %d", LOCK, login->lock, owner, LOCK_MS)))
            return 1;
        if (login->redis == NULL || login->redis->err != 0)
            return 0;
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* The guard. 1 only where Redis said that it stored: on any doubt the library keeps the new token
 * and offers it again, and the next run finds out what is stored. */
static int renew(FitbitRenewal *renewal, void *user_data)
{
    struct login *login = user_data;
    char owner[33];
    redisReply *stored;
    int good = 0;

    if (!lock(login, owner))
        return 0;
    stored = ask(login, "GET %s", login->token);
    if (stored != NULL && stored->type == REDIS_REPLY_STRING) { /* else the login was removed */
        const char *new_token;
        FitbitError *error = fitbit_renewal_run(renewal, stored->str, &new_token);

        good = error == NULL &&
               (new_token == NULL || did(ask(login, "EVAL %s 2 %s %s %s %s %s", STORE, login->lock,
                                             login->token, owner, stored->str, new_token)));
        fitbit_error_free(error); /* fitbit_get() returns it too */
    }
    freeReplyObject(stored);
    did(ask(login, "EVAL %s 1 %s %s", UNLOCK, login->lock, owner));
    return good;
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
    check(fitbit_app_set_timeout_ms(app, CALL_MS));
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
    static struct login login;
    char text[16384];
    FitbitApp *app;
    FitbitClient *client;
    redisReply *reply;

    if (argc != 4 || sscanf(argv[1], "%255[^:]:%d", login.host, &login.port) != 2) {
        fprintf(stderr, "usage: %s HOST:PORT USER_ID add|THREADS\n", argv[0]);
        return EXIT_FAILURE;
    }
    /* The braces keep both keys on one node of a cluster. */
    snprintf(login.lock, sizeof login.lock, "fitbit:{%s}:lock", argv[2]);
    snprintf(login.token, sizeof login.token, "fitbit:{%s}:token", argv[2]);
    if (strcmp(argv[3], "add") == 0) {
        text[fread(text, 1, sizeof text - 1, stdin)] = '\0';
        reply = ask(&login, "SET %s %s", login.token, text);
        return reply != NULL && reply->type == REDIS_REPLY_STATUS ? EXIT_SUCCESS : EXIT_FAILURE;
    }

    reply = ask(&login, "GET %s", login.token);
    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        fprintf(stderr, "No token is stored.\n");
        return EXIT_FAILURE;
    }
    app = new_app();
    check(fitbit_from_token(app, reply->str, NULL, &login, &client));
    freeReplyObject(reply);
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
    redisFree(login.redis);
    return EXIT_SUCCESS;
}
