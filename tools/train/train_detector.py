"""Trains the detector on scenes of the generated world, and writes it as a Hugging Face folder."""
import copy
import json
import os
import time

import numpy as np
import torch

import detector
import evaluate
import prompts
import tokenizer
import world as worlds

BATCH, STEPS = 32, 5000
LEARNING_RATE, WEIGHT_DECAY, CLIP = 1.2e-3, 0.02, 20.0
WARM_UP, FLAT = 150, 0.4
AVERAGE = 0.9995
RUNNING_SEEDS = [880_001, 880_002]
FINAL_SEEDS = list(range(990_001, 990_021))


class Curriculum:
    """Easiness 1 until the network begins to tell names apart, then down to 0."""

    def __init__(self, steps):
        self.easiness, self.running, self.steps = 1.0, 3.2, steps

    def update(self, step, cross_entropy):
        self.running += 0.02 * (cross_entropy - self.running)
        fall = 0.0012 if self.running < 2.1 else 0.0008 if step > 0.2 * self.steps else 0.0
        if self.running < 1.6:
            fall = 0.0025
        self.easiness = max(0.0, self.easiness - fall)


def learning_rate(step, steps):
    return LEARNING_RATE * min(1.0, (step + 1) / WARM_UP, (steps - step) / (steps * (1 - FLAT)))


def make_batch(world, encode, seed, step, easiness):
    """Everything about one step that needs no network: pixels cut, targets, token ids."""
    generator = prompts.rng(seed, step)
    easy = np.where(generator.random(BATCH) < 0.9, easiness, 0.0)
    pixels, counts, objects = world.scenes(seed, step * BATCH, easy)
    queries = prompts.draw_queries(generator, world.names)
    return detector.cut_patches(pixels), torch.from_numpy(encode(queries)), detector.Targets(counts, objects)


def parameter_groups(model):
    """No decay for biases, norms and embeddings of positions."""
    unused = (model.owlvit.logit_scale, model.owlvit.visual_projection.weight)
    for parameter in unused:
        parameter.requires_grad_(False)
    used = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    decays = [p for name, p in used if p.ndim > 1 and "position" not in name]
    rest = [p for name, p in used if p.ndim <= 1 or "position" in name]
    return [{"params": decays, "weight_decay": WEIGHT_DECAY}, {"params": rest, "weight_decay": 0.0}]


def update_average(average, model, step):
    decay = min(AVERAGE, (1 + step) / (10 + step))
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)


class Log:
    def __init__(self, path):
        self.path, self.start = path, time.time()

    def __call__(self, text):
        text = f"[{time.time() - self.start:7.1f} s] {text}"
        print(text, flush=True)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(text + "\n")


def round_weights(model, dtype=torch.float16):
    """The model with weights as they are stored: what is measured is what is shipped."""
    rounded = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in rounded.parameters():
            parameter.copy_(parameter.to(dtype).float())
    return rounded.eval()


def save(folder, model):
    """config.json and float16 weights; the tokenizer is there already."""
    copy.deepcopy(model).half().save_pretrained(folder)
    os.chmod(os.path.join(folder, "model.safetensors"), 0o644)
    tokenizer.write_json(os.path.join(folder, "preprocessor_config.json"), {
        "crop_size": {"height": worlds.SIDE, "width": worlds.SIDE}, "do_center_crop": False, "do_convert_rgb": True,
        "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": detector.CLIP_MEAN,
        "image_processor_type": "OwlViTImageProcessor", "image_std": detector.CLIP_DEVIATION,
        "resample": 3, "rescale_factor": 1 / 255, "size": {"height": worlds.SIDE, "width": worlds.SIDE}}, indent=2)


def save_state(path, step, model, average, optimizer, curriculum):
    """Everything needed to go on; replaced in one move."""
    torch.save({"step": step, "model": model.state_dict(), "average": average.state_dict(),
                "optimizer": optimizer.state_dict(), "curriculum": vars(curriculum)}, path + ".new")
    os.replace(path + ".new", path)


def load_state(path, model, average, optimizer, curriculum):
    state = torch.load(path)
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    vars(curriculum).update(state["curriculum"])
    return state["step"]


def begin(world, folder, seed):
    vocabulary = tokenizer.write_tokenizer(folder, world.names)
    torch.manual_seed(seed)
    sample, _, _ = world.scenes(seed + 1, 0, np.zeros(128))
    model = detector.make_model(vocabulary, detector.cut_patches(sample).flatten(0, 1))
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=LEARNING_RATE, betas=(0.9, 0.98), fused=True)
    return model, copy.deepcopy(model), optimizer


def train(world, out, seed, steps, log, every=1000):
    """Trains, evaluates every `every` steps, leaves the folder out/detector. Goes on from out/state.pt."""
    folder, state = os.path.join(out, "detector"), os.path.join(out, "state.pt")
    model, average, optimizer = begin(world, folder, seed)
    curriculum, first = Curriculum(steps), 0
    encode = tokenizer.Encoder(folder)
    if os.path.exists(state):
        first = load_state(state, model, average, optimizer, curriculum)
        log(f"going on at step {first}")
    ahead = worlds.Ahead(lambda step, easiness: make_batch(world, encode, seed, step, easiness))
    ahead.next_step = first
    total = 0.0
    for step in range(first, steps):
        batch = ahead.get(curriculum.easiness)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        loss, cross_entropy = detector.losses(model, *batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP, foreach=True)
        optimizer.step()
        update_average(average, model, step)
        curriculum.update(step, cross_entropy.item())
        total += loss.item()
        if (step + 1) % 100 == 0:
            log(f"step {step + 1} loss {total / 100:.3f} names {curriculum.running:.3f} easiness {curriculum.easiness:.2f}")
            total = 0.0
        if (step + 1) % every == 0 and step + 1 < steps:
            log(evaluate.line(evaluate.evaluate(average, encode, world, RUNNING_SEEDS, templates=(step + 1) % (5 * every) == 0)))
            save(folder, average)
            save_state(state, step + 1, model, average, optimizer, curriculum)
    ahead.close()
    save(folder, average)
    return finish(world, folder, encode, average, log, {"seed": seed, "steps": steps, "seconds": time.time() - log.start})


def finish(world, folder, encode, model, log, record):
    """The final numbers, of the weights as stored, on seeds that nothing was chosen on."""
    stored = round_weights(model)
    record["quality"] = evaluate.evaluate(stored, encode, world, FINAL_SEEDS)
    record["unknown"] = evaluate.unknown_queries(stored, encode, world)
    log("final " + evaluate.line(record["quality"]))
    for name, (value, goal, reached) in evaluate.check_goals(record["quality"]).items():
        log(f"goal {name}: {value:.3f} ({goal}) {'reached' if reached else 'MISSED'}")
    log(f"unknown {record['unknown']}")
    with open(os.path.join(os.path.dirname(folder), "detector.json"), "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
    return record


def measure_again(world, out, log):
    """finish() for a folder that stands already; what is known of its training is kept."""
    folder, path = os.path.join(out, "detector"), os.path.join(out, "detector.json")
    record = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    model = detector.OwlViTForObjectDetection.from_pretrained(folder, dtype=torch.float32)
    return finish(world, folder, tokenizer.Encoder(folder), model, log, record)
