/*
 * resume.h - the command line that continues an interrupted one.
 */
#ifndef CLI_RESUME_H
#define CLI_RESUME_H

#include <stdio.h>

/* argv quoted for a shell, without --restart and -f: they would drop what was saved. */
void resume_print(char *const *argv, FILE *to);

#endif
