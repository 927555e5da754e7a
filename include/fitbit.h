/*
 * libfitbit: log a person in to Fitbit, and keep the login alive.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * This file is the manual; it can be read from top to bottom. It is generated from the library's
 * source: do not edit it.
 *
 *     fitbit_app_new     the application, as it is registered with the provider
 *     fitbit_step_one    the address where the person grants access
 *     fitbit_step_two    the address that they were sent back to becomes a client
 *     fitbit_login       both steps in one call, where the person sits at this machine
 *     fitbit_from_token  a saved token becomes a client: nobody has to log in
 *     fitbit_from_file   the same for a token file, which processes share
 *     fitbit_get ...     requests as that person; an expired token is renewed on the way
 *     fitbit_dup, fitbit_abort, fitbit_app_shutdown    more handles on a login; ending calls
 *     fitbit_free, fitbit_app_free
 *
 * Every new token, the first one too, goes to a callback of yours. Save it, and the person never
 * has to log in again. Fitbit's refresh tokens are single-use: who loses the newest token has lost
 * the login. So the callback says whether it saved, and a token that was not saved is kept, used,
 * and offered again.
 *
 * The rules for all functions:
 *
 * - Errors. A function that can fail returns a FitbitError *: NULL is success, anything else is
 *   yours to read and to free with fitbit_error_free(). Its code says what to do next. Results come
 *   through the pointers that stand last; on failure they are set to NULL or 0. A function that
 *   returns no error answers a NULL handle with 0, NULL, false, "" (fitbit_error_message) or -1
 *   (fitbit_error_retry_after).
 * - Ownership. A char * result is yours: free it with fitbit_string_free(). A const char * result
 *   is borrowed from the handle that it was read from and lives as long as that. What you pass in
 *   is copied; it need not outlive the call, but for user_data. Freeing NULL does nothing. Handles
 *   may be freed in any order, each when no call on it runs in any thread; a response or an error
 *   outlives its client and app.
 * - Strings are NUL-terminated UTF-8. NULL where a value is required, text that is not UTF-8, and a
 *   number or enumerator out of range are FITBIT_ERROR_INVALID_ARGUMENT, with a message that names
 *   the argument.
 * - Threads. Set an app up in one thread. After that any number of threads may use it at once; they can
 *   share every other handle from its beginning. There is no global and no per-thread state: an error is
 *   in the value returned. Calls block. In the background run only: a thread for each name that is looked
 *   up (at most 16 in the process), and one that waits for the browser that fitbit_login() has run. They
 *   block all signals. A signal does not end a call: see "Ending calls". The library raises no signal. A
 *   call needs at most 128 KiB of stack. Deferred pthread_cancel(), the usual type, takes effect after
 *   the call, never in it or in a callback. Call fork() without exec only while no other thread is in a
 *   call.
 * - Loading. On Linux the library stays in memory after dlclose(): a thread that looks up a name, and
 *   the handler that fork() calls, may still need its code.
 * - Connections. An application keeps idle connections for later calls: at most 64 to the API, and 64 for
 *   renewals with refresh tokens that can be used again. A connection that was idle for 15 seconds is not
 *   used any more; a later call closes it. Exchanges, revocations and renewals with single-use refresh
 *   tokens get a new connection each, which is closed afterwards. If a request has to wait for a renewal
 *   and there is no idle connection to the API, the call opens one beside the renewal: it has two
 *   connections then. If the request does not use the second one, the call closes it before it returns.
 *   New connections resume TLS sessions. The library never sends early data (0-RTT), because anybody on
 *   the network could send it once more.
 * - Descriptors. The library keeps its files and its sockets under descriptors above 2, even if your
 *   program has closed standard input, output or error. Each call that waits at the same time as others
 *   of its application needs one descriptor more than its sockets; it is kept for later calls. Between
 *   calls an application holds no more than these, its idle connections, and at most eight connections on
 *   which the response to a renewal is still to come: see "The login itself".
 * - Secrets. No token, code, verifier, secret or password appears in an error or a log line. Nothing is
 *   ever printed.
 */

#ifndef FITBIT_H
#define FITBIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define FITBIT_VERSION_MAJOR 0
#define FITBIT_VERSION_MINOR 1
#define FITBIT_VERSION_PATCH 0

/* A result that must be looked at: dropping it would drop an error. Where an error does not matter:
 * fitbit_error_free(fitbit_save(client)); */
#if defined(__GNUC__) || defined(__clang__)
#define FITBIT_MUST_USE __attribute__((warn_unused_result))
#else
#define FITBIT_MUST_USE
#endif

/* What a callback is given and is never NULL. Only Swift, which has a type for that, sees it. */
#if defined(__swift__)
#define FITBIT_NONNULL _Nonnull
#else
#define FITBIT_NONNULL
#endif


/**
 * Which service the application is registered with.
 */
typedef enum FitbitProvider {
  /**
   * The Fitbit Web API. Its switch-off was announced for 2026-11-02: from then on it answers
   * FITBIT_ERROR_PROVIDER_RETIRED.
   */
  FITBIT_PROVIDER_FITBIT = 1,
  /**
   * The Google Health API, its successor, with Google's OAuth: other scopes and paths, and every
   * person consents anew.
   */
  FITBIT_PROVIDER_GOOGLE_HEALTH = 2,
} FitbitProvider;

/**
 * What can be overridden, for tests, for proxies of your own, and for what comes next.
 */
typedef enum FitbitEndpoint {
  /**
   * Where the person grants access.
   */
  FITBIT_ENDPOINT_AUTHORIZE = 0,
  /**
   * Where a code or a refresh token becomes a token.
   */
  FITBIT_ENDPOINT_TOKEN = 1,
  /**
   * Where a token is revoked.
   */
  FITBIT_ENDPOINT_REVOKE = 2,
  /**
   * What every path is appended to.
   */
  FITBIT_ENDPOINT_API = 3,
} FitbitEndpoint;

/**
 * How the application proves who it is at the token endpoint (RFC 6749 section 2.3).
 */
typedef enum FitbitClientAuth {
  /**
   * What the provider prefers (Fitbit: BASIC, Google Health: BODY), and NONE without a secret. The default.
   */
  FITBIT_CLIENT_AUTH_AUTO = 0,
  /**
   * Id and secret in the Authorization header: Fitbit's application type "Server".
   */
  FITBIT_CLIENT_AUTH_BASIC = 1,
  /**
   * Id and secret in the request's body.
   */
  FITBIT_CLIENT_AUTH_BODY = 2,
  /**
   * The id alone, in the body: Fitbit's application type "Client".
   */
  FITBIT_CLIENT_AUTH_NONE = 3,
} FitbitClientAuth;

/**
 * How much an event matters.
 *
 */
typedef enum FitbitLogLevel {
  /**
   * A login is over.
   */
  FITBIT_LOG_ERROR = 1,
  /**
   * Something failed and is tried again, is waited for, or was not saved.
   */
  FITBIT_LOG_WARN = 2,
  /**
   * A login's life: why a token is renewed, that it was, that it was revoked.
   */
  FITBIT_LOG_INFO = 3,
  /**
   * Each request: method, path without query, status, bytes, milliseconds. Each save.
   */
  FITBIT_LOG_DEBUG = 4,
  /**
   * Connections, and who waits for whom.
   */
  FITBIT_LOG_TRACE = 5,
} FitbitLogLevel;

/**
 * What went wrong, and so what to do next.
 *
 * The numbers are part of the ABI: none is ever given another meaning, and 0 is never an error.
 * Later versions may add codes, all below 32; treat one that you do not know like
 * FITBIT_ERROR_HTTP.
 *
 */
typedef enum FitbitErrorCode {
  /**
   * An argument is NULL, not UTF-8, malformed or out of range, the app is already in use, or
   * the call is forbidden inside this callback. The message names the argument: fix the
   * program.
   */
  FITBIT_ERROR_INVALID_ARGUMENT = 1,
  /**
   * The redirect does not belong to this session. Drop it: it may be forged.
   */
  FITBIT_ERROR_STATE_MISMATCH = 2,
  /**
   * The person said no. Ask again later.
   */
  FITBIT_ERROR_ACCESS_DENIED = 3,
  /**
   * The provider reported another error in the redirect, or refused the authorization code.
   * Start again at fitbit_step_one.
   */
  FITBIT_ERROR_AUTHORIZATION = 4,
  /**
   * The provider refused the client id or secret. Fix the configuration; logins are not lost.
   */
  FITBIT_ERROR_INVALID_CLIENT = 5,
  /**
   * The refresh token is dead, missing, revoked or another provider's. Read your store again,
   * another process may have saved a newer token (where a token file or a guard keeps it, that has
   * been done); else the person must log in again.
   */
  FITBIT_ERROR_REAUTHORIZE = 6,
  /**
   * The person did not grant the scope that this request needs. Log in again with it: they may have
   * left it out, or the app did not ask (fitbit_app_set_scopes(), or "scope" in fitbit_step_one's
   * params). The old login goes on working until then.
   */
  FITBIT_ERROR_INSUFFICIENT_SCOPE = 7,
  /**
   * Too many requests. Wait: fitbit_error_retry_after says how long, or -1 where the provider
   * does not say; a minute is a good guess then.
   */
  FITBIT_ERROR_RATE_LIMITED = 8,
  /**
   * Any other status of 300 and above. Read status, type and message.
   */
  FITBIT_ERROR_HTTP = 9,
  /**
   * The provider has switched this service off. Move to its successor; trying again does not help.
   * This is 410 Gone from Fitbit's token endpoint, or from its API without an error of Fitbit's own.
   * With one ("errorType" in the body) only that path is gone: FITBIT_ERROR_HTTP. 410 from Google
   * Health is FITBIT_ERROR_HTTP too.
   */
  FITBIT_ERROR_PROVIDER_RETIRED = 10,
  /**
   * A name did not resolve, a connection was refused, reset or closed, or TLS failed after the request
   * was sent. Try again.
   */
  FITBIT_ERROR_NETWORK = 11,
  /**
   * The time allowed ran out. Try again.
   */
  FITBIT_ERROR_TIMEOUT = 12,
  /**
   * A certificate or the TLS handshake was refused; no request was sent. Do not try again blindly.
   */
  FITBIT_ERROR_TLS = 13,
  /**
   * The answer is not what HTTP or OAuth promise, or larger than allowed. Report it.
   */
  FITBIT_ERROR_PROTOCOL = 14,
  /**
   * The token callback, the token file or the guard did not save, or could not be used, also where
   * the file is gone or holds something else. The client keeps its token and offers it again. Look
   * at the store. Requests go on with a token that could not be saved, and report this only where
   * they need a renewal; fitbit_refresh, fitbit_save, fitbit_from_file and fitbit_set_token_file
   * report it.
   */
  FITBIT_ERROR_STORE = 15,
  /**
   * Your program ended the call or its handle: see "Ending calls". A request may have been carried out
   * all the same.
   */
  FITBIT_ERROR_CANCELLED = 16,
  /**
   * A bug in this library, contained: handles stay usable. Report it.
   */
  FITBIT_ERROR_INTERNAL = 17,
  /**
   * The notification is not the provider's. Drop it.
   */
  FITBIT_ERROR_SIGNATURE = 18,
} FitbitErrorCode;

/**
 * The registered application: its credentials, its settings, and the connections that all its
 * clients share. One thread makes it and sets it up; after that any number of threads use it at
 * once. Freed with fitbit_app_free(), before or after its clients: a client keeps what it needs.
 */
typedef struct FitbitApp FitbitApp;

/**
 * One person's login: it makes requests as that person, and renews its token by itself, before
 * the token expires or when the provider says that it has. Any number of threads may use it at
 * once; one of them renews, the others wait for it and share the result. This is a handle on the
 * login: fitbit_dup() makes another one. Freed with fitbit_free(), when no call on it runs in any
 * thread.
 */
typedef struct FitbitClient FitbitClient;

/**
 * What went wrong: the result of every function that can fail, where it is not NULL. It belongs
 * to the program that got it: free it with fitbit_error_free(). Reading it is safe from any
 * number of threads. No token, code, verifier, secret or password appears in any of its texts.
 */
typedef struct FitbitError FitbitError;

/**
 * One renewal that a guard carries out with fitbit_renewal_run(). It belongs to the library, and is
 * valid, on any thread, until the guard returns.
 */
typedef struct FitbitRenewal FitbitRenewal;

/**
 * What the API answered: status, headers and body as they came. It belongs to the program: free
 * it with fitbit_response_free(). Reading it is safe from any number of threads. It outlives its
 * client.
 */
typedef struct FitbitResponse FitbitResponse;

/**
 * Takes one line about one event, without a line break at its end. No line holds a token, a code, a
 * secret or a password, and none a query.
 *
 * It runs inside a call of the library, on that call's thread, from several threads at once, and
 * otherwise under the same rules as FitbitTokenCallback: no lock of the library is held, its time does
 * not count against the call's timeout, it must return.
 *
 * @param level      how much it matters
 * @param message    lives until the callback returns
 * @param user_data  what was passed together with the callback
 */
typedef void (*FitbitLogCallback)(FitbitLogLevel level,
                                  const char *FITBIT_NONNULL message,
                                  void *user_data);

/**
 * Carries out a renewal inside a transaction of the program's own database, for a login that a fleet
 * of processes shares. It
 *
 * 1. locks the person's row (SELECT ... FOR UPDATE) and reads the token stored there,
 * 2. passes it to fitbit_renewal_run(), which asks the provider if that is still needed,
 * 3. stores what comes back, where that is not NULL,
 * 4. commits, and returns 1 for "committed".
 *
 * Anything but 1 means: not committed. A new token is then kept, used, and handed out again the next
 * time. It may be that a commit is uncertain (the connection broke): return 0, and the next run finds
 * out. A transaction that is repeated may call fitbit_renewal_run() again: it answers as before, and
 * nothing is sent twice. Without any run nothing is sent, and the call is FITBIT_ERROR_STORE.
 *
 * It runs under the same rules as FitbitTokenCallback. One client's guard runs one at a time; the
 * row's lock is what keeps other processes out.
 *
 * @param user_data  what the client was made with
 */
typedef int (*FitbitRenewalGuard)(FitbitRenewal *FITBIT_NONNULL renewal,
                                  void *user_data);

/**
 * Takes every new token, the first one too, as JSON, to save it so that the person never has to
 * log in again.
 *
 * It returns 1 when the token is safely saved. Anything else, so also the 0 that a binding returns
 * when an exception was thrown, means that it was not: the client keeps and uses the token, and
 * offers it again before each later request, in fitbit_save() and once more in fitbit_free().
 *
 * It runs inside a call of the library, on that call's thread, with no lock of the library held.
 * A client's callback runs one at a time, in the order of the tokens. Its time does not count
 * against the call's timeout. It must return: no exception, longjmp or thread exit may leave it.
 * Inside it any function may be called on other handles, but free none that a running call uses, and do
 * not save another login: if its callback saves this one, both wait. On
 * its own client fitbit_token() gives the new token; fitbit_token_field(), fitbit_set_header(),
 * fitbit_rate_limit() and, where the token says it, fitbit_user_id() work too. What would wait for this
 * callback itself (fitbit_get() and the other requests, fitbit_refresh(), fitbit_save(),
 * fitbit_set_token_file(), fitbit_revoke()) fails at once with FITBIT_ERROR_INVALID_ARGUMENT. On other
 * threads that client's calls wait for it, at most their own timeout: hold no lock that your callback
 * takes while you call the library. A callback is known by its thread: a call that it hands to another
 * thread, and waits for, waits for the callback in turn.
 *
 * @param token_json  the whole token; save it as it is. It lives until the callback returns.
 * @param user_data   what was passed together with the callback
 */
typedef int (*FitbitTokenCallback)(const char *FITBIT_NONNULL token_json,
                                   void *user_data);

/**
 * Opens an address in a browser, for fitbit_login().
 *
 * It runs inside fitbit_login(), on its thread, and has to return soon: the person's answer is served
 * only after that. Its time does not count against the timeout. It must return: no exception, longjmp
 * or thread exit may leave it.
 *
 * @param authorization_uri  lives until the callback returns
 * @param user_data          what was passed as open_data
 * @return                   1: it is open; anything else: fitbit_login() fails
 */
typedef int (*FitbitOpenCallback)(const char *FITBIT_NONNULL authorization_uri,
                                  void *user_data);

/**
 * What the provider last said of how many requests are allowed. -1: it did not say.
 */
typedef struct FitbitRateLimit {
  /**
   * Requests allowed per period (Fitbit: 150 per hour for each person).
   */
  int32_t limit;
  /**
   * Requests left in this period.
   */
  int32_t remaining;
  /**
   * Seconds from now until the next period.
   */
  int32_t reset_seconds;
} FitbitRateLimit;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ======== The application
 *
 * Make it once, set it up with the fitbit_app_set_ functions, then use it from any number of
 * threads. From its first use on, by anything that logs in or makes a client, the fitbit_app_set_
 * functions answer FITBIT_ERROR_INVALID_ARGUMENT, also where that first use failed.
 */

/**
 * Makes an application.
 *
 * This function reads the environment's proxy (see fitbit_app_set_proxy()) and trusted certificates (see
 * fitbit_app_set_ca_file()). Later changes of the environment do not count. No other thread may change
 * it while this function runs.
 *
 * @param provider       the service that it is registered with
 * @param client_id      as registered; not empty
 * @param client_secret  as registered, not empty; or NULL for an application without one (PKCE
 *                       protects it)
 * @param callback_uri   where the person is sent back to, exactly as registered: it is sent byte for
 *                       byte. NULL: this app only starts from saved tokens, and its steps answer
 *                       FITBIT_ERROR_INVALID_ARGUMENT.
 * @param app            receives the application; NULL on failure
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_new(FitbitProvider provider,
                            const char *client_id,
                            const char *client_secret,
                            const char *callback_uri,
                            FitbitApp **app);

/**
 * Sets the scopes that are asked for.
 *
 * @param scopes  separated by spaces, as the provider names them; default: every scope with which
 *                something can be read. Fitbit: activity cardio_fitness electrocardiogram heartrate
 *                irregular_rhythm_notifications location nutrition oxygen_saturation profile
 *                respiratory_rate settings sleep social temperature weight. Google Health:
 *                https://www.googleapis.com/auth/googlehealth. and then activity_and_fitness, ecg,
 *                health_metrics_and_measurements, irn, location, logged_symptoms, mindfulness,
 *                nutrition, profile, reproductive_health, settings or sleep, and then .readonly.
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_scopes(FitbitApp *app,
                                   const char *scopes);

/**
 * Overrides an endpoint.
 *
 * @param endpoint  which one; default: the provider's own
 * @param uri       an https address without user name, query and fragment. http is for loopback
 *                  only, which is exactly localhost, 127.0.0.0/8 and [::1]. A path is kept: API
 *                  paths are appended to it. Set all four where a test must not leave the machine.
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_endpoint(FitbitApp *app,
                                     FitbitEndpoint endpoint,
                                     const char *uri);

/**
 * Sets how the application proves who it is at the token endpoint.
 *
 * @param method  default: FITBIT_CLIENT_AUTH_AUTO. BASIC and BODY need a secret; NONE
 *                leaves a secret unsent.
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_client_auth(FitbitApp *app,
                                        FitbitClientAuth method);

/**
 * Sets a header of every API request; User-Agent goes to the token endpoint too.
 *
 * For one person's own headers (Accept-Language chooses Fitbit's units) see fitbit_set_header().
 *
 * @param name   Authorization, Host, Content-Length, Transfer-Encoding, Connection, Proxy-*, Expect,
 *               TE and Upgrade are refused
 * @param value  without line breaks, up to 8 KiB, for up to 64 names; NULL: send none. Default:
 *               User-Agent is "libfitbit/" and the version, Accept is any type, Accept-Encoding
 *               is gzip; there are no others. An answer in another encoding comes as it is.
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_header(FitbitApp *app,
                                   const char *name,
                                   const char *value);

/**
 * Sets how long one call may take as a whole: names, connections, a renewal on the way and the
 * answer's body included, the time in your callbacks excluded. For short timeouts see
 * fitbit_set_timeout_ms().
 *
 * @param milliseconds  at least 1; default: 30000
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_timeout_ms(FitbitApp *app,
                                       uint32_t milliseconds);

/**
 * Sets how long before its expiry a token is renewed.
 *
 * @param seconds  default: 60; never more than a tenth of the token's life is used. 0: only when it
 *                 has expired.
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_refresh_leeway(FitbitApp *app,
                                           uint32_t seconds);

/**
 * Sets the largest body that is accepted; above it a request is FITBIT_ERROR_PROTOCOL.
 *
 * @param bytes  after unpacking; at least 1; default: 16777216 (16 MiB). The packed body may be an
 *               eighth longer.
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_max_body(FitbitApp *app,
                                     size_t bytes);

/**
 * Sets how long a call may wait for a rate limit (429), beside its timeout. Where the provider says how
 * long to wait, and that is within the limit, every call that asks it waits and tries again; otherwise
 * it is FITBIT_ERROR_RATE_LIMITED at once, and fitbit_error_retry_after() says how long. Waits of one
 * call add up. Only fitbit_step_two() and fitbit_login() never wait: their request goes out once.
 *
 * @param seconds  default: 0, never wait. It is compared with what fitbit_error_retry_after() would say,
 *                 a second more than the provider's own number: to cover 10 pass 11, and 3601 for
 *                 Fitbit's hour. A 429 that does not say how long (-1) is never waited for.
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_rate_limit_wait(FitbitApp *app,
                                            uint32_t seconds);

/**
 * Sends https requests through a proxy. Plain http, which is for loopback, never goes through one.
 *
 * Default: what the environment names, HTTPS_PROXY, else ALL_PROXY, but for the hosts in NO_PROXY (or
 * their lower-case forms) and for loopback. fitbit_app_new() reads these variables; later changes do
 * not count, and an empty variable is unset. If a variable does not name a usable proxy, requests
 * that need the proxy are FITBIT_ERROR_INVALID_ARGUMENT. After this call the environment does not count.
 * A proxy that cannot be reached, or refuses, is FITBIT_ERROR_NETWORK.
 *
 * NO_PROXY is a list, separated by commas, blanks or semicolons. "*" is every host. A name stands for
 * itself and every name below it. An IP address or a CIDR block ("10.0.0.0/8") stands for addresses that
 * an endpoint writes out. "name:port" is that port only.
 *
 * @param uri  "http://user:password@proxy.example:3128" for CONNECT, https:// for the same over TLS,
 *             socks5:// and socks4:// (names are looked up here), socks5h:// and socks4a:// (names are
 *             looked up by the proxy). User and password are optional and percent-encoded. NULL: no
 *             proxy at all.
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_proxy(FitbitApp *app,
                                  const char *uri);

/**
 * Trusts the certificates in a file, and no others.
 *
 * Default: what the platform trusts, or what SSL_CERT_FILE and SSL_CERT_DIR name in its place.
 * fitbit_app_new() reads these variables; an empty one is unset. The first request to https reads the
 * certificates. If there are none, that request fails with FITBIT_ERROR_TLS and the next one looks
 * again; plain http to loopback needs none.
 *
 * @param pem_path  one or more certificates in PEM form; read now. A file that cannot be read, or holds
 *                  none, is FITBIT_ERROR_INVALID_ARGUMENT.
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_ca_file(FitbitApp *app,
                                    const char *pem_path);

/**
 * Tells the program what the app and its clients do: see FitbitLogCallback.
 *
 * @param most       the least important level that is told; lines above it are not even put together
 * @param log        or NULL for none; default: none
 * @param user_data  passed to log; must live until the app and all its clients are freed
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_logger(FitbitApp *app,
                                   FitbitLogLevel most,
                                   FitbitLogCallback log,
                                   void *user_data);

/**
 * Wraps every renewal of this app's clients in a transaction of your own database, so that a fleet
 * of processes shares its logins: see FitbitRenewalGuard.
 *
 * The guard gets the user_data that the client was made with. With a guard, on_token gets the first
 * token of fitbit_step_two() only; where it is NULL, the guard gets that one too.
 *
 * @param guard  or NULL for none; default: none
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_set_renewal_guard(FitbitApp *app,
                                          FitbitRenewalGuard guard);

/**
 * Frees a handle on an application; its clients and other handles go on. NULL: nothing happens.
 */
void fitbit_app_free(FitbitApp *app);

/* ======== Logging in
 *
 * A person logs in once, in two steps: fitbit_step_one() makes an address for their browser,
 * fitbit_step_two() turns the address that they come back to into a client. From then on a
 * saved token is enough: fitbit_from_token().
 */

/**
 * Step one: makes the address where the person grants access. No request is sent.
 *
 * Send the person to `authorization_uri` with a browser. They come back to the
 * callback URI with an answer in the address: take that whole address, and the session, to
 * fitbit_step_two(). A session serves one login. Keep it out of the browser's reach and bound to
 * the browser that the login began in (in memory, in your web session), and delete it before step
 * two. It is not signed: it steers no request, but whoever can choose it can attach their own
 * account to the person.
 *
 * @param params             more parameters for this login only, form-encoded, such as
 *                           "scope=sleep&prompt=login", or NULL. "scope" takes the place of
 *                           fitbit_app_set_scopes(): name all that you need, the new token has no
 *                           others. Google Health gets access_type=offline and prompt=consent unless
 *                           they are given here. Refused: response_type, client_id, redirect_uri,
 *                           state, code_challenge, code_challenge_method, and any name twice.
 * @param authorization_uri  receives the address, to be freed with fitbit_string_free()
 * @param session            receives what step two needs, a JSON text for you to keep as it is, to
 *                           be freed with fitbit_string_free(). Later versions read it too. It holds
 *                           the code verifier in clear: a secret for as long as the login takes.
 */
FITBIT_MUST_USE
FitbitError *fitbit_step_one(FitbitApp *app,
                             const char *params,
                             char **authorization_uri,
                             char **session);

/**
 * Step two: the address that the person was sent back to becomes a client.
 *
 * Everything is checked before the one request goes out. That request is never repeated: after a
 * lost answer the person starts again at step one. The person may have granted fewer scopes than
 * were asked for: fitbit_token_field(client, "scope", ...) says which. The first token goes to
 * `on_token` before this returns; that it could not be saved does not fail the call.
 *
 * @param session       from fitbit_step_one(), of an app with the same provider, client id and
 *                      callback URI
 * @param redirect_uri  the whole address, a request target ("/callback?code=..."), or only its
 *                      query; what follows a # is ignored
 * @param on_token      takes every token, this first one too; or NULL, and then call
 *                      fitbit_set_token_file(), or save what fitbit_token() gives: else they are lost
 *                      with the client
 * @param user_data     passed to on_token; must live until fitbit_free() has returned
 * @param client        receives the client; NULL on failure
 */
FITBIT_MUST_USE
FitbitError *fitbit_step_two(FitbitApp *app,
                             const char *session,
                             const char *redirect_uri,
                             FitbitTokenCallback on_token,
                             void *user_data,
                             FitbitClient **client);

/**
 * Both steps in one call, for programs that run where the person is.
 *
 * It listens on the loopback port that the callback URI names, opens the person's browser, waits for
 * them to come back, makes the client, saves its token, and then answers the browser with a small page.
 * It returns as soon as the page is sent, and the port is closed. The callback URI is
 * http://127.0.0.1:PORT/path, http://[::1]:PORT/path or http://localhost:PORT/path (both families on
 * one port, where the machine has both). Google allows any port for programs of its type "Desktop":
 * port 0 takes a free one. Fitbit compares the port: register one.
 *
 * The page says "You are logged in" only if `on_token` or the renewal guard has saved the token: if your
 * program ends at that moment, nothing is lost. If the token was not saved, this call succeeds all the
 * same, the page says that the login is not saved, and the client offers the token again. Without
 * `on_token` the page says "Access granted": save the token at once, as with fitbit_set_token_file().
 *
 * Requests for another path or host, or with another login's state, get a short answer, and the
 * waiting goes on. localhost, 127.0.0.1 and [::1] with the callback's port are the same host here.
 * It listens on the callback's own address; only localhost listens on both families.
 * The page cannot be loaded again after this has returned.
 *
 * FITBIT_ERROR_ACCESS_DENIED: the person said no. FITBIT_ERROR_TIMEOUT: nobody came back in time; a
 * closed tab, and Fitbit's own error pages, are not reported by anybody. FITBIT_ERROR_NETWORK: the port
 * is taken, or another program listens there. FITBIT_ERROR_AUTHORIZATION: also where no browser could
 * be opened: trying again does not help then, but an `open` that prints the address and returns 1 does.
 * FITBIT_ERROR_INVALID_ARGUMENT: the callback URI is no such address. FITBIT_ERROR_CANCELLED:
 * your program ended it; once the exchange was sent it succeeds all the same. Else as
 * fitbit_step_two().
 *
 * @param timeout_ms  how long to wait for the person, at least 1; the exchange that follows has the
 *                    app's own timeout
 * @param open        opens the address in place of the default browser; or NULL: xdg-open (open on macOS)
 *                    is run as a child in a process group of its own, for as long as it likes
 * @param open_data   passed to open
 * @param on_token    as for fitbit_step_two()
 * @param user_data   as for fitbit_step_two()
 * @param client      receives the client; NULL on failure
 */
FITBIT_MUST_USE
FitbitError *fitbit_login(FitbitApp *app,
                          uint32_t timeout_ms,
                          FitbitOpenCallback open,
                          void *open_data,
                          FitbitTokenCallback on_token,
                          void *user_data,
                          FitbitClient **client);

/**
 * A saved token becomes a client; nobody has to log in. No request is sent.
 *
 * @param token_json  what on_token was given, a provider's raw answer, or what the Python clients
 *                    save; its access token up to 32 KiB. A byte order mark before it is skipped, as
 *                    in a token file. A token of another provider is
 *                    FITBIT_ERROR_REAUTHORIZE. One without "expires_at" that can be renewed is
 *                    renewed before its first request.
 * @param on_token    takes every later token; or NULL: renewed tokens are then lost with the client,
 *                    unless you save what fitbit_token() gives
 * @param user_data   passed to on_token; must live until fitbit_free() has returned
 * @param client      receives the client; NULL on failure
 */
FITBIT_MUST_USE
FitbitError *fitbit_from_token(FitbitApp *app,
                               const char *token_json,
                               FitbitTokenCallback on_token,
                               void *user_data,
                               FitbitClient **client);

/**
 * A token kept in a file becomes a client; nobody has to log in.
 *
 * The file takes every later token, in place of a callback and a guard. It is private (mode 0600,
 * whatever the umask), is replaced as a whole, and may be shared by any number of processes and
 * threads of this machine: one renews, the others read what it saved. A file that others can read,
 * that is not a regular file or not this user's, is refused. A file that is mounted by itself
 * (docker run -v token.json:/token.json) cannot be replaced, and is refused too: mount the directory
 * that holds it. Beside it stand `path` + ".lock", which is never removed, and for moments
 * `path` + ".new".
 *
 * While the provider has possibly used the refresh token, the file holds a renewal marker: the
 * process that was renewing was killed, or it got no answer. If this function finds the marker, it
 * renews at once, because the provider repeats its answer only for a while (Fitbit: for two minutes,
 * or until one of the new tokens is used). It sends requests only in that case, for at most five
 * seconds. A renewal that fails is logged, and the client is returned. If the provider has ended
 * the login, the first request reports it.
 *
 * If the system cannot sync a directory, or your program may not open it, the file counts as saved
 * once it is in its place; a disk error or a full disk is FITBIT_ERROR_STORE. A child that is forked
 * during a renewal does not keep the file locked, even if its parent is killed.
 *
 * Its folder is to be this user's alone: who may rename there can swap two logins of yours, and who
 * removes the lock, as a cleaner of old files may, can cost one.
 *
 * FITBIT_ERROR_REAUTHORIZE: there is no such file, or it is empty. FITBIT_ERROR_STORE: it cannot be
 * read, or holds something else, also another provider's token; or its folder does not exist, or your
 * program cannot make files in it.
 *
 * @param path    the file; it is found again when the working directory changes. Its folder must exist.
 * @param client  receives the client; NULL on failure
 */
FITBIT_MUST_USE
FitbitError *fitbit_from_file(FitbitApp *app,
                              const char *path,
                              FitbitClient **client);

/* ======== Requests as that person
 *
 * A status from 200 to 299 is success; anything else is an error, and so is a
 * redirect, which is never followed. A token about to expire is renewed first. After a 401 that
 * says the token is not valid it is renewed, and the request is sent once more. A GET, HEAD, PUT or
 * DELETE whose kept-alive connection died before any answer is sent once more on a fresh one, and so
 * is a POST of Google Health that only reads (":rollUp", ":dailyRollUp").
 *
 * A body ends at its length, at its last chunk, or, if it has neither, when the server closes the
 * connection cleanly: over https with the TLS alert close_notify. A body that is cut is
 * FITBIT_ERROR_NETWORK, whatever the status. A gzip body that cannot be decoded is
 * FITBIT_ERROR_PROTOCOL if the status is 200 to 299, and so is a body that is too large. With any
 * other status the error has that status, and an empty body. If the server answers before it has read
 * the whole request, and closes, that answer counts if it has a length or chunks.
 *
 * Not supported, and FITBIT_ERROR_PROTOCOL: an answer with more than 128 header lines, or with more
 * than 64 KiB of them; a header line that is folded into several; the size line of a chunk, its
 * extensions included, of more than 20 bytes; "100 Continue" with header lines.
 */

/**
 * Sends a GET request.
 *
 * @param path      starts with one slash and may have a query: "/1/user/-/profile.json". It is
 *                  appended to the API endpoint; bytes that an address may not hold are
 *                  percent-encoded. At most 32 KiB. Refused: a whole address, "//", a backslash, "#", segments of
 *                  dots, control characters.
 * @param response  receives the answer, to be freed with fitbit_response_free(); NULL on failure
 */
FITBIT_MUST_USE
FitbitError *fitbit_get(FitbitClient *client,
                        const char *path,
                        FitbitResponse **response);

/**
 * Sends a POST request with a form. It is not repeated, but after a 401.
 *
 * @param path      as for fitbit_get()
 * @param form      the form-encoded body ("foodId=42&amount=1"), or NULL for an empty one
 * @param response  as for fitbit_get(); the body may be empty
 */
FITBIT_MUST_USE
FitbitError *fitbit_post(FitbitClient *client,
                         const char *path,
                         const char *form,
                         FitbitResponse **response);

/**
 * Sends a DELETE request. The answer is usually 204, with an empty body.
 *
 * @param path      as for fitbit_get()
 * @param response  as for fitbit_get()
 */
FITBIT_MUST_USE
FitbitError *fitbit_delete(FitbitClient *client,
                           const char *path,
                           FitbitResponse **response);

/**
 * Sends a request of any method, with any body.
 *
 * @param method        letters, sent in upper case; not CONNECT or TRACE
 * @param path          as for fitbit_get()
 * @param content_type  of the body, up to 8 KiB, or NULL for none
 * @param body          the body's bytes, or NULL for none
 * @param body_len      their number; 0 where body is NULL
 * @param response      as for fitbit_get()
 */
FITBIT_MUST_USE
FitbitError *fitbit_request(FitbitClient *client,
                            const char *method,
                            const char *path,
                            const char *content_type,
                            const void *body,
                            size_t body_len,
                            FitbitResponse **response);

/**
 * Asks for the page that follows, where a list comes page by page.
 *
 * Fitbit's lists name the next page's address (pagination.next): only its path and query are taken,
 * and only if it is the provider's own address or the API endpoint's, else this is
 * FITBIT_ERROR_PROTOCOL. Google Health's lists give a nextPageToken: the request that brought the page
 * is sent again with it, in the body of a POST, else in the query.
 *
 * @param page  what fitbit_get() of this client, or of another one of the same app, was answered with
 *              (Google Health: or a POST); it stays yours. An answer to anything else is
 *              FITBIT_ERROR_INVALID_ARGUMENT: what writes is not repeated.
 * @param next  receives the next page, to be freed with fitbit_response_free(); NULL: that was the
 *              last one, or no list at all, and also on failure: then the same page may be asked with
 *              again. A page that is not JSON is FITBIT_ERROR_PROTOCOL.
 */
FITBIT_MUST_USE
FitbitError *fitbit_next_page(FitbitClient *client,
                              const FitbitResponse *page,
                              FitbitResponse **next);

/**
 * Sets a header of this person's API requests, over the app's. From any thread, at any time; it
 * holds for requests that begin later.
 *
 * Fitbit chooses units by Accept-Language: "en_US", "en_GB", metric for anything else.
 *
 * @param name   as for fitbit_app_set_header()
 * @param value  NULL: send none, also where the app has one
 */
FITBIT_MUST_USE
FitbitError *fitbit_set_header(FitbitClient *client,
                               const char *name,
                               const char *value);

/* ======== Answers
 *
 * What a request brought. Everything read from a response is borrowed: it lives until
 * fitbit_response_free().
 */

/**
 * The HTTP status, 200 to 299: anything else is an error. 0 for NULL.
 */
uint16_t fitbit_response_status(const FitbitResponse *response);

/**
 * The body's bytes, unpacked where they came compressed, with a NUL behind the last. Usually
 * JSON, an object or an array; XML for a TCX file; empty after a 201 or 204. It can be anything,
 * also bytes with NULs among them: see fitbit_response_body_len(). Borrowed: it lives as
 * long as the response. NULL for NULL.
 */
const char *fitbit_response_body(const FitbitResponse *response);

/**
 * The length of the body in bytes, without the NUL behind it. 0 for NULL.
 */
size_t fitbit_response_body_len(const FitbitResponse *response);

/**
 * The value of a header; repeated ones are joined by ", ". Borrowed: it lives as long as the
 * response. NULL where the answer has no such header.
 *
 * @param name  in upper or lower case
 */
const char *fitbit_response_header(const FitbitResponse *response,
                                   const char *name);

/**
 * Frees a response and everything borrowed from it. NULL: nothing happens.
 */
void fitbit_response_free(FitbitResponse *response);

/* ======== The login itself
 *
 * A client renews and saves by itself. These functions look at its token, or do now what it would
 * do later.
 *
 * Single-use refresh tokens. Fitbit's refresh tokens are single-use: a renewal uses one up, and its
 * response brings the next one. Google Health's can be used again. If a renewal at Google Health brings a
 * different refresh token, the library treats the refresh tokens of that login as single-use from then
 * on. The login's token then has the field "refresh_token_single_use" with the value true, which is saved
 * with it. A new login starts without the field. Fitbit's tokens never have it.
 *
 * Renewals that outlast their call. A call's time can be over before the response to its renewal has
 * come. If the whole request was sent, the connection stays open for up to 30 seconds from the sending.
 * The login's next call that needs the renewal reads the response there and sends no request. So calls
 * with less time than the token endpoint needs get a new token too, as long as your program makes such
 * calls. If the refresh token can be used again, the same holds for a renewal that your program has ended:
 * see "Ending calls". The life of the new token counts from the sending.
 *
 * If the response does not come, a call asks again five seconds after the failed call has ended, on a new
 * connection. The old connection stays open, and whichever response comes first is used. If the provider
 * refuses a single-use refresh token meanwhile, the login has not ended yet: an earlier request may have
 * used the token. The call is FITBIT_ERROR_TIMEOUT, and the next calls look for the earlier response.
 * A program that exits after one call needs a timeout that is longer than the token endpoint needs.
 *
 * An application keeps at most eight such connections, two of them for one login, whatever the number of
 * its handles: a ninth closes the oldest. If a connection is older than 30 seconds, the application's next call closes it. A child
 * made by fork() uses none of its parent's. If a connection is closed before its response is read, or the
 * process ends, that response is lost, and the next call asks again: see fitbit_refresh(). A refresh token
 * that can be used again loses nothing by this. Fitbit repeats a lost response for two minutes.
 */

/**
 * The newest token as JSON, as on_token gets it. Never a request.
 *
 * @param token_json  receives the token, to be freed with fitbit_string_free(), which wipes it
 */
FITBIT_MUST_USE
FitbitError *fitbit_token(const FitbitClient *client,
                          char **token_json);

/**
 * One field of the newest token as text: "scope" (separated by spaces), "user_id", "expires_at"
 * (seconds since the epoch), "access_token", "refresh_token_single_use" ("true", or no such field) and so
 * on. Never a request. A NUL inside, which JSON can hold and C cannot, is left out here; fitbit_token() has
 * the whole.
 *
 * @param value  receives the text, to be freed with fitbit_string_free(); NULL where the token has no
 *               such field
 */
FITBIT_MUST_USE
FitbitError *fitbit_token_field(const FitbitClient *client,
                                const char *name,
                                char **value);

/**
 * The provider's id of the person. Fitbit's tokens say it. Google Health's do not: the first time it
 * is asked for (GET /v4/users/me/identity, healthUserId; no scope is known to be needed), kept in the token and saved with it; from
 * then on, and for every client made of that token, no request is needed. A Fitbit token that does
 * not say whose it is, is FITBIT_ERROR_PROTOCOL.
 *
 * @param user_id  receives the id, to be freed with fitbit_string_free()
 */
FITBIT_MUST_USE
FitbitError *fitbit_user_id(FitbitClient *client,
                            char **user_id);

/**
 * Renews the token now, whatever the clock says, and saves it. Threads that ask for it at the
 * same time share one renewal.
 *
 * If the response is lost, the provider has possibly used the refresh token. The library then asks
 * again: one call sends at most four requests. Five seconds lie between the last request of one call
 * and the first of the next, whichever thread makes it. If this call's time allows, it waits until
 * they are over. Otherwise it returns the last error at once.
 *
 * If an earlier call's renewal was sent and its response can still come, this call reads that response
 * and need not wait for the five seconds. If the response does not come in time, this call asks again on a
 * new connection.
 *
 * FITBIT_ERROR_REAUTHORIZE: there is no refresh token, or the provider refused it for good.
 * FITBIT_ERROR_STORE: the store failed. If the token was renewed, the client keeps and uses the new
 * token, and offers it again. If a token file or a guard failed before the provider was asked, nothing
 * was sent.
 */
FITBIT_MUST_USE
FitbitError *fitbit_refresh(FitbitClient *client);

/**
 * Offers a token that could not be saved to on_token again, now. Never a request.
 *
 * NULL, success: nothing is unsaved. FITBIT_ERROR_STORE: it is still not saved.
 * FITBIT_ERROR_REAUTHORIZE: a token is unsaved, but the provider has refused this login for good: a
 * dead login is never offered.
 */
FITBIT_MUST_USE
FitbitError *fitbit_save(FitbitClient *client);

/**
 * Saves the client's token into a file, at once and over what is there; from then on the file takes
 * every token, as with fitbit_from_file(), in place of the callback or guard. What is there may be
 * any private file, also another person's login: where that can be, compare fitbit_user_id() first.
 *
 * FITBIT_ERROR_STORE: the file could not be written, or must not be trusted; the client keeps its
 * token and its callback. FITBIT_ERROR_REAUTHORIZE: the provider has refused this login for good.
 * FITBIT_ERROR_TIMEOUT, FITBIT_ERROR_CANCELLED: somebody held the file's lock, and it is not written;
 * call it again.
 *
 * @param path  the file; its folder must exist
 */
FITBIT_MUST_USE
FitbitError *fitbit_set_token_file(FitbitClient *client,
                                   const char *path);

/**
 * Ends the login at the provider: logs the person out of your program.
 *
 * It waits for a renewal under way, then sends the refresh token (else the access token) to be revoked.
 * If the response to a renewal with a single-use refresh token can still come, this call first waits for
 * it, at most two seconds and no longer than its timeout, and saves the new token: revoking the old one
 * might end nothing.
 * That the provider does not know it any more counts as success. On any other failure the login lives,
 * and the call can be repeated; a provider that is switched off (FITBIT_ERROR_PROVIDER_RETIRED) has
 * nothing to revoke any more, and what you stored is yours to delete. Afterwards this client answers
 * FITBIT_ERROR_REAUTHORIZE and asks nobody, its token is offered to no one, and its token file is
 * removed (not the ".lock" beside it); what you stored elsewhere is yours to delete. fitbit_token() and
 * what else reads the token go on reading it. Another client of the same file finds at its next renewal
 * that the file is gone: FITBIT_ERROR_STORE. A second call does nothing.
 *
 * This ends more than this client's login. Google ends every grant that the person gave to your Google
 * Cloud project, of your other programs and client ids too. Fitbit ends all logins of the person with
 * your application.
 *
 * Where a token file or a guard keeps the token, what is stored is read first, because another process
 * may have renewed it: the guard is entered once, and its run has nothing to be stored.
 */
FITBIT_MUST_USE
FitbitError *fitbit_revoke(FitbitClient *client);

/**
 * What the provider last said of its rate limit: Fitbit with every answer, Google Health never.
 *
 * @param limit  receives it; all -1 where nothing was seen
 * @return       false: no answer has said anything yet (or an argument is NULL)
 *
 * It is of the latest answer that said anything; what that answer left out is -1.
 */
bool fitbit_rate_limit(const FitbitClient *client,
                       FitbitRateLimit *limit);

/**
 * Frees a handle on a login. If it is the last handle and the token is unsaved, the token is offered to
 * on_token once more; nothing is sent to the provider. After the last one's fitbit_free() has returned,
 * no callback of this login runs: user_data must live until then. Free a client whose token is unsaved
 * before the same person logs in again: it would offer its old token to the same store. NULL: nothing
 * happens.
 *
 * The last fitbit_free() of a login does not lose a single-use token that is on its way. If a call's time
 * was over before the response to its renewal had come, this function waits for that response, at most two
 * seconds, and saves the new token. A renewal whose refresh token can be used again is not waited for.
 */
void fitbit_free(FitbitClient *client);

/* ======== More handles on one login
 *
 * A handle is cheap: give each task, request or thread its own if you want to end its calls alone or to
 * give it another timeout.
 */

/**
 * Makes another handle on the same login. Both share the token, its renewal, its store and the
 * connections. The new handle starts with the same headers, timeout and rate limit wait; later changes
 * touch one handle only. In a callback of the login, "its own client" means any of its handles.
 *
 * Free the handles in any order. A dup of an aborted handle is not aborted. After fitbit_app_shutdown()
 * every handle is ended, new ones too. A dup costs a few small allocations and no descriptor.
 *
 * Example: `fitbit_dup(client, &mine);`
 *
 * @param dup  receives the handle, to be freed with fitbit_free(); NULL on failure
 */
FITBIT_MUST_USE
FitbitError *fitbit_dup(FitbitClient *client,
                        FitbitClient **dup);

/**
 * Makes another handle on the same application. It has the same settings, connections and renewal
 * guard. Use it for calls that you want to end with fitbit_app_abort() while others go on.
 *
 * This counts as the first use of the app: the fitbit_app_set_ functions fail afterwards. Free the
 * handles in any order. A dup of an aborted handle is not aborted. After fitbit_app_shutdown() every
 * handle is ended, new ones too.
 *
 * Example: `fitbit_app_dup(app, &mine);`
 *
 * @param dup  receives the handle, to be freed with fitbit_app_free(); NULL on failure
 */
FITBIT_MUST_USE
FitbitError *fitbit_app_dup(FitbitApp *app,
                            FitbitApp **dup);

/**
 * Sets how long one call on this handle may take as a whole, as fitbit_app_set_timeout_ms() does for
 * all. From any thread, at any time; it holds for calls that begin later.
 *
 * A renewal is part of a call and has no more time than it. If the call's time is over when the renewal is
 * sent but not answered, the login's next call within 30 seconds reads the response: see "The login
 * itself". So calls with little time get a new token too, if your program goes on calling. The last
 * fitbit_free() of the login saves a single-use token that is still on its way.
 *
 * What a call cannot do without is the time to connect and to send. If no call of yours has it, no renewal
 * succeeds. Then give your program one handle with the usual timeout, and call fitbit_refresh() on it
 * before the token expires.
 *
 * Example: `fitbit_set_timeout_ms(mine, 2000);`
 *
 * @param milliseconds  0: the app's; default: 0
 */
FITBIT_MUST_USE
FitbitError *fitbit_set_timeout_ms(FitbitClient *client,
                                   uint32_t milliseconds);

/**
 * Sets how long one call on this handle may wait for a rate limit, in addition to its timeout, as
 * fitbit_app_set_rate_limit_wait() does for all. From any thread, at any time; it holds for calls that
 * begin later.
 *
 * Example: `fitbit_set_rate_limit_wait(mine, 0);`
 *
 * @param seconds  0: a rate limit is reported at once; default: the app's
 */
FITBIT_MUST_USE
FitbitError *fitbit_set_rate_limit_wait(FitbitClient *client,
                                        uint32_t seconds);

/* ======== Ending calls
 *
 * Four functions end calls: fitbit_abort() and fitbit_app_abort() those of one handle,
 * fitbit_app_shutdown() all of an application, and fitbit_app_cancel() those that run at this moment.
 * You may call each of them from any thread and in a signal handler: they are async-signal-safe and do
 * not change errno. They count as calls on the handle: free it after they have returned, and after its
 * signal handler was removed.
 *
 * An ended call is FITBIT_ERROR_CANCELLED. It ends wherever it waits: for a name, a connection, a proxy,
 * TLS, the network, a rate limit, a token file's lock, another thread's renewal, the browser. Within 100
 * ms its thread is free and its connection closed; exceptions follow. It opens no new connection and
 * repeats nothing. The provider may have carried out a request that was ended. A callback that runs is not
 * interrupted; the call ends after it.
 *
 * Three requests are finished even if their call is ended, because otherwise a login could be lost: the
 * exchange of fitbit_step_two() and fitbit_login(), a revocation, and a renewal with a single-use refresh
 * token (Fitbit). That takes at most the rest of the call's timeout. A new token is saved. Other calls
 * that need the renewal wait for it: if you end calls of a Fitbit login, give its handles short timeouts.
 * fitbit_step_two(), fitbit_login() and fitbit_revoke() then still succeed; so does fitbit_from_file(),
 * which renews a marked token. fitbit_refresh() and requests are FITBIT_ERROR_CANCELLED, and the client
 * has the new token.
 *
 * A renewal whose refresh token can be used again (Google Health) is not finished: its call ends within
 * 100 ms like any other, and the login loses nothing. If the whole request was sent, its connection stays
 * open for up to 30 seconds, and the login's next call reads the response there: see "The login itself".
 *
 * If other threads wait for a renewal whose call was ended, one of them takes it over. None of them is
 * FITBIT_ERROR_CANCELLED for that.
 *
 * So that no login is lost, fitbit_token(), fitbit_token_field(), fitbit_save(),
 * fitbit_set_token_file() and the functions that free still work on an ended handle. They wait at most
 * two seconds for a lock or for another thread's renewal. The last fitbit_free() of a login may wait two
 * seconds more, for the response to a renewal. Functions that neither wait nor ask anybody work as before:
 * fitbit_dup(), fitbit_step_one(), fitbit_from_token(), fitbit_set_header(), fitbit_rate_limit() and the
 * like.
 *
 * Ctrl-C in C. The app is a static variable; the handler is set after fitbit_app_new():
 *
 *     static void on_interrupt(int number) { stopped = number; fitbit_app_shutdown(app); }
 *
 *     struct sigaction action = {0};
 *     action.sa_handler = on_interrupt;
 *     action.sa_flags = SA_RESETHAND;   // a second Ctrl-C ends the program at once
 *     sigaction(SIGINT, &action, NULL);
 *
 * Then every call is FITBIT_ERROR_CANCELLED. Before you exit, join your threads: one of them may be
 * saving a new token. Free your clients, which saves what is not saved yet. Set SIGINT back with
 * signal(SIGINT, SIG_IGN) before fitbit_app_free().
 */

/**
 * Ends the calls that run with this handle, and every later one. Other handles on the login go on. There
 * is no race with a call that is just beginning: it is ended as well. NULL: nothing happens.
 *
 * Example: `fitbit_abort(mine);`
 */
void fitbit_abort(FitbitClient *client);

/**
 * Ends the calls that run with this app handle, and every later one: fitbit_step_two(), fitbit_login()
 * and fitbit_from_file(). Calls on clients and on other handles of the application go on. NULL: nothing
 * happens.
 *
 * Example: `fitbit_app_abort(mine);`
 */
void fitbit_app_abort(FitbitApp *app);

/**
 * Ends all calls of the application and of all its clients, now and later, whatever handle they use.
 * NULL: nothing happens.
 *
 * Example: `fitbit_app_shutdown(app);`
 */
void fitbit_app_shutdown(FitbitApp *app);

/**
 * Ends the calls that run now with this app or its clients. Calls that start after this function has
 * returned are not affected. It may miss a call that another thread is starting at this moment; to be
 * sure, use fitbit_app_shutdown() or fitbit_abort(). fitbit_save() and fitbit_set_token_file() are ended
 * as well, unless they have succeeded. NULL: nothing happens.
 *
 * Example: `fitbit_app_cancel(app);`
 */
void fitbit_app_cancel(FitbitApp *app);

/* ======== Errors
 *
 * A function that can fail returns a FitbitError. NULL is success; anything else belongs to the
 * program, which reads it with the functions below and frees it with fitbit_error_free().
 */

/**
 * What to do about the error. For NULL, success, it is 0, which is none of the codes.
 */
FitbitErrorCode fitbit_error_code(const FitbitError *error);

/**
 * What happened, in words for people, on one line. Borrowed: it lives as long as the error. ""
 * for NULL.
 */
const char *fitbit_error_message(const FitbitError *error);

/**
 * The status of the HTTP answer that was the error, or 0: there was no such answer.
 */
uint16_t fitbit_error_http_status(const FitbitError *error);

/**
 * The provider's own word for it: Fitbit's errorType ("expired_token", "validation"), Google's status
 * ("PERMISSION_DENIED"; the closer reason, such as "SERVICE_DISABLED", stands in message and body), the
 * token endpoint's error ("invalid_grant"). Borrowed: it lives as long as the error. NULL where the
 * provider gave none.
 */
const char *fitbit_error_provider_type(const FitbitError *error);

/**
 * The body of the provider's answer as text, up to 64 KiB of it, with secrets replaced by
 * "[redacted]". Borrowed: it lives as long as the error. NULL where there was no answer, or where
 * it may hold a token.
 */
const char *fitbit_error_body(const FitbitError *error);

/**
 * Seconds to wait before trying again: what the provider says in Fitbit-Rate-Limit-Reset (of a 429),
 * or where that is absent in Retry-After (of any status), plus one. -1: not known.
 */
int64_t fitbit_error_retry_after(const FitbitError *error);

/**
 * The name of a code, such as "FITBIT_ERROR_TIMEOUT"; lives for ever, and is never NULL. A number
 * that is no code of this version has the name "FITBIT_ERROR_UNKNOWN".
 */
const char *fitbit_error_code_name(FitbitErrorCode code);

/**
 * Frees an error. NULL: nothing happens.
 */
void fitbit_error_free(FitbitError *error);

/* ======== Renewals of a fleet
 *
 * For logins that several machines share through a database. One machine alone is better served by
 * fitbit_from_file(), one process by a callback.
 */

/**
 * Renews, if that is still needed, with what is stored in hand. Only inside a FitbitRenewalGuard.
 *
 * Which of two tokens is newer is decided by what this client last read or saved, never by a clock: a
 * stored token that it has not seen was written by somebody else, and is taken. However often a guard
 * calls this function, the token is renewed once. An error is also the error of the call that the guard
 * runs in, whatever the guard returns.
 *
 * @param renewal            what the guard was given
 * @param stored_token_json  the token in the row, or NULL where there is none. One of another person or
 *                           provider is FITBIT_ERROR_STORE, and nothing is sent.
 * @param new_token_json     receives the token to be stored, borrowed until the guard returns; NULL:
 *                           there is nothing to store, what is stored is what is used
 */
FITBIT_MUST_USE
FitbitError *fitbit_renewal_run(FitbitRenewal *renewal,
                                const char *stored_token_json,
                                const char **new_token_json);

/* ======== Notifications
 *
 * A provider's notifications come to a server of yours, from anybody who knows its address: believe
 * none before it is verified. No function here listens.
 */

/**
 * Verifies that a notification is the provider's. NULL, success: it is genuine.
 *
 * FITBIT_ERROR_SIGNATURE: it is not; drop it, Fitbit asks for the answer 404. FITBIT_ERROR_INVALID_ARGUMENT:
 * the app has no client secret; or it is a Google Health app, whose notifications are signed with a key
 * that is not published.
 *
 * @param signature  the value of X-Fitbit-Signature: base64(HMAC-SHA1(client secret + "&", body)). Bytes
 *                   that are not UTF-8 are FITBIT_ERROR_INVALID_ARGUMENT: drop the notification too.
 * @param body       the notification's bytes exactly as they came; may be NULL where body_len is 0
 * @param body_len   their number
 */
FITBIT_MUST_USE
FitbitError *fitbit_verify_signature(FitbitApp *app,
                                     const char *signature,
                                     const void *body,
                                     size_t body_len);

/* ======== Strings and version
 *
 * What belongs to no handle.
 */

/**
 * Frees a string that this library gave out, and wipes it first. NULL: nothing happens.
 *
 * @param string  from a `char **` of this library, unchanged (what is behind an earlier NUL would not be
 *                wiped), or NULL; gone afterwards
 */
void fitbit_string_free(char *string);

/**
 * The version of the library that is loaded, such as "0.1.0"; lives for ever. The macros
 * FITBIT_VERSION_MAJOR, FITBIT_VERSION_MINOR and FITBIT_VERSION_PATCH are the version of the
 * header that was compiled against.
 */
const char *fitbit_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FITBIT_H */
