"""What a migration file can say, and what is wrong with one that says something else: file, line, nearest word.

DAG files read migrations whenever Airflow parses them, so nothing heavy is imported here: no Arrow, no database.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)

from penstock import transforms
from penstock.migration import switch_kinds
from penstock.migration.notifications import NotifySpec
from penstock.model.intervals import PRESETS, zone_known
from penstock.model.schema import TableName
from penstock.runtime.nearest import nearest

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SIZE = r"^\s*(\d+(?:\.\d+)?)\s*([KMGkmg]?)(i?)[Bb]?\s*$"
_DURATION = r"^\d+[smhdw]$"


def parse_bytes(text: str | int) -> int:
    """`32MiB` in bytes; `MB` are millions. Raises ValueError."""
    match = re.match(_SIZE, str(text))
    if not match or (match[3] and not match[2]):
        raise ValueError(f"{text!r} is not a size: write for instance 32MiB")
    size = int(float(match[1]) * (1024 if match[3] else 1000) ** " KMG".index(match[2].upper() or " "))
    if not size:
        raise ValueError("the size must be greater than zero: write for instance 32MiB")
    return size


def parse_duration(text: str) -> dt.timedelta:
    """`7d` as a time span. Raises ValueError."""
    if not re.match(_DURATION, str(text)):
        raise ValueError(f"{text!r} is not a duration: write for instance 7d, 12h or 30m")
    try:
        return dt.timedelta(seconds=int(text[:-1]) * _SECONDS[text[-1]])
    except OverflowError:
        raise ValueError(f"the duration {text!r} is too large") from None


def _schedule(text: Any) -> Any:
    if isinstance(text, str) and text not in PRESETS and (text.startswith("@") or len(text.split()) not in (5, 6)):
        raise ValueError(f"{text!r} is neither cron nor one of {', '.join(PRESETS)}; for none leave it out")
    return text


def _day(value: Any) -> Any:
    """YAML reads a date by itself; pydantic would take a number for seconds."""
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date | str | None):
        raise ValueError("expected a date, for instance 2013-01-01")
    return value


def _step(value: Any) -> tuple[str, Any]:
    """`{rename: {a: b}}` as ("rename", {"a": "b"}), its shape checked by the transform itself."""
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("a step is one word and what belongs to it, for instance `rename: {old: new}`")
    name, args = next(iter(value.items()))
    if name not in transforms.names():
        raise ValueError(f"no transform called {name!r} — {nearest(str(name), transforms.names())}")
    if problem := transforms.check(name, args):
        raise ValueError(f"{name}: {problem}")
    return name, args


def _zone(value: Any) -> Any:
    if isinstance(value, str) and not zone_known(value):
        raise ValueError(f"{value!r} is no time zone: write for instance Europe/Berlin")
    return value


Text = Annotated[str, Field(min_length=1)]
Texts = tuple[Text, ...]
Duration = Annotated[dt.timedelta, BeforeValidator(parse_duration), WithJsonSchema({"type": "string", "pattern": _DURATION})]
Size = Annotated[int, BeforeValidator(parse_bytes), WithJsonSchema({"type": ["string", "integer"], "pattern": _SIZE})]
Step = Annotated[
    tuple[str, Any],
    BeforeValidator(_step),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {name: {} for name in transforms.names()},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
    ),
]


def _default(written: str, description: str) -> Any:
    """A field whose default editors show as a file would write it."""
    return Field(description=description, json_schema_extra=lambda schema: schema.update(default=written))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartitionSpec(_Part):
    """How a table is cut into partitions, one a data interval."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    by: Annotated[Text | None, Field(description="a column of dates or times: a run moves the rows of its data interval")] = None
    follows: Annotated[
        Text | None,
        Field(alias="with", description="a partitioned table that this one refers to: a row is moved with the row that it refers to"),
    ] = None
    through: Annotated[
        Text | None, Field(description="the foreign key to the table in `with`, by its name; needed only where there are several")
    ] = None
    how: Annotated[
        str,
        BeforeValidator(switch_kinds.of_partition),
        Field(
            description="rows of the live table are replaced; or, at PostgreSQL, its native partition of the interval is exchanged",
            json_schema_extra=lambda schema: schema.update(
                default="rows", enum=[*switch_kinds.OF_PARTITIONS, *switch_kinds.REGISTRY.names]
            ),
        ),
    ] = switch_kinds.OF_PARTITIONS["rows"]
    out_of_range: Annotated[
        Literal["refuse", "first"],
        Field(description="rows without a time, and those before start_date: a run is refused, or they belong to the first partition"),
    ] = "refuse"

    @model_validator(mode="after")
    def _one_way(self) -> PartitionSpec:
        if (self.by is None) == (self.follows is None):
            raise ValueError("say either `by: <a column of dates or times>` or `with: <the table that it refers to>`")
        if self.through and not self.follows:
            raise ValueError("`through` names the foreign key to the table in `with`")
        if self.follows and self.how == switch_kinds.OF_PARTITIONS["attach"]:
            raise ValueError("`how: attach` needs a column: `by`; a table that follows another one has its rows replaced")
        return self


class IncrementSpec(_Part):
    """How a table without partitions is kept up by its changes."""

    by: Annotated[Text, Field(description="a column of dates or times that every insert and update sets: a run moves what is later")]
    lookback: Annotated[Duration, _default("10m", "how far before its watermark a run reads, for rows that were committed late")] = (
        parse_duration("10m")
    )
    full_refresh_every: Annotated[
        Duration, _default("7d", "how often a run compares the whole table: it finds deleted rows, and changes that did not set the column")
    ] = parse_duration("7d")


class BadRowsSpec(_Part):
    """What becomes of rows with values that can't be carried."""

    action: Annotated[Literal["stop", "quarantine"], Field(description="stop the run, or set the rows apart and go on")] = "stop"
    at_most: Annotated[int | None, Field(ge=1, description="how many rows may go to quarantine; one more stops the run")] = None

    @model_validator(mode="after")
    def _limited(self) -> BadRowsSpec:
        if self.action == "quarantine" and self.at_most is None:
            raise ValueError("say how many rows may go to quarantine, for instance `at_most: 100`")
        if self.action == "stop" and self.at_most is not None:
            raise ValueError("`at_most` is of `action: quarantine`; the first bad row stops the run")
        return self


class TableSpec(_Part):
    """What a migration says of one table."""

    to: Annotated[Text | None, Field(description="the target table's name; the source's when not given")] = None
    key: Annotated[Texts, Field(description="columns that name a row, for a table that declares no key")] = ()
    transform: Annotated[tuple[Step, ...], Field(description="steps, in their order")] = ()
    sensitive: Annotated[Texts, Field(description="columns whose values are never shown")] = ()
    partition: Annotated[PartitionSpec | None, Field(description="a run moves one partition of the table, and replaces just that")] = None
    incremental: Annotated[
        IncrementSpec | None, Field(description="a run moves the rows that were changed since the last one, and replaces those by key")
    ] = None
    load: Annotated[
        Literal["every run", "once"],
        Field(description="a table without partitions: loaded by every run, or by one run only"),
    ] = "every run"
    bad_rows: Annotated[BadRowsSpec | None, Field(description="the migration's when not given")] = None

    @model_validator(mode="after")
    def _whole_or_parts(self) -> TableSpec:
        if self.incremental and (self.partition or self.load == "once"):
            raise ValueError("`incremental` goes with neither `partition` nor `load: once`: a table is moved in one way")
        if self.partition and self.load == "once":
            raise ValueError("`load: once` is for a table without partitions: each partition is moved by the run of its interval")
        return self


class Tables(_Part):
    """Which tables are moved, and what is said of some of them under their own names."""

    model_config = ConfigDict(extra="allow")

    include: Annotated[Texts, Field(description="names or patterns (* ? [])")] = ("*",)
    exclude: Annotated[Texts, Field(description="names or patterns (* ? [])")] = ()
    __pydantic_extra__: dict[str, TableSpec] = Field(init=False)

    @model_validator(mode="before")
    @classmethod
    def _named_only(cls, said: Any) -> Any:
        """A table whose name is followed by nothing is moved as it is."""
        if not isinstance(said, dict):
            return said
        return {k: {} if v is None and k not in cls.model_fields else v for k, v in said.items()}

    @property
    def specs(self) -> dict[str, TableSpec]:
        """What is said of single tables, by their names at the source."""
        return self.__pydantic_extra__


Approval = Literal[False, "each_run", "per_backfill"]
"""Whether a person must approve the switch: of every run, or once for all runs of a backfill."""


def _approval(value: Any) -> Any:
    """`true` as `each_run`."""
    if isinstance(value, bool):
        return "each_run" if value else False
    if value not in ("each_run", "per_backfill"):
        raise ValueError(f"expected true, false, each_run or per_backfill, got {value!r}")
    return value


class SwitchSpec(_Part):
    """How the shadow becomes live."""

    how: Annotated[
        str,
        BeforeValidator(switch_kinds.known),
        Field(
            description="the switch kind of tables that are moved whole",
            json_schema_extra=lambda schema: schema.update(enum=list(switch_kinds.REGISTRY.names)),
        ),
    ] = "swap"
    approval: Annotated[
        Approval,
        BeforeValidator(_approval),
        WithJsonSchema({"enum": [True, False, "each_run", "per_backfill"]}),
        Field(
            description="whether a person must approve the switch: of each run (true, each_run), or once for all runs of a backfill",
            json_schema_extra=lambda schema: schema.update(default=False),
        ),
    ] = False
    approve_within: Annotated[Duration, _default("24h", "how long to wait; after that the run is rejected")] = parse_duration("24h")
    remind_before: Annotated[
        Duration | None,
        Field(description="how long before the end of approve_within `expiring` is notified; a quarter of it when not given"),
    ] = None
    keep_old: Annotated[Duration, _default("7d", "how long the old tables stay, for undo")] = parse_duration("7d")
    lock_wait: Annotated[
        Duration,
        _default("60s", "how long the switch, or an undo, tries for its locks: half a second at a time, which is what readers wait"),
    ] = parse_duration("60s")
    end_blockers: Annotated[
        bool, Field(description="whether sessions that keep the switch from its locks are ended, once half of lock_wait is over")
    ] = False

    @model_validator(mode="after")
    def _reminded_in_time(self) -> SwitchSpec:
        if self.remind_before is not None and self.remind_before >= self.approve_within:
            raise ValueError("`remind_before` must be shorter than `approve_within`")
        return self

    @property
    def reminder(self) -> dt.timedelta:
        """How long before the end of `approve_within` its end is announced: a quarter of it, at least 5 minutes, at most half."""
        if self.remind_before is not None:
            return self.remind_before
        return min(max(self.approve_within / 4, dt.timedelta(minutes=5)), self.approve_within / 2)


class StagingSpec(_Part):
    """Where runs are staged, and how long what they leave there is kept."""

    url: Annotated[Text | None, Field(description="URL of the staging root; the caller's when not given")] = None
    keep: Annotated[
        Duration, _default("7d", "how long `penstock clean` leaves the rows of failed runs, and quarantined rows, in staging")
    ] = parse_duration("7d")


def _schemas(value: Any) -> Any:
    """A list of names, which are the same at the target, or a mapping of the source's names to the target's."""
    if isinstance(value, list | tuple):
        if twice := [name for n, name in enumerate(value) if name in value[:n]]:
            raise ValueError(f"{twice[0]} is listed twice")
        value = {name: name for name in value}
    if not isinstance(value, dict):
        raise ValueError("expected a list such as [sales, hr], or a mapping of source to target schemas such as {sales: crm, hr: hr}")
    if not value:
        raise ValueError("is empty: name at least one schema")
    for name, to in value.items():
        if not isinstance(name, str) or not isinstance(to, str) or not name or not to:
            raise ValueError(f"{name}: {to} does not name two schemas: put names that YAML does not read as text in quotes")
        if "." in name:
            raise ValueError(f"{name}: the name of a source schema must have no dot, since tables are called schema.table")
        if both := [other for other, same in value.items() if same == to and other != name]:
            raise ValueError(f"{name} and {both[0]} would both become the schema {to}: give each source schema a target schema of its own")
    return value


def _staging(value: Any) -> Any:
    """A URL alone, or what the section can say."""
    if not isinstance(value, str | dict | StagingSpec | None):
        raise ValueError("expected a URL, or a mapping such as {url: s3://bucket/staging, keep: 7d}")
    return {"url": value} if isinstance(value, str) else {} if value is None else value


class Migration(_Part):
    """One declared migration."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,29}$", description="also the DAG's id")]
    # Not in the repr: a URL may hold a password.
    source: Annotated[Text, Field(repr=False, description="an Airflow connection id; for the command line also a URL")]
    target: Annotated[Text, Field(repr=False, description="an Airflow connection id; for the command line also a URL")]
    source_schema: Annotated[Text | None, Field(description="the connection's own when not given")] = None
    target_schema: Annotated[Text | None, Field(description="the connection's own when not given")] = None
    schemas: Annotated[
        dict[Text, Text],
        BeforeValidator(_schemas, json_schema_input_type=Texts | dict[Text, Text]),
        Field(
            description="the source's schemas, instead of source_schema: a list, or {source schema: target schema};"
            " tables are called schema.table",
            json_schema_extra=lambda schema: schema.pop("default", None),
        ),
    ] = {}
    schedule: Annotated[
        str | None, BeforeValidator(_schedule), Field(description="cron or a preset such as @daily; every run covers its data interval")
    ] = None
    start_date: Annotated[dt.date | None, BeforeValidator(_day), Field(description="where history begins: the first interval's day")] = None
    timezone: Annotated[
        Text, BeforeValidator(_zone), Field(description="of the schedule, and of partition columns that have none of their own")
    ] = "UTC"
    max_active_runs: Annotated[int, Field(ge=1, le=64, description="how many runs of different intervals may go at the same time")] = 1
    pool: Annotated[Text | None, Field(description="the Airflow pool whose slots the tasks that read the source take")] = None
    deadline: Annotated[
        Duration | None,
        Field(description="a run that has not ended so long after it was queued is notified, and logged by Airflow's executor"),
    ] = None
    staging: Annotated[
        StagingSpec,
        BeforeValidator(_staging, json_schema_input_type=Text | None | StagingSpec),
        Field(description="URL of the staging root, or {url, keep}", json_schema_extra=lambda schema: schema.pop("default", None)),
    ] = StagingSpec()
    tables: Tables = Tables()
    checks: Annotated[Path, Field(description="folder of the suites, from the project's; expectations/<name> when not given")] = Field(
        default_factory=lambda said: Path("expectations", said.get("name", ""))
    )
    bad_rows: BadRowsSpec = BadRowsSpec()
    switch: SwitchSpec = SwitchSpec()
    notify: Annotated[
        tuple[NotifySpec, ...], Field(description="who is notified of what, in Airflow; the command line does not notify")
    ] = ()
    consistency: Annotated[Literal["run", "table", "best"], Field(description="run: all tables of one instant, or refuse")] = "best"
    connections: Annotated[
        int | None,
        Field(ge=1, le=32, description="how many connections to either end a task opens at most; when not given, one a processor, up to 4"),
    ] = None
    live: Annotated[
        bool,
        Field(
            description="the source stays in use: a run loads and proves a snapshot, `penstock follow` keeps it up with the source's"
            " changes, `penstock switch` makes it live"
        ),
    ] = False
    dry_build: Annotated[
        bool, Field(description="whether preflight tries every statement of a run on empty tables at the target, and removes them")
    ] = True
    memory: Annotated[Size, _default("512MiB", "how much a task may take over the interpreter and its libraries")] = parse_bytes("512MiB")
    chunk: Annotated[Size, _default("32MiB", "about how many bytes a chunk has")] = parse_bytes("32MiB")
    _path: Path = PrivateAttr(default=Path())
    _fingerprint: str = PrivateAttr(default="")
    _renamed: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _dated(self) -> Migration:
        if self.max_active_runs > 1 and not self.partitioned:
            raise ValueError("max_active_runs: runs of whole tables go one after the other; only partitioned tables have more to do")
        for name, spec in self.tables.specs.items():
            if spec.partition and spec.partition.out_of_range == "first" and not self.start_date:
                raise ValueError(f"tables.{name}.partition.out_of_range: there is no first partition without a start_date")
        return self

    @model_validator(mode="after")
    def _live_whole(self) -> Migration:
        if not self.live:
            return self
        specs = self.tables.specs.values()
        if self.in_parts:
            raise ValueError("live: a table is followed as a whole: remove `partition`, `incremental` and `load: once`")
        if any(rows.action == "quarantine" for rows in (self.bad_rows, *(s.bad_rows for s in specs if s.bad_rows))):
            raise ValueError("live: a row that can't be carried stops the stream: remove `action: quarantine`")
        if self.schedule:
            raise ValueError("live: a run is started once and then followed: remove `schedule`")
        if self.consistency == "table":
            raise ValueError("live: all tables are read as of one instant: remove `consistency: table`")
        return self

    @model_validator(mode="after")
    def _schemas_once(self) -> Migration:
        if self.schemas and (self.source_schema or self.target_schema):
            raise ValueError(
                "`schemas` names the schemas of both ends: leave out source_schema and target_schema,"
                f" for instance `schemas: {{{self.source_schema or 'sales'}: {self.target_schema or self.source_schema or 'sales'}, …}}`"
            )
        for name, spec in self.tables.specs.items():
            if spec.to and "." in spec.to and spec.to.partition(".")[0] in self.schemas.values():
                bare = spec.to.partition(".")[2]
                raise ValueError(f"tables.{name}.to: `schemas` says what schema the table goes to: write `to: {bare}`")
        return self

    def called(self, table: TableName) -> str:
        """What a source table is called in the runs of this migration: by its name, with its schema where the file names `schemas`."""
        return str(table) if self.schemas else table.name

    def means(self, written: str, table: str) -> bool:
        """Whether a name in the file, which may leave out the schema, is that of a table. Preflight refuses a name of several tables."""
        return written in (table, self.bare(table))

    def bare(self, table: str) -> str:
        """What a table is called without its schema."""
        return (table.partition(".")[2] if self.schemas else "") or table

    def spec_of(self, table: str) -> TableSpec:
        """What the file says of a table."""
        return self.tables.specs.get(table) or self.tables.specs.get(self.bare(table)) or TableSpec()

    @property
    def partitioned(self) -> bool:
        """Whether a run is of one data interval."""
        return any(spec.partition for spec in self.tables.specs.values())

    def partition_of(self, table: str) -> PartitionSpec | None:
        """How a table is partitioned; None when it is not."""
        return self.spec_of(table).partition

    @property
    def in_parts(self) -> bool:
        """Whether a run may move less than whole tables."""
        return any(spec.partition or spec.incremental or spec.load == "once" for spec in self.tables.specs.values())

    @property
    def transforms(self) -> bool:
        """Whether a run may have transforms."""
        return any(spec.transform for spec in self.tables.specs.values())

    @property
    def repairs(self) -> bool:
        """Whether a run may repair: any migration can be run with --repair, and some tables are repaired in every run."""
        return True

    @property
    def asks_approval(self) -> bool:
        """Whether somebody must approve the switch."""
        return bool(self.switch.approval)

    @property
    def staging_url(self) -> str | None:
        """URL of the staging root, None when the file does not name one."""
        return self.staging.url

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self._path

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the file and its overlay say, without the addresses of source and target."""
        return self._fingerprint

    @property
    def renamed(self) -> tuple[str, ...]:
        """The fields that the file calls by old names, each with its place and its new name."""
        return self._renamed

    def read_from(self, path: Path, fingerprint: str, renamed: tuple[str, ...]) -> Migration:
        """The same, with what is known of the file that it was read from."""
        self._path, self._fingerprint, self._renamed = path, fingerprint, renamed
        return self

    @property
    def chunk_bytes(self) -> int:
        return self.chunk
