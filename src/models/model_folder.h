/*
 * model_folder.h - where a model's files are: a folder, or the local Hugging Face cache.
 *
 * The cache: HUB/models--ORG--NAME/refs/main holds a commit; the files stand in
 * snapshots/COMMIT as links into blobs/. HUB is $HF_HUB_CACHE, else $HF_HOME/hub, else
 * $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub. Nothing is downloaded.
 */
#ifndef MODELS_MODEL_FOLDER_H
#define MODELS_MODEL_FOLDER_H

#include "base/error.h"

/* *folder (free with memory_free) is `path_or_id` when it is a folder, else the snapshot of
 * the hub id "org/name". SPUR_MODEL says what is missing and the line that fetches it. */
spur_status model_folder_resolve(const char *path_or_id, char **folder,
                                 spur_error *error) SPUR_MUST_USE;

/* The hub's folder, whether it exists or not. */
spur_status model_folder_hub(char **out, spur_error *error) SPUR_MUST_USE;

/* The current snapshot of a cache entry (HUB/models--ORG--NAME). */
spur_status model_folder_snapshot(const char *entry, char **out,
                                  spur_error *error) SPUR_MUST_USE;

#endif
