"""PyTorch checkpoints by hand: the zip archive, the pickle inside, and the stream before 1.6."""
import struct
import zlib

PROTO2, STOP = b"\x80\x02", b"."


def glob(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def text(value):
    body = value.encode()
    return b"X" + struct.pack("<I", len(body)) + body


def integer(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -2 ** 31 <= value < 2 ** 31:
        return b"J" + struct.pack("<i", value)
    body = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(body)]) + body


def tuple_of(*items):
    return b"(" + b"".join(items) + b"t"


ORDERED_DICT = glob("collections", "OrderedDict") + b")R"


def storage(key="0", count=4, kind="FloatStorage"):
    return tuple_of(text("storage"), glob("torch", kind), text(key), text("cpu"), integer(count)) + b"Q"


def tensor(shape=(4,), stride=(1,), offset=0, **keywords):
    return (glob("torch._utils", "_rebuild_tensor_v2") +
            tuple_of(storage(**keywords), integer(offset), tuple_of(*map(integer, shape)),
                     tuple_of(*map(integer, stride)), b"\x89", ORDERED_DICT) + b"R")


def state_dict(**tensors):
    items = b"".join(text(name) + body for name, body in tensors.items())
    return PROTO2 + ORDERED_DICT + b"(" + items + b"u" + STOP


class Member:
    """A zip member; every field that a liar would change can be given."""

    def __init__(self, name, body, *, method=0, flags=0, local_name=None, crc=None, offset=None,
                 size=None, stored=None, extra=b"", local_extra=b""):
        self.name, self.body, self.method, self.flags = name.encode(), body, method, flags
        self.local_name = self.name if local_name is None else local_name.encode()
        self.crc = zlib.crc32(body) if crc is None else crc
        self.offset, self.stored = offset, body if stored is None else stored
        self.size = len(body) if size is None else size
        self.extra, self.local_extra = extra, local_extra


def zip_of(members, comment=b"", count=None, tail=b"", directory_shift=0):
    """The archive; `count` is what the end record says, `tail` stands before it."""
    out, central = bytearray(), bytearray()
    for m in members:
        offset = len(out) if m.offset is None else m.offset
        out += struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, m.flags, m.method, 0, 0, m.crc,
                           len(m.stored), m.size, len(m.local_name), len(m.local_extra))
        out += m.local_name + m.local_extra + m.stored
        central += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, m.flags, m.method, 0, 0,
                               m.crc, len(m.stored) if m.size == len(m.body) else m.size, m.size,
                               len(m.name), len(m.extra), 0, 0, 0, 0, offset) + m.name + m.extra
    n = len(members) if count is None else count
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, min(n, 65535), min(n, 65535), len(central),
                      len(out) + directory_shift, len(comment))
    return bytes(out + central + tail + end + comment)


def checkpoint(pickle, records=None, more=()):
    """A whole file around a pickle. records: {key: bytes}, default one record of four floats."""
    records = {"0": b"\0" * 16} if records is None else records
    members = [Member("archive/data.pkl", pickle)]
    members += [Member(f"archive/data/{key}", body) for key, body in records.items()]
    members += [Member("archive/version", b"3\n"), *more]
    return zip_of(members)
