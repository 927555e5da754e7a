/*
 * Logs in with the default browser, says how it ended, and lives on until it is told to end.
 *
 *     waiting <provider's address> <callback URI> <timeout in ms> [more of the authorize endpoint]
 *
 * In its environment:
 *     SIGCHLD         it lets the system reap its children, as some programs do
 *     SAVE_TO         its callback saves the token in this file
 *     TOKEN_FILE      it sets this token file after the login
 *     NO_DESCRIPTORS  instead of opening a browser it opens a connection to its own port, has no
 *                     descriptor left, and says at the end how much processor time it used
 */

#include "../c_programs/program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

static int save(const char *token_json, void *user_data)
{
    FILE *file = fopen(user_data, "w");
    CHECK(file != NULL && fputs(token_json, file) >= 0 && fclose(file) == 0);
    return 1;
}

static int use_all_descriptors(const char *authorization_uri, void *user_data)
{
    const char *callback_uri = user_data;
    struct sockaddr_in address = {0};
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    (void)authorization_uri;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)strtoul(strrchr(callback_uri, ':') + 1, NULL, 10));
    CHECK(connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
    struct rlimit none = {0, 0};
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    puts("connected");
    return 1;
}

int main(int argc, char **argv)
{
    static const char *const paths[] = {"/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", ""};
    FitbitApp *app;
    FitbitClient *client;
    CHECK(argc == 4 || argc == 5);
    begin();
    if (getenv("SIGCHLD") != NULL) {
        signal(SIGCHLD, SIG_IGN);
    }
    SUCCEED(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "22SRVR", "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27",
                           argv[2], &app));
    for (int endpoint = 0; endpoint < 4; endpoint++) {
        char uri[512];
        const char *more = endpoint == 0 && argc == 5 ? argv[4] : "";
        snprintf(uri, sizeof uri, "%s%s%s", argv[1], paths[endpoint], more);
        SUCCEED(fitbit_app_set_endpoint(app, (FitbitEndpoint)endpoint, uri));
    }
    char *save_to = getenv("SAVE_TO");
    const char *token_file = getenv("TOKEN_FILE");
    int no_descriptors = getenv("NO_DESCRIPTORS") != NULL;
    FitbitError *error = fitbit_login(app, (uint32_t)strtoul(argv[3], NULL, 10),
                                      no_descriptors ? use_all_descriptors : NULL, argv[2],
                                      save_to != NULL ? save : NULL, save_to, &client);
    if (error == NULL && token_file != NULL) {
        error = fitbit_set_token_file(client, token_file);
    }
    printf("%u %s\n", (unsigned)fitbit_error_code(error), fitbit_error_message(error));
    if (no_descriptors) {
        printf("processor time in ms: %ld\n", (long)(clock() / (CLOCKS_PER_SEC / 1000)));
    }
    have("end");
    fitbit_error_free(error);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
