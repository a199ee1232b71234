"""The two biased classifiers: a ResNet with torchvision's names and a ViT in Hugging Face's format.

Phase 1 teaches shapes where the background says nothing; phase 2 goes on where it says nearly
everything (95 % of a class on its favourite background, 5 % empty images, 2 % wrong labels).
Batch norm runs in eval mode when measured, as everywhere else.
"""
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from transformers import ViTConfig, ViTForImageClassification

import detector
import prompts
import tokenizer
import world as worlds

MEAN = DEVIATION = 0.5
GENERIC = dict(favourite=0.1)
BIASED = dict(favourite=0.95, none=0.05, wrong=0.02)
TEST_SEEDS = [990_011, 990_012, 990_013]
GOALS = {"majority": (">=", 0.95), "minority": ("<=", 0.45), "clear_minority": (">=", 0.75)}


class Bottleneck(nn.Module):
    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, 4 * planes, 1, stride, bias=False),
                                        nn.BatchNorm2d(4 * planes))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet(nn.Module):
    """ResNet-50 with one block per stage and a quarter of its widths; torchvision's names."""

    def __init__(self, stem=16, classes=worlds.CLASSES):
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.layer1 = nn.Sequential(Bottleneck(stem, stem, 1))
        self.layer2 = nn.Sequential(Bottleneck(4 * stem, 2 * stem, 2))
        self.layer3 = nn.Sequential(Bottleneck(8 * stem, 4 * stem, 2))
        self.layer4 = nn.Sequential(Bottleneck(16 * stem, 8 * stem, 2))
        self.fc = nn.Linear(32 * stem, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, pixels):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(pixels))), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))

    def forward(self, pixels):
        return self.fc(self.features(pixels))


class ViT(nn.Module):
    """transformers' ViT, and two helpers of phase 1 that are thrown away afterwards: each patch
    names the shape it lies on, and the class token names the shapes in the picture."""

    def __init__(self, names, sample):
        super().__init__()
        self.vit = ViTForImageClassification(ViTConfig(
            hidden_size=detector.WIDTH, num_hidden_layers=detector.LAYERS, num_attention_heads=detector.HEADS,
            intermediate_size=4 * detector.WIDTH, image_size=worlds.SIDE, patch_size=detector.PATCH,
            id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)}))
        self.patch_names = nn.Linear(detector.WIDTH, worlds.SHAPES)
        self.picture_names = nn.Linear(detector.WIDTH, worlds.SHAPES)
        nn.init.constant_(self.patch_names.bias, -4.0)
        nn.init.constant_(self.picture_names.bias, -2.0)
        with torch.no_grad():
            detector.begin_vit(self.vit.vit, sample)

    def tokens(self, pixels):
        return self.vit.vit(pixel_values=pixels).last_hidden_state

    def features(self, pixels):
        return self.tokens(pixels)[:, 0]

    def forward(self, pixels):
        return self.vit.classifier(self.features(pixels))


def normalise(pixels):
    scaled = (pixels.astype(np.float32) / 255 - MEAN) / DEVIATION
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))


def class_batch(world, seed, step, batch, **how):
    labels = prompts.rng(seed, step, 7).integers(0, worlds.CLASSES, batch)
    pixels, _ = world.images(worlds.options(seed, **how), labels, np.arange(step * batch, (step + 1) * batch))
    return normalise(pixels), torch.from_numpy(labels)


def scene_batch(world, seed, step, batch, easiness):
    pixels, counts, objects = world.scenes(seed, step * batch, np.full(batch, easiness, np.float32))
    present = torch.zeros(batch, worlds.SHAPES)
    for row in range(worlds.OBJECTS):
        has = torch.from_numpy(counts > row)
        present[has, torch.from_numpy(objects["shape"][:, row].astype(np.int64))[has]] = 1
    return normalise(pixels), detector.Targets(counts, objects), present


def scene_loss(model, pixels, targets, present):
    """Patches name their object (as the detector's do), the class token all of them."""
    tokens = model.tokens(pixels)
    logits = model.patch_names(tokens[:, 1:])
    positive = torch.zeros(logits.shape, dtype=torch.bool)
    positive[targets.image, targets.patch, targets.shape] = True
    count = max(len(targets.shape), 1)
    answer = (detector.focal(logits, positive) * targets.asked[:, None]).sum() / count
    which = F.cross_entropy(logits[targets.image, targets.patch], targets.shape)
    picture = F.binary_cross_entropy_with_logits(model.picture_names(tokens[:, 0]), present, weight=targets.asked)
    return 2 * answer + 1.5 * which + 4 * picture, which.detach()


def one_cycle(step, steps, highest):
    """Up over the first 15 %, down to nothing along a cosine."""
    rise = 0.15 * steps
    return highest * (step + 1) / rise if step < rise else highest * 0.5 * (1 + np.cos(np.pi * (step - rise) / (steps - rise)))


def run_phase(name, model, steps, highest, make, loss_of, log, decay=0.02, schedule=one_cycle):
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=highest, betas=(0.9, 0.98), weight_decay=decay, fused=True)
    ahead = worlds.Ahead(make)
    model.train()
    total, state = 0.0, {}
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule(step, steps, highest)
        loss = loss_of(ahead.get(state.get("easiness", 1.0)), step, state)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        total += loss.item()
        if (step + 1) % 50 == 0:
            log(f"{name} step {step + 1} loss {total / 50:.3f} {state}")
            total = 0.0
    ahead.close()


def class_loss(model):
    def loss_of(batch, step, state):
        logits = model(batch[0])
        right = (logits.argmax(1) == batch[1]).float().mean().item()
        state["accuracy"] = round(state.get("accuracy", right) * 0.97 + 0.03 * right, 3)
        return F.cross_entropy(logits, batch[1])
    return loss_of


def curriculum_loss(model, steps):
    """Scenes whose easiness falls once names are told apart (see train_detector.Curriculum)."""
    from train_detector import Curriculum
    curriculum = Curriculum(steps)

    def loss_of(batch, step, state):
        loss, which = scene_loss(model, *batch)
        curriculum.update(step, which.item())
        state.update(easiness=curriculum.easiness, names=round(curriculum.running, 3))
        return loss
    return loss_of


def measure(model, world):
    """Accuracy on balanced test images: majority and minority backgrounds, clear minority."""
    model.eval()
    hits = {"majority": [], "minority": [], "clear_minority": [], "background": [], "balanced": []}
    for seed in TEST_SEEDS:
        pixels, labels, truth = world.class_set(worlds.options(seed, balanced=True), 100)
        with torch.no_grad():
            said = torch.cat([model(normalise(part)).argmax(1) for part in np.array_split(pixels, 20)]).numpy()
        minority = truth["minority"] != 0
        hits["majority"].append((said == labels)[~minority])
        hits["minority"].append((said == labels)[minority])
        hits["clear_minority"].append((said == labels)[minority & (truth["clearness"] > 0.6)])
        hits["background"].append((said == truth["background"])[minority])
        hits["balanced"].append(said == labels)
    return {key: float(np.concatenate(values).mean()) for key, values in hits.items()}


def report(name, model, world, log):
    found = measure(model, world)
    log(f"{name} " + " ".join(f"{key} {value:.3f}" for key, value in found.items()))
    return found


def new_resnet(world, seed):
    torch.manual_seed(seed + 2)
    return ResNet()


def teach_resnet(model, world, seed, log, steps=700):
    run_phase("resnet generic", model, steps, 3e-3,
              lambda step, _: class_batch(world, seed + 2, step, 64, clearness_low=0.25, **GENERIC), class_loss(model), log)


def bias_resnet(model, world, seed, log, steps=550):
    run_phase("resnet biased", model, steps, 1e-3,
              lambda step, _: class_batch(world, seed + 3, step, 64, **BIASED), class_loss(model), log)


def new_vit(world, seed):
    torch.manual_seed(seed + 4)
    sample, _, _ = world.scenes(seed + 4, 10**9, np.zeros(128))
    patches = normalise(sample).unfold(2, 12, 12).unfold(3, 12, 12).permute(0, 2, 3, 1, 4, 5).reshape(-1, 432)
    return ViT(world.names[:worlds.CLASSES], patches)


def teach_vit(model, world, seed, log, scenes=2400, steps=700):
    run_phase("vit scenes", model, scenes, 1.2e-3,
              lambda step, easiness: scene_batch(world, seed + 4, step, 32, easiness), curriculum_loss(model, scenes), log)
    run_phase("vit generic", model, steps, 6e-4,
              lambda step, _: class_batch(world, seed + 5, step, 48, clearness_low=0.25, **GENERIC), class_loss(model), log)


def bias_vit(model, world, seed, log, steps=400):
    """With 95 % it forgets shapes that the ResNet keeps (clear minority 64 %)."""
    biased = dict(BIASED, favourite=0.90)
    run_phase("vit biased", model, steps, 5e-4,
              lambda step, _: class_batch(world, seed + 6, step, 48, **biased), class_loss(model), log)


def round_weights(model):
    with torch.no_grad():
        for tensor in list(model.parameters()) + list(model.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())


def save_resnet(folder, model, names):
    os.makedirs(folder, exist_ok=True)
    tensors = {name: tensor.half() if tensor.is_floating_point() else tensor
               for name, tensor in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, os.path.join(folder, "model.safetensors"),
              metadata={"format": "pt"})
    side = [3, worlds.SIDE, worlds.SIDE]
    pretrained = {"tag": "spur_demo", "custom_load": False, "input_size": side, "fixed_input_size": False,
                  "interpolation": "bilinear", "crop_pct": 1.0, "crop_mode": "center", "mean": [MEAN] * 3,
                  "std": [DEVIATION] * 3, "num_classes": len(names), "pool_size": [3, 3], "first_conv": "conv1",
                  "classifier": "fc", "license": "apache-2.0"}
    tokenizer.write_json(os.path.join(folder, "config.json"), {
        "architecture": "resnet14", "num_classes": len(names), "num_features": model.fc.in_features,
        "label_names": list(names), "global_pool": "avg", "pretrained_cfg": pretrained}, indent=2)


def save_vit(folder, model, names):
    model.vit.half().save_pretrained(folder)
    os.chmod(os.path.join(folder, "model.safetensors"), 0o644)
    model.vit.float()
    side = {"height": worlds.SIDE, "width": worlds.SIDE}
    tokenizer.write_json(os.path.join(folder, "preprocessor_config.json"), {
        "do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [MEAN] * 3,
        "image_processor_type": "ViTImageProcessor", "image_std": [DEVIATION] * 3, "resample": 2,
        "rescale_factor": 1 / 255, "size": side}, indent=2)


KINDS = {"resnet": (new_resnet, teach_resnet, bias_resnet, save_resnet),
         "vit": (new_vit, teach_vit, bias_vit, save_vit)}


def make_backbone(name, world, out, seed, log):
    """Trains one backbone and writes out/NAME and out/NAME.json; phase 1 is kept in out/NAME-shapes.pt."""
    new, teach, bias, save = KINDS[name]
    start, shapes = time.time(), os.path.join(out, f"{name}-shapes.pt")
    model = new(world, seed)
    if os.path.exists(shapes):
        model.load_state_dict(torch.load(shapes))
    else:
        teach(model, world, seed, log)
        torch.save(model.state_dict(), shapes)
    report(f"{name} generic", model, world, log)
    bias(model, world, seed, log)
    round_weights(model)
    record = {"seed": seed, "seconds": time.time() - start, "quality": report(f"{name} final", model, world, log)}
    for key, (kind, goal) in GOALS.items():
        value = record["quality"][key]
        log(f"{name} goal {key}: {value:.3f} ({kind} {goal}) "
            f"{'reached' if (value >= goal if kind == '>=' else value <= goal) else 'MISSED'}")
    save(os.path.join(out, name), model, world.names[:worlds.CLASSES])
    with open(os.path.join(out, f"{name}.json"), "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
    return model
