/*
 * spur.h - the public interface of libspur.
 *
 * libspur ranks the images of every class by how visible the class's own object is to an
 * open-vocabulary detector. Everything here is thread-compatible: different handles may be
 * used by different threads; one handle belongs to one call at a time unless it says
 * otherwise. The library prints nothing, never exits and keeps no global mutable state.
 *
 * Every function that can fail returns a spur_status and, when it fails, fills the spur_error
 * it was given (which may be NULL). Outputs are written only on success.
 */
#ifndef SPUR_H
#define SPUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SPUR_API __attribute__((visibility("default")))
#define SPUR_MUST_USE __attribute__((warn_unused_result))
#else
#define SPUR_API
#define SPUR_MUST_USE
#endif

/* ---- status and error ---------------------------------------------------------------- */

/* The value of a status is the exit code of the spur command. */
typedef enum spur_status {
    SPUR_OK = 0,
    SPUR_INTERNAL = 1,     /* a bug in Spur */
    SPUR_USAGE = 2,        /* the caller asked for something that makes no sense */
    SPUR_IMAGE = 3,        /* an image is bad; a run goes on without it */
    SPUR_DATASET = 4,      /* dataset, manifest, class list or run folder bad or missing */
    SPUR_MODEL = 5,        /* model bad, missing or not supported */
    SPUR_RESOURCE = 6,     /* disk full, memory, permission, output not writable */
    SPUR_CONDITION = 7,    /* a condition the caller asked to fail on holds */
    SPUR_INTERRUPTED = 130 /* cancelled; finished work is saved */
} spur_status;

/* What went wrong: one line of UTF-8 without control characters. */
typedef struct spur_error {
    spur_status status;
    char message[1000];
} spur_error;

/* The library's version, for example "0.1.0". */
SPUR_API const char *spur_version(void);

/* ---- following a long call ----------------------------------------------------------- */

typedef enum spur_log_level {
    SPUR_LOG_INFO,
    SPUR_LOG_WARNING
} spur_log_level;

typedef struct spur_progress {
    const char *stage;            /* "score", "check" ... */
    uint64_t done, failed, total; /* images; done counts the failed ones */
    uint64_t skipped;             /* already in the run when the call began */
    const char *detail;           /* NULL, or how far the item at hand is */
} spur_progress;

/* All members may be NULL. Callbacks come from one thread at a time. */
typedef struct spur_monitor {
    void *context;
    /* Return non-zero to cancel: the call saves what is finished and returns
     * SPUR_INTERRUPTED. Called at least every second while work goes on. */
    int (*progress)(void *context, const spur_progress *progress);
    void (*log)(void *context, spur_log_level level, const char *message);
} spur_monitor;

/* ---- images --------------------------------------------------------------------------- */

typedef enum spur_orientation {
    SPUR_ORIENTATION_IGNORE,
    SPUR_ORIENTATION_APPLY
} spur_orientation;
typedef enum spur_alpha {
    SPUR_ALPHA_DROP,
    SPUR_ALPHA_WHITE
} spur_alpha;
/* Which version's order of resampling passes to follow; see docs/models.md. */
typedef enum spur_resize_order {
    SPUR_RESIZE_PILLOW12,
    SPUR_RESIZE_PILLOW13
} spur_resize_order;

#define SPUR_MAX_PIXELS_DEFAULT 178956970u

typedef struct spur_image_options {
    uint64_t max_pixels;          /* refuse larger images before any memory is taken */
    spur_orientation orientation; /* EXIF */
    spur_alpha alpha;             /* drop it, or composite on white */
    bool allow_truncated;         /* score what is there of a cut JPEG, flagged */
    bool pillow_compat;           /* 16-bit grey saturates as in Pillow, not its high byte */
    size_t border;                /* pixels cut from every side of the (turned) picture first */
} spur_image_options;

SPUR_API void spur_image_options_defaults(spur_image_options *options);

/* ---- datasets ------------------------------------------------------------------------- */

typedef enum spur_class_order {
    SPUR_CLASS_ORDER_AUTO,    /* byte-wise, or numeric when every name is a number */
    SPUR_CLASS_ORDER_LEX,     /* byte-wise */
    SPUR_CLASS_ORDER_NATURAL, /* runs of digits compare as numbers */
    SPUR_CLASS_ORDER_NUMERIC, /* names are numbers */
    SPUR_CLASS_ORDER_FILE     /* order of the class list, or of first appearance */
} spur_class_order;

/* A published set out of distribution: how its class folders are named and its accuracy is
 * usually told; docs/evaluation.md. */
typedef enum spur_ood_rule {
    SPUR_OOD_AUTO, /* by the name of the split: "ood:imagenet-a" */
    SPUR_OOD_NONE,
    SPUR_OOD_IMAGENET_A,      /* wnid folders; the best among the set's classes */
    SPUR_OOD_IMAGENET_R,      /* the same */
    SPUR_OOD_IMAGENET_V2,     /* folders are class indices */
    SPUR_OOD_IMAGENET_SKETCH, /* wnid folders */
    SPUR_OOD_OBJECTNET        /* own names, a class map, a border of 2 pixels */
} spur_ood_rule;

#define SPUR_BORDER_OF_RULE SIZE_MAX

/* path: an image folder root/<class>/ (any depth), a .csv or .jsonl manifest, "-" for a CSV
 * manifest on standard input, or a flat folder with `labels`. */
typedef struct spur_data_options {
    const char *labels;      /* flat folder: file of "file_name label" or one index per line */
    bool labels_are_devkit;  /* ImageNet devkit ids (1..1000), mapped by the class list */
    const char *class_list;  /* names in index order: see docs/formats.md */
    const char *class_names; /* names for prompts, one "label name" or JSON map per class */
    spur_class_order class_order;
    bool allow_duplicates; /* the same path twice in a manifest */
    const char *split;     /* split of rows that have none; default "train" */
    uint64_t limit;        /* at most so many images, 0 = all (spread evenly over classes) */
    const char *class_map; /* "their class,our class" as CSV, or a JSON object; classes that
                              are not in it are left out and counted */
    spur_ood_rule ood_rule;
    size_t border; /* as spur_image_options.border; default SPUR_BORDER_OF_RULE */
} spur_data_options;

SPUR_API void spur_data_options_defaults(spur_data_options *options);

/* ---- detector ------------------------------------------------------------------------- */

typedef enum spur_geometry {
    SPUR_GEOMETRY_HF,    /* what Hugging Face computes: v1 stretched, v2 padded */
    SPUR_GEOMETRY_SCENIC /* the original implementation: padded, canonical text, tanh GELU */
} spur_geometry;

typedef struct spur_detector_options {
    spur_geometry geometry;
    float pad_value; /* scenic geometry; in [0, 1], default 0 */
    spur_resize_order resize_order;
    bool literal_config;  /* take config.json at its word (see docs/models.md) */
    bool allow_nonfinite; /* open weights that hold NaN or infinity */
    bool offline;         /* reserved for commands that could use a network */
    bool without_digest;  /* do not read all files again for info.digest, which is then "" */
} spur_detector_options;

SPUR_API void spur_detector_options_defaults(spur_detector_options *options);

/* A detector; its weights are shared by all threads of one call. */
typedef struct spur_detector spur_detector;

/* path: a model folder in Hugging Face layout, or a hub id ("google/owlvit-base-patch32")
 * found in the local Hugging Face cache. SPUR_MODEL names the file and what is wrong. */
SPUR_API spur_status spur_detector_open(const char *path, const spur_detector_options *options,
                                        spur_detector **out, spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_detector_close(spur_detector *detector);

typedef struct spur_detector_info {
    const char *path;
    const char *model_type; /* "owlvit", "owlv2" */
    size_t side, grid, patches, embedding, max_tokens;
    bool has_objectness;
    const char *preprocessing;   /* one line: the resolved recipe */
    const char *digest;          /* SHA-256 over all that decides the numbers */
    size_t weight_bytes;         /* packed, resident */
    const char *const *warnings; /* NULL-terminated */
} spur_detector_info;

/* Texts live as long as the detector. */
SPUR_API void spur_detector_describe(const spur_detector *detector, spur_detector_info *info);

/* ---- backbone: a frozen image classifier --------------------------------------------------
 */

/* ResNet (torchvision and timm names) or ViT and DeiT (timm and Hugging Face names). */
typedef struct spur_backbone_options {
    const char *architecture;  /* "resnet", "vit", or a full name; NULL: config.json or the
                                  tensors' names tell */
    const char *preprocessing; /* NULL: the model's files; "torchvision-v1",
                                  "torchvision-v2", "timm-deit", "timm-vit" */
    spur_resize_order resize_order;
    bool allow_nonfinite; /* open weights that hold NaN or infinity */
} spur_backbone_options;

SPUR_API void spur_backbone_options_defaults(spur_backbone_options *options);

typedef struct spur_backbone_info {
    const char *path;
    const char *architecture; /* "resnet50", "deit_small_distilled_patch16_224"; family and
                                 sizes when they are nobody's: "resnet-basic-1-2-1-1" */
    const char *name;         /* of its folders in a run: letters, digits, '.', '-', '_' */
    size_t side, features, classes;
    const char *preprocessing;      /* one line: the resolved recipe */
    const char *digest;             /* SHA-256 over all that decides the numbers */
    size_t weight_bytes;            /* packed, resident */
    const char *const *warnings;    /* NULL-terminated */
    const char *head_prefix;        /* of the last layer's tensors: "fc", "head", "head_dist"
                                       (two layers), "classifier", "cls_classifier" (two) */
    const char *const *class_names; /* [classes], or NULL when the model has none */
} spur_backbone_info;

/* A classifier for single images. */
typedef struct spur_backbone spur_backbone;

/* path: a model folder, a weight file, or a hub id found in the local Hugging Face cache.
 * SPUR_MODEL names the file and what is wrong. */
SPUR_API spur_status spur_backbone_open(const char *path, const spur_backbone_options *options,
                                        spur_backbone **out, spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_backbone_close(spur_backbone *backbone);
/* Texts live as long as the backbone. */
SPUR_API void spur_backbone_describe(const spur_backbone *backbone, spur_backbone_info *info);

/* A last layer from a file, instead of the model's own. */
typedef struct spur_head spur_head;

/* SPUR_DATASET when the head was trained on another backbone's features. */
SPUR_API spur_status spur_head_open(const char *path, const spur_backbone *backbone,
                                    spur_head **out, spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_head_close(spur_head *head);
SPUR_API size_t spur_head_classes(const spur_head *head);
/* [classes], or NULL when the file does not say. */
SPUR_API const char *const *spur_head_class_names(const spur_head *head);

/* Everything the network says of one image. */
typedef struct spur_classify_result {
    size_t width, height; /* of the picture, after orientation */
    size_t side, features, classes, head_classes;
    float *pixel_values; /* [3, side, side] */
    float *feature;      /* [features] */
    float *logits;       /* [classes], of the model's own last layer */
    float *head_logits;  /* [head_classes], or NULL without a head */
} spur_classify_result;

/* head and image_options may be NULL. SPUR_IMAGE: this image is bad. */
SPUR_API spur_status spur_classify(spur_backbone *backbone, const spur_head *head,
                                   const char *image_path,
                                   const spur_image_options *image_options,
                                   spur_classify_result **out, spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_classify_result_free(spur_classify_result *result);
/* safetensors with pixel_values [count, 3, side, side], features [count, D] and logits [count,
 * C] of results of one backbone and head: the head's logits where there is a head, and then the
 * model's own as logits_original. */
SPUR_API spur_status spur_classify_write_raw(const spur_classify_result *const *results,
                                             size_t count, const char *path,
                                             spur_error *error) SPUR_MUST_USE;

/* ---- features: what a frozen backbone sees in a run's images ----------------------------- */

typedef struct spur_features_options {
    spur_backbone_options backbone;
    const char *split; /* NULL: every split of the run */
    bool half;         /* store float16 */
    size_t threads;    /* 0 = all processors */
    bool restart;      /* drop these features first */
    bool strict;       /* stop at the first image that fails here */
    bool keep_going;   /* do not give up after 1000 failures in a row */
} spur_features_options;

SPUR_API void spur_features_options_defaults(spur_features_options *options);

/* Features of one backbone on one split. */
typedef struct spur_feature_set {
    const char *backbone, *architecture, *preprocessing, *settings, *digest;
    const char *split, *path;
    size_t features;
    uint64_t images, failed, skipped; /* skipped: were there before */
    /* The model's own last layer. judged 0: no accuracy, and matching says why; else how
     * classes and outputs were matched: "label", "name" or "index". */
    uint64_t judged;
    double top1, top5; /* fractions of the judged images */
    const char *matching;
} spur_feature_set;

typedef struct spur_features_summary {
    size_t set_count;
    spur_feature_set *sets;           /* backbones as given, splits as in the run */
    uint64_t images, failed, skipped; /* sums */
    size_t threads;
} spur_features_summary;

/* Penultimate features of the run's images, read as they were read when they were scored, into
 * RUN/features/NAME/SPLIT.safetensors; the model's own last layer goes to
 * RUN/heads/NAME/original.safetensors. A second call goes on where the first stopped; what
 * would mix results is refused (SPUR_DATASET) with the difference. An image that fails, or
 * whose file has changed since, is a row of zeros: see summary->failed. */
SPUR_API spur_status spur_features(const char *run, const char *const *backbones, size_t count,
                                   const spur_features_options *options,
                                   const spur_monitor *monitor, spur_features_summary **summary,
                                   spur_error *error) SPUR_MUST_USE;

typedef struct spur_import_options {
    const char *rows;  /* file that says which image each row is: a name a line, or CSV with
                          file_name; NULL: the matrix file's own image_id */
    const char *name;  /* of the backbone in the run; NULL: the file's */
    const char *split; /* NULL: train, or the run's only split */
    bool half;
    bool restart;
} spur_import_options;

SPUR_API void spur_import_options_defaults(spur_import_options *options);

/* The same from a matrix [rows, features] that another program made: .npy, .npz or safetensors
 * with X, features or arr_0. Every scored image of the split must have exactly one row. */
SPUR_API spur_status spur_features_import(const char *run, const char *file,
                                          const spur_import_options *options,
                                          spur_features_summary **summary,
                                          spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_features_summary_free(spur_features_summary *summary);

/* ---- detect: boxes for any text --------------------------------------------------------- */

#define SPUR_THRESHOLD_DEFAULT (-1.0F)

typedef struct spur_detect_options {
    spur_image_options image;
    float threshold; /* keep score > threshold; SPUR_THRESHOLD_DEFAULT: 0.1 for texts, 0 for an
                        image query */
    size_t top;      /* keep the `top` best per image, 0 = all */
    float nms;       /* suppress overlaps above this IoU within a query; 0 = off (0.3 for an
                        image query) */
    bool clip;       /* clip boxes to the picture and drop empty ones */
} spur_detect_options;

SPUR_API void spur_detect_options_defaults(spur_detect_options *options);

typedef struct spur_detection {
    size_t query, patch;
    float logit, score; /* score = 1 / (1 + exp(-logit)) */
    float box[4];       /* xmin, ymin, xmax, ymax in pixels of the picture */
} spur_detection;

/* Everything the networks say of one image: the window for parity checks. */
typedef struct spur_detect_result {
    size_t width, height; /* of the picture, after orientation */
    size_t detection_count;
    spur_detection *detections; /* patch order (best first with top or nms) */
    size_t side, patches, queries, embedding, tokens;
    float *pixel_values; /* [3, side, side] */
    float *logits;       /* [patches, queries] */
    float *boxes;        /* [patches, 4] cx, cy, w, h in the input square */
    float *objectness;   /* [patches], or NULL */
    float *text_embeds;  /* [queries, embedding] */
    int64_t *input_ids;  /* [queries, tokens], padded; NULL for an image query */
} spur_detect_result;

/* Queries made ready once and asked of many images. */
typedef struct spur_query spur_query;
SPUR_API spur_status spur_query_from_text(spur_detector *detector, const char *const *texts,
                                          size_t count, spur_query **out,
                                          spur_error *error) SPUR_MUST_USE;
/* Image-guided: the object that fills the picture is the query. */
SPUR_API spur_status spur_query_from_image(spur_detector *detector, const char *path,
                                           const spur_image_options *options, spur_query **out,
                                           spur_error *error) SPUR_MUST_USE;
/* True when the text of query i was longer than the text tower and was cut. */
SPUR_API bool spur_query_truncated(const spur_query *query, size_t i);
SPUR_API void spur_query_free(spur_query *query);

SPUR_API spur_status spur_detect(spur_detector *detector, const char *image_path,
                                 const spur_query *query, const spur_detect_options *options,
                                 spur_detect_result **out, spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_detect_result_free(spur_detect_result *result);
/* safetensors with pixel_values, logits, boxes, objectness, text_embeds, input_ids. */
SPUR_API spur_status spur_detect_write_raw(const spur_detect_result *result, const char *path,
                                           spur_error *error) SPUR_MUST_USE;
/* The picture with its boxes drawn, as PNG. */
SPUR_API spur_status spur_detect_draw(const spur_detect_result *result, const char *image_path,
                                      const spur_image_options *options,
                                      const char *const *names, const char *out_path,
                                      spur_error *error) SPUR_MUST_USE;

/* ---- score: every image of a dataset --------------------------------------------------- */

typedef enum spur_aggregate {
    SPUR_AGGREGATE_MAX,       /* the largest own-class logit */
    SPUR_AGGREGATE_MEAN_TOP5, /* mean of the five largest */
    SPUR_AGGREGATE_LOGSUMEXP, /* over all patches */
    SPUR_AGGREGATE_NOISY_OR   /* logit of 1 - prod (1 - sigmoid) */
} spur_aggregate;

typedef struct spur_score_options {
    spur_data_options data;
    spur_image_options image;
    spur_detector_options detector;
    const char *prompts; /* NULL = "a photo of a {}."; "best7"; a template with {}; or a file
                            of templates, one a line */
    spur_aggregate aggregate;
    bool margin;     /* own logit minus the best other class's on the same box */
    bool objectness; /* add OWLv2's objectness logit before the aggregate */
    size_t threads;  /* 0 = all processors */
    bool restart;    /* drop this split's scores first */
    bool dry_run;    /* resolve everything, score nothing, write nothing */
    bool strict;     /* stop at the first failed image */
    bool keep_going; /* do not give up after 1000 failures in a row */
} spur_score_options;

SPUR_API void spur_score_options_defaults(spur_score_options *options);

typedef struct spur_class_plan {
    const char *label, *name,
        *prompt;   /* folder or manifest label, name in prompts, first prompt */
    size_t tokens; /* of the longest prompt, with start and end */
    bool truncated;
    uint64_t images;
} spur_class_plan;

typedef struct spur_split_plan {
    const char *name;
    uint64_t images;
} spur_split_plan;

typedef struct spur_score_summary {
    uint64_t found, scored, failed, skipped; /* found = scored + failed */
    uint64_t oriented, with_alpha, with_warnings, duplicates;
    uint64_t excluded_classes, excluded_images; /* of the dataset: not the run's classes */
    const char *ood_rule;                       /* "none", "imagenet-a" ... as resolved */
    size_t border;                              /* pixels cut from every side */
    uint64_t pending;                           /* what a dry run would do */
    double seconds_per_image; /* dry run: measured on up to four images, per worker */
    size_t threads;
    size_t class_count;
    spur_class_plan *classes;
    size_t split_count;
    spur_split_plan *splits;     /* of the dataset, in order of their first rows */
    const char *class_order;     /* "lex", "numeric" ... as resolved */
    const char *prompts;         /* the templates, for people */
    spur_detector_info detector; /* texts owned by the summary */
} spur_score_summary;

/* data as in spur_data_options. run: folder, made when missing. A second call goes on where
 * the first stopped; settings that would mix results are refused (SPUR_DATASET) with the
 * difference. Individual bad images do not make the call fail: see summary->failed.
 * summary may be NULL; free it with spur_score_summary_free. */
SPUR_API spur_status spur_score(const char *data, const char *run, const char *detector,
                                const spur_score_options *options, const spur_monitor *monitor,
                                spur_score_summary **summary, spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_score_summary_free(spur_score_summary *summary);

/* ---- run: what a run folder holds ------------------------------------------------------ */

typedef struct spur_run spur_run;

/* Opens for reading; checks the schema version, the integrity of the database and the digests
 * of its batches. SPUR_DATASET names the failed check. */
SPUR_API spur_status spur_run_open(const char *path, spur_run **out,
                                   spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_run_close(spur_run *run);

/* Forgets everything that stages have made from the images of a run: rows and scores of every
 * split, features, subsets, last layers, numbers. The folder stays; a missing one is fine. */
SPUR_API spur_status spur_run_clear(const char *path, spur_error *error) SPUR_MUST_USE;

typedef struct spur_failure {
    const char *file_name, *split, *reason;
} spur_failure;
/* Failed images in row order; visit returns non-zero to stop. */
SPUR_API spur_status spur_run_failures(spur_run *run,
                                       int (*visit)(void *context, const spur_failure *failure),
                                       void *context, spur_error *error) SPUR_MUST_USE;
/* The same for the rows of a feature file that hold no features. */
SPUR_API spur_status spur_feature_failures(spur_run *run, const char *backbone,
                                           const char *split,
                                           int (*visit)(void *context,
                                                        const spur_failure *failure),
                                           void *context, spur_error *error) SPUR_MUST_USE;

/* ---- rank ------------------------------------------------------------------------------ */

typedef struct spur_class_rank {
    const char *split, *label, *name;
    uint64_t images, scored, failed,
        ties; /* ties: images that share their score with another */
    float lowest, quantile25, median, quantile75, highest; /* logits; NaN when none is scored */
    double auc, auc_low; /* the class query on its own images against all others; 95 % bound */
    bool is_invisible;   /* auc_low under 0.6 */
    const char *clearest, *most_hidden; /* file names */
} spur_class_rank;

typedef struct spur_rank_summary {
    size_t class_count;
    spur_class_rank *classes; /* split, then class index */
    uint64_t scored, failed, ties, duplicates, invisible;
    uint64_t pending; /* images of the run's splits that have no row yet */
} spur_rank_summary;

SPUR_API spur_status spur_rank(spur_run *run, spur_rank_summary **out,
                               spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_rank_summary_free(spur_rank_summary *summary);

/* An image at one end of its class's ranking. */
typedef struct spur_extreme {
    const char *label, *file_name;
    const char *path;      /* to open the image */
    uint64_t rank, images; /* 1 is the most hidden of the class's `images` scored ones */
    float logit;
    float box[4]; /* in pixels of the picture, may reach beyond it */
} spur_extreme;

/* Of each class in the split, up to `per_end` most hidden images (rank 1, 2, ...), then as many
 * of the clearest (the last rank, the one before, ...). visit returns non-zero to stop. */
SPUR_API spur_status spur_extremes(spur_run *run, const char *split, size_t per_end,
                                   int (*visit)(void *context, const spur_extreme *extreme),
                                   void *context, spur_error *error) SPUR_MUST_USE;
/* The same as one PNG with the boxes drawn: a row per class, the clearest on the left. */
SPUR_API spur_status spur_extremes_draw(spur_run *run, const char *split, size_t per_end,
                                        const char *path, spur_error *error) SPUR_MUST_USE;
/* One class, by its label; an image that cannot be read leaves its cell empty. */
SPUR_API spur_status spur_extremes_draw_class(spur_run *run, const char *split,
                                              const char *label, size_t per_end,
                                              const char *path,
                                              spur_error *error) SPUR_MUST_USE;

/* ---- select: subsets by visibility ------------------------------------------------------ */

/* Words for subsets. Content: clear (highest scores), mid, hidden (lowest), rnd. The others say
 * the paper's "top" and "bot": by spuriosity bot is clear and top is hidden, by score top is
 * clear and bot is hidden. Content words are always understood. */
typedef enum spur_naming {
    SPUR_NAMING_CONTENT,
    SPUR_NAMING_SPURIOSITY,
    SPUR_NAMING_SCORE
} spur_naming;

typedef struct spur_select_options {
    const char *subsets;  /* NULL = "clear,mid,hidden,rnd" */
    const char *amounts;  /* per class: NULL = "50,100,200"; shares as "10%" */
    uint64_t seed, seeds; /* random subsets: the first seed and how many (default 0 and 5) */
    spur_naming naming;
    const char *split;   /* NULL = "train" */
    const char *exclude; /* file of file names or image ids, one a line; NULL = none */
    const char *link;    /* folder for links LINK/<subset>/<class>/<image>; NULL = none */
    bool restart;        /* make subsets again that are there with other settings */
    bool dry_run;        /* write nothing */
} spur_select_options;

SPUR_API void spur_select_options_defaults(spur_select_options *options);

typedef struct spur_subset_class {
    const char *label, *name;
    uint64_t available, excluded; /* images to choose from; left out by the list */
} spur_subset_class;

typedef struct spur_subset {
    const char *name;       /* "clear-100": what files and options call it */
    const char *shown;      /* the same in the words of options.naming */
    const char *definition; /* what it holds, one line */
    uint64_t images;
    uint64_t smallest, largest; /* images of a class, of the classes that have any */
    uint64_t short_classes;     /* have fewer than k images: all of them are taken */
    uint64_t overlap_classes;   /* have fewer than 2k: clear and hidden share images */
    bool was_there;
    const uint64_t *class_images; /* [class_count] */
} spur_subset;

typedef struct spur_select_summary {
    const char *split;
    size_t subset_count, class_count;
    spur_subset *subsets; /* clear, mid, hidden, rnd; rising k; rising seed */
    spur_subset_class *classes;
    uint64_t available, excluded, unknown; /* unknown: entries that mean no image of the run */
    uint64_t pending;                      /* images of the split that have no row yet */
    uint64_t links;                        /* that stand in `link` now */
} spur_select_summary;

/* Makes subsets of a scored split and keeps them in the run. A subset that is there with the
 * same settings and scores is left alone; one with others is refused (SPUR_DATASET) unless
 * options->restart. summary may be NULL; free it with spur_select_summary_free. */
SPUR_API spur_status spur_select(const char *run, const spur_select_options *options,
                                 const spur_monitor *monitor, spur_select_summary **summary,
                                 spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_select_summary_free(spur_select_summary *summary);

/* ---- rank against truth ---------------------------------------------------------------- */

/* A truth column is `group` or any further column of the manifest. Images without a value
 * (empty, null, "nan", "na", "n/a") are left out and counted. */
typedef enum spur_truth_kind {
    SPUR_TRUTH_NUMBERS,   /* only numbers, more than two different ones */
    SPUR_TRUTH_CATEGORIES /* at most 50 different values */
} spur_truth_kind;

typedef struct spur_truth_options {
    const char *split; /* NULL = all */
    const char *good;  /* the value the ranking should put on top; makes the column categories.
                          NULL = the first of ok, 1, true, yes that occurs, or, of two numbers,
                          the larger */
} spur_truth_options;

SPUR_API void spur_truth_options_defaults(spur_truth_options *options);

/* How the score orders one class of a split. Of numbers there is one row per class; of
 * categories one per class and other value, and, with several other values, one more for all
 * of them (other NULL). Undefined measures are NaN and `undefined` says why. */
typedef struct spur_truth_class {
    const char *split, *label, *name;
    const char *other;   /* the value that good is held against; NULL = all others */
    uint64_t images;     /* scored, with a value: all of them, or the good ones */
    uint64_t others;     /* images of the other value */
    uint64_t missing;    /* scored, without a value */
    double quality;      /* numbers: Spearman's correlation with the score; categories: AUC,
                            the chance that a good image is scored above an other one */
    double low, high;    /* 95 % interval of quality */
    double kendall;      /* numbers: tau-b */
    double weighted_tau; /* numbers: hyperbolic weights, the clearest images count most */
    double in_hidden;    /* categories: share of the other images among the lowest tenth */
    const char *undefined;
} spur_truth_class;

/* A split's classes together. */
typedef struct spur_truth_total {
    const char *split, *other;
    uint64_t images, others, missing;
    size_t classes, undefined; /* classes with a quality, and without */
    double mean, worst;        /* over classes, each counting once */
    const char *worst_label, *worst_name;
    double pairs;  /* categories: AUC over all pairs of images of one class; else NaN */
    double pooled; /* quality of the scores of all classes thrown together */
} spur_truth_total;

typedef struct spur_truth_summary {
    const char *column, *good; /* good NULL for numbers */
    spur_truth_kind kind;
    uint64_t images, missing, failed; /* failed: without a score */
    size_t class_count;
    spur_truth_class *classes; /* split, class index, other value */
    size_t total_count;
    spur_truth_total *totals; /* split, other value */
} spur_truth_summary;

/* SPUR_DATASET when no image has the column (the message lists those there are), when it
 * holds neither numbers nor few values, or when it has no good value. options may be NULL. */
SPUR_API spur_status spur_rank_truth(spur_run *run, const char *column,
                                     const spur_truth_options *options,
                                     spur_truth_summary **out, spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_truth_summary_free(spur_truth_summary *summary);

/* The winning boxes against true boxes in the columns box_xmin, box_ymin, box_xmax, box_ymax
 * (pixels), of images that have all four and a score. */
typedef struct spur_box_options {
    const char *split;  /* NULL = all */
    const char *column; /* only images whose number in this column is above `above`; NULL =
                           all */
    double above;
} spur_box_options;

typedef struct spur_box_quality {
    uint64_t images;
    double mean_iou;     /* intersection over union; NaN without images */
    double half_or_more; /* share of images with an IoU of at least one half */
} spur_box_quality;

SPUR_API void spur_box_options_defaults(spur_box_options *options);
SPUR_API spur_status spur_rank_boxes(spur_run *run, const spur_box_options *options,
                                     spur_box_quality *out, spur_error *error) SPUR_MUST_USE;

/* ---- label suspects ---------------------------------------------------------------------- */

/* Images whose own logit is under the 10th percentile of their class while the logit of
 * another class (of the five best that a run keeps) reaches the median of that class's own
 * images. Percentiles are taken within a split, ties counting half. */
typedef struct spur_suspect {
    const char *split, *file_name;
    const char *label, *name, *proposed_label, *proposed_name;
    float logit, proposed_logit;
    double percentile, proposed_percentile; /* in [0, 1] */
    const char *truth;                      /* value of options.truth, or NULL */
    uint64_t row;                           /* of the image in its split */
    size_t class_index, proposed_index;
} spur_suspect;

typedef struct spur_suspect_options {
    const char *split; /* NULL = all */
    const char *truth; /* a column with few values to count the suspects by; NULL = none */
} spur_suspect_options;

/* How many images have a truth value, and how many of them are suspects. */
typedef struct spur_suspect_value {
    const char *value;
    uint64_t images, suspects;
} spur_suspect_value;

typedef struct spur_suspect_summary {
    uint64_t images; /* scored */
    size_t count;
    spur_suspect *suspects; /* greatest difference of percentiles first */
    size_t value_count;
    spur_suspect_value *values; /* in byte order */
} spur_suspect_summary;

SPUR_API void spur_suspect_options_defaults(spur_suspect_options *options);
SPUR_API spur_status spur_suspects(spur_run *run, const spur_suspect_options *options,
                                   spur_suspect_summary **out, spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_suspect_summary_free(spur_suspect_summary *summary);

/* ---- retrain: certified last layers ----------------------------------------------------- */

/* Images of a split. safe = certified - unsafe. */
typedef struct spur_head_split {
    const char *split;
    uint64_t images, known;             /* known: of classes the head was trained on */
    uint64_t correct, original_correct; /* original_correct: UINT64_MAX without such a head */
    uint64_t unsafe; /* predictions the exact optimum may make otherwise; UINT64_MAX: unknown */
} spur_head_split;

/* Accuracy at (1 - share) original + share new, on the last split. */
typedef struct spur_head_blend {
    double share, top1;
} spur_head_blend;

typedef struct spur_head_fold {
    double C, top1;
} spur_head_fold;

/* One way to choose training images of a class and C, judged by folds of the split train. */
typedef struct spur_auto_trial {
    const char *amount; /* of a class: "100", "10%" */
    double clear;       /* share of them that are the clearest, the others are drawn */
    double C;
    double worst, mean; /* accuracy of the worst bin of ranks, and over all images */
} spur_auto_trial;

typedef struct spur_head_summary {
    const char *name;     /* "clear-100"; of a matrix: its file */
    const char *backbone; /* NULL for a matrix */
    const char *path, *recipe;
    bool was_there;    /* nothing was done: the same head stands in the file */
    bool is_certified; /* the bounds below hold */
    bool is_cancelled; /* of a matrix: the best so far */
    uint64_t images;
    size_t features, classes;
    size_t absent; /* classes without an image: never predicted */
    double C;      /* chosen; 0: the recipe has none */
    double objective, weight_gradient, bias_gradient;
    double gap;                      /* objective minus optimum, at most */
    double weight_error, bias_error; /* distance to the optimum, standardised, at most */
    size_t steps, products, epochs;
    double seconds; /* of training, now: measuring and writing left out */
    spur_head_split *splits;
    size_t split_count;
    spur_head_fold *folds;
    size_t fold_count;
    spur_head_blend *blends;
    size_t blend_count;
    spur_auto_trial *trials; /* of options->automatic */
    size_t trial_count, chosen;
} spur_head_summary;

typedef struct spur_retrain_options {
    const char *recipe;    /* NULL = "dfr"; spur_each_recipe lists them */
    const double *C;       /* none: the recipe's own; several: the best accuracy of a k-fold */
    size_t C_count, folds; /* folds: default 5 */
    bool balanced;         /* class weights n / (K n_class) */
    bool raw_features;     /* no standardising */
    bool warm_start;       /* from the original head */
    size_t interpolate;    /* steps between original and new head to measure; 0 = none */
    uint64_t seed;         /* of folds, resamples, stochastic descent */
    double tolerance;      /* certified gap against the objective; 0 = best possible */
    size_t threads;        /* 0 = all processors */
    const char *original;  /* head file; NULL = the run's own, if any */
    const char *backbone;  /* of a run: name; NULL = all */
    const char *subsets;   /* of a run: "clear-100,rnd-100-s0"; NULL = all */
    bool restart;          /* train heads again that are there with other settings */
    /* Of a run: instead of its subsets, one head `auto` a backbone, on the images and C with
     * the best worst bin among those whose mean is at most auto_drop points below the best. */
    bool automatic;
    const char *auto_amounts; /* images of a class: NULL = "10%,25%,50%,100%" */
    const char
        *auto_clear;  /* percents of them that are the clearest: NULL = "0,25,50,75,100" */
    double auto_drop; /* default 1 */
    /* Of a run: called with every head as soon as it stands in its file; non-zero stops. */
    int (*visit)(void *context, const spur_head_summary *head);
    void *context;
} spur_retrain_options;

SPUR_API void spur_retrain_options_defaults(spur_retrain_options *options);

typedef struct spur_retrain_summary {
    spur_head_summary *heads;
    size_t count;
} spur_retrain_summary;
SPUR_API void spur_retrain_summary_free(spur_retrain_summary *summary);

/* Trains a head on a matrix in any tensor file: X [n, d], y [n] whole numbers from 0, optional
 * sample_weight [n]. Writes W [classes, d] and b for raw features, with the certificate. A
 * cancelled call writes the best head so far, which says that it is not certified. */
SPUR_API spur_status spur_retrain_matrix(const char *features, const char *out_path,
                                         const spur_retrain_options *options,
                                         const spur_monitor *monitor,
                                         spur_retrain_summary **summary,
                                         spur_error *error) SPUR_MUST_USE;

/* One head per subset and backbone of a run, as heads/<backbone>/<subset>.safetensors. A head
 * that is there with the same settings is left alone; one with others is refused
 * (SPUR_DATASET) unless options->restart. A cancelled call keeps the finished heads only. */
SPUR_API spur_status spur_retrain(const char *run, const spur_retrain_options *options,
                                  const spur_monitor *monitor, spur_retrain_summary **summary,
                                  spur_error *error) SPUR_MUST_USE;

/* All recipes, the default first. visit returns non-zero to stop. */
SPUR_API void spur_each_recipe(int (*visit)(void *context, const char *name,
                                            const char *summary, const char *text),
                               void *context);

/* ---- eval: numbers of every head ---------------------------------------------------------
 */

/* What a strength of noise is. */
typedef enum spur_noise_kind {
    SPUR_NOISE_LENGTH, /* the l2 length of all that is added: equal in both regions */
    SPUR_NOISE_SIGMA   /* the standard deviation per pixel value in [0, 1] */
} spur_noise_kind;

typedef struct spur_eval_options {
    const char *split;    /* NULL: every split that has features */
    const char *backbone; /* NULL: all of the run */
    uint64_t seed;        /* of everything that is drawn at random */
    size_t draws;         /* of the bootstrap; default 2000 */
    size_t threads;       /* 0 = all processors */
    const char *detector; /* the model the run was scored with: for noise_boxes and audit */

    /* noise in the object's box and around it, for every head of these backbones */
    bool noise;
    const char *const *noise_models; /* the models the run's features were made with */
    size_t noise_model_count;
    spur_backbone_options noise_options;
    spur_noise_kind noise_kind;
    const double *noise_strengths; /* none: lengths 10, 100, 250 or standard deviations 0.05,
                                      0.1, 0.2; 0 is always there */
    size_t noise_strength_count;
    size_t noise_trials;     /* 0 = 3 */
    bool noise_no_clamp;     /* pixels may leave [0, 1] */
    const char *noise_split; /* NULL: `split`, else val, else the first that is not train */
    const char *noise_masks; /* folder of PNG masks by the images' relative names, not black
                                where the object is; NULL: the detector's box */
    double noise_boxes;      /* instead, all boxes of the own class with at least this
                                probability, by the detector again; 0: the best box alone */
    uint64_t noise_limit;    /* so many images, even over classes; 0 = all */

    /* the detector with the box greyed out, and with the box alone */
    bool audit;
    const char *audit_split; /* as noise_split */
    uint64_t audit_limit;

    /* what else could make a gap: shuffled ranks, strata, correlations */
    bool controls_off;
    bool controls_sharpness;             /* reads every image again */
    size_t controls_permutations;        /* shuffles; default 2000 */
    const char *const *controls_columns; /* further columns with numbers to control for */
    size_t controls_column_count;

    /* splits ood and ood:NAME, beside a split in distribution; accuracy by group */
    const char *ood_id_split;  /* NULL: val, else the first that is neither train nor such */
    const char *groups_column; /* NULL: the manifest's column group */
    uint64_t
        groups_least; /* images that a class and group need to be among the worst; 0 = 10 */
} spur_eval_options;

SPUR_API void spur_eval_options_defaults(spur_eval_options *options);

typedef struct spur_eval_value {
    const char *key; /* "val/resnet50/clear-100/top1"; all of them in docs/formats.md */
    double value;    /* finite; accuracies are fractions */
} spur_eval_value;

typedef struct spur_eval_finding {
    const char *stage, *kind; /* "eval", "gap": short and fixed */
    const char *text;         /* a sentence for people */
} spur_eval_finding;

/* All that the run knows after the call, also of stages that were current. */
typedef struct spur_eval_summary {
    const spur_eval_value *values; /* in byte order of the keys */
    size_t value_count;
    const spur_eval_finding *findings;
    size_t finding_count;
} spur_eval_summary;

/* Predictions of every head on every split, their accuracy by rank with intervals and tests;
 * kept in the run and as RUN/metrics.json (one flat object). What was made from the same
 * inputs is not made again. */
SPUR_API spur_status spur_eval(const char *run, const spur_eval_options *options,
                               const spur_monitor *monitor, spur_eval_summary **summary,
                               spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_eval_summary_free(spur_eval_summary *summary);
/* The same object as metrics.json as text; free with spur_text_free. */
SPUR_API spur_status spur_eval_json(const spur_eval_summary *summary, char **out,
                                    spur_error *error) SPUR_MUST_USE;

/* ---- compare: two runs ------------------------------------------------------------------- */

/* Images are the same when split and file name are, classes when the label is. */
typedef struct spur_compare_options {
    const char *split; /* NULL = every split that both runs have */
    size_t moved;      /* images to list, default 20 */
    uint64_t seed;     /* of the bootstrap of heads */
    size_t draws;      /* default 2000 */
    size_t threads;    /* 0 = all processors */
} spur_compare_options;

SPUR_API void spur_compare_options_defaults(spur_compare_options *options);

/* What the runs were made with and do not share; NULL: not in that run. */
typedef struct spur_compare_setting {
    const char *key, *first, *second;
} spur_compare_setting;

/* Measures over the images of a class that both runs scored. Undefined ones are NaN. */
typedef struct spur_compare_class {
    const char *split, *label, *name;
    uint64_t images;
    double spearman, low, high; /* of the two scores; 95 % interval */
    double kendall;             /* tau-b */
    double clear, hidden;       /* share of the clearest, most hidden tenth in both */
} spur_compare_class;

typedef struct spur_compare_split {
    const char *split;
    uint64_t first, second; /* images scored in each run */
    uint64_t common;        /* of them in both, with the same label */
    uint64_t relabelled;    /* in both, with another label: left out */
    size_t classes;         /* with a correlation; the means are over these */
    double spearman, kendall, clear, hidden;
    const char *worst_label, *worst_name; /* the lowest Spearman; NULL without classes */
    double worst;
} spur_compare_split;

/* An image whose place in its class differs; places from 1, the most hidden of both runs'. */
typedef struct spur_moved {
    const char *split, *label, *name, *file_name;
    uint64_t images; /* of the class, in both runs */
    uint64_t first_rank, second_rank;
    double first_logit, second_logit;
} spur_moved;

/* A head of one name and backbone in both runs, on the images that both judged, as `spur eval`
 * left them. */
typedef struct spur_compare_head {
    const char *split, *backbone, *head;
    uint64_t images, first_correct, second_correct;
    uint64_t only_first, only_second; /* right in that run alone */
    double exact, mid;                /* McNemar's p */
    double difference, low, high;     /* of accuracy, second - first; 95 % over classes */
} spur_compare_head;

typedef struct spur_compare_summary {
    size_t setting_count;
    spur_compare_setting *settings;
    size_t split_count;
    spur_compare_split *splits;
    size_t class_count;
    spur_compare_class *classes;
    size_t moved_count;
    spur_moved *moved; /* by falling difference of rank / images */
    size_t head_count;
    spur_compare_head *heads;
    size_t stale_heads; /* of one name, but not as `spur eval` last saw them: left out */
} spur_compare_summary;

/* SPUR_DATASET when the runs have no split, or no image, in common. options may be NULL. */
SPUR_API spur_status spur_compare(spur_run *first, spur_run *second,
                                  const spur_compare_options *options,
                                  spur_compare_summary **out, spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_compare_summary_free(spur_compare_summary *summary);
/* The moved images as CSV (docs/formats.md); path "-" is standard output. */
SPUR_API spur_status spur_compare_write_moved(const spur_compare_summary *summary,
                                              const char *path,
                                              spur_error *error) SPUR_MUST_USE;

/* ---- export ---------------------------------------------------------------------------- */

typedef struct spur_export_options {
    const char *split;     /* NULL = all */
    bool spreadsheet_safe; /* ' before cells that a spreadsheet would run as a formula */
    const char *subset;    /* only the images of this subset ("clear-100"); NULL = all */
    spur_naming naming;    /* of `subset` */
    const char *backbone;  /* features: of this backbone; NULL: the only one */
} spur_export_options;

SPUR_API void spur_export_options_defaults(spur_export_options *options);

/* One row per image (columns in docs/formats.md); path "-" is standard output. */
SPUR_API spur_status spur_export_csv(spur_run *run, const char *path,
                                     const spur_export_options *options,
                                     spur_error *error) SPUR_MUST_USE;
SPUR_API spur_status spur_export_jsonl(spur_run *run, const char *path,
                                       const spur_export_options *options,
                                       spur_error *error) SPUR_MUST_USE;
/* Features of one backbone and split (NULL: train, or the only one) as .npz: X, y, row and
 * image_id of the images that have them. */
SPUR_API spur_status spur_export_npz(spur_run *run, const char *path,
                                     const spur_export_options *options,
                                     spur_error *error) SPUR_MUST_USE;
/* What every head says of every image, and accuracy by rank of every head with 95 % Wilson
 * intervals, of options->split and options->backbone (NULL: all). spur_eval must have been
 * called since heads and features changed. */
SPUR_API spur_status spur_export_predictions(spur_run *run, const char *path,
                                             const spur_export_options *options,
                                             spur_error *error) SPUR_MUST_USE;
SPUR_API spur_status spur_export_curve(spur_run *run, const char *path,
                                       const spur_export_options *options,
                                       spur_error *error) SPUR_MUST_USE;
/* COCO detection results with their images and categories. */
SPUR_API spur_status spur_export_coco(spur_run *run, const char *path,
                                      const spur_export_options *options,
                                      spur_error *error) SPUR_MUST_USE;

/* The scored images as a manifest: file names relative to the manifest's folder (absolute ones
 * stay), label, split, rank and score; with the name metadata.csv in a folder above the images
 * it is what Hugging Face's "imagefolder" reads. */
SPUR_API spur_status spur_export_manifest(spur_run *run, const char *path,
                                          const spur_export_options *options,
                                          spur_error *error) SPUR_MUST_USE;
/* Links folder/<class>/<image> to the images of options->subset; *links (may be NULL) says how
 * many. What is there already is never overwritten: SPUR_RESOURCE names it. */
SPUR_API spur_status spur_export_links(spur_run *run, const char *folder,
                                       const spur_export_options *options, uint64_t *links,
                                       spur_error *error) SPUR_MUST_USE;

typedef enum spur_head_format {
    SPUR_HEAD_TORCHVISION, /* safetensors: fc.*, of a ViT heads.head.* */
    SPUR_HEAD_TIMM,        /* fc.*, head.*, of distilled models also head_dist.* */
    SPUR_HEAD_HF,          /* classifier.1.*, classifier.*, cls_classifier.* and distill... */
    SPUR_HEAD_NPZ,         /* arrays W [classes, features], b [classes] and metadata (JSON) */
    SPUR_HEAD_C            /* a header with two arrays */
} spur_head_format;

/* Every head of the run as folder/<backbone>/<head>.safetensors, .npz or .h, under the names of
 * the backbone's model in that library, so that load_state_dict(strict=False) takes it. */
SPUR_API spur_status spur_export_heads(spur_run *run, const char *folder,
                                       spur_head_format format, uint64_t *heads,
                                       spur_error *error) SPUR_MUST_USE;

/* ---- report: pages and figures ----------------------------------------------------------- */

typedef struct spur_report_options {
    const char *split; /* whose classes are shown; NULL = train, or the first */
    const char *const
        *classes;        /* labels or names for the first page's strips; NULL: the most */
    size_t class_count;  /* telling ones */
    uint64_t seed;       /* of the random classes beside them */
    bool link_originals; /* pictures link to the images, relative to the report */
    bool redact_paths;   /* only last components of file names, no folders */
    bool no_thumbnails;  /* no image is read again */
    size_t threads;      /* 0 = all processors */
    bool png, pdf;       /* figures also in this form: SPUR_USAGE when built without librsvg */
} spur_report_options;

SPUR_API void spur_report_options_defaults(spur_report_options *options);

typedef struct spur_report_summary {
    const char *path;                /* of index.html */
    uint64_t pages, figures, images; /* images: shown as pictures */
    uint64_t thumbnails;             /* decoded now; the others were there */
    uint64_t missing;                /* shown images that could not be read again */
    uint64_t removed;                /* files of an earlier report that were stale */
    size_t index_size;               /* bytes of index.html */
} spur_report_summary;

/* Writes RUN/report/index.html and the pages, figures and thumbnails it links to. Made of what
 * the run holds: with scores alone there are no figures of accuracy. The same run and options
 * give the same bytes for any number of threads. summary may be NULL; free it with
 * spur_report_summary_free. */
SPUR_API spur_status spur_report(const char *run, const spur_report_options *options,
                                 const spur_monitor *monitor, spur_report_summary **summary,
                                 spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_report_summary_free(spur_report_summary *summary);

/* ---- check: read everything, say what is wrong ------------------------------------------ */

typedef struct spur_check_row {
    const char *file_name; /* bytes as on disk */
    spur_status status;    /* SPUR_OK or SPUR_IMAGE */
    const char *reason;    /* NULL when ok */
    const char *format;    /* "JPEG", "PNG", "WebP"; NULL when unknown */
    size_t width, height;  /* 0 when unknown */
    unsigned orientation;  /* 0 when unknown */
    bool has_alpha;
    unsigned warnings;
    char rgb_sha256[65]; /* empty unless asked for */
} spur_check_row;

typedef struct spur_check_options {
    spur_image_options image;
    spur_data_options data;
    bool sha256;
    size_t threads;
} spur_check_options;

SPUR_API void spur_check_options_defaults(spur_check_options *options);

/* Every regular file below path, or every row of a manifest, in order. */
SPUR_API spur_status spur_check(const char *path, const spur_check_options *options,
                                const spur_monitor *monitor,
                                int (*visit)(void *context, const spur_check_row *row),
                                void *context, spur_error *error) SPUR_MUST_USE;

/* ---- preprocess: pixels as a model sees them --------------------------------------------- */

/* Writes pixels (u8 [N,H,W,3], where that stage is 8-bit) and pixel_values (float32
 * [N,3,H,W]) of the images, in order. *description (may be NULL) receives the resolved
 * recipe; free with spur_text_free. */
SPUR_API spur_status spur_preprocess(const char *const *images, size_t count, const char *model,
                                     const spur_image_options *image_options,
                                     const spur_detector_options *detector_options,
                                     const char *out_path, char **description,
                                     spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_text_free(char *text);

/* ---- model files --------------------------------------------------------------------------
 */

typedef struct spur_weights spur_weights;

/* A weight file or model folder; every format Spur reads, checked as when loading. */
SPUR_API spur_status spur_weights_open(const char *path, spur_weights **out,
                                       spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_weights_close(spur_weights *weights);
SPUR_API const char *spur_weights_format(const spur_weights *weights);
SPUR_API size_t spur_weights_count(const spur_weights *weights);
SPUR_API size_t spur_weights_metadata_count(const spur_weights *weights);
SPUR_API void spur_weights_metadata(const spur_weights *weights, size_t i, const char **key,
                                    const char **value);
typedef struct spur_tensor {
    const char *name, *dtype;
    size_t rank;
    const size_t *shape;
    size_t bytes;
} spur_tensor;
SPUR_API void spur_weights_tensor(const spur_weights *weights, size_t i, spur_tensor *tensor);
/* SHA-256 of tensor i's contiguous little-endian bytes, as 64 hexadecimal digits. */
SPUR_API spur_status spur_weights_sha256(const spur_weights *weights, size_t i, char hex[65],
                                         spur_error *error) SPUR_MUST_USE;

/* One file's check against the digest it should have. */
typedef struct spur_verify_row {
    const char *path, *expected, *found;
    bool matches;
} spur_verify_row;
/* Compares the SHA-256 of a model's files with `list` (sha256sum format) or, when list is
 * NULL, with the blob names of the Hugging Face cache the files are links into. */
SPUR_API spur_status spur_models_verify(const char *path, const char *list,
                                        int (*visit)(void *context, const spur_verify_row *row),
                                        void *context, spur_error *error) SPUR_MUST_USE;
/* What a model folder, weight file or hub id holds, by config.json and the tensors' names and
 * shapes; no weight is read. SPUR_MODEL says why it is nothing that Spur runs. */
typedef struct spur_model_facts {
    const char *kind;      /* "detector", "classifier" */
    char architecture[96]; /* "owlvit", "owlv2"; as in spur_backbone_info */
    size_t side;           /* of the pictures it sees; 0: the files do not say */
    size_t features;       /* of a classifier; of a detector the width of its embeddings */
    size_t classes;        /* of a classifier */
} spur_model_facts;
SPUR_API spur_status spur_models_describe(const char *path, spur_model_facts *out,
                                          spur_error *error) SPUR_MUST_USE;
/* Model folders below `root` (NULL: the Hugging Face cache). */
typedef struct spur_model_entry {
    const char *path, *id, *model_type; /* or timm's architecture; NULL: neither is said */
    bool is_supported;
} spur_model_entry;
SPUR_API spur_status spur_models_list(const char *root,
                                      int (*visit)(void *context,
                                                   const spur_model_entry *entry),
                                      void *context, spur_error *error) SPUR_MUST_USE;

typedef struct spur_tokenizer spur_tokenizer;
SPUR_API spur_status spur_tokenizer_open(const char *model, spur_tokenizer **out,
                                         spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_tokenizer_close(spur_tokenizer *tokenizer);
/* max_length 0 = no limit; SIZE_MAX = the model's own. *ids is freed with spur_ids_free. */
SPUR_API spur_status spur_tokenizer_encode(const spur_tokenizer *tokenizer, const char *text,
                                           size_t length, size_t max_length, int32_t **ids,
                                           size_t *count, bool *truncated,
                                           spur_error *error) SPUR_MUST_USE;
SPUR_API void spur_ids_free(int32_t *ids);

/* ---- the demo's generated world ----------------------------------------------------------
 */

/* Light shapes on dark textures, one texture the favourite of each class; docs/demo.md. */
typedef struct spur_world_options {
    uint64_t seed;
    size_t classes;      /* 2 to 10 */
    size_t train_images; /* per class, 1 to 10000 */
    size_t test_images;  /* per class in each of val, balanced and ood, 1 to 10000 */
    double favourite;    /* probability of the class's own background in train and val */
    double couple;       /* ... plus couple * (0.5 - clearness) */
    double skew;         /* clearness is a uniform number to this power, 0.1 to 10 */
    double none, wrong;  /* of train: images without their object, images of another class */
    size_t threads;      /* 0 = all processors */
} spur_world_options;

SPUR_API void spur_world_options_defaults(spur_world_options *options);

typedef struct spur_world_summary {
    uint64_t images;
    uint64_t written; /* the others stood there already */
} spur_world_summary;

/* Writes folder/<split>/<class>/0000.png ..., folder/truth.csv (a manifest for spur_score with
 * the truth as further columns) and folder/world.json (what was asked for). Where a world of
 * the same options stands, only what is missing or damaged is written. summary may be NULL. */
SPUR_API spur_status spur_world_write(const char *folder, const spur_world_options *options,
                                      const spur_monitor *monitor, spur_world_summary *summary,
                                      spur_error *error) SPUR_MUST_USE;
/* A PNG of train images: a row per class, from hidden to clear. */
SPUR_API spur_status spur_world_draw(const spur_world_options *options, const char *path,
                                     spur_error *error) SPUR_MUST_USE;

/* ---- this machine -------------------------------------------------------------------------
 */

/* A library Spur is linked with, or a fact about the machine: name, value. visit returns
 * non-zero to stop. */
SPUR_API spur_status spur_describe_build(int (*visit)(void *context, const char *name,
                                                      const char *value),
                                         void *context, spur_error *error) SPUR_MUST_USE;

typedef struct spur_bench_result {
    size_t threads;
    double seconds_per_image; /* one image through one worker, median */
    double images_per_second; /* all workers together */
    double decode_seconds, preprocess_seconds, network_seconds; /* medians, one worker */
    double gflops;            /* reached by the network, all workers */
    double matrix_gflops;     /* independent matrix products on as many threads, same run */
    double matrix_gflops_one; /* on one thread */
    double gmac_per_image;
    size_t resident_bytes, packed_bytes;
} spur_bench_result;

/* Times the detector on `image` (NULL: a generated picture) for about `seconds`. */
SPUR_API spur_status spur_bench_detector(const char *detector, const char *image,
                                         size_t threads, double seconds, spur_bench_result *out,
                                         spur_error *error) SPUR_MUST_USE;

/* The same for a backbone, pixels to features, in batches of 8 images of one worker each. */
SPUR_API spur_status spur_bench_backbone(const char *backbone, const char *image,
                                         size_t threads, double seconds, spur_bench_result *out,
                                         spur_error *error) SPUR_MUST_USE;

typedef struct spur_bench_head_result {
    size_t threads;
    double prepare_seconds; /* standardising, eigenvectors; in seconds, too */
    double seconds;
    size_t steps, products; /* Newton steps; passes over the rows */
    double objective, gap;  /* gap: objective minus optimum at most */
    double matrix_gflops;   /* independent matrix products on as many threads, same run */
} spur_bench_head_result;

/* Times softmax regression (C 0.01) on made-up features [rows, features], until the certified
 * gap is below tolerance times the objective (0: as far as the numbers go). */
SPUR_API spur_status spur_bench_head(size_t rows, size_t features, size_t classes,
                                     size_t threads, double tolerance,
                                     spur_bench_head_result *out,
                                     spur_error *error) SPUR_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif
