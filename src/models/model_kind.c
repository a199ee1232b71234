/*
 * model_kind.c - which network a folder or weight file holds, from config.json and the tensors'
 * names and shapes; no weight is read.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "models/backbone_files.h"
#include "models/model_folder.h"
#include "models/owl_config.h"
#include "models/preprocess.h"
#include "models/resnet_plan.h"
#include "models/vit_plan.h"

static bool is_detector(const backbone_files *files)
{
    const char *type = json_string_value(json_object_get(files->config, "model_type"));
    return type != NULL && (strcmp(type, "owlvit") == 0 || strcmp(type, "owlv2") == 0);
}

static spur_status describe_detector(const backbone_files *files, spur_model_facts *out,
                                     spur_error *error)
{
    spur_status status;
    owl_config config;
    TRY(owl_config_read(files->folder, false, &config, error));
    out->kind = "detector";
    text_copy(config.is_v2 ? "owlv2" : "owlvit", out->architecture, sizeof out->architecture);
    out->side = config.side;
    out->features = config.projection;
done:
    return status;
}

static spur_status describe_resnet(weights *from, size_t side, text_buffer *name,
                                   spur_model_facts *out, spur_error *error)
{
    spur_status status;
    resnet_plan plan;
    TRY(resnet_plan_read(from, &plan, error));
    TRY(weights_check_complete(from, error));
    TRY(resnet_plan_name(&plan, name, error));
    out->side = side;
    out->features = plan.out[RESNET_STAGES - 1];
    out->classes = plan.classes;
done:
    return status;
}

static spur_status describe_vit(weights *from, const network_hints *hints, text_buffer *name,
                                spur_model_facts *out, spur_error *error)
{
    spur_status status;
    vit_plan plan;
    TRY(vit_plan_read(from, hints, &plan, error));
    TRY(weights_check_complete(from, error));
    TRY(vit_plan_name(&plan, name, error));
    out->side = plan.side;
    out->features = plan.shape.width * plan.seen;
    out->classes = plan.classes;
done:
    return status;
}

/* Side of the pictures the files prepare; 0 when they do not say. */
static size_t side_of(const backbone_files *files)
{
    preprocess recipe;
    spur_error unused;
    bool is_said = files->folder != NULL &&
                   preprocess_read(files->folder, &recipe, &unused) == SPUR_OK &&
                   recipe.width == recipe.height;
    return is_said ? recipe.width : 0;
}

static spur_status describe_classifier(const backbone_files *files, spur_model_facts *out,
                                       spur_error *error)
{
    spur_status status;
    weights *from = NULL;
    text_buffer name = {0};
    const network_hints hints = {files->config, backbone_files_architecture(files),
                                 side_of(files)};
    TRY(weights_open(files->weights, true, &from, error));
    if (resnet_recognise(from)) {
        TRY(describe_resnet(from, hints.side, &name, out, error));
    } else if (vit_recognise(from)) {
        TRY(describe_vit(from, &hints, &name, out, error));
    } else {
        FAIL(SPUR_MODEL, "neither a detector (OWL-ViT, OWLv2) nor a classifier (ResNet, ViT, "
                         "DeiT) by its config.json and its tensors' names");
    }
    out->kind = "classifier";
    text_copy(name.data, out->architecture, sizeof out->architecture);
done:
    text_buffer_free(&name);
    weights_close(from);
    return status;
}

spur_status spur_models_describe(const char *path, spur_model_facts *out, spur_error *error)
{
    spur_status status;
    backbone_files files = {0};
    spur_model_facts made = {0};
    TRY(backbone_files_open(path, &files, error));
    if (is_detector(&files)) {
        TRY(describe_detector(&files, &made, error));
    } else {
        TRY(describe_classifier(&files, &made, error));
    }
    *out = made;
done:
    backbone_files_close(&files);
    return status;
}
