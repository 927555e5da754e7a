/* A unit without exceptions; see units.hpp, which is not for it. */

#include <fitbit.hpp>

int code_of_a_refused_path();

int code_of_a_refused_path()
{
    return fitbit::Client().get("/").error().code();
}
