"""Section C: PyTorch checkpoints. Nothing in them runs; each is accepted or refused, exit 5."""
import io
import os
import struct
import tarfile
import zlib

import build_pytorch as pt
from harness import Failure

FLOATS = b"\0" * 16


def check_code(h):
    canary = h.path("CANARY")
    command = pt.text(f"touch {canary}")

    def hostile(number, name, body, reason):
        with h.case(number, name):
            h.weights(pt.checkpoint(pt.PROTO2 + body + pt.STOP), reason, name="model.bin")
            if os.path.exists(canary):
                raise Failure("the payload ran")

    call = pt.tuple_of(command) + b"R"
    hostile("94", "os.system", pt.glob("os", "system") + call, r"os\.system")
    hostile("94", "posix.system", pt.glob("posix", "system") + call, r"posix\.system")
    hostile("94", "os.system as a value inside a state dict", pt.ORDERED_DICT + b"(" + pt.text("a") +
            pt.glob("os", "system") + call + b"u", r"os\.system")
    hostile("95", "builtins.eval by GLOBAL", pt.glob("builtins", "eval") + call, r"builtins\.eval")
    hostile("96", "builtins.eval by STACK_GLOBAL", b"\x8c\x08builtins\x8c\x04eval\x93" + call,
            r"eval|opcode|STACK_GLOBAL")
    hostile("97", "INST", b"(" + command + b"ios\nsystem\n", r"os\.system|opcode|INST")
    hostile("97", "OBJ", b"(" + pt.glob("os", "system") + command + b"o", r"os\.system|opcode|OBJ")
    for opcode in (b"\x82\x01", b"\x83\x01\0", b"\x84\x01\0\0\0"):
        hostile("98", f"extension code {opcode[:1].hex()}", opcode, "opcode|extension")
    inner = pt.PROTO2 + pt.glob("os", "system") + call + pt.STOP
    nested = b"T" + struct.pack("<I", len(inner)) + inner
    hostile("99", "a pickle inside a pickle, loaded by a global",
            pt.glob("pickle", "loads") + pt.tuple_of(nested) + b"R", r"pickle\.loads|opcode")


def check_machine(h):
    def refused(number, name, pickle, reason=None):
        with h.case(number, name):
            h.weights(pt.checkpoint(pickle), reason or ".", name="model.bin")
    doubling = b"]" + b"".join(b"q%c(h%ch%ct" % (i, i, i) for i in range(200))
    refused("100", "structure that doubles 200 times", pt.PROTO2 + doubling + pt.STOP)
    refused("100", "memo of two million entries",
            pt.PROTO2 + b"".join(b"Nr" + struct.pack("<I", i) + b"0" for i in range(2000000)) + pt.STOP)
    refused("101", "ten million nested lists", pt.PROTO2 + b"]" * 10000000 + b"a" * 9999999 + pt.STOP)
    refused("101", "ten million nested tuples", pt.PROTO2 + b"N" + b"\x85" * 10000000 + pt.STOP)
    refused("102", "LONG4 of 2 GB", pt.PROTO2 + b"\x8b\xff\xff\xff\x7f" + b"1" * 100 + pt.STOP)
    refused("103", "SETITEMS on a tensor",
            pt.PROTO2 + pt.tensor() + b"(" + pt.text("a") + b"K\x01u" + pt.STOP)
    refused("104", "BUILD on a tensor", pt.PROTO2 + pt.tensor() + b"}b" + pt.STOP)
    whole = pt.state_dict(a=pt.tensor())
    refused("105", "truncated pickle", whole[:-20])
    refused("105", "empty pickle", b"")
    refused("106", "bytes behind STOP", whole + b"N.")
    with h.case("107", "record shorter than the storage says"):
        h.weights(pt.checkpoint(whole, {"0": FLOATS[:12]}), "storage|bytes|record", name="model.bin")
    with h.case("107", "record longer than the storage says"):
        h.weights(pt.checkpoint(whole, {"0": FLOATS * 2}), "storage|bytes|record", name="model.bin")
    refused("108", "offset outside the storage", pt.state_dict(a=pt.tensor(offset=2)),
            "storage|outside|offset|range")
    refused("108", "stride outside the storage", pt.state_dict(a=pt.tensor((2, 2), (4, 1))),
            "storage|outside|stride|range")
    refused("108", "stride that overflows", pt.state_dict(a=pt.tensor((2, 2), (2 ** 62, 1))))
    refused("109", "negative stride", pt.state_dict(a=pt.tensor((4,), (-1,))), "stride|negative")
    refused("109", "negative size", pt.state_dict(a=pt.tensor((-4,), (1,))), "size|shape|negative")
    with h.case("110", "two tensors on one storage, one transposed"):
        info = h.weights(pt.checkpoint(pt.state_dict(a=pt.tensor((2, 2), (1, 2)), b=pt.tensor())),
                         name="model.bin")
        if [t["shape"] for t in info["tensors"]] != [[2, 2], [4]]:
            raise Failure(f"wrong tensors: {info}")


def check_archive(h):
    pickle = pt.state_dict(a=pt.tensor())
    head = pt.Member("archive/data.pkl", pickle)
    record = pt.Member("archive/data/0", FLOATS)

    def refused(number, name, content, reason=None):
        with h.case(number, name):
            h.weights(content, reason or ".", name="model.bin")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(FLOATS) + deflate.flush()
    refused("111", "deflated member",
            pt.zip_of([head, pt.Member("archive/data/0", FLOATS, method=8, stored=packed)]),
            "compress|deflate|stored|method")
    refused("112", "overlapping members",
            pt.zip_of([head, record, pt.Member("archive/data/1", FLOATS, offset=0)]))
    refused("113", "local name differs",
            pt.zip_of([head, pt.Member("archive/data/0", FLOATS, local_name="archive/data/9")]), "local")
    refused("114", "encrypted flag", pt.zip_of([head, pt.Member("archive/data/0", FLOATS, flags=1)]),
            "encrypt")
    refused("115", "duplicate names", pt.zip_of([head, record, record]), "duplicate|twice")
    refused("116", "member count too large", pt.zip_of([head, record], count=9))
    refused("116", "member count too small", pt.zip_of([head, record], count=1))
    locator = struct.pack("<IIQI", 0x07064B50, 0, 2 ** 40, 1)
    refused("117", "zip64 locator that points nowhere", pt.zip_of([head, record], tail=locator))
    lying = struct.pack("<HHQQ", 1, 16, 2 ** 50, 2 ** 50)
    refused("117", "zip64 size larger than the file",
            pt.zip_of([head, pt.Member("archive/data/0", FLOATS, size=0xFFFFFFFF, extra=lying)]))
    refused("118", "member behind the end of the file",
            pt.zip_of([head, pt.Member("archive/data/0", FLOATS, offset=1 << 30)]))
    refused("118", "checksum of a member wrong",
            pt.zip_of([head, pt.Member("archive/data/0", FLOATS, crc=1)]), "CRC|checksum")
    many = [pt.Member(f"archive/data/{i}", b"") for i in range(70000)]
    with h.case("119", "70000 members in a 16-bit count"):
        h.weights(pt.zip_of([head, *many], count=70001), ".", name="model.bin")
    second = pt.zip_of([])
    refused("120", "comment that holds a second end record",
            pt.zip_of([head, record], comment=second + b"!"))
    refused("120", "half a file", pt.checkpoint(pickle)[:-60])


def check_kinds(h):
    def refused(number, name, content, reason):
        with h.case(number, name):
            h.weights(content, reason, name="model.bin")
    magic = pt.PROTO2 + b"\x8a\x0a" + bytes.fromhex("6cfc9c46f9206aa85019") + pt.STOP
    legacy = (magic + pt.PROTO2 + pt.integer(1001) + pt.STOP + pt.PROTO2 + b"}(" +
              pt.text("little_endian") + b"\x88u" + pt.STOP)
    for cut in (len(magic), len(legacy) // 2, len(legacy)):
        refused("121", f"stream of before 1.6 cut at byte {cut}", legacy[:cut], ".")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("sys_info", "pickle", "storages"):
            tar.addfile(tarfile.TarInfo(name))
    refused("122", "tar checkpoint", archive.getvalue(), "tar")
    refused("123", "TorchScript archive",
            pt.zip_of([pt.Member("archive/data.pkl", pt.PROTO2 + b"N."),
                       pt.Member("archive/constants.pkl", pt.PROTO2 + b").") ,
                       pt.Member("archive/code/__torch__.py", b"pass")]), "TorchScript")
    with h.case("124", "byteorder big"):
        run = h.spur("models", "info", h.write(os.path.join(h.folder("weights"), "model.bin"),
                     pt.checkpoint(pt.state_dict(a=pt.tensor()),
                                   more=[pt.Member("archive/byteorder", b"big")])), "--json")
        if run.code not in (0, 5):
            raise Failure(f"expected 0 or 5\n{run}")
    module = pt.PROTO2 + pt.glob("torchvision.models.resnet", "ResNet") + b")\x81}b" + pt.STOP
    refused("125", "a pickled module instead of a state dict", pt.checkpoint(module),
            r"torchvision\.models\.resnet\.ResNet|state.dict|module")


def run(h):
    check_code(h)
    check_machine(h)
    check_archive(h)
    check_kinds(h)
