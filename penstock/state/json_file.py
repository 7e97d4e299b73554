"""A JSON file of a staging area that holds one value of one type: what is read is the type that was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from penstock.errors import StagingDamaged
from penstock.state.staging import Staging, as_text

T = TypeVar("T")
Absent = Annotated[T | None, Field(exclude_if=lambda value: value is None)]
"""The type of a field that is left out of the JSON when it is None."""


def record(value: object) -> Any:
    """A value of a dataclass as JSON has it."""
    kind = type(value)
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind].dump_python(value, mode="json", by_alias=True)


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


@dataclass(frozen=True)
class JsonFile(Generic[T]):
    """A file at `path`, relative to a staging area. Files of earlier versions are read too: a field that they lack has a default."""

    path: str
    adapter: TypeAdapter[T]

    def write(self, area: Staging, value: T) -> None:
        """Publish the value whole."""
        area.write_text(self.text(value), self.path)

    def text(self, value: T) -> str:
        """What the file holds of a value."""
        return as_text(self.adapter.dump_python(value, mode="json", by_alias=True))

    def read(self, area: Staging) -> T:
        """The value. Raises FileNotFoundError, and StagingDamaged when the file holds something else."""
        return self.parsed(area, area.read_text(self.path))

    def parsed(self, area: Staging, text: str) -> T:
        """The value that a text of the file says. Raises StagingDamaged when it says something else."""
        try:
            return self.adapter.validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]  # its message quotes what the file holds, which nothing may show
            why = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['type']}"
            raise StagingDamaged.of_run(f"{area.url}/{self.path}", why) from None

    def find(self, area: Staging) -> T | None:
        """The value; None when there is no such file yet."""
        return self.read(area) if area.exists(self.path) else None
