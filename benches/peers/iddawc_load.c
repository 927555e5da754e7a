/* From iddawc's file to the first authorization address: iddawc_load LIBRARY */
#include "load.h"
#include <iddawc.h>

static void first_address(void *path)
{
    int (*global_init)(void), (*init_session)(struct _i_session *);
    int (*set)(struct _i_session *, ...), (*build)(struct _i_session *);
    const char *(*get)(struct _i_session *, i_option);
    static struct _i_session session;

    open_library(path);
    find("i_global_init", &global_init, sizeof global_init);
    find("i_init_session", &init_session, sizeof init_session);
    find("i_set_parameter_list", &set, sizeof set);
    find("i_build_auth_url_get", &build, sizeof build);
    find("i_get_str_parameter", &get, sizeof get);
    require(global_init() == I_OK && init_session(&session) == I_OK, "no session");
    require(set(&session, I_OPT_RESPONSE_TYPE, I_RESPONSE_TYPE_CODE, I_OPT_CLIENT_ID, CLIENT_ID,
                I_OPT_CLIENT_SECRET, CLIENT_SECRET, I_OPT_REDIRECT_URI, CALLBACK_URI, I_OPT_SCOPE,
                SCOPES, I_OPT_AUTH_ENDPOINT, "https://www.fitbit.com/oauth2/authorize",
                I_OPT_PKCE_METHOD, I_PKCE_METHOD_S256, I_OPT_PKCE_CODE_VERIFIER_GENERATE, 43,
                I_OPT_STATE_GENERATE, 43, I_OPT_NONE) == I_OK && build(&session) == I_OK &&
                strncmp(get(&session, I_OPT_REDIRECT_TO), "https://", 8) == 0,
            "no address");
}

int main(int argc, char **argv)
{
    require(argc == 2, "LIBRARY");
    return drive(first_address, argv[1]);
}
