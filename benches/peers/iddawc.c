/* iddawc, an OAuth2 and OpenID Connect client in C: iddawc OPERATION SERVER [CA_FOLDER]
 * OPERATION is address, exchange, refresh, or the path to GET. One session is kept; its state and
 * verifier are made anew for each address, as a login needs. */
#include "driver.h"
#include <iddawc.h>

static struct _i_session session;
static char uri[256];
static const char *ca_folder;

static void good(int result)
{
    require(result == I_OK, "iddawc refused");
}

static void address(void *unused)
{
    (void)unused;
    good(i_set_int_parameter(&session, I_OPT_STATE_GENERATE, 43));
    good(i_set_int_parameter(&session, I_OPT_PKCE_CODE_VERIFIER_GENERATE, 43));
    good(i_build_auth_url_get(&session));
}

static void exchange(void *unused)
{
    (void)unused;
    good(i_set_str_parameter(&session, I_OPT_CODE, "abcdef0123"));
    good(i_run_token_request(&session));
}

static void refresh(void *unused)
{
    (void)unused;
    good(i_run_token_request(&session));
}

static void get(void *unused)
{
    struct _u_request request;
    struct _u_response response;
    (void)unused;
    ulfius_init_request(&request);
    ulfius_init_response(&response);
    ulfius_set_request_properties(&request, U_OPT_HTTP_VERB, "GET", U_OPT_HTTP_URL, uri, U_OPT_NONE);
    if (ca_folder != NULL)
        ulfius_set_request_properties(&request, U_OPT_CA_PATH, ca_folder, U_OPT_NONE);
    good(i_perform_resource_service_request(&session, &request, &response, 0, I_BEARER_TYPE_HEADER,
                                            0, 0));
    require(response.status == 200 && response.binary_body_length >= 2048, "a bad answer");
    ulfius_clean_request(&request);
    ulfius_clean_response(&response);
}

int main(int argc, char **argv)
{
    require(argc >= 3, "OPERATION SERVER [CA_FOLDER]");
    good(i_global_init());
    good(i_init_session(&session));
    ca_folder = argc > 3 ? argv[3] : NULL;
    snprintf(uri, sizeof uri, "%s/oauth2/token", argv[2]);
    good(i_set_parameter_list(&session, I_OPT_RESPONSE_TYPE, I_RESPONSE_TYPE_CODE, I_OPT_CLIENT_ID,
                              CLIENT_ID, I_OPT_CLIENT_SECRET, CLIENT_SECRET, I_OPT_REDIRECT_URI,
                              CALLBACK_URI, I_OPT_SCOPE, SCOPES, I_OPT_AUTH_ENDPOINT,
                              "https://www.fitbit.com/oauth2/authorize", I_OPT_TOKEN_ENDPOINT, uri,
                              I_OPT_TOKEN_METHOD, I_TOKEN_AUTH_METHOD_SECRET_BASIC,
                              I_OPT_PKCE_METHOD, I_PKCE_METHOD_S256,
                              I_OPT_PKCE_CODE_VERIFIER_GENERATE, 43, I_OPT_STATE_GENERATE, 43,
                              I_OPT_NONE));
    if (strcmp(argv[1], "address") == 0)
        return drive(address, NULL);
    if (strcmp(argv[1], "exchange") == 0)
        return drive(exchange, NULL);
    if (strcmp(argv[1], "refresh") == 0) {
        good(i_set_int_parameter(&session, I_OPT_RESPONSE_TYPE, I_RESPONSE_TYPE_REFRESH_TOKEN));
        good(i_set_str_parameter(&session, I_OPT_REFRESH_TOKEN, "one"));
        return drive(refresh, NULL);
    }
    snprintf(uri, sizeof uri, "%s%s", argv[2], argv[1]);
    good(i_set_str_parameter(&session, I_OPT_ACCESS_TOKEN, ACCESS_TOKEN));
    return drive(get, NULL);
}
