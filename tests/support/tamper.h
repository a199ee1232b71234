/*
 * tamper.h - a run.db that somebody has changed.
 */
#ifndef TEST_TAMPER_H
#define TEST_TAMPER_H

/* Runs SQL on FOLDER/run.db behind the store's back. */
void tamper(const char *folder, const char *sql);

#endif
