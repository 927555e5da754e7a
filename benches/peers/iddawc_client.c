/* An iddawc session is made of a saved token, and freed: iddawc_client */
#include "memory.h"
#include <iddawc.h>

static void come_and_go(void *unused)
{
    struct _i_session session;
    (void)unused;
    require(i_init_session(&session) == I_OK, "no session");
    require(i_set_parameter_list(&session, I_OPT_CLIENT_ID, CLIENT_ID, I_OPT_CLIENT_SECRET,
                                 CLIENT_SECRET, I_OPT_TOKEN_ENDPOINT,
                                 "https://api.fitbit.com/oauth2/token", I_OPT_TOKEN_METHOD,
                                 I_TOKEN_AUTH_METHOD_SECRET_BASIC, I_OPT_SCOPE, SCOPES,
                                 I_OPT_ACCESS_TOKEN, access_token(1), I_OPT_REFRESH_TOKEN,
                                 refresh_token(1), I_OPT_TOKEN_TYPE, "Bearer", I_OPT_EXPIRES_IN,
                                 28800, I_OPT_NONE) == I_OK, "not set");
    i_clean_session(&session);
}

int main(void)
{
    require(i_global_init() == I_OK, "no start");
    return drive(come_and_go, NULL);
}
