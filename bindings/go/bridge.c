#include "bridge.h"

#include "_cgo_export.h"

static _Thread_local int depth;
static _Thread_local uintptr_t carried;

static int save(const char *token_json, void *saver)
{
    ++depth;
    int saved = goSave((char *)token_json, (uintptr_t)saver);
    --depth;
    return saved;
}

static int open_browser(const char *authorization_uri, void *opener)
{
    ++depth;
    int opened = goOpen((char *)authorization_uri, (uintptr_t)opener);
    --depth;
    return opened;
}

static void log_line(FitbitLogLevel level, const char *message, void *logger)
{
    ++depth;
    goLog(level, (char *)message, (uintptr_t)logger);
    --depth;
}

FitbitError *go_step_two(FitbitApp *app, const char *session, const char *redirect_uri,
                         uintptr_t saver, FitbitClient **client)
{
    return fitbit_step_two(app, session, redirect_uri, saver ? save : NULL, (void *)saver, client);
}

FitbitError *go_login(FitbitApp *app, uint32_t timeout_ms, uintptr_t opener, uintptr_t saver,
                      FitbitClient **client)
{
    return fitbit_login(app, timeout_ms, opener ? open_browser : NULL, (void *)opener,
                        saver ? save : NULL, (void *)saver, client);
}

FitbitError *go_from_token(FitbitApp *app, const char *token_json, uintptr_t saver,
                           FitbitClient **client)
{
    return fitbit_from_token(app, token_json, saver ? save : NULL, (void *)saver, client);
}

FitbitError *go_set_logger(FitbitApp *app, FitbitLogLevel most, uintptr_t logger)
{
    return fitbit_app_set_logger(app, most, logger ? log_line : NULL, (void *)logger);
}

int go_callback_depth(void)
{
    return depth;
}

uintptr_t go_swap_panic(uintptr_t panic)
{
    uintptr_t before = carried;
    carried = panic;
    return before;
}
