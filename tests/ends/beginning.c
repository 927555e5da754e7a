/*
 * A call that is ended while it reads the certificates, which are a pipe here: before it connects.
 *
 *     beginning abort|shutdown|cancel SERVER TOKEN PIPE CERTIFICATES
 */

#include "../c_programs/program.h"

static FitbitClient *client;

static void *ask_it(void *none)
{
    FitbitResponse *response;
    FitbitError *error = fitbit_get(client, "/1/user/-/profile.json", &response);
    printf("%s\n", fitbit_error_code_name(fitbit_error_code(error)));
    fitbit_error_free(error);
    return none;
}

int main(int argc, char **argv)
{
    static char certificates[1 << 20];
    pthread_t asking;
    CHECK(argc == 6);
    begin();
    CHECK(mkfifo(argv[4], 0600) == 0 && setenv("SSL_CERT_FILE", argv[4], 1) == 0);
    FILE *file = fopen(argv[5], "r");
    CHECK(file != NULL);
    size_t len = fread(certificates, 1, sizeof certificates, file);
    fclose(file);

    FitbitApp *app = app_at(argv[2]);
    SUCCEED(fitbit_from_token(app, argv[3], NULL, NULL, &client));
    CHECK(pthread_create(&asking, NULL, ask_it, NULL) == 0);
    /* Returns when the call has opened it too. */
    int pipe = open(argv[4], O_WRONLY);
    CHECK(pipe >= 0);
    if (strcmp(argv[1], "abort") == 0) {
        fitbit_abort(client);
    } else if (strcmp(argv[1], "shutdown") == 0) {
        fitbit_app_shutdown(app);
    } else {
        fitbit_app_cancel(app);
    }
    CHECK(write(pipe, certificates, len) == (ssize_t)len && close(pipe) == 0);
    CHECK(pthread_join(asking, NULL) == 0);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
