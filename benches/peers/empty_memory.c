/* Memory of a program that does nothing. */
#include "memory.h"

int main(void)
{
    struct memory now = memory();
    report(1, now, now);
    return 0;
}
