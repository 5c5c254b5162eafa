#!/usr/bin/env python3
"""Compares sealpack with other ways to store many small items and find them by position.

    python3 -m venv target/peers
    target/peers/bin/pip install -r tests/benches/peers/requirements.txt
    target/peers/bin/python tests/benches/peers/run.py --input j --mib 64

Options: --rounds 3, --folder /dev/shm (a disk for --cold), --cold 50 (items read with cold
caches), --only lmdb,parquet, --program 'NAME=CMD' (a program that answers the commands of
serve.py and is started as `CMD ITEMS FILE`), --json FILE (which chart.py draws).

Each program is a process of its own that stays warm. They take turns in every round, on
one thread where the library has a choice. The table has medians; after it come the
smallest and largest figure of each. The other libraries are called from Python, which
costs what the row `memory` shows: items in a list.
"""

import argparse
import json
import os
import pathlib
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

from peers import PEERS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]

# Items per record and the size of the dictionary in KiB. With a dictionary, items are
# about as small as in records of 128 without one.
PACKS = {
    "sealpack": (128, 0),
    "sealpack, dictionary": {"e": (16, 256), "j": (16, 32)},
    "sealpack, 1 a record": {"e": (1, 256), "j": (1, 32)},
}


class Program:
    """A warm process, and what it measured."""

    def __init__(self, name, command, path):
        self.name, self.path, self.figures = name, pathlib.Path(path), {}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended at the command {command}")
        return json.loads(line)

    def measure(self, work, command, figure="seconds"):
        answer = self.ask(command)
        for name in [figure] if isinstance(figure, str) else figure:
            key = work if isinstance(figure, str) else f"{work} {name}"
            self.figures.setdefault(key, []).append(answer[name])
        return answer

    def size(self):
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files if file.is_file())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def build():
    """Builds sealpack's side, and returns its path."""
    command = "cargo bench -p sealpack-tests --bench peers --no-run --message-format json --quiet"
    output = subprocess.run(shlex.split(command), cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    built = [json.loads(line) for line in output.stdout.splitlines()]
    is_bench = lambda item: item.get("executable") and item["target"]["name"] == "peers"
    return next(item["executable"] for item in built if is_bench(item))


def programs(arguments, sealpack, items, folder):
    wanted = lambda name: not arguments.only or any(name.startswith(only) for only in arguments.only.split(","))
    for name, form in PACKS.items():
        per_record, dictionary = form[arguments.input] if isinstance(form, dict) else form
        path = folder / f"{name.replace(', ', '-').replace(' ', '-')}.pack"
        if wanted(name):
            yield Program(name, [sealpack, "serve", str(per_record), str(dictionary), items, path], path)
    for program in arguments.program:
        name, command = program.split("=", 1)
        path = folder / name
        yield Program(name, [*shlex.split(command), items, path], path)
    for name in PEERS:
        path = folder / name
        if wanted(name):
            yield Program(name, [sys.executable, HERE / "serve.py", name, items, path], path)


def measure(arguments, running):
    for program in running:
        program.measure("write", "write")
        program.ask("open")
    checks = {program.name: program.ask("check 200")["sha256"] for program in running}
    if len(set(checks.values())) > 1:
        sys.exit(f"the programs return different items: {checks}")
    for _ in range(arguments.rounds):
        for program in running:
            program.measure("open", "open")
        for program in running:
            program.measure("get", f"get {arguments.gets}", ("p50", "p99"))
        for program in running:
            program.measure("many", "many 1000")
        sizes = {program.measure("scan", "scan")["bytes"] for program in running}
        if len(sizes) > 1:
            sys.exit(f"the programs return items of different sizes: {sizes}")
    for _ in range(arguments.rounds - 1):
        for program in running:
            program.measure("write", "write")
    for program in running if arguments.cold else ():
        program.measure("cold", f"cold {arguments.cold}", ("p50", "p99"))


def table(arguments, running, total):
    mb = lambda size: f"{size / 1e6:.1f} MB"
    us = lambda seconds: f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"
    rate = lambda seconds: f"{total / seconds / 1e6:.0f} MB/s"
    columns = [
        ("write", "write", rate),
        ("open", "open", us),
        ("get, median", "get p50", us),
        ("get, p99", "get p99", us),
        ("1,000 items", "many", us),
        ("every item", "scan", rate),
    ]
    if arguments.cold:
        columns += [("cold get, median", "cold p50", us), ("cold get, p99", "cold p99", us)]
    print("| | size |", " | ".join(title for title, _, _ in columns), "| memory |")
    print("| --- " * (len(columns) + 3) + "|")
    for program in running:
        cells = [text(statistics.median(program.figures[key])) for _, key, text in columns]
        memory = program.ask("memory")["bytes"]
        size = program.size() if program.path.exists() else 0
        print("|", " | ".join([program.name, mb(size), *cells, mb(memory)]), "|")
    print("\nFrom the smallest to the largest figure of each:\n")
    for program in running:
        spans = (f"{title} {text(min(f))} to {text(max(f))}" for title, key, text in columns for f in [program.figures[key]])
        print(f"- {program.name}: " + "; ".join(spans))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", choices=["e", "j"], default="j")
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gets", type=int, default=2000)
    parser.add_argument("--cold", type=int, default=0)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--only")
    parser.add_argument("--program", action="append", default=[])
    parser.add_argument("--json")
    arguments = parser.parse_args()
    sealpack = build()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="peers-", dir=arguments.folder))
    try:
        items = folder / "items"
        subprocess.run([sealpack, "items", arguments.input, str(arguments.mib), items], check=True)
        running = list(programs(arguments, sealpack, items, folder))
        measure(arguments, running)
        table(arguments, running, total=os.path.getsize(items))
        if arguments.json:
            rows = {program.name: {"size": program.size(), **program.figures} for program in running if program.path.exists()}
            pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))
        for program in running:
            program.close()
    finally:
        shutil.rmtree(folder)


main()
