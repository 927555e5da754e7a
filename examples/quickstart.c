/*
 * The whole story: log a person in once, save every token, renew it without asking, start again
 * from the saved token.  cc quickstart.c -lfitbit
 *
 * FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET and FITBIT_CALLBACK_URI are what you registered; with Google, if
 * FITBIT_PROVIDER=google. FITBIT_SIMULATOR=http://127.0.0.1:8765 takes the bundled simulator instead.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char TOKEN_FILE[] = "fitbit-token.json";

/* For each: the simulator's paths, in the order of FitbitEndpoint, and what is asked. */
static const char *const PATHS[2][5] = {
    {"/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", "", "/1/user/-/profile.json"},
    {"/o/oauth2/v2/auth", "/token", "/revoke", "", "/v4/users/me/profile"},
};

/* Says what went wrong and ends the program; a real one looks at the code and acts on it. */
static void check(FitbitError *error)
{
    if (error == NULL)
        return;
    fprintf(stderr, "%s: %s\n", fitbit_error_code_name(fitbit_error_code(error)),
            fitbit_error_message(error));
    if (fitbit_error_code(error) == FITBIT_ERROR_REAUTHORIZE)
        fprintf(stderr, "Remove %s and log in again.\n", TOKEN_FILE);
    fitbit_error_free(error);
    exit(EXIT_FAILURE);
}

/* Takes every new token. All of it is on the disk, readable by nobody else, before the old one is
 * replaced; 1 means saved, and anything else that the library will offer it again. */
static int save_token(const char *token_json, void *user_data)
{
    size_t len = strlen(token_json);
    int saved, file;

    (void)user_data;
    unlink("fitbit-token.new");
    file = open("fitbit-token.new", O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (file < 0)
        return 0;
    saved = write(file, token_json, len) == (ssize_t)len && fsync(file) == 0;
    if (close(file) != 0 || !saved || rename("fitbit-token.new", TOKEN_FILE) != 0)
        return 0;
    printf("A new token is saved in %s.\n", TOKEN_FILE);
    return 1;
}

/* Reads one line, or a whole file, into `text`; 0 at its end. */
static int read_text(FILE *from, int whole, char *text, size_t size)
{
    size_t len;

    if (whole)
        len = fread(text, 1, size - 1, from);
    else
        len = fgets(text, (int)size, from) == NULL ? 0 : strcspn(text, "\r\n");
    text[len] = '\0';
    return len > 0 || (!whole && !feof(from));
}

int main(void)
{
    const char *client_id = getenv("FITBIT_CLIENT_ID"), *simulator = getenv("FITBIT_SIMULATOR");
    const char *provider = getenv("FITBIT_PROVIDER");
    FitbitApp *app;
    FitbitClient *client;
    int google = provider != NULL && strcmp(provider, "google") == 0, i;
    FILE *file;
    char text[16384];

    if (client_id == NULL || getenv("FITBIT_CALLBACK_URI") == NULL) {
        fprintf(stderr, "Set FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET and FITBIT_CALLBACK_URI.\n");
        return EXIT_FAILURE;
    }
    check(fitbit_app_new(google ? FITBIT_PROVIDER_GOOGLE_HEALTH : FITBIT_PROVIDER_FITBIT, client_id,
                         getenv("FITBIT_CLIENT_SECRET"), getenv("FITBIT_CALLBACK_URI"), &app));
    for (i = 0; simulator != NULL && i < 4; i++) {
        snprintf(text, sizeof text, "%s%s", simulator, PATHS[google][i]);
        check(fitbit_app_set_endpoint(app, (FitbitEndpoint)i, text));
    }

    file = fopen(TOKEN_FILE, "r");
    if (file != NULL) { /* somebody has logged in before */
        read_text(file, 1, text, sizeof text);
        fclose(file);
        check(fitbit_from_token(app, text, save_token, NULL, &client));
    } else {
        char *authorization_uri, *session;
        check(fitbit_step_one(app, NULL, &authorization_uri, &session));
        printf("Open this address and grant access:\n%s\n", authorization_uri);
        printf("Then paste the address that you were sent back to:\n");
        fflush(stdout);
        if (!read_text(stdin, 0, text, sizeof text))
            return EXIT_FAILURE;
        check(fitbit_step_two(app, session, text, save_token, NULL, &client));
        fitbit_string_free(authorization_uri);
        fitbit_string_free(session);
    }

    do { /* the token may expire in between: the library renews it */
        FitbitResponse *profile;
        check(fitbit_get(client, PATHS[google][4], &profile));
        printf("%s\nPress Enter to ask again, Ctrl-D to end.\n", fitbit_response_body(profile));
        fflush(stdout);
        fitbit_response_free(profile);
    } while (read_text(stdin, 0, text, sizeof text));

    fitbit_free(client);
    fitbit_app_free(app);
    return EXIT_SUCCESS;
}
