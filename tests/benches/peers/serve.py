#!/usr/bin/env python3
"""Answers the commands of `run.py` for one of the peers: serve.py PEER ITEMS FILE.

Each line of standard input is a command, and each answer a line of JSON:

    write       stores all items                                 {"seconds"}
    open        opens the file, which all others need            {"seconds"}
    get N       N scattered items, a call each                   {"seconds", "p50", "p99"}
    cold N      the same, each from a newly opened file whose
                pages are not in the system's cache              {"seconds", "p50", "p99"}
    many N      the same items in one call, or as few as it has  {"seconds", "bytes"}
    scan        every item, in order                             {"seconds", "bytes"}
    check N     a digest of N items, equal for all programs      {"sha256"}
    memory      the largest resident memory so far               {"bytes"}

The N scattered positions: (n * 0x9e3779b97f4a7c15 mod 2^64 >> 20) mod the number of
items, for n from 1 to N. Any program that answers these can be compared (`--program`).
"""

import hashlib
import json
import resource
import struct
import sys
import time

from peers import PEERS, drop_pages


def framed(path):
    with open(path, "rb") as file:
        data = file.read()
    items, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        items.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return items


def percentiles(times):
    times.sort()
    at = lambda share: times[int((len(times) - 1) * share)]
    return {"seconds": sum(times), "p50": at(0.5), "p99": at(0.99)}


class Server:
    def __init__(self, name, items, path):
        self.peer = PEERS[name](path)
        self.items = items
        self.is_open = False

    def positions(self, count):
        scattered = lambda n: (n * 0x9E3779B97F4A7C15 % 2**64 >> 20) % self.peer.count
        return [scattered(n) for n in range(1, count + 1)]

    def write(self, _):
        items = framed(self.items)
        self.close()
        self.peer.remove()
        started = time.perf_counter()
        self.peer.write(items)
        return {"seconds": time.perf_counter() - started}

    def close(self):
        if self.is_open:
            self.peer.close()
        self.is_open = False

    def open(self, _):
        self.close()
        started = time.perf_counter()
        self.peer.open()
        self.is_open = True
        return {"seconds": time.perf_counter() - started}

    def get(self, count):
        get, clock, times = self.peer.get, time.perf_counter, []
        for position in self.positions(count):
            started = clock()
            get(position)
            times.append(clock() - started)
        return percentiles(times)

    def cold(self, count):
        times = []
        for position in self.positions(count):
            self.close()
            drop_pages(self.peer.files())
            self.open(0)
            started = time.perf_counter()
            self.peer.get(position)
            times.append(time.perf_counter() - started)
        return percentiles(times)

    def many(self, count):
        positions = self.positions(count)
        started = time.perf_counter()
        size = sum(map(len, self.peer.many(positions)))
        return {"seconds": time.perf_counter() - started, "bytes": size}

    def scan(self, _):
        started = time.perf_counter()
        size = sum(map(len, self.peer.scan()))
        return {"seconds": time.perf_counter() - started, "bytes": size}

    def check(self, count):
        digest = hashlib.sha256()
        for position in self.positions(count):
            digest.update(self.peer.get(position))
        return {"sha256": digest.hexdigest()}

    def memory(self, _):
        return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def main():
    server = Server(*sys.argv[1:])
    for line in sys.stdin:
        command, *count = line.split()
        answer = getattr(server, command)(int(count[0]) if count else 0)
        print(json.dumps(answer), flush=True)


main()
