"""The staging area of a run: Parquet files and small JSON records under one URL, local or object store.

Every file is published whole: on a disk it is written under another name and then moved to its place; to an object store it is sent
when it is complete (penstock/state/object_store.py). A manifest is written last. On a local disk only the user that runs Penstock can
read the files: folders have mode 0700, files 0600, whatever the umask is. The Parquet files of a protected table are encrypted
(penstock/state/protection.py). They are removed when the run has switched and finished, or when the time to keep them is over
(penstock/stages/switch/retention.py).

A run's area is `<root>/<migration>/<run>/`; penstock/state/run_files.py names the files in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from penstock.errors import StagingDamaged
from penstock.model.file_names import folder
from penstock.state import object_store, place_faults, run_files, staging_root
from penstock.state.encrypted_files import decrypting, encrypting
from penstock.state.object_store import Upload
from penstock.state.protection import Protection


@dataclass(frozen=True)
class Receipt:
    """What a stage leaves of a chunk. rows_in = rows + rejected + filtered always holds.

    digest: of the rows that came out.  digest_in: of the rows as this stage read them, where it read any.
    file: the published file, relative to the run, and its bytes' sha256; empty for stages that write none.
    longest: the most bytes that texts and binaries of one of its rows have together.
    rejected_digest: of the rows that went to quarantine, as this stage read them.
    reading: the number of the reading of the source that the rows come from.
    """

    table: str
    stage: str
    chunk: int
    rows_in: int
    rows: int
    digest: str
    digest_in: str = ""
    rejected: int = 0
    filtered: int = 0
    bytes: int = 0
    seconds: float = 0.0
    file: str = ""
    sha256: str = ""
    rejected_digest: str = ""
    longest: int = 0
    reading: int = 0


class Published(Protocol):
    """What describes a published Parquet file: the table that it has rows of, where it is, and its bytes' sha256."""

    @property
    def table(self) -> str: ...

    @property
    def file(self) -> str: ...

    @property
    def sha256(self) -> str: ...


@dataclass
class StagedFile:
    """A Parquet file. writer: what writes its rows.  bytes, sha256: of the file, once it is published."""

    writer: pq.ParquetWriter
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Staging:
    """One run's folder. `path` is within `filesystem`; every method's paths are relative to it.

    protection: of the Parquet files. Without one, no file is written encrypted, and none that is can be read.
    readings: by table, the number of the reading whose receipts are found and written here. Of a table that is not in it, the last.
    """

    filesystem: pafs.FileSystem
    path: str
    url: str
    protection: Protection = field(default=Protection(), repr=False)
    readings: Mapping[str, int] = field(default_factory=dict)

    def at(self, *parts: str) -> str:
        return posixpath.join(self.path, *parts)

    @property
    def beside(self) -> Staging:
        """What the migration keeps beside its runs. No run's folder is called so."""
        return self._next(".migration")

    def of_run(self, run: str) -> Staging:
        """The area of another run of the same migration."""
        return self._next(run_folder(run))

    def _next(self, name: str) -> Staging:
        return Staging(self.filesystem, posixpath.join(posixpath.dirname(self.path), name), f"{self.url.rpartition('/')[0]}/{name}")

    def exists(self, *parts: str) -> bool:
        found: pafs.FileInfo = self.filesystem.get_file_info(self.at(*parts))
        return bool(found.type != pafs.FileType.NotFound)

    def local(self, *parts: str) -> Path | None:
        """The path on this machine's disk, None on an object store."""
        return Path(self.at(*parts)) if isinstance(self.filesystem, pafs.LocalFileSystem) else None

    def write_text(self, text: str, *parts: str) -> None:
        """Publish a text file whole."""
        with self._published(*parts) as made:
            made.stream.write(text.encode())

    def write_json(self, value: Any, *parts: str) -> None:
        self.write_text(as_text(value), *parts)

    def read_text(self, *parts: str) -> str:
        """A published text file. Raises FileNotFoundError."""
        with self.filesystem.open_input_file(self.at(*parts)) as file:
            return bytes(file.read()).decode()

    def read_json(self, *parts: str) -> Any:
        """What a published JSON file holds. Raises FileNotFoundError, and StagingDamaged when it is not JSON."""
        try:
            return json.loads(self.read_text(*parts))
        except ValueError as error:
            where = posixpath.join(self.url, *parts)
            raise StagingDamaged.of_run(where, f"it is not JSON: {getattr(error, 'msg', 'not UTF-8')}") from None

    @contextmanager
    def parquet(self, schema: pa.Schema, *parts: str, plain: bool = False) -> Iterator[StagedFile]:
        """A Parquet file that is published when the with block ends without an error, and is not there otherwise.

        plain: as `parquet_writer` has it. The file is encrypted when `protection` says so.
        """
        with (
            self._published(*parts) as made,
            encrypting(made.stream, self.key(*parts)) as file,
            parquet_writer(file, schema, plain) as writer,
        ):
            staged = StagedFile(writer)
            yield staged
        staged.bytes, staged.sha256 = (made.bytes, made.sha256) if made.sha256 else (self.size(*parts), self.sha256(*parts))

    def batches(self, *parts: str, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """The rows of a published Parquet file, a batch at a time, never more than one of its row groups decoded."""
        with self._opened(*parts) as source:
            yield from self._batches(source, posixpath.join(*parts), rows)

    def rows(self, receipt: Receipt) -> Iterator[pa.RecordBatch]:
        """The rows of a receipt's file, a batch at a time. Raises StagingDamaged when its bytes are not those that were published."""
        return self.unchanged(receipt, receipt.chunk)

    def unchanged(self, of: Published, chunk: int, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """The rows of a file, a batch at a time, from one opening of it. Raises StagingDamaged, which names the chunk, as `rows` does."""
        with ExitStack() as stack:
            try:
                source = stack.enter_context(self._opened(of.file))
                found = _sha256(source)
            except FileNotFoundError:
                found = "nothing"
            if found != of.sha256:
                raise StagingDamaged.of(of.table, chunk, of.file, f"sha256 {of.sha256}", found)
            source.seek(0)
            yield from self._batches(source, of.file, rows)

    @contextmanager
    def _opened(self, *parts: str) -> Iterator[pa.NativeFile]:
        """A published file, from its begin. Raises FileNotFoundError."""
        with self.filesystem.open_input_file(self.at(*parts)) as source:
            yield source if self.local() else object_store.content(source)

    def _batches(self, source: pa.NativeFile, name: str, rows: int) -> Iterator[pa.RecordBatch]:
        file = pq.ParquetFile(decrypting(source, self.key(name)), pre_buffer=False)
        for group in range(file.num_row_groups):
            held = file.metadata.row_group(group)
            if held.num_rows <= rows and held.total_byte_size > _LONG:
                yield _by_columns(file, group)
            else:
                yield from file.iter_batches(batch_size=rows, row_groups=[group])

    def key(self, *parts: str) -> bytes | None:
        """The key that a Parquet file is encrypted with, None when it is not. Raises StagingLocked."""
        return self.protection.of(posixpath.join(*parts))

    def protected(self, by: Protection) -> Staging:
        """The same area, with the keys of its encrypted files."""
        return replace(self, protection=by)

    def size(self, *parts: str) -> int:
        """Bytes of a published file."""
        return int(self.filesystem.get_file_info(self.at(*parts)).size or 0)

    def sha256(self, *parts: str) -> str:
        """Of a published file's bytes."""
        with self._opened(*parts) as file:
            return _sha256(file)

    def files(self, *parts: str) -> list[pafs.FileInfo]:
        """Every file in a folder and in those below it, unpublished ones too; none where there is no folder."""
        selector = pafs.FileSelector(self.at(*parts), allow_not_found=True, recursive=True)
        return [f for f in self.filesystem.get_file_info(selector) if f.type == pafs.FileType.File]

    def delete(self, *parts: str) -> None:
        """Remove a folder and what is in it, if it is there."""
        if self.exists(*parts):
            self.filesystem.delete_dir(self.at(*parts))

    def remove(self, *parts: str) -> None:
        """Remove one published file."""
        self.filesystem.delete_file(self.at(*parts))

    def names(self, *parts: str) -> list[str]:
        """The names of the files published in a folder, sorted; none where there is no folder."""
        selector = pafs.FileSelector(self.at(*parts), allow_not_found=True)
        return sorted(f.base_name for f in self.filesystem.get_file_info(selector) if f.type == pafs.FileType.File)

    def folders(self, *parts: str) -> list[str]:
        """The names of the folders in a folder, sorted; none where there is no folder."""
        selector = pafs.FileSelector(self.at(*parts), allow_not_found=True)
        return sorted(f.base_name for f in self.filesystem.get_file_info(selector) if f.type == pafs.FileType.Directory)

    def write_receipt(self, receipt: Receipt) -> None:
        """Publish a chunk's receipt: from here on the stage is done for that chunk."""
        self.write_json(asdict(receipt), run_files.receipt(receipt.stage, receipt.table, receipt.chunk, receipt.reading))

    def receipt(self, stage: str, table: str, chunk: int) -> Receipt | None:
        """A chunk's receipt of a stage, None before the stage was done for it."""
        place = run_files.receipt(stage, table, chunk, self.reading(table))
        try:
            found = self._receipt(place)
        except FileNotFoundError:
            return None
        if (found.stage, found.table, found.chunk) != (stage, table, chunk):
            of = f"chunk {found.chunk} of {found.table} ({found.stage})"
            raise StagingDamaged.of_run(posixpath.join(self.url, place), f"it is the receipt of {of}: it was put in this place later")
        return found

    def _receipt(self, *parts: str) -> Receipt:
        try:
            return Receipt(**self.read_json(*parts))
        except TypeError:
            raise StagingDamaged.of_run(posixpath.join(self.url, *parts), "it is not a receipt") from None

    def receipts(self, stage: str, table: str, chunks: Iterable[int] | None = None) -> list[Receipt]:
        """The receipts of a table at a stage, by chunk: of the chunks with these numbers, or of all; without those not done yet."""
        if chunks is not None:
            here = self.read_as([table], self.reading(table))
            return [r for number in chunks if (r := here.receipt(stage, table, number))]
        place = run_files.reading_folder(stage, table, self.reading(table))
        found = (self._receipt(place, name) for name in self.names(place) if name.endswith(".json"))
        return sorted(found, key=lambda r: r.chunk)

    def reading(self, table: str) -> int:
        """The number of the reading whose receipts of a table are found here: the given one, else the last; 0 before there is one."""
        if table in self.readings:
            return self.readings[table]
        names = self.names(run_files.table_folder(run_files.READING, table))
        return max((int(n.removesuffix(".json")) for n in names if n.endswith(".json")), default=0)

    def of_readings(self, tables: Iterable[str]) -> Staging:
        """The same area, in which these tables keep the readings that are their last ones now."""
        wanted = [t for t in tables if t not in self.readings]
        if not wanted:
            return self
        last: dict[str, int] = {}
        for file in self.files(run_files.READING):  # one listing, however many tables there are
            of, name = file.path.split("/")[-2:]
            number = name.removesuffix(".json")
            if number.isdigit():
                last[of] = max(last.get(of, 0), int(number))
        return replace(self, readings={**self.readings, **{t: last.get(folder(t), 0) for t in wanted}})

    def read_as(self, tables: Iterable[str], number: int) -> Staging:
        """The same area, in which these tables are of the reading with this number."""
        return replace(self, readings={**self.readings, **dict.fromkeys(tables, number)})

    @contextmanager
    def _published(self, *parts: str) -> Iterator[Upload]:
        """A file that is at its place when the with block ends without an error, and is gone otherwise.

        Raises NoSpace and NotWritable.
        """
        place, shown = self.at(*parts), posixpath.join(self.url, *parts)
        # A name of its own: a process that lost its lease may write the same file at the same moment.
        beside = Path(f"{place}.{secrets.token_hex(3)}.part") if self.local() else None
        try:
            if beside is None:
                with object_store.upload(self.filesystem, place) as made:
                    yield made
            else:
                _private_folder(beside.parent)
                _private_file(beside)
                with self.filesystem.open_output_stream(str(beside)) as stream:
                    yield Upload(stream)
                beside.replace(place)
        except OSError as error:
            if named := place_faults.fault(error, shown, beside):
                raise named from None
            raise
        finally:
            if beside:
                with suppress(OSError):
                    beside.unlink(missing_ok=True)


def _sha256(file: pa.NativeFile) -> str:
    """Of the bytes of a file from where it is to its end."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def _private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone."""
    for missing in [p for p in (*reversed(path.parents), path) if not p.exists()] if not path.is_dir() else []:
        missing.mkdir(mode=0o700, exist_ok=True)
        missing.chmod(0o700)  # a umask may have taken more away


def _private_file(path: Path) -> None:
    """Make an empty file for this user alone, or empty the one that an earlier try left: Arrow opens it and keeps its mode."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


_LONG = 32 << 20  # bytes of a row group that no batch of ordinary rows has


def _by_columns(file: pq.ParquetFile, group: int) -> pa.RecordBatch:
    """The rows of a group: what a column is decoded from is gone before the next is read."""
    schema = file.schema_arrow
    # a name with a dot would be taken for a path as well, so more than this one may come
    columns = (file.read_row_group(group, [name], use_threads=False).column(name) for name in schema.names)
    return pa.RecordBatch.from_arrays([c.chunk(0) if c.num_chunks == 1 else c.combine_chunks() for c in columns], schema=schema)


def parquet_writer(stream: pa.NativeFile, schema: pa.Schema, plain: bool = False) -> pq.ParquetWriter:
    """What writes rows as they are staged. plain: neither a dictionary nor compression, each of which has a long value once more."""
    if plain:
        return pq.ParquetWriter(stream, schema, compression="none", use_dictionary=False, write_statistics=False, **_NUMBERS)
    # A dictionary pays for texts only; as statistics, texts and binaries of any length would be held until the file is closed.
    texts = [f.name for f in schema if pa.types.is_string(f.type)]
    short = [f.name for f in schema if not (pa.types.is_string(f.type) or pa.types.is_binary(f.type))]
    form = {"compression": "zstd", "compression_level": 1, "use_dictionary": texts or False, "write_statistics": short or False}
    return pq.ParquetWriter(stream, schema, **form, **_NUMBERS)


_NUMBERS = {"store_decimal_as_integer": True}


def longest(batch: pa.RecordBatch | pa.Table) -> int:
    """Bytes that texts and binaries of a row of these have together, at most."""
    lengths = (pc.max(pc.binary_length(c)).as_py() for c in batch.columns if pa.types.is_string(c.type) or pa.types.is_binary(c.type))
    return sum(filter(None, lengths))


def as_text(value: Any) -> str:
    """JSON as people can read it."""
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)


def write_reading(area: Staging, table: str, number: int, at: str) -> None:
    """Write down that the reading of a table with this number began at an ISO instant: from here on it is the one that counts.

    The rows of earlier readings are removed. A process that still writes some writes them where nobody looks.
    """
    area.write_json({"at": at}, run_files.reading(table, number))
    for stage in run_files.ROWS:
        place = run_files.table_folder(stage, table)
        for older in (n for n in area.folders(place) if n.isdigit() and int(n) < number):
            area.delete(place, older)


def read_at(area: Staging, table: str) -> str:
    """When the reading of a table began, an ISO instant. Raises FileNotFoundError."""
    return str(area.read_json(run_files.reading(table, area.reading(table)))["at"])


def run_folder(run: str) -> str:
    """A run id as one safe folder name (Airflow's have colons and plus signs), another for every other id."""
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", run).lstrip(".")
    return safe if safe == run else f"{safe}-{hashlib.sha256(run.encode()).hexdigest()[:6]}"


def of(root: str, migration: str, run: str) -> Staging:
    """The staging area of a run under `root`, as `staging_root` has it. Raises MigrationError and ConnectionFailed."""
    root, filesystem, path = staging_root.opened(root)
    within = posixpath.join(path, migration, run_folder(run))
    place = root.partition("?")[0].rstrip("/")  # the options behind ? say how the store is reached
    return Staging(filesystem, within, f"{place}/{migration}/{run_folder(run)}")


def beside(root: str, migration: str) -> Staging:
    """What a migration keeps beside its runs."""
    return of(root, migration, "any").beside


def local_root(root: str) -> Path | None:
    """The folder of a staging root on this machine's disk, None on an object store."""
    if "://" not in root:
        return Path(root).absolute()
    return Path(unquote(urlsplit(root).path)) if root.startswith("file:") else None


def runs(root: str, migration: str) -> list[str]:
    """The run folders of a migration under `root`, oldest first."""
    parent = of(root, migration, "x")
    selector = pafs.FileSelector(posixpath.dirname(parent.path), allow_not_found=True)
    found = [f for f in parent.filesystem.get_file_info(selector) if f.type == pafs.FileType.Directory and not f.base_name.startswith(".")]
    return [f.base_name for f in sorted(found, key=lambda f: (f.mtime_ns or 0, f.base_name))]
