#!/usr/bin/env python3
"""Compares a pack of a million named items with zip, tar and bagz, without a million files.

    cargo build --release -p sealpack-tui
    pip install bagz==0.3.8
    tests/benches/archives/million.py [--items 1000000] [--rounds 3] [--folder /tmp]

The archives are made from items in memory: the pack from a tar stream, zip and bagz by
Python. Then the programs take turns to list all names, to write one item by its name, and
to write all items to a pipe, so that no file system takes part. A process of Python has
about 17 MB before it becomes the program that is measured: lower memory is not seen.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile

import bagz
from run import BAGZ_GET, ROOT, content_of, path_of, processor, run

BAGZ_ALL = "import sys, bagz\nfor item in bagz.Reader(sys.argv[1]): sys.stdout.buffer.write(item)"
BODIES = [content_of(number).split("\n", 1)[1] for number in range(2003)]


def item(number):
    return f"//! File {number}.\n{BODIES[number % len(BODIES)]}".encode()


def tar_entries(items):
    """The bytes of a tar archive, of which Python's own module would take far longer."""
    base = bytearray(512)
    fields = {100: b"0000644\0", 108: b"0000000\0", 116: b"0000000\0", 136: b"00000000000\0"}
    for at, field in {**fields, 148: b" " * 8, 156: b"0", 257: b"ustar  \0"}.items():
        base[at : at + len(field)] = field
    for number in range(items):
        name, content, header = path_of(number).encode(), item(number), bytearray(base)
        header[: len(name)] = name
        header[124:136] = b"%011o\0" % len(content)
        header[148:156] = b"%06o\0 " % sum(header)
        yield bytes(header) + content + b"\0" * (-len(content) % 512)
    yield b"\0" * 1024


def make(sealpack, folder, items):
    with open(folder / "a.tar", "wb") as tar:
        tar.writelines(tar_entries(items))
    subprocess.run([sealpack, "pack", "--tar", folder / "a.tar", "-o", folder / "a.pack", "--json"], check=True)
    subprocess.run(["zstd", "-3", "-q", "--rm", folder / "a.tar", "-o", folder / "a.tar.zst"], check=True)
    options = bagz.Writer.Options(compression=bagz.CompressionZstd(level=3))
    with bagz.Writer(str(folder / "a.bagz"), options) as bag, open(folder / "a.bagz.keys", "w") as keys:
        for number in range(items):
            bag.write(item(number))
            keys.write(path_of(number) + "\n")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(items):
            archive.writestr(path_of(number), item(number))


def commands(sealpack, folder, wanted):
    pack, archive, tar, bag = (str(folder / name) for name in ("a.pack", "a.zip", "a.tar.zst", "a.bagz"))
    python = [sys.executable, "-c"]
    return {
        "sealpack": [[sealpack, "ls", "-1", pack], [sealpack, "get", pack, wanted], [sealpack, "cat", pack]],
        "zip": [["unzip", "-Z1", archive], ["unzip", "-p", archive, wanted], ["unzip", "-p", archive]],
        "tar.zst": [["tar", "-tf", tar], ["tar", "-xOf", tar, wanted], ["tar", "-xOf", tar]],
        "bagz + keys": [["cat", f"{bag}.keys"], [*python, BAGZ_GET, bag, wanted], [*python, BAGZ_ALL, bag]],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=300, help="seconds for a step")
    parser.add_argument("--folder", type=pathlib.Path, default=None)
    parser.add_argument("--sealpack", default=str(ROOT / "target/release/sealpack"))
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(dir=args.folder))
    try:
        make(args.sealpack, folder, args.items)
        programs = commands(args.sealpack, folder, path_of(args.items * 2 // 3))
        measured = {(name, step): [] for name in programs for step in range(3)}
        for _ in range(args.rounds):
            for (name, step), runs in measured.items():
                runs.append(run(programs[name][step], args.limit))
        print(f"{args.items:,} items, {os.cpu_count()} cores of {processor()}")
        for file in sorted(folder.iterdir()):
            print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB")
        for (name, step), runs in measured.items():
            done = [result for result in runs if result is not None]
            seconds = f"{statistics.median(time for time, _, _ in done):.3f} s" if done else "not within the limit"
            memory = max((memory for _, memory, _ in done), default=0) / 1e6
            print(f"{name}, {('list', 'one', 'all')[step]}: {seconds}, {memory:.0f} MB")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
