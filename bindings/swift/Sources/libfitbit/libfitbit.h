#if __has_include(<fitbit/fitbit.h>) /* installed */
#include <fitbit/fitbit.h>
#else /* the repository's include folder */
#include <fitbit.h>
#endif
