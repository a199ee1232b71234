"""Weights from names: every float32 tensor as a function of a salt, its name and its shape.

A full-size network can so be compared, or timed, without storing or downloading a weight. The
key is FNV-1a of "SALT/NAME", the elements SplitMix64 from that key, scaled by a rule on the name
so that signals neither vanish nor explode. The networks mean nothing.
"""
import numpy as np

_PLAIN = (  # (predicate, offset, amplitude); the first that fits decides
    (lambda n: n.endswith("running_mean"), 0, 0.1),
    (lambda n: n.endswith("running_var"), 1, 0.3),
    (lambda n: n.endswith(("owlvit.logit_scale", "owlv2.logit_scale")), 2.6, 0.1),
    (lambda n: n.endswith("token_embedding.weight"), 0, 0.3),
    (lambda n: "text_model." in n and n.endswith("position_embedding.weight"), 0, 0.1),
    (lambda n: n.endswith(("position_embedding.weight", "position_embeddings", "pos_embed")), 0, 1),
    (lambda n: n.endswith(("class_embedding", "cls_token", "dist_token")), 0, 0.3),
    (lambda n: n.endswith("class_head.logit_shift.bias"), -0.5, 0.05),
    (lambda n: n.endswith("class_head.logit_scale.bias"), 6, 0.05),
    (lambda n: n.endswith("bias"), 0, 0.05),
)

_GAINS = (  # (parts the name contains, gain); the first that fits decides
    (("class_head.logit_shift.",), 0.2), (("class_head.logit_scale.",), 4),
    (("box_head.dense2.",), 4), (("objectness_head.dense2.",), 6),
    (("text_model.encoder.", ".q_proj."), 2), (("text_model.encoder.", ".k_proj."), 2),
    (("text_model.encoder.", ".v_proj."), 1.6), (("text_model.encoder.", ".out_proj."), 1.6),
    (("text_model.encoder.", ".mlp.fc1."), 2), (("text_model.encoder.", ".mlp.fc2."), 1),
    ((".q_proj.",), 1.6), ((".k_proj.",), 1.6), ((".out_proj.",), 0.5),
    ((".attention.query.",), 1.6), ((".attention.key.",), 1.6), ((".attn.qkv.",), 1.6),
    ((".attn.proj.",), 0.3), ((".mlp.fc1.",), 1.5), ((".mlp.fc2.",), 0.5),
    ((".intermediate.dense.",), 1.5), ((".output.dense.",), 0.5),
)


def is_generated(name):
    return not name.endswith(("num_batches_tracked", "position_ids"))


def scale_of(name, shape):
    """(offset, amplitude) as float32 numbers."""
    for fits, offset, amplitude in _PLAIN:
        if fits(name):
            return np.float32(offset), np.float32(amplitude)
    if len(shape) < 2:
        return np.float32(1), np.float32(0.1)
    gain = next((gain for parts, gain in _GAINS if all(part in name for part in parts)), 1)
    fan_in = float(np.prod(shape[1:], dtype=np.int64))
    return np.float32(0), np.float32(float(gain) * np.sqrt(3.0 / fan_in))


def key_of(salt, name):
    key = 0xCBF29CE484222325
    for byte in f"{salt}/{name}".encode("utf-8"):
        key = ((key ^ byte) * 0x100000001B3) % 2 ** 64
    return key


def tensor(salt, name, shape):
    """The float32 array of this name."""
    count = int(np.prod(shape, dtype=np.int64))
    offset, amplitude = scale_of(name, shape)
    z = np.arange(1, count + 1, dtype=np.uint64)
    z *= np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(key_of(salt, name))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float64) * 2.0 ** -23 - 1.0
    return (np.float64(offset) + np.float64(amplitude) * u).astype(np.float32).reshape(shape)


def _self_test():
    """The published check values."""
    known = (("a.weight", [2, 3], 0x3F6A5F0320FBB020, 0x3E038460, 0.12590086460113525),
             ("a.bias", [4], 0x28C74EDE2F908005, 0x3C2CC60D, 0.033610631478950381),
             ("layer1.0.bn1.running_var", [4], 0x00A567E2B10ED4DF, 0x3F684BE2, 4.2983667850494385),
             ("owlvit.logit_scale", [], 0x985446EC44821412, 0x4027BB1C, 2.6207952499389648),
             ("class_head.logit_scale.weight", [1, 768], 0x414A256310ECBAF6, 0xBCAFFB20,
              0.20040977001190186))
    for name, shape, key, bits, total in known:
        values = tensor("demo", name, shape)
        assert key_of("demo", name) == key, name
        assert values.ravel().view(np.uint32)[0] == bits, name
        assert abs(float(values.astype(np.float64).sum()) - total) < 1e-12, name
    print(f"{len(known)} tensors as published")


if __name__ == "__main__":
    _self_test()
