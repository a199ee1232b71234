"""safetensors files: whole ones, and headers that lie."""
import json
import struct


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def file_of(header, data=b"", length=None):
    """header: a dictionary, or text, or bytes as they are. length: what the first 8 bytes say."""
    if isinstance(header, dict):
        header = json.dumps(header)
    if isinstance(header, str):
        header = header.encode("utf-8")
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def parse(content):
    """(header dictionary, data bytes) of a valid file."""
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8:8 + length]), content[8 + length:]


def rebuild(content, change):
    """The file with change(tensors) applied, where tensors maps name to [dtype, shape, bytes]."""
    header, data = parse(content)
    metadata = header.pop("__metadata__", None)
    tensors = {name: [e["dtype"], e["shape"], data[slice(*e["data_offsets"])]]
               for name, e in header.items()}
    change(tensors)
    new, out = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, shape, body) in tensors.items():
        new[name] = entry(dtype, shape, len(out), len(out) + len(body))
        out += body
    return file_of(new, out)
