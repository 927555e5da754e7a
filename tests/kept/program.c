/*
 * A process with several logins of one app, whose clock is set from outside. It reads a command a line
 * and prints a line for each:
 *
 *   refresh NAME    renews the login NAME: "ok", or the error's name
 *   get NAME        a GET: its body, or the error's name
 *   ahead SECONDS   from now on every clock of this process is so far ahead
 *   fork NAME       a child renews the login NAME, frees everything where it is told to, and ends
 *   fork-free NAME  the same, and the child frees the login and the app before it ends
 *
 * usage: program PROVIDER TOKEN_ENDPOINT API CA_FILE
 */
#define _GNU_SOURCE
#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOGINS 8

static FitbitApp *app;
static struct {
  char name[32];
  FitbitClient *client;
} logins[LOGINS];
static long long ahead;

/* In place of the system's, for the library too. */
int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0)
    now->tv_sec += ahead;
  return result;
}

static void must(FitbitError *error) {
  if (error != NULL) {
    fprintf(stderr, "%s\n", fitbit_error_message(error));
    exit(1);
  }
}

static int saved(const char *token_json, void *user_data) {
  (void)token_json;
  (void)user_data;
  return 1;
}

static FitbitClient *login(const char *name) {
  char token[256];
  int at = 0;
  while (at < LOGINS - 1 && logins[at].client != NULL && strcmp(logins[at].name, name) != 0)
    at++;
  if (logins[at].client == NULL) {
    snprintf(logins[at].name, sizeof logins[at].name, "%s", name);
    snprintf(token, sizeof token,
             "{\"access_token\":\"access-%s.0\",\"refresh_token\":\"refresh-%s.0\","
             "\"token_type\":\"Bearer\",\"expires_at\":4102444800}",
             name, name);
    must(fitbit_from_token(app, token, saved, NULL, &logins[at].client));
  }
  return logins[at].client;
}

static void refresh(const char *name) {
  FitbitError *error = fitbit_refresh(login(name));
  printf("%s\n", error == NULL ? "ok" : fitbit_error_code_name(fitbit_error_code(error)));
  fflush(stdout);
  fitbit_error_free(error);
}

static void get(const char *name) {
  FitbitResponse *response = NULL;
  FitbitError *error = fitbit_get(login(name), "/any", &response);
  printf("%s\n", error == NULL ? fitbit_response_body(response)
                               : fitbit_error_code_name(fitbit_error_code(error)));
  fflush(stdout);
  fitbit_error_free(error);
  fitbit_response_free(response);
}

static void free_everything(void) {
  for (int at = 0; at < LOGINS; at++)
    fitbit_free(logins[at].client);
  fitbit_app_free(app);
}

static void in_a_child(const char *name, int frees) {
  pid_t child;
  login(name);
  child = fork();
  if (child == 0) {
    alarm(20);
    refresh(name);
    if (frees)
      free_everything();
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

int main(int argc, char **argv) {
  char line[64], command[16], argument[32];
  if (argc != 5)
    return 2;
  must(fitbit_app_new((FitbitProvider)atoi(argv[1]), "CLIENT", "a-client-secret",
                      "http://127.0.0.1:1/", &app));
  must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[2]));
  must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[3]));
  must(fitbit_app_set_ca_file(app, argv[4]));
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "%15s %31s", command, argument) != 2)
      return 2;
    if (strcmp(command, "refresh") == 0)
      refresh(argument);
    else if (strcmp(command, "get") == 0)
      get(argument);
    else if (strcmp(command, "fork") == 0)
      in_a_child(argument, 0);
    else if (strcmp(command, "fork-free") == 0)
      in_a_child(argument, 1);
    else if (strcmp(command, "ahead") == 0) {
      ahead = atoll(argument);
      puts("ok");
      fflush(stdout);
    } else
      return 2;
  }
  free_everything();
  return 0;
}
