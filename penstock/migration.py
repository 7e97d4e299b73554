"""What a migration file can say, and what is wrong with one that says something else: file, line, nearest word."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator

from penstock import transforms
from penstock.errors import MigrationError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def parse_bytes(text: str | int) -> int:
    """`32MiB` in bytes. Raises ValueError."""
    match = re.fullmatch(r"\s*(\d+)\s*([A-Za-z]*)\s*", str(text))
    if not match or (match[2] or "B") not in _SIZES or not int(match[1]):
        raise ValueError(f"{text!r} is not a size; write for instance 32MiB (units: {', '.join(_SIZES)})")
    return int(match[1]) * _SIZES[match[2] or "B"]


def parse_duration(text: str | dt.timedelta) -> dt.timedelta:
    """`7d` as a time span. Raises ValueError."""
    if isinstance(text, dt.timedelta):
        return text
    match = re.fullmatch(r"\s*(\d+)\s*([smhdw])\s*", str(text))
    if not match:
        raise ValueError(f"{text!r} is not a duration; write for instance 7d, 12h or 30m")
    return dt.timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _step(value: Any) -> Any:
    """`{rename: {a: b}}` as ("rename", {"a": "b"}), its shape checked by the transform itself."""
    if isinstance(value, tuple):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError("a step is one word and its arguments, for instance `rename: {old: new}`")
    name, args = next(iter(value.items()))
    if name not in transforms.names():
        raise ValueError(f"no transform called {name!r} — {nearest(str(name), transforms.names())}")
    problem = transforms.check(name, args)
    if problem:
        raise ValueError(f"{name}: {problem}")
    return name, args


Duration = Annotated[dt.timedelta, BeforeValidator(parse_duration), WithJsonSchema({"type": "string", "pattern": r"^\d+[smhdw]$"})]
Size = Annotated[int, BeforeValidator(parse_bytes), WithJsonSchema({"type": ["string", "integer"], "examples": ["32MiB"]})]
Step = Annotated[
    tuple[str, Any],
    BeforeValidator(_step),
    WithJsonSchema({"type": "object", "minProperties": 1, "maxProperties": 1, "propertyNames": {"enum": transforms.names()}}),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class TableSpec(_Part):
    """What a migration says of one table."""

    to: Annotated[str | None, Field(description="the target table's name; the source's when it isn't given")] = None
    key: Annotated[list[str], Field(description="columns that name a row, for a table that declares no key")] = []
    transform: Annotated[list[Step], Field(description="steps, in order")] = []
    sensitive: Annotated[list[str], Field(description="columns whose values no report shows")] = []


class Tables(_Part):
    """Which tables are moved, and what is said of some of them under their own names."""

    model_config = ConfigDict(frozen=True, extra="allow")

    include: Annotated[list[str], Field(description="names or patterns")] = ["*"]
    exclude: Annotated[list[str], Field(description="names or patterns")] = []
    __pydantic_extra__: dict[str, TableSpec]

    @model_validator(mode="before")
    @classmethod
    def _nothing_said(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: {} if v is None and k not in ("include", "exclude") else v for k, v in value.items()}

    @property
    def specs(self) -> Mapping[str, TableSpec]:
        """By source table."""
        return self.__pydantic_extra__


class SwitchSpec(_Part):
    """How the shadow becomes live."""

    how: Literal["swap"] = "swap"
    approval: Annotated[bool, Field(description="a person must approve the switch")] = False
    approve_within: Annotated[Duration, Field(description="after that, silence is a no")] = dt.timedelta(hours=24)
    keep_old: Annotated[Duration, Field(description="how long the old tables stay, for undo")] = dt.timedelta(days=7)


class Migration(_Part):
    """One declared migration."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,29}$", description="also the DAG's id")]
    source: Annotated[str, Field(min_length=1, description="an Airflow connection id; on the command line a URL too")]
    target: Annotated[str, Field(min_length=1, description="an Airflow connection id; on the command line a URL too")]
    source_schema: str | None = None
    target_schema: str | None = None
    schedule: Annotated[str | None, Field(description="cron expression or preset; every run covers its data interval")] = None
    start_date: dt.date | None = None
    staging: Annotated[str | None, Field(description="URL of the staging area")] = None
    tables: Tables = Tables()
    checks: Annotated[str | None, Field(description="folder of the expectation suites; expectations/<name> when not given")] = None
    switch: SwitchSpec = SwitchSpec()
    consistency: Annotated[Literal["best", "run", "table"], Field(description="run: all tables of one instant, or refuse")] = "best"
    chunk: Annotated[Size, Field(description="bytes of a chunk")] = 32 << 20
    path: Annotated[Path, Field(exclude=True, json_schema_extra={"readOnly": True})] = Path()
    fingerprint: Annotated[str, Field(exclude=True, json_schema_extra={"readOnly": True})] = ""

    @property
    def chunk_bytes(self) -> int:
        return self.chunk


_OURS = ("path", "fingerprint")  # set by `load`, never said in a file


def load(path: Path) -> Migration:
    """The migration declared in a file. Raises MigrationError with every mistake, each with its line."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise MigrationError(f"can't read {path}", why=error.strerror or "", fix="check the path") from None
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        twice = list(_duplicates(tree)) if tree else []
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise MigrationError(f"{path.name} is not YAML", where=where, why=str(getattr(error, "problem", error))) from None
    if not isinstance(said, dict):
        raise MigrationError(f"{path.name} declares nothing", where=str(path), fix="at least: name, source, target")
    mistakes = [f"{path}:{line}: {key}: said twice" for key, line in twice]
    mistakes += [f"{path}:{_line(tree, (k,))}: {k}: unknown field" for k in _OURS if k in said]
    try:
        made = Migration.model_validate({**said, "path": path, "fingerprint": hashlib.sha256(text).hexdigest()})
    except ValidationError as error:
        mistakes += [_told(path, tree, fault) for fault in error.errors()]
    if mistakes:
        count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "a mistake"
        raise MigrationError(f"{path.name} has {count}", where="\n         ".join(mistakes), fix="correct the file; `penstock schema` says what it can hold")
    return made


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a migration file, for editors."""
    schema = Migration.model_json_schema()
    for ours in _OURS:
        schema["properties"].pop(ours, None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def nearest(word: str, known: list[str]) -> str:
    """What to write instead of an unknown word."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(known)}"


def _told(path: Path, tree: yaml.Node, fault: Any) -> str:
    location = tuple(p for p in fault["loc"] if p not in ("function-before[_step(), tuple[str, any]]",))
    dotted = ".".join(str(p) for p in location)
    told = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        told = f"unknown field — {nearest(str(location[-1]), _fields(location[:-1]))}"
    elif fault["type"] == "missing":
        told = "is missing"
    return f"{path}:{_line(tree, location)}: {dotted}: {told}"


def _fields(parent: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Migration
    if parent[:1] == ("switch",):
        model = SwitchSpec
    elif parent[:1] == ("tables",):
        model = TableSpec if len(parent) > 1 else Tables
    return [f for f in model.model_fields if f not in _OURS]


def _line(tree: yaml.Node, location: tuple[Any, ...]) -> int:
    """The line of the deepest part of `location` that the file has."""
    node, line = tree, tree.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _duplicates(node: yaml.Node, prefix: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield f"{prefix}{key.value}", key.start_mark.line + 1
            seen.add(key.value)
            yield from _duplicates(value, f"{prefix}{key.value}.")
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicates(item, prefix)
