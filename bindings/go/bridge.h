/* What C has to do between Go and the library: numbers (each a cgo.Handle) travel where C has pointers,
 * and each thread knows the callbacks that it is in. */

#ifndef BRIDGE_H
#define BRIDGE_H

#include <fitbit.h>
#include <stdint.h>
#include <stdlib.h>

/* As the functions of fitbit.h; a callback that is 0 is none. */
FitbitError *go_step_two(FitbitApp *app, const char *session, const char *redirect_uri,
                         uintptr_t saver, FitbitClient **client);
FitbitError *go_login(FitbitApp *app, uint32_t timeout_ms, uintptr_t opener, uintptr_t saver,
                      FitbitClient **client);
FitbitError *go_from_token(FitbitApp *app, const char *token_json, uintptr_t saver,
                           FitbitClient **client);
FitbitError *go_set_logger(FitbitApp *app, FitbitLogLevel most, uintptr_t logger);

/* How many callbacks this thread is in. */
int go_callback_depth(void);

/* What a callback of this thread panicked with, until it is taken; 0: none did. */
uintptr_t go_swap_panic(uintptr_t panic);

#endif
