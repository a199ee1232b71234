"""A tokenizer in CLIP's layout with a vocabulary of its own, trained on the prompts.

256 bytes, 256 bytes ending a word, merges, start, end (the largest id: the text tower pools
there); '!' is byte 0 and pads. 16 positions.
"""
import json
import os

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, Regex

import prompts

LENGTH = 16
MERGES = 420
START, END, PAD = "<|startoftext|>", "<|endoftext|>", "!"
END_OF_WORD = "</w>"
SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def byte_characters():
    """CLIP's printable stand-ins for the 256 bytes, in its order ('!' first)."""
    kept = list(range(ord("!"), ord("~") + 1)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    moved = [byte for byte in range(256) if byte not in kept]
    return [chr(byte) for byte in kept] + [chr(256 + i) for i in range(len(moved))]


def count_words(names):
    """How often each piece stands in the prompts."""
    counts = {}
    for noun in list(names) + prompts.OTHER_NOUNS:
        for template in prompts.TEMPLATES:
            for word in template.format(noun).replace(".", " . ").replace("-", " - ").split():
                counts[word] = counts.get(word, 0) + 1
    return counts


def train_merges(names):
    """Byte pairs by falling count; ties by the pair itself, so the outcome is fixed."""
    words = {tuple(word[:-1]) + (word[-1] + END_OF_WORD,): count for word, count in count_words(names).items()}
    merges = []
    while len(merges) < MERGES:
        pairs = {}
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] = pairs.get(pair, 0) + count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {merge_word(word, best): count for word, count in words.items()}
    return merges


def merge_word(word, pair):
    merged, i = [], 0
    while i < len(word):
        if word[i:i + 2] == pair:
            merged.append(word[i] + word[i + 1])
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return tuple(merged)


def make_vocabulary(names):
    merges = train_merges(names)
    alphabet = byte_characters()
    tokens = alphabet + [character + END_OF_WORD for character in alphabet] + ["".join(m) for m in merges]
    tokens += [START, END]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    assert len(vocabulary) == len(tokens)
    return vocabulary, merges


def make_tokenizer(vocabulary, merges):
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, continuing_subword_prefix="",
                                     end_of_word_suffix=END_OF_WORD, fuse_unk=False, unk_token=END))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(
        (END, vocabulary[END]), (START, vocabulary[START]), trim_offsets=False, add_prefix_space=False)
    tokenizer.add_special_tokens([START, END])
    return tokenizer


def write_json(path, value, **how):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, **how)
        file.write("\n")


def write_tokenizer(folder, names):
    """vocab.json, merges.txt, tokenizer.json and the two files about special tokens."""
    vocabulary, merges = make_vocabulary(names)
    os.makedirs(folder, exist_ok=True)
    write_json(os.path.join(folder, "vocab.json"), vocabulary)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    make_tokenizer(vocabulary, merges).save(os.path.join(folder, "tokenizer.json"))
    special = {"bos_token": START, "eos_token": END, "pad_token": PAD, "unk_token": END}
    write_json(os.path.join(folder, "special_tokens_map.json"), special, indent=2)
    write_json(os.path.join(folder, "tokenizer_config.json"), dict(
        special, add_prefix_space=False, do_lower_case=True, errors="replace", model_max_length=LENGTH,
        tokenizer_class="CLIPTokenizer"), indent=2)
    return len(vocabulary)


def load_tokenizer(folder):
    from transformers import CLIPTokenizer
    return CLIPTokenizer.from_pretrained(folder)


class Encoder:
    """Texts to ids [n, 16], padded with '!'; remembers what it has seen."""

    def __init__(self, folder):
        self.tokenizer, self.seen = load_tokenizer(folder), {}

    def __call__(self, texts):
        import numpy as np
        for text in texts:
            if text not in self.seen:
                self.seen[text] = self.tokenizer(text, padding="max_length", truncation=True,
                                                 max_length=LENGTH)["input_ids"]
            if len(self.seen) > 20000:
                self.seen = {key: self.seen[key] for key in texts if key in self.seen}
        return np.array([self.seen[text] for text in texts], np.int64)
