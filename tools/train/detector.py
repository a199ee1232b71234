"""The small OWL-ViT: sizes, first weights, a fast forward, targets and losses.

The parameters live in transformers' own OwlViTForObjectDetection, so the saved folder is an
ordinary one; `forward_*` compute the same function with fewer, larger operations.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F
from transformers import OwlViTConfig, OwlViTForObjectDetection

from world import OBJECTS, SHAPES, SIDE

PATCH = 12
GRID = SIDE // PATCH
PATCHES = GRID * GRID
WIDTH, LAYERS, HEADS = 96, 4, 6
TEXT_WIDTH, TEXT_LAYERS, TEXT_HEADS = 64, 2, 2
POSITION_DIMENSIONS = 16
CLIP_MEAN, CLIP_DEVIATION = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
MEAN, DEVIATION = np.array(CLIP_MEAN, np.float32), np.array(CLIP_DEVIATION, np.float32)
QUICK = 1.702
SMALLEST_ENERGY, SMALLEST_VISIBLE = 6e-4, 0.12


def make_config(vocabulary):
    ids = {"pad_token_id": 0, "bos_token_id": vocabulary - 2, "eos_token_id": vocabulary - 1}
    text = dict(vocab_size=vocabulary, hidden_size=TEXT_WIDTH, intermediate_size=2 * TEXT_WIDTH,
                num_hidden_layers=TEXT_LAYERS, num_attention_heads=TEXT_HEADS, max_position_embeddings=16, **ids)
    vision = dict(hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=LAYERS,
                  num_attention_heads=HEADS, image_size=SIDE, patch_size=PATCH)
    return OwlViTConfig(text_config=text, vision_config=vision, projection_dim=TEXT_WIDTH)


def make_model(vocabulary, sample_patches):
    """A model whose training starts well. HF's first head weights (std 1) do not train."""
    model = OwlViTForObjectDetection(make_config(vocabulary))
    model.config.architectures = ["OwlViTForObjectDetection"]
    with torch.no_grad():
        begin_heads(model)
        begin_text(model.owlvit.text_model)
        begin_patches(model.owlvit.vision_model, sample_patches)
        for index, layer in enumerate(model.owlvit.vision_model.encoder.layers):
            begin_attention(layer.self_attn, index)
    return model


def begin_heads(model):
    boxes, classes = model.box_head, model.class_head
    for layer in (boxes.dense0, boxes.dense1, boxes.dense2, classes.dense0, classes.logit_shift, classes.logit_scale):
        layer.weight.normal_(std=layer.weight.shape[1] ** -0.5)
        layer.bias.zero_()
    boxes.dense2.weight.mul_(0.1)
    classes.logit_shift.weight.mul_(0.1)
    classes.logit_shift.bias.fill_(-0.95)
    classes.logit_scale.weight.mul_(0.1)
    classes.logit_scale.bias.fill_(10.0)
    # The class token multiplies every patch: near the identity at first.
    model.owlvit.vision_model.post_layernorm.bias.fill_(1.0)


def begin_text(text):
    text.embeddings.token_embedding.weight.normal_(std=0.1)
    text.embeddings.position_embedding.weight.normal_(std=0.02)


def begin_patches(vision, sample):
    embeddings = vision.embeddings
    begin_embedding(embeddings.patch_embedding.weight, embeddings.position_embedding.weight, sample)
    embeddings.class_embedding.normal_(std=0.5)


def begin_vit(vit, sample):
    """The same start for transformers' ViT."""
    embeddings = vit.embeddings
    begin_embedding(embeddings.patch_embeddings.projection.weight, embeddings.position_embeddings[0], sample)
    embeddings.cls_token.normal_(std=0.5)
    for index, layer in enumerate(vit.layers):
        begin_attention(layer.attention, index)


def begin_embedding(patch, position, sample):
    """Whitened principal components of patches [n, 3*12*12] in the first dimensions, positions in
    the last 16 (waves along x and y): attention can then be told where to look."""
    content = WIDTH - POSITION_DIMENSIONS
    centred = sample - sample.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    order = torch.argsort(values, descending=True)[:content]
    patch.zero_()
    patch[:content] = (vectors[:, order] / (values[order] + 1e-3).sqrt()).T.reshape(
        content, 3, PATCH, PATCH)
    position.normal_(std=0.02)
    position[1:, content:] = grid_waves() * math.sqrt(2)


def frequencies():
    return torch.tensor([1.0, 2.0, 4.0, 6.0]) * math.pi / 8


def grid_waves():
    """[64, 16]: sin and cos of four frequencies of the column, then of the row."""
    row, column = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
    return torch.cat([torch.cat([torch.sin(axis.reshape(-1, 1) * frequencies()),
                                 torch.cos(axis.reshape(-1, 1) * frequencies())], 1) for axis in (column, row)], 1)


OFFSETS = [[(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)], [(1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1)],
           [(2, 0), (-2, 0), (0, 2), (0, -2), (1, 1), (-1, -1)], [(1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1)]]


def begin_attention(attention, layer):
    """Each head looks at one neighbour: keys are the waves, queries the waves shifted."""
    size = WIDTH // HEADS
    sharpness = 2.2
    attention.q_proj.weight.mul_(0.3)
    attention.k_proj.weight.mul_(0.3)
    first = WIDTH - POSITION_DIMENSIONS
    for head in range(HEADS):
        rows = slice(head * size, head * size + POSITION_DIMENSIONS)
        shift = torch.zeros(POSITION_DIMENSIONS, POSITION_DIMENSIONS)
        for axis in (0, 1):
            for i, frequency in enumerate(frequencies()):
                turn = frequency * OFFSETS[layer % len(OFFSETS)][head % 6][axis]
                s, c = 8 * axis + i, 8 * axis + 4 + i
                shift[s, s], shift[s, c] = torch.cos(turn), torch.sin(turn)
                shift[c, s], shift[c, c] = -torch.sin(turn), torch.cos(turn)
        attention.q_proj.weight[rows, first:] += sharpness * shift
        attention.k_proj.weight[rows, first:] += sharpness * torch.eye(POSITION_DIMENSIONS)


def cut_patches(pixels):
    """uint8 [n, 96, 96, 3] -> float32 [n, 64, 3*12*12], normalised, in the order of a convolution."""
    cut = torch.from_numpy(pixels).view(len(pixels), GRID, PATCH, GRID, PATCH, 3).permute(0, 1, 3, 5, 2, 4)
    scaled = cut.reshape(len(pixels), PATCHES, 3, PATCH * PATCH).float()
    scaled.mul_(torch.from_numpy(1 / (255 * DEVIATION))[:, None]).sub_(torch.from_numpy(MEAN / DEVIATION)[:, None])
    return scaled.flatten(2)


def run_blocks(layers, x, causal):
    for layer in layers:
        attention, mlp, norm = layer.self_attn, layer.mlp, layer.layer_norm1
        batch, length, width = x.shape
        weight = torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight])
        bias = torch.cat([attention.q_proj.bias, attention.k_proj.bias, attention.v_proj.bias])
        h = F.layer_norm(x, (width,), norm.weight, norm.bias, norm.eps)
        q, k, v = F.linear(h, weight, bias).view(batch, length, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
        h = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        x = x + F.linear(h.transpose(1, 2).reshape(batch, length, width), attention.out_proj.weight,
                         attention.out_proj.bias)
        norm = layer.layer_norm2
        h = F.layer_norm(x, (width,), norm.weight, norm.bias, norm.eps)
        # quick_gelu(h) = silu(1.702 h) / 1.702: the factors go into the small matrices.
        h = F.silu(F.linear(h, mlp.fc1.weight * QUICK, mlp.fc1.bias * QUICK))
        x = x + F.linear(h, mlp.fc2.weight / QUICK, mlp.fc2.bias)
    return x


def norm(layer, x):
    return F.layer_norm(x, layer.normalized_shape, layer.weight, layer.bias, layer.eps)


def forward_text(model, ids):
    """[queries, 16] -> unit rows [queries, 64]."""
    text = model.owlvit.text_model
    x = text.embeddings.token_embedding(ids) + text.embeddings.position_embedding.weight
    x = run_blocks(text.encoder.layers, x, True)
    pooled = norm(text.final_layer_norm, x[torch.arange(len(ids)), ids.argmax(1)])
    # HF normalises twice; the second time adds 1e-6.
    return F.normalize(F.linear(pooled, model.owlvit.text_projection.weight), dim=-1) / (1 + 1e-6)


def forward_image(model, patches):
    """[n, 64, 432] -> features of the patches [n, 64, 96]."""
    vision = model.owlvit.vision_model
    embeddings = vision.embeddings
    x = F.linear(patches, embeddings.patch_embedding.weight.flatten(1))
    x = torch.cat([embeddings.class_embedding.expand(len(x), 1, -1), x], 1) + embeddings.position_embedding.weight
    x = run_blocks(vision.encoder.layers, norm(vision.pre_layernorm, x), False)
    x = norm(vision.post_layernorm, x)
    return norm(model.layer_norm, x[:, 1:] * x[:, :1])


def forward(model, patches, ids):
    """Logits [n, 64, queries] and boxes before the sigmoid [n, 64, 4]."""
    features = forward_image(model, patches)
    head = model.class_head
    embeds = head.dense0(features)
    embeds = embeds / (embeds.norm(dim=-1, keepdim=True) + 1e-6)
    logits = embeds @ forward_text(model, ids).T
    logits = (logits + head.logit_shift(features)) * (F.elu(head.logit_scale(features)) + 1)
    return logits, model.box_head(features) + model.box_bias


def patch_centres():
    along = (torch.arange(GRID) + 0.5) / GRID
    return torch.stack(torch.meshgrid(along, along, indexing="xy"), -1).reshape(PATCHES, 2)


class Targets:
    """What each patch should say, from objects [n, 4].

    owner [n, 64]: the object a patch answers for, -1 none. A patch whose centre lies within 0.3 of
    width and height of the box centre (at least the nearest) is positive; the smaller object wins.
    asked [n, names]: 0 where a name's object is too faint or too covered to say yes or no.
    """

    def __init__(self, counts, objects):
        shape = torch.from_numpy(objects["shape"].astype(np.int64))
        box = torch.from_numpy(objects["box"] / SIDE)
        exists = torch.arange(OBJECTS) < torch.from_numpy(counts)[:, None]
        seen = torch.from_numpy((objects["energy"] >= SMALLEST_ENERGY) & (objects["visible"] >= SMALLEST_VISIBLE))
        centre, size = (box[..., :2] + box[..., 2:]) / 2, (box[..., 2:] - box[..., :2]).clamp(min=1e-3)
        away = (patch_centres()[None, :, None] - centre[:, None]).abs() / size[:, None]  # [n, 64, 4, 2]
        inside = (away < 0.3).all(-1)
        distance = ((patch_centres()[None, :, None] - centre[:, None]) ** 2).sum(-1)
        nearest = F.one_hot(distance.argmin(1), PATCHES).transpose(1, 2).bool()
        usable = (exists & seen)[:, None]
        area = torch.where((inside | nearest) & usable, size.prod(-1)[:, None], torch.inf)
        smallest, owner = area.min(-1)
        self.owner = torch.where(smallest < torch.inf, owner, -1)
        self.image, self.patch = torch.nonzero(self.owner >= 0, as_tuple=True)
        chosen = self.owner[self.image, self.patch]
        self.shape = shape[self.image, chosen]
        corners = box[self.image, chosen]
        self.box = torch.cat([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], 1)
        self.asked = torch.ones(len(shape), SHAPES)
        doubtful = torch.nonzero(exists & ~seen, as_tuple=True)
        self.asked[doubtful[0], shape[doubtful]] = 0


def focal(logits, positive, gamma=1.5, alpha=0.4):
    """Binary cross-entropy that weighs easy answers down."""
    p = torch.sigmoid(logits)
    yes = alpha * (1 - p) ** gamma * F.softplus(-logits)
    no = (1 - alpha) * p ** gamma * F.softplus(logits)
    return torch.where(positive, yes, no)


def generalised_overlap(a, b):
    """GIoU of boxes (centre, size), [n] each."""
    a0, a1, b0, b1 = a[:, :2] - a[:, 2:] / 2, a[:, :2] + a[:, 2:] / 2, b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2
    common = (torch.minimum(a1, b1) - torch.maximum(a0, b0)).clamp(min=0).prod(1)
    union = a[:, 2:].prod(1) + b[:, 2:].prod(1) - common
    hull = (torch.maximum(a1, b1) - torch.minimum(a0, b0)).prod(1)
    return common / union - (hull - union) / hull


def losses(model, patches, ids, targets):
    """The weighted sum, and the cross-entropy over names that steers the curriculum."""
    logits, raw = forward(model, patches, ids)
    count = max(len(targets.shape), 1)
    positive = torch.zeros(logits.shape, dtype=torch.bool)
    positive[targets.image, targets.patch, targets.shape] = True
    asked = F.pad(targets.asked, (0, len(ids) - SHAPES), value=1.0)
    answer = (focal(logits, positive) * asked[:, None]).sum() / count
    which = F.cross_entropy(logits[targets.image, targets.patch, :SHAPES], targets.shape)
    raw = raw[targets.image, targets.patch]
    boxes = torch.sigmoid(raw)
    place = (boxes - targets.box).abs().sum(1).mean() + 0.5 * (1 - generalised_overlap(boxes, targets.box)).mean()
    # Where HF's bias is logit(1) the sigmoid is flat: the logits themselves must be pulled.
    place = place + 0.1 * F.smooth_l1_loss(raw, torch.logit(targets.box, 1e-3), reduction="none").sum(1).mean()
    return 2 * answer + 1.5 * which + place, which.detach()
