/*
 * `last_destructor API`: a thread makes a request, and makes another one when it ends, in a destructor
 * that runs when those of the library's own language have run. Prints the code of each.
 */

#include <fitbit.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static FitbitClient *client;
static pthread_key_t key;

static void must(FitbitError *error) {
  if (error != NULL) {
    fprintf(stderr, "%s\n", fitbit_error_message(error));
    exit(1);
  }
}

static void ask(void *where) {
  FitbitResponse *response = NULL;
  FitbitError *error = fitbit_get(client, "/1/user/-/any.json", &response);
  printf("%s %d\n", (const char *)where, (int)fitbit_error_code(error));
  fitbit_error_free(error);
  fitbit_response_free(response);
}

static void *begin(void *where) {
  ask(where);
  pthread_setspecific(key, "destructor");
  return NULL;
}

int main(int argc, char **argv) {
  FitbitApp *app = NULL;
  pthread_t thread;
  if (argc != 2) {
    return 1;
  }
  must(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "ID", NULL, NULL, &app));
  must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1]));
  must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[1]));
  must(fitbit_from_token(app, "{\"access_token\":\"a\",\"expires_at\":4102444800}", NULL, NULL, &client));
  pthread_key_create(&key, ask);
  pthread_create(&thread, NULL, begin, "thread");
  pthread_join(thread, NULL);
  fitbit_free(client);
  fitbit_app_free(app);
  return 0;
}
