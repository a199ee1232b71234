"""What the detector is asked: the world's names, other nouns that are never there, templates."""
import numpy as np

DEFAULT = "a photo of a {}."
BARE = "{}"
TEMPLATES = [DEFAULT, BARE, "a {}.", "a photo of the {}.", "a picture of a {}.", "a drawing of a {}.",
             "a close-up photo of a {}.", "there is a {} in the scene.",
             # the seven OWL-ViT's authors found best
             "itap of a {}.", "a bad photo of the {}.", "a origami {}.", "a photo of the large {}.",
             "a {} in a video game.", "art of the {}.", "a photo of the small {}."]
OTHER_NOUNS = ["dog", "cat", "car", "boat", "bird", "horse", "chair", "table", "apple", "banana", "person", "train",
               "plane", "shoe", "hat", "book", "clock", "lamp", "ball", "bottle", "spoon", "guitar", "piano", "bear",
               "cow", "sheep", "bicycle", "truck", "phone", "shirt"]
FILLERS = sorted({word for template in TEMPLATES for word in template.replace(".", "").split() if word.isalpha()})
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def random_word(generator):
    """A word nobody trained on, so that unknown words are learnt to be absent."""
    return "".join(generator.choice(list(LETTERS), generator.integers(2, 9)))


def draw_template(generator):
    share = generator.random()
    if share < 0.35:
        return DEFAULT
    if share < 0.50:
        return BARE
    template = TEMPLATES[generator.integers(len(TEMPLATES))]
    if share > 0.90:  # any words in front: the later of the 16 positions get their training too
        template = " ".join(generator.choice(FILLERS, generator.integers(1, 6))) + " " + template
    return template


def draw_queries(generator, names, nouns=4, words=2):
    """One query per name, then queries for things that no image shows."""
    absent = list(generator.choice(OTHER_NOUNS, nouns, replace=False))
    absent += ["" if generator.random() < 0.1 else random_word(generator) for _ in range(words)]
    return [draw_template(generator).format(word) for word in list(names) + absent]


def rng(*key):
    return np.random.Generator(np.random.Philox(key=np.array([hash_key(key), 0], np.uint64)))


def hash_key(key):
    """Mixes small integers into 64 bits (splitmix64)."""
    value = 0
    for part in key:
        value = (value + int(part) + 0x9E3779B97F4A7C15) % 2**64
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % 2**64
        value ^= value >> 31
    return value
