/* Memory of iddawc's sessions, one for each person, with what a renewal and a request need:
 * iddawc_memory COUNT */
#include "memory.h"
#include <iddawc.h>

static void come(size_t person)
{
    struct _i_session *session = malloc(sizeof *session);
    require(session != NULL && i_init_session(session) == I_OK, "no session");
    require(i_set_parameter_list(session, I_OPT_CLIENT_ID, CLIENT_ID, I_OPT_CLIENT_SECRET,
                                 CLIENT_SECRET, I_OPT_TOKEN_ENDPOINT,
                                 "https://api.fitbit.com/oauth2/token", I_OPT_TOKEN_METHOD,
                                 I_TOKEN_AUTH_METHOD_SECRET_BASIC, I_OPT_SCOPE, SCOPES,
                                 I_OPT_ACCESS_TOKEN, access_token(person), I_OPT_REFRESH_TOKEN,
                                 refresh_token(person), I_OPT_TOKEN_TYPE, "Bearer",
                                 I_OPT_EXPIRES_IN, 28800, I_OPT_NONE) == I_OK, "not set");
}

int main(int argc, char **argv)
{
    size_t count, i;
    struct memory before, after;

    require(argc == 2, "COUNT");
    count = strtoul(argv[1], NULL, 10);
    require(i_global_init() == I_OK, "no start");
    for (i = 0; i < (count < WARM ? 1 : WARM); i++)
        come(count + i);
    before = memory();
    for (i = 0; i < count; i++)
        come(i);
    after = memory();
    report(count, before, after);
    return 0;
}
