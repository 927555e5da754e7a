/*
 * One GET in a process of its own: `get API TOKEN-ENDPOINT [TIMEOUT-MS [PROXY [CA-FILE]]]`. The
 * proxy "none" is no proxy at all, and "environment" is left to the environment.
 *
 * Prints the error's code (0: none), the HTTP status, how many milliseconds it took, and the
 * error's message.
 */

/* clock_gettime is POSIX, not C99. */
#define _POSIX_C_SOURCE 200809L

#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char TOKEN[] = "{\"access_token\":\"an.access.token\",\"refresh_token\":\"refresh\","
                            "\"token_type\":\"Bearer\",\"expires_at\":4102444800}";

static void must(FitbitError *error) {
  if (error != NULL) {
    fprintf(stderr, "%s\n", fitbit_error_message(error));
    exit(1);
  }
}

static long long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
  FitbitApp *app = NULL;
  FitbitClient *client = NULL;
  FitbitResponse *response = NULL;
  FitbitError *error = NULL;
  long long begin = 0;
  if (argc < 3) {
    fprintf(stderr, "usage: get API TOKEN-ENDPOINT [TIMEOUT-MS [PROXY [CA-FILE]]]\n");
    return 1;
  }
  must(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "ID", "a-client-secret", NULL, &app));
  must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1]));
  must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[2]));
  if (argc > 3) {
    must(fitbit_app_set_timeout_ms(app, (uint32_t)atoi(argv[3])));
  }
  if (argc > 4 && strcmp(argv[4], "environment") != 0) {
    must(fitbit_app_set_proxy(app, strcmp(argv[4], "none") == 0 ? NULL : argv[4]));
  }
  if (argc > 5) {
    must(fitbit_app_set_ca_file(app, argv[5]));
  }
  must(fitbit_from_token(app, TOKEN, NULL, NULL, &client));
  begin = milliseconds();
  error = fitbit_get(client, "/1/user/-/any.json", &response);
  printf("%d\n", error == NULL ? 0 : (int)fitbit_error_code(error));
  printf("%d\n", error == NULL ? fitbit_response_status(response)
                               : fitbit_error_http_status(error));
  printf("%lld\n%s\n", milliseconds() - begin, fitbit_error_message(error));
  fitbit_error_free(error);
  fitbit_response_free(response);
  fitbit_free(client);
  fitbit_app_free(app);
  return 0;
}
