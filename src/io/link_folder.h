/*
 * link_folder.h - folders that are filled with symbolic links and with nothing else.
 *
 * Everything below the first folder is reached from an open descriptor and never through a
 * link: what already stands there cannot lead a link elsewhere. Nothing is ever overwritten.
 * Failures are SPUR_RESOURCE and name the path.
 */
#ifndef IO_LINK_FOLDER_H
#define IO_LINK_FOLDER_H

#include "base/error.h"

typedef struct link_folder link_folder;

/* Makes the folder and its parents when missing. */
spur_status link_folder_open(const char *path, link_folder **out,
                             spur_error *error) SPUR_MUST_USE;
/* The folder `name` (one path component) in `parent`, made when missing. */
spur_status link_folder_below(const link_folder *parent, const char *name, link_folder **out,
                              spur_error *error) SPUR_MUST_USE;
/* Fails when the folder holds a name that is none of the `count` sorted ones. */
spur_status link_folder_check(const link_folder *folder, const char *const *names, size_t count,
                              spur_error *error) SPUR_MUST_USE;
/* A link to `target`; one that is there with the same target is left, anything else refused. */
spur_status link_folder_add(const link_folder *folder, const char *name, const char *target,
                            spur_error *error) SPUR_MUST_USE;
void link_folder_close(link_folder *block);

#endif
