#!/usr/bin/env python3
"""Compares a pack of many named files with zip, tar and bagz.

    cargo build --release -p sealpack-tui
    pip install bagz==0.3.8
    tests/benches/archives/run.py [--files 1000000] [--rounds 3] [--limit 300] [--folder /tmp]

Creates a tree of small files, packs it with each program, lists it, gets one file by
its name, and gets all files back. The programs take turns in every round; the table has
medians, the widest spread, and the largest resident memory of each program. A step that
takes longer than the limit is stopped, and its program has no turn in later rounds. It
needs `zip`, `unzip`, `tar` and `zstd`; without bagz, its column is left out.

Only sealpack waits for the disk, when it packs and when it unpacks; "all" is without
that, as the other programs do it, and "all, synced" with it.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
WORDS = "buffer codec cursor digest extent frame header index item length offset record".split()

WORKS = ("create", "list", "one", "all", "all, synced")
ALL = ("all", "all, synced")

BAGZ_WRITE = """
import os, sys, bagz
tree, out = sys.argv[1:]
paths = sorted(os.path.relpath(os.path.join(at, file), tree)
               for at, _, files in os.walk(tree) for file in files)
with bagz.Writer(out, bagz.Writer.Options(compression=bagz.CompressionZstd(level=3))) as writer:
    for path in paths:
        with open(os.path.join(tree, path), "rb") as file:
            writer.write(file.read())
with open(out + ".keys", "w") as keys:
    keys.writelines(path + "\\n" for path in paths)
"""

BAGZ_GET = """
import sys, bagz
bag, name = sys.argv[1:]
with open(bag + ".keys") as keys:
    position = next(number for number, key in enumerate(keys) if key[:-1] == name)
sys.stdout.buffer.write(bagz.Reader(bag)[position])
"""

BAGZ_ALL = """
import os, sys, bagz
bag, folder = sys.argv[1:]
with open(bag + ".keys") as keys:
    for key, item in zip(keys, bagz.Reader(bag)):
        path = os.path.join(folder, key[:-1])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(item)
"""


def path_of(number):
    """The path of a file: 50 files in a folder, 20 folders in a package."""
    package, folder = number // 1000, number // 50 % 20
    name = WORDS[number % len(WORDS)]
    return f"package-{package:04}/src/module_{folder:02}/{name}_{number:07}.rs"


def content_of(number):
    """About 300 bytes that look like source text."""
    state, lines = number * 2654435761 % 2**32, [f"//! File {number}."]
    for _ in range(6):
        state = (state * 1103515245 + 12345) % 2**31
        a, b = WORDS[state % len(WORDS)], WORDS[state // 13 % len(WORDS)]
        lines.append(f"pub fn {a}_{state % 1000}({b}: usize) -> usize {{ {b} + {state % 97} }}")
    return "\n".join(lines) + "\n"


def make_tree(folder, files):
    made = None
    for number in range(files):
        path = folder / path_of(number)
        if path.parent != made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made = path.parent
        path.write_text(content_of(number))


def run(command, limit, cwd=None):
    """Runs a command; returns its seconds, its largest resident memory and its output's size.

    Returns None if it took longer than the limit, and was stopped.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=cwd, start_new_session=True) as process:
        # tar starts zstd, so the whole group is killed.
        stop = threading.Timer(limit, lambda: os.killpg(process.pid, signal.SIGKILL))
        stop.start()
        output = 0
        while chunk := process.stdout.read(1 << 20):
            output += len(chunk)
        _, status, usage = os.wait4(process.pid, 0)
        stop.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode != 0 and seconds >= limit:
        return None
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with status {process.returncode}")
    return seconds, usage.ru_maxrss * 1024, output


def programs(sealpack, tree, folder, wanted):
    """The commands of each program, by the kind of work."""
    out = {name: str(folder / name) for name in ("a.pack", "a.zip", "a.tar.zst", "a.bagz")}
    python = [sys.executable, "-c"]
    all_programs = {
        "sealpack": {
            "files": [out["a.pack"]],
            "create": [sealpack, "pack", str(tree), "-o", out["a.pack"], "--force", "--json"],
            "list": [sealpack, "ls", "--names-only", out["a.pack"]],
            "one": [sealpack, "get", out["a.pack"], wanted],
            "all": [sealpack, "unpack", out["a.pack"], "-C", "{}", "--no-sync"],
            "all, synced": [sealpack, "unpack", out["a.pack"], "-C", "{}"],
        },
        "zip": {
            "files": [out["a.zip"]],
            "create": ["zip", "-qr", out["a.zip"], "."],
            "list": ["unzip", "-Z1", out["a.zip"]],
            "one": ["unzip", "-p", out["a.zip"], wanted],
            "all": ["unzip", "-q", out["a.zip"], "-d", "{}"],
        },
        "tar.zst": {
            "files": [out["a.tar.zst"]],
            "create": ["tar", "-I", "zstd -3 -T0", "-cf", out["a.tar.zst"], "."],
            "list": ["tar", "-tf", out["a.tar.zst"]],
            "one": ["tar", "-xOf", out["a.tar.zst"], f"./{wanted}"],
            "all": ["tar", "-xf", out["a.tar.zst"], "-C", "{}"],
        },
        "bagz + keys": {
            "files": [out["a.bagz"], out["a.bagz"] + ".keys"],
            "create": [*python, BAGZ_WRITE, str(tree), out["a.bagz"]],
            "list": ["cat", out["a.bagz"] + ".keys"],
            "one": [*python, BAGZ_GET, out["a.bagz"], wanted],
            "all": [*python, BAGZ_ALL, out["a.bagz"], "{}"],
        },
    }
    if importlib.util.find_spec("bagz") is None:
        del all_programs["bagz + keys"]
    return all_programs


def measure(table, work, commands, tree, folder, limit):
    """Runs one kind of work of one program, and adds its figures to the table."""
    if work not in commands or table.get("create", {}).get("late") or table.get(work, {}).get("late"):
        return
    command = list(commands[work])
    into = folder / "unpacked"
    if work in ALL:
        into.mkdir()
        command = [str(into) if part == "{}" else part for part in command]
    if work == "create":
        for file in commands["files"]:
            pathlib.Path(file).unlink(missing_ok=True)
    figures = table.setdefault(work, {"seconds": [], "memory": 0})
    measured = run(command, limit, cwd=tree if work == "create" else None)
    print(f"{commands['files'][0].rsplit('/', 1)[1]} {work}: {measured}", file=sys.stderr, flush=True)
    if measured is None:
        figures["late"] = True
        if work in ALL:
            shutil.rmtree(into)
        return
    seconds, memory, output = measured
    figures["seconds"].append(seconds)
    figures["memory"] = max(figures["memory"], memory)
    if work == "one":
        figures["output"] = output
    if work in ALL:
        figures["output"] = sum(len(files) for _, _, files in os.walk(into))
        shutil.rmtree(into)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, default=None)
    parser.add_argument("--limit", type=float, default=300, help="seconds for a step")
    parser.add_argument("--sealpack", default=str(ROOT / "target/release/sealpack"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        folder = pathlib.Path(folder)
        tree = folder / "tree"
        make_tree(tree, args.files)
        wanted = path_of(args.files * 2 // 3)
        table = {}
        all_programs = programs(args.sealpack, tree, folder, wanted)
        for _ in range(args.rounds):
            for work in WORKS:
                for name, commands in all_programs.items():
                    measure(table.setdefault(name, {}), work, commands, tree, folder, args.limit)
        for name, commands in all_programs.items():
            check(name, table[name], args.files)
            if not table[name]["create"].get("late"):
                table[name]["size"] = sum(os.path.getsize(file) for file in commands["files"])
    print(json.dumps({"processor": processor(), "files": args.files, "table": table}))
    print(f"\n{args.files:,} files, {args.rounds} rounds, {os.cpu_count()} cores of {processor()}\n")
    print_table(table, args.limit)


def check(name, figures, files):
    """Checks that a program returned the file that was asked for, and as many as there are."""
    expected = {"one": len(content_of(files * 2 // 3)), "all": files, "all, synced": files}
    for work, output in expected.items():
        assert figures.get(work, {}).get("output", output) == output, (name, work)


def cell(figures, limit):
    if figures is None:
        return "–"
    if figures.get("late"):
        return f"not within {limit:.0f} s"
    seconds, middle = figures["seconds"], statistics.median(figures["seconds"])
    spread = (max(seconds) - min(seconds)) / middle
    return f"{middle:.3f} s ±{spread / 2:.0%}, {figures['memory'] / 1e6:.0f} MB"


def print_table(table, limit):
    names = list(table)
    print("| | " + " | ".join(names) + " |\n| --- |" + " --- |" * len(names))
    print("| size | " + " | ".join(f"{table[n].get('size', 0) / 1e6:.1f} MB" for n in names) + " |")
    for work in WORKS:
        print(f"| {work} | " + " | ".join(cell(table[n].get(work), limit) for n in names) + " |")


if __name__ == "__main__":
    main()
