/*
 * One call at one stage, ended in one way. It prints how that call ended and how long it took, what of
 * the process is still in use, and what calls say that come later.
 *
 *     stages call=get ending=abort login=TOKEN token=URI api=URI callback=URI [proxy=URI] [ca=FILE] ...
 *
 * It says "ready" and waits for a line; then the call begins, and the next line ends it.
 */

#include "nowhere.h"

#include "measure.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#define PATH "/1/user/-/profile.json"
/* The time that a call has which is to run out of it, and that of the later calls. */
#define TIMEOUT_MS 1000
#define BRIEFLY_MS 200
/* Of all other calls: only an ending is meant to end them. */
#define LONG_MS 30000
#define BIG (64 * 1024 * 1024)

static FitbitApp *app;
static FitbitClient *client, *made;
static char *session, *redirect;
static const char *call, *ending, *file, *nowhere;
static char *big;
static atomic_int offered;
static char newest[4096];
static long long begun_at, ended_at, returned_at;
static volatile sig_atomic_t errno_was_kept = -1;

static const char *argument(int argc, char **argv, const char *name)
{
    size_t len = strlen(name);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=') {
            return argv[i] + len + 1;
        }
    }
    return NULL;
}

static int save(const char *token_json, void *user_data)
{
    (void)user_data;
    snprintf(newest, sizeof newest, "%s", token_json);
    atomic_fetch_add(&offered, 1);
    return 1;
}

static int opened(const char *authorization_uri, void *open_data)
{
    (void)authorization_uri, (void)open_data;
    return 1;
}

static int is_of_the_app(void)
{
    return strcmp(call, "step_two") == 0 || strcmp(call, "login") == 0 || strcmp(call, "from_file") == 0;
}

static FitbitError *make(FitbitClient *client)
{
    FitbitResponse *response = NULL;
    FitbitError *error;
    if (strcmp(call, "get") == 0) {
        error = fitbit_get(client, PATH, &response);
    } else if (strcmp(call, "post") == 0) {
        error = fitbit_request(client, "POST", PATH, "text/plain", big, BIG, &response);
    } else if (strcmp(call, "refresh") == 0) {
        error = fitbit_refresh(client);
    } else if (strcmp(call, "revoke") == 0) {
        error = fitbit_revoke(client);
    } else if (strcmp(call, "step_two") == 0) {
        return fitbit_step_two(app, session, redirect, save, NULL, &made);
    } else if (strcmp(call, "from_file") == 0) {
        return fitbit_from_file(app, file, &made);
    } else {
        CHECK(strcmp(call, "login") == 0);
        /* Its own time ends it where nothing else does. */
        unsigned patience = strcmp(ending, "timeout") == 0 ? TIMEOUT_MS : LONG_MS;
        return fitbit_login(app, patience, opened, NULL, save, NULL, &made);
    }
    fitbit_response_free(response);
    return error;
}

static void *run(void *error)
{
    begun_at = now_us();
    *(FitbitError **)error = make(client);
    returned_at = now_us();
    return NULL;
}

static void *lead(void *leading)
{
    return fitbit_refresh(leading);
}

static void shut_down(int number)
{
    (void)number;
    ended_at = now_us();
    errno = 77;
    fitbit_app_shutdown(app);
    errno_was_kept = errno == 77;
}

static void handle(int number, int flags)
{
    struct sigaction action = {0};
    action.sa_handler = shut_down;
    action.sa_flags = flags;
    CHECK(sigaction(number, &action, NULL) == 0);
}

static void end(pthread_t calling)
{
    ended_at = now_us();
    if (strcmp(ending, "abort") == 0) {
        fitbit_abort(client);
    } else if (strcmp(ending, "app_abort") == 0) {
        fitbit_app_abort(app);
    } else if (strcmp(ending, "shutdown") == 0) {
        fitbit_app_shutdown(app);
    } else if (strcmp(ending, "cancel") == 0) {
        fitbit_app_cancel(app);
    } else if (strcmp(ending, "handler_in_the_call") == 0) {
        handle(SIGINT, 0);
        CHECK(pthread_kill(calling, SIGINT) == 0);
    } else if (strcmp(ending, "handler_elsewhere") == 0) {
        handle(SIGALRM, SA_RESTART);
        CHECK(raise(SIGALRM) == 0);
    } else {
        CHECK(strcmp(ending, "timeout") == 0);
    }
}

static void line(const char *said)
{
    char *read = NULL;
    size_t size = 0;
    puts(said);
    CHECK(getline(&read, &size, stdin) > 0);
    free(read);
}

/* A call that comes later, and how long it took. */
static void later(const char *which, FitbitError *error, long long since)
{
    long long took = now_us() - since;
    printf("%s %s %lld\n", which, name_of(error), took);
}

static void later_call(const char *which, FitbitClient *client)
{
    SUCCEED(fitbit_set_timeout_ms(client, BRIEFLY_MS));
    SUCCEED(fitbit_set_rate_limit_wait(client, 0));
    long long since = now_us();
    later(which, make(client), since);
}

static void later_login(const char *which, FitbitApp *app)
{
    FitbitClient *none;
    long long since = now_us();
    later(which, fitbit_login(app, BRIEFLY_MS, opened, NULL, NULL, NULL, &none), since);
}

static void the_app(int argc, char **argv)
{
    const char *proxy = argument(argc, argv, "proxy"), *ca = argument(argc, argv, "ca");
    const char *wait = argument(argc, argv, "wait"), *token = argument(argc, argv, "token");
    const char *api = argument(argc, argv, "api");
    char revoke[256];
    int is_google = argument(argc, argv, "google") != NULL;
    FitbitProvider provider = is_google ? FITBIT_PROVIDER_GOOGLE_HEALTH : FITBIT_PROVIDER_FITBIT;
    SUCCEED(fitbit_app_new(provider, "22SRVR", "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27",
                           argument(argc, argv, "callback"), &app));
    SUCCEED(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, token));
    SUCCEED(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, api));
    snprintf(revoke, sizeof revoke, "%s/oauth2/revoke", api);
    SUCCEED(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_REVOKE, revoke));
    SUCCEED(fitbit_app_set_timeout_ms(app, LONG_MS));
    if (strcmp(ending, "timeout") == 0 && is_of_the_app()) {
        SUCCEED(fitbit_app_set_timeout_ms(app, TIMEOUT_MS));
    }
    SUCCEED(fitbit_app_set_proxy(app, proxy));
    if (ca != NULL) {
        SUCCEED(fitbit_app_set_ca_file(app, ca));
    }
    if (wait != NULL) {
        SUCCEED(fitbit_app_set_rate_limit_wait(app, (unsigned)atoi(wait)));
    }
}

/* A redirect as the provider would send it, unless the test brings one. */
static void the_redirect(int argc, char **argv)
{
    const char *given = argument(argc, argv, "redirect"), *state;
    char *uri, *made_session;
    if (given != NULL) {
        session = strdup(argument(argc, argv, "session"));
        redirect = strdup(given);
        return;
    }
    SUCCEED(fitbit_step_one(app, NULL, &uri, &made_session));
    state = strstr(uri, "state=");
    CHECK(state != NULL);
    redirect = malloc(strlen(uri) + 64);
    sprintf(redirect, "/callback?code=a&%.*s", (int)strcspn(state, "&"), state);
    session = strdup(made_session);
    fitbit_string_free(uri);
    fitbit_string_free(made_session);
}

int main(int argc, char **argv)
{
    FitbitApp *other_app, *later_app;
    FitbitClient *other, *later_one, *leading = NULL;
    FitbitError *error = NULL, *led = NULL;
    pthread_t calling, leader;
    begin();
    call = argument(argc, argv, "call");
    ending = argument(argc, argv, "ending");
    file = argument(argc, argv, "file");
    nowhere = argument(argc, argv, "nowhere");
    the_app(argc, argv);
    the_redirect(argc, argv);
    big = calloc(1, BIG);
    if (file != NULL) {
        SUCCEED(fitbit_from_file(app, file, &client));
    } else {
        SUCCEED(fitbit_from_token(app, argument(argc, argv, "login"), save, NULL, &client));
    }
    if (strcmp(ending, "timeout") == 0) {
        SUCCEED(fitbit_set_timeout_ms(client, TIMEOUT_MS));
    }
    SUCCEED(fitbit_dup(client, &other));
    SUCCEED(fitbit_app_dup(app, &other_app));
    if (argument(argc, argv, "leader") != NULL) {
        SUCCEED(fitbit_dup(client, &leading));
        SUCCEED(fitbit_set_timeout_ms(leading, LONG_MS));
        CHECK(pthread_create(&leader, NULL, lead, leading) == 0);
    }
    line("ready");

    int sockets = sockets_now(), threads = threads_now();
    CHECK(pthread_create(&calling, NULL, run, &error) == 0);
    while (nowhere != NULL && !atomic_load(&looking)) {
        sched_yield();
    }
    if (strcmp(ending, "timeout") != 0) {
        line("running");
    }
    end(calling);
    CHECK(pthread_join(calling, NULL) == 0);
    if (strcmp(ending, "timeout") == 0) {
        ended_at = begun_at + TIMEOUT_MS * 1000LL;
    }
    printf("ended %s %lld\n", name_of(error), returned_at - ended_at);
    CHECK(errno_was_kept != 0);
    /* The kernel takes a moment to bury a thread. */
    for (int tries = 0; threads_now() > threads && tries < 100; tries++) {
        sleep_ms(10);
    }
    printf("sockets %d\nthreads %d\n", sockets_now() - sockets, threads_now() - threads);

    SUCCEED(fitbit_app_dup(app, &later_app));
    SUCCEED(fitbit_dup(client, &later_one));
    if (is_of_the_app()) {
        later_login("same", app);
        later_login("other", other_app);
        later_login("later", later_app);
        call = "get";
        later_call("client", client);
    } else {
        later_call("same", client);
        later_call("other", other);
        later_call("later", later_one);
    }
    if (leading != NULL) {
        CHECK(pthread_join(leader, (void **)&led) == 0);
        printf("leader %s\n", name_of(led));
        fitbit_free(leading);
    }
    char *token;
    SUCCEED(fitbit_token(made != NULL ? made : client, &token));
    printf("offered %d\nis_newest %d\n", atomic_load(&offered), strcmp(token, newest) == 0);
    fitbit_string_free(token);
    printf("made %d\n", made != NULL);
    fitbit_app_free(app);
    fitbit_app_free(later_app);
    fitbit_free(made);
    fitbit_free(client);
    fitbit_free(later_one);
    fitbit_free(other);
    fitbit_app_free(other_app);
    free(session);
    free(redirect);
    free(big);
    puts("over");
    return 0;
}
