/*
 * backbone_network.h - the seam between backbones and the networks that compute them.
 *
 * A network reads its sizes from the tensors' shapes; config.json adds only what shapes do not
 * say. It is opened once, shared by all workers, and run on a few images at a time.
 */
#ifndef MODELS_BACKBONE_NETWORK_H
#define MODELS_BACKBONE_NETWORK_H

#include "io/json.h"
#include "models/head.h"
#include "models/transformer.h"

/* What is known beside the weights. */
typedef struct network_hints {
    const json_t *config;     /* config.json, or NULL */
    const char *architecture; /* as asked or configured, or NULL */
    size_t side;              /* of the recipe's pictures; 0: there is no recipe yet */
} network_hints;

/* What an opened network says of itself. */
typedef struct network_facts {
    char architecture[96];
    size_t side, features; /* of the input, of the feature vector */
    size_t weight_bytes;   /* packed */
    size_t scratch;        /* floats a run needs, on cache lines */
    double gmac;           /* multiply-adds of one image, in 1e9 */
    const char *head_prefix;
} network_facts;

typedef struct network_kind {
    const char *family; /* "resnet", "vit" */
    /* Does the file look like this family, or like a neighbour that open refuses by name? */
    bool (*recognise)(const weights *from);
    /* Declares every tensor, checks that none is left over, packs them. own_head: the file's
     * last layer over the feature vector. */
    spur_status (*open)(engine *on, weights *from, const network_hints *hints, void **network,
                        network_facts *facts, head *own_head, spur_error *error);
    /* features [images, D] of pixels [images, 3, side, side]. The bits of an image depend on
     * neither its place nor on `images`. */
    spur_status (*run)(const void *network, engine_worker *worker, float *scratch,
                       const float *pixels, size_t images, float *features,
                       const tower_watch *watch, spur_error *error);
    void (*close)(void *network);
} network_kind;

extern const network_kind network_resnet, network_vit;

#endif
