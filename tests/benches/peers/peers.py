"""The other formats, each as a class with the same methods.

    write(items)     stores all items, zstd level 3 where the format compresses
    open(), close()
    get(position)    one item
    many(positions)  these items, in any order, in the fastest way that the library has
    scan()           every item, in order
    files()          the files that it wrote

Items are found by their position; a database has it as a key of four big-endian bytes.
"""

import os
import pathlib
import shutil
import sqlite3
import struct

LEVEL = 3


def key(position):
    return struct.pack(">I", position)


class Peer:
    def __init__(self, path):
        self.path = pathlib.Path(path)

    def remove(self):
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)

    def files(self):
        if self.path.is_dir():
            return [path for path in self.path.rglob("*") if path.is_file()]
        return [self.path]

    def many(self, positions):
        return [self.get(position) for position in positions]

    def close(self):
        pass


class Memory(Peer):
    """The items in a list: what the measuring itself costs in Python."""

    def write(self, items):
        Memory.items = items

    def open(self):
        self.count = len(Memory.items)

    def get(self, position):
        return Memory.items[position]

    def scan(self):
        yield from Memory.items

    def files(self):
        return []


class Bagz(Peer):
    """Each item a zstd frame."""

    def write(self, items):
        import bagz

        options = bagz.Writer.Options(compression=bagz.CompressionZstd(level=LEVEL))
        with bagz.Writer(str(self.path), options) as writer:
            for item in items:
                writer.write(item)

    def open(self):
        import bagz

        self.reader = bagz.Reader(str(self.path), bagz.Reader.Options(compression=bagz.CompressionZstd()))
        self.count = len(self.reader)

    def get(self, position):
        return self.reader[position]

    def many(self, positions):
        return self.reader.read_indices(positions)

    def scan(self):
        yield from self.reader


class ArrayRecord(Peer):
    group = 1

    def write(self, items):
        from array_record.python import array_record_module

        writer = array_record_module.ArrayRecordWriter(str(self.path), f"group_size:{self.group},zstd:{LEVEL}")
        for item in items:
            writer.write(item)
        writer.close()

    def open(self, options="readahead_buffer_size:0,max_parallelism:0"):
        from array_record.python import array_record_module

        self.reader = array_record_module.ArrayRecordReader(str(self.path), options)
        self.count = self.reader.num_records()

    def get(self, position):
        return self.reader.read([position])[0]

    def many(self, positions):
        return self.reader.read(positions)

    def scan(self):
        yield from self.reader.read_all()

    def close(self):
        self.reader.close()


class ArrayRecord256(ArrayRecord):
    group = 256


class Compressed(Peer):
    """A database without a codec: each value is a zstd frame."""

    def __init__(self, path):
        import zstandard

        super().__init__(path)
        self.compress = zstandard.ZstdCompressor(level=LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


class Lmdb(Compressed):
    def environment(self, **options):
        import lmdb

        return lmdb.open(str(self.path), map_size=64 << 30, **options)

    def write(self, items):
        with self.environment(sync=False) as environment:
            with environment.begin(write=True) as transaction:
                for position, item in enumerate(items):
                    transaction.put(key(position), self.compress(item), append=True)

    def open(self):
        self.opened = self.environment(readonly=True, lock=False, readahead=False)
        self.transaction = self.opened.begin(buffers=True)
        self.count = self.opened.stat()["entries"]

    def get(self, position):
        return self.decompress(self.transaction.get(key(position)))

    def scan(self):
        for value in self.transaction.cursor().iternext(keys=False):
            yield self.decompress(value)

    def close(self):
        self.transaction.abort()
        self.opened.close()

    def files(self):
        return [self.path / "data.mdb"]


class Sqlite(Compressed):
    def write(self, items):
        with sqlite3.connect(self.path) as connection:
            connection.execute("pragma synchronous = off")
            connection.execute("create table items (position integer primary key, item blob)")
            rows = ((position, self.compress(item)) for position, item in enumerate(items))
            connection.executemany("insert into items values (?, ?)", rows)
        connection.close()

    def open(self):
        self.connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        (self.count,) = self.connection.execute("select max(position) + 1 from items").fetchone()

    def get(self, position):
        row = self.connection.execute("select item from items where position = ?", (position,))
        return self.decompress(row.fetchone()[0])

    def scan(self):
        for (item,) in self.connection.execute("select item from items order by position"):
            yield self.decompress(item)

    def close(self):
        self.connection.close()


class RocksDb(Peer):
    """Blocks of 16 KiB, zstd, compacted after writing."""

    def options(self):
        import rocksdict

        options = rocksdict.Options(raw_mode=True)
        options.set_compression_type(rocksdict.DBCompressionType.zstd())
        options.set_compression_options(-14, LEVEL, 0, 0)
        table = rocksdict.BlockBasedOptions()
        table.set_block_size(16 << 10)
        options.set_block_based_table_factory(table)
        return options

    def write(self, items):
        import rocksdict

        database = rocksdict.Rdict(str(self.path), self.options())
        options = rocksdict.WriteOptions()
        options.disable_wal = True
        database.set_write_options(options)
        for position, item in enumerate(items):
            database.put(key(position), item)
        database.flush()
        database.compact_range(None, None)
        (self.path / "count").write_text(str(len(items)))
        database.close()

    def open(self):
        import rocksdict

        access = rocksdict.AccessType.read_only(False)
        self.database = rocksdict.Rdict(str(self.path), self.options(), access_type=access)
        self.count = int((self.path / "count").read_text())

    def get(self, position):
        return self.database.get(key(position))

    def many(self, positions):
        return self.database.get([key(position) for position in positions])

    def scan(self):
        yield from self.database.values()

    def close(self):
        self.database.close()

    def files(self):
        return [path for path in self.path.iterdir() if path.suffix == ".sst"]


class Lance(Peer):
    def write(self, items):
        import lance
        import pyarrow

        options = {b"lance-encoding:compression": b"zstd", b"lance-encoding:compression-level": b"3"}
        schema = pyarrow.schema([pyarrow.field("item", pyarrow.large_binary(), metadata=options)])
        batches = (
            pyarrow.record_batch([pyarrow.array(items[at : at + 65536], pyarrow.large_binary())], schema=schema)
            for at in range(0, len(items), 65536)
        )
        lance.write_dataset(batches, str(self.path), schema=schema)

    def open(self):
        import lance

        self.dataset = lance.dataset(str(self.path))
        self.count = self.dataset.count_rows()

    def get(self, position):
        return self.dataset.take([position]).column(0)[0].as_py()

    def many(self, positions):
        return self.dataset.take(positions).column(0).to_pylist()

    def scan(self):
        for batch in self.dataset.to_batches():
            yield from batch.column(0).to_pylist()


class Parquet(Peer):
    """Row groups of 8,192 items; the page index is of no use without a filter, so a `get`
    reads a row group."""

    group = 8192

    def write(self, items):
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.table({"item": pyarrow.array(items, pyarrow.large_binary())})
        pyarrow.parquet.write_table(
            table,
            self.path,
            compression="zstd",
            compression_level=LEVEL,
            row_group_size=self.group,
            use_dictionary=False,
        )

    def open(self):
        import pyarrow.parquet

        self.file = pyarrow.parquet.ParquetFile(self.path)
        self.count = self.file.metadata.num_rows

    def get(self, position):
        group = self.file.read_row_group(position // self.group, use_threads=False)
        return group.column(0)[position % self.group].as_py()

    def many(self, positions):
        found = []
        last, group = None, None
        for position in sorted(positions):
            if position // self.group != last:
                last = position // self.group
                group = self.file.read_row_group(last, use_threads=False).column(0)
            found.append(group[position % self.group].as_py())
        return found

    def scan(self):
        for batch in self.file.iter_batches(use_threads=False):
            yield from batch.column(0).to_pylist()

    def close(self):
        self.file.close()


PEERS = {
    "memory": Memory,
    "bagz": Bagz,
    "array_record-1": ArrayRecord,
    "array_record-256": ArrayRecord256,
    "lmdb": Lmdb,
    "sqlite": Sqlite,
    "rocksdb": RocksDb,
    "lance": Lance,
    "parquet": Parquet,
}


def drop_pages(files):
    """Drops the pages of these files from the system's cache."""
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
