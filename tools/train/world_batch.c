/*
 * world_batch.c - world.h for Python: the same images as `spur demo`, without files.
 */
#include "world_batch.h"

#include "demo/world.h"

static void copy_view(const scene_view *from, float box[4], float *energy, float *visible)
{
    for (size_t i = 0; i < 4; i++) {
        box[i] = (float)from->box[i];
    }
    *energy = (float)from->energy;
    *visible = (float)from->visible_fraction;
}

int world_batch_scenes(uint64_t seed, uint64_t first, size_t count, const float *easiness,
                       uint8_t *pixels, int32_t *object_count, world_batch_object *objects)
{
    random_key key = world_key(seed, "scenes");
    for (size_t i = 0; i < count; i++) {
        world_object seen[SCENE_OBJECTS];
        if (!(easiness[i] >= 0.0f && easiness[i] <= 1.0f)) {
            return -1;
        }
        size_t found =
            world_scene(key, first + i, (double)easiness[i], pixels + i * SCENE_BYTES, seen);
        object_count[i] = (int32_t)found;
        for (size_t j = 0; j < SCENE_OBJECTS; j++) {
            world_batch_object *to = &objects[i * SCENE_OBJECTS + j];
            *to = (world_batch_object){.shape = -1};
            if (j < found) {
                to->shape = (int32_t)seen[j].shape;
                copy_view(&seen[j].view, to->box, &to->energy, &to->visible_fraction);
            }
        }
    }
    return 0;
}

int world_batch_images(const world_batch_options *options, const int32_t *label,
                       const uint64_t *index, size_t count, uint8_t *pixels,
                       world_batch_truth *truth)
{
    if (options->classes < WORLD_CLASSES_LEAST || options->classes > WORLD_CLASSES_MOST) {
        return -1;
    }
    world_options wanted = {
        .classes = (size_t)options->classes,
        .favourite = (double)options->favourite,
        .couple = (double)options->couple,
        .skew = (double)options->skew,
        .none = (double)options->none,
        .wrong = (double)options->wrong,
        .clearness_low = (double)options->clearness_low,
        .out_of_distribution = options->out_of_distribution != 0,
        .balanced = options->balanced != 0,
    };
    random_key key = world_key(options->seed, "train");
    for (size_t i = 0; i < count; i++) {
        world_truth made;
        if (label[i] < 0 || label[i] >= options->classes) {
            return -1;
        }
        world_image(&wanted, key, (size_t)label[i], index[i], pixels + i * SCENE_BYTES, &made);
        truth[i] = (world_batch_truth){.planted = (int32_t)made.planted,
                                       .background = (int32_t)made.background,
                                       .minority = made.is_minority,
                                       .clearness = (float)made.clearness,
                                       .shown = made.shown};
        copy_view(&made.view, truth[i].box, &truth[i].energy, &truth[i].visible_fraction);
    }
    return 0;
}

const char *world_batch_shape_name(int32_t shape)
{
    return shape >= 0 && shape < SHAPE_COUNT ? shape_name((size_t)shape) : NULL;
}
