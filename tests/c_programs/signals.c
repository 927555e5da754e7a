/*
 * A program with signals of its own: one handler that interrupts the calling thread all the time
 * (a profiler, a garbage collector), and SIGPIPE left at its default, which is death.
 *
 *     signals <provider's address> <a token> <address of a server that answers too early>
 */

#include "program.h"

#include <signal.h>
#include <time.h>

static volatile sig_atomic_t interruptions;

static void count(int signal)
{
    (void)signal;
    interruptions++;
}

/* Until it is cancelled. */
static void *interrupt(void *thread)
{
    const struct timespec pause = {0, 500000};
    for (;;) {
        nanosleep(&pause, NULL);
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
    }
    return NULL;
}

static void requests_go_on(FitbitClient *client)
{
    FitbitResponse *response;
    for (int i = 0; i < 20; i++) {
        SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
        fitbit_response_free(response);
        SUCCEED(fitbit_refresh(client));
    }
}

static void a_closed_connection_is_an_error(FitbitClient *client)
{
    static char form[4 * 1024 * 1024];
    FitbitResponse *response;
    memset(form, 'a', sizeof form - 1);
    have("close the connection");
    FAIL(fitbit_post(client, "/1/user/-/foods/log.json", form, &response), FITBIT_ERROR_NETWORK);
}

/* The answer counts. Whatever is sent after the server's close meets a broken pipe. */
static void a_broken_pipe_raises_no_signal(const char *early, const char *token)
{
    static char form[32 * 1024 * 1024];
    FitbitApp *app = app_at(early);
    FitbitClient *client;
    FitbitResponse *response;
    memset(form, 'a', sizeof form - 1);
    SUCCEED(fitbit_from_token(app, token, NULL, NULL, &client));
    SUCCEED(fitbit_post(client, "/1/user/-/foods/log.json", form, &response));
    fitbit_response_free(response);
    fitbit_free(client);
    fitbit_app_free(app);
}

int main(int argc, char **argv)
{
    FitbitClient *client;
    pthread_t here = pthread_self(), interrupter;
    struct sigaction action = {0};
    CHECK(argc == 4);
    begin();
    action.sa_handler = count;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    FitbitApp *app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], NULL, NULL, &client));

    CHECK(pthread_create(&interrupter, NULL, interrupt, &here) == 0);
    requests_go_on(client);
    CHECK(pthread_cancel(interrupter) == 0 && pthread_join(interrupter, NULL) == 0);
    CHECK(interruptions > 100);

    a_closed_connection_is_an_error(client);
    a_broken_pipe_raises_no_signal(argv[3], argv[2]);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
