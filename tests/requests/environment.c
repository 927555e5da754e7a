/*
 * What a process takes from its environment, and when: `environment API TOKEN-ENDPOINT STEP...`. The
 * steps are taken in their order. A step is one of
 *
 *   new            makes the app
 *   NAME=VALUE     sets a variable of the environment
 *   NAME           removes it
 *   proxy:URI      fitbit_app_set_proxy(); "proxy:" is no proxy at all
 *   ca:FILE        fitbit_app_set_ca_file()
 *   copy:FROM:TO   copies a file
 *   get            a GET
 *   refresh        a renewal
 *   revoke         a revocation, at TOKEN-ENDPOINT too
 *
 * Prints a line for each of the last three: the error's code (0: none), and its message.
 */

/* setenv is POSIX, not C99. */
#define _POSIX_C_SOURCE 200809L

#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char TOKEN[] = "{\"access_token\":\"an.access.token\",\"refresh_token\":\"refresh\","
                            "\"token_type\":\"Bearer\",\"expires_at\":4102444800}";

static void must(FitbitError *error) {
  if (error != NULL) {
    fprintf(stderr, "%s\n", fitbit_error_message(error));
    exit(1);
  }
}

static void report(FitbitError *error) {
  printf("%d %s\n", error == NULL ? 0 : (int)fitbit_error_code(error), fitbit_error_message(error));
  fitbit_error_free(error);
}

static void copy(const char *from_and_to) {
  char path[4096];
  const char *colon = strchr(from_and_to, ':');
  FILE *from = NULL;
  FILE *to = NULL;
  int byte = 0;
  snprintf(path, sizeof path, "%.*s", (int)(colon - from_and_to), from_and_to);
  from = fopen(path, "rb");
  to = fopen(colon + 1, "wb");
  if (from == NULL || to == NULL) {
    perror(from_and_to);
    exit(1);
  }
  while ((byte = fgetc(from)) != EOF) {
    fputc(byte, to);
  }
  fclose(from);
  fclose(to);
}

/* What follows the beginning of a step, or NULL if it begins otherwise. */
static const char *after(const char *step, const char *beginning) {
  size_t length = strlen(beginning);
  return strncmp(step, beginning, length) == 0 ? step + length : NULL;
}

static void set(const char *step) {
  char name[64];
  const char *value = strchr(step, '=');
  if (value == NULL) {
    unsetenv(step);
    return;
  }
  snprintf(name, sizeof name, "%.*s", (int)(value - step), step);
  setenv(name, value + 1, 1);
}

int main(int argc, char **argv) {
  FitbitApp *app = NULL;
  FitbitClient *client = NULL;
  FitbitResponse *response = NULL;
  const char *rest = NULL;
  int i = 0;
  for (i = 3; i < argc; i++) {
    const char *step = argv[i];
    int asks =
        strcmp(step, "get") == 0 || strcmp(step, "refresh") == 0 || strcmp(step, "revoke") == 0;
    if (asks && client == NULL) {
      must(fitbit_from_token(app, TOKEN, NULL, NULL, &client));
    }
    if (strcmp(step, "new") == 0) {
      must(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "ID", "a-client-secret", NULL, &app));
      must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1]));
      must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[2]));
      must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_REVOKE, argv[2]));
      must(fitbit_app_set_timeout_ms(app, 20000));
    } else if (strcmp(step, "get") == 0) {
      report(fitbit_get(client, "/1/user/-/any.json", &response));
      fitbit_response_free(response);
      response = NULL;
    } else if (strcmp(step, "refresh") == 0) {
      report(fitbit_refresh(client));
    } else if (strcmp(step, "revoke") == 0) {
      report(fitbit_revoke(client));
    } else if ((rest = after(step, "proxy:")) != NULL) {
      must(fitbit_app_set_proxy(app, rest[0] == '\0' ? NULL : rest));
    } else if ((rest = after(step, "ca:")) != NULL) {
      must(fitbit_app_set_ca_file(app, rest));
    } else if ((rest = after(step, "copy:")) != NULL) {
      copy(rest);
    } else {
      set(step);
    }
  }
  fitbit_free(client);
  fitbit_app_free(app);
  return 0;
}
