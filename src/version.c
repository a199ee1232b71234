/*
 * version.c - the library's version.
 */
#include "spur.h"

const char *spur_version(void)
{
    return SPUR_VERSION;
}
