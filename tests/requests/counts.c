/*
 * Counts the threads that the library starts and the names that it resolves: `counts API SHOWN
 * REQUESTS`.
 *
 * The two functions below stand before the system's own, for the library too. One request to
 * SHOWN, whose name has to be resolved, shows that they do; it is expected to fail. Then the same
 * client of API makes one request and after it REQUESTS more, which are to start nothing. Prints
 * both counts after each of the three, in lines "threads names tasks".
 */

/* RTLD_NEXT is no part of POSIX. */
#define _GNU_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <fitbit.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char TOKEN[] = "{\"access_token\":\"an.access.token\",\"refresh_token\":\"refresh\","
                            "\"token_type\":\"Bearer\",\"expires_at\":4102444800}";

static int threads, names;

typedef int Create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int Resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* ISO C has no cast from an object pointer to a function pointer. */
static void next(const char *name, void *function) {
  void *symbol = dlsym(RTLD_NEXT, name);
  memcpy(function, &symbol, sizeof symbol);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
  Create *create = NULL;
  __atomic_add_fetch(&threads, 1, __ATOMIC_SEQ_CST);
  next("pthread_create", &create);
  return create(thread, attributes, start, argument);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  Resolve *resolve = NULL;
  __atomic_add_fetch(&names, 1, __ATOMIC_SEQ_CST);
  next("getaddrinfo", &resolve);
  return resolve(node, service, hints, result);
}

static void must(FitbitError *error) {
  if (error != NULL) {
    fprintf(stderr, "%s\n", fitbit_error_message(error));
    exit(1);
  }
}

static FitbitClient *client_of(const char *api) {
  FitbitApp *app = NULL;
  FitbitClient *client = NULL;
  must(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "ID", NULL, NULL, &app));
  must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, api));
  must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, api));
  must(fitbit_from_token(app, TOKEN, NULL, NULL, &client));
  fitbit_app_free(app);
  return client;
}

/* The threads that there are right now. */
static int tasks(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/task");
  if (folder != NULL) {
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
      count += entry->d_name[0] != '.';
    }
    closedir(folder);
  }
  return count;
}

static void report(void) {
  printf("%d %d %d\n", threads, names, tasks());
  threads = 0;
  names = 0;
}

int main(int argc, char **argv) {
  FitbitClient *client = NULL;
  FitbitResponse *response = NULL;
  int left = 0;
  if (argc != 4) {
    fprintf(stderr, "usage: counts API SHOWN REQUESTS\n");
    return 1;
  }
  client = client_of(argv[2]);
  fitbit_error_free(fitbit_get(client, "/1/user/-/any.json", &response));
  fitbit_free(client);
  report();
  /* The look-up's thread ends when it has its answer, and is not to be counted below. */
  for (left = 6000; left > 0 && tasks() > 1; left--) {
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }

  client = client_of(argv[1]);
  must(fitbit_get(client, "/1/user/-/any.json", &response));
  fitbit_response_free(response);
  report();
  for (left = atoi(argv[3]); left > 0; left--) {
    must(fitbit_get(client, "/1/user/-/any.json", &response));
    fitbit_response_free(response);
  }
  report();
  fitbit_free(client);
  return 0;
}
