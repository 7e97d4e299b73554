"""cast: {column: type} — carry a column as another type. Exact, or the run stops and names a value that isn't.

Numbers become numbers, dates and timestamps one another, everything but binary a text, and texts what they are the text of:
integers and decimals in digits, floats (the nearest one), dates and times as ISO 8601 writes them. A timestamptz as a
timestamp is its time in UTC, and back. What else there may be is for `derive` to say.
A column that is cast to string (or json) before any other step is read as the source's own text: see `takes_text` in `_mapping`.
So is one that is cast `{to: type, from: form}`: `from` names the forms of `_forms` that its values are written in, beside a plain text.

NOT NULL stays, unless a form stands for NULL. A literal default is cast as the values are; a number stays numbered as another whole number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.errors import SET_APART, BadValues, TransformFailed
from penstock.transforms import Transform, _forms, _recognise, made, mapping, named, need, plain, replaced

if TYPE_CHECKING:
    import pyarrow as pa

    from penstock.model.schema import Column, Type

_MANY = 1000
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def check(args: Any) -> str | None:
    fault = mapping(args, "{column: type}")
    return fault or next((f"{column}: {odd}" for column, value in args.items() if (odd := _odd(value))), None)


def _odd(value: Any) -> str | None:
    """What is wrong with what a cast says of one column."""
    if isinstance(value, str):
        return None
    if not isinstance(value, Mapping) or not {*value} <= {"to", "from"} or not isinstance(value.get("to"), str):
        return f"{value!r} is not a type; expected a type, or {{to: type, from: form}}"
    names = value.get("from", [])
    if not (isinstance(names, str) or (isinstance(names, list) and all(isinstance(n, str) for n in names))):
        return f"from: {names!r} is not a form; known: {', '.join(_forms.FORMS)}"
    return _forms.fault(asked(value)[1])


def asked(value: Any) -> tuple[str, tuple[str, ...]]:
    """What a cast says of one column: the type, and the forms of its values; none where it is a plain cast."""
    if isinstance(value, str):
        return value, ()
    names = value.get("from", "text")
    return value["to"], (names,) if isinstance(names, str) else tuple(names) or ("text",)


def schema(columns: tuple[Column, ...], args: Mapping[str, Any]) -> tuple[Column, ...]:
    need(columns, args)
    return made(columns, {c.name: _column(c, *asked(args[c.name])) for c in columns if c.name in args})


def _column(column: Column, to: str, forms: Sequence[str]) -> Column:
    from penstock.model.schema import INTEGERS

    kind = _type(column, to, forms)
    numbers = {column.type.name, kind.name} <= INTEGERS
    return plain(
        column,
        type=kind,
        nullable=column.nullable or bool(_forms.NOTHING & {*forms}),
        default=_default(column, kind, forms),
        identity=column.identity and numbers,
        numbering=column.numbering if numbers else None,
    )


def _default(column: Column, wanted: Type, forms: Sequence[str]) -> str | None:
    """The default as a value of the new type: a literal cast as the values are; the current time of what is a moment still."""
    import pyarrow as pa

    from penstock.model.schema import Type

    if column.default is None or not column.default.startswith("="):
        moments = {"now": ("timestamp", "timestamptz"), "today": ("date",)}
        return column.default if wanted.name in moments.get(column.default or "", ()) else None
    text = column.default.removeprefix("=")
    try:
        if column.type.name == "boolean":
            text = "1" if text.lower() in ("true", "t", "1", "b'1'") else "0"
        literal = pa.chunked_array([[text]], pa.string())
        if forms:
            found, bad = _forms.read(literal, wanted, forms)
            if bad:
                return None
        else:
            given = literal if column.type.name == "unsupported" else convert(literal, column.type)
            found = convert(given, wanted)
        [value] = convert(found, Type("string")).to_pylist() if wanted.name != "boolean" else [str(found[0].as_py()).lower()]
    except (ValueError, NotImplementedError):
        return None
    return None if value is None else f"={value}"


def apply(batch: pa.Table, args: Mapping[str, Any], out: tuple[Column, ...], secrets: Mapping[str, str]) -> pa.Table:
    for column in out:
        if column.name in args:
            batch = replaced(batch, column.name, _cast(batch.column(column.name), column, *asked(args[column.name])))
    return batch


def _cast(values: pa.ChunkedArray, column: Column, to: str, forms: Sequence[str]) -> pa.ChunkedArray:
    import pyarrow as pa

    from penstock.model.schema import Type

    if forms:
        texts = values if pa.types.is_string(values.type) else convert(values, Type("string"))
        made, bad = _forms.read(texts, column.type, forms)
        if not bad:
            return made
        why = f"{_shown(values[bad[0]].as_py())} is in none of the forms {', '.join(forms)}"
        values, found = texts, bad[:_MANY]
    else:
        try:
            return convert(values, column.type)
        except ValueError as error:
            found = culprits(values, column.type)
            why = f"{_shown(values[found[0]].as_py())}: {str(error).splitlines()[0]}"
    what = f"{column.name} can't be cast to {column.type}"
    fix = f"cast to a wider type, map or derive the values first, or {SET_APART}"
    if pa.types.is_string(values.type):
        fix = _recognise.advice(column.name, column.type, [values[n].as_py() for n in found], forms, not column.nullable) or fix
    raise BadValues(what, why=why, fix=fix, column=column.name, rows=found) from None


def _type(column: Column, text: str, forms: Sequence[str] = ()) -> Type:
    """The type written as `text`, when values of the column can be cast to it at all. Raises TransformFailed."""
    import pyarrow as pa

    from penstock.model.schema import WORDED, Type

    what = f"{column.name} can't be cast from {column.type} to {text}"
    try:
        wanted = Type.parse(text)
    except ValueError as error:
        raise TransformFailed(what, why=str(error)) from None
    if wanted.name in ("enum", "set") and not wanted.labels:
        raise TransformFailed(what, why="its labels are missing", fix=f"write for instance {wanted.name}('a','b')")
    if forms:
        return _written(column, wanted, forms, what)
    try:
        if not _possible(column.type.name, wanted.name):
            raise NotImplementedError
        convert(pa.chunked_array([], column.type.arrow), wanted)
    except (ValueError, NotImplementedError):
        own = wanted.name in WORDED | {"jsonb"}
        why = "only a database that has this type can read it" if own else "there is more than one way to do it"
        raise TransformFailed(what, why=why, fix="cast it to string" if own else _way(column, wanted)) from None
    return wanted


def _way(column: Column, wanted: Type) -> str:
    """How a column can be cast all the same."""
    from penstock.model.schema import INTEGERS

    numbers, form = INTEGERS | {"decimal", "number", "float32", "float64"}, ""
    if wanted.name in _forms.MOMENTS and column.type.name in numbers:
        form = "unix_s"
    elif wanted.name == "boolean" and column.type.name in ("string", "enum", "unsupported"):
        form = "words"
    if not form:
        return "use `derive`, with an expression that says how"
    others = ", or the form that its numbers have: `unix_ms`, `unix_us`, `julian`" if form == "unix_s" else ""
    return f"say how: `cast: {{{column.name}: {{to: {wanted}, from: {form}}}}}`{others}"


def _written(column: Column, wanted: Type, forms: Sequence[str], what: str) -> Type:
    """`wanted`, when texts of these forms can be read as it. Raises TransformFailed."""
    from penstock.model.schema import BINARIES

    if column.type.name in BINARIES or not any(_forms.fits(name, wanted) for name in ("text", *forms)):
        raise TransformFailed(what, why="its values are no texts", fix="use `derive`, with an expression that says how")
    for name in forms:
        if not _forms.fits(name, wanted):
            known = [f.name for f in _forms.FORMS.values() if wanted.name in f.targets]
            raise TransformFailed(what, why=f"the form {name} is not one of {wanted}", fix=f"write one of {', '.join(known)}")
    return wanted


def _possible(found: str, wanted: str) -> bool:
    from penstock.model.schema import BINARIES, DECIMALS, INTEGERS, TEXTS, WORDED

    numbers, times = INTEGERS | DECIMALS | {"float32", "float64", "boolean"}, {"date", "timestamp", "timestamptz"}
    if wanted in WORDED or wanted == "jsonb":
        return found == wanted  # only the databases that have it know its one form
    if found in WORDED:
        return wanted == "string" or (found == "number" and wanted in numbers - {"boolean"})
    if wanted in BINARIES or found in BINARIES:
        return found == wanted or (found in BINARIES and wanted == "binary")
    if found in TEXTS or found == "unsupported":
        return wanted != "boolean"
    return wanted in TEXTS or found == wanted or {found, wanted} <= numbers or {found, wanted} <= times


def convert(values: pa.ChunkedArray, wanted: Type) -> pa.ChunkedArray:
    """`values` as `wanted`, exactly. Raises ValueError when one of them isn't of that type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found, kind = values.type, wanted.arrow
    if pa.types.is_string(found) and not pa.types.is_string(kind):
        return _from_text(values, kind)
    if pa.types.is_string(kind) or found == kind:
        return fits(values.cast(kind), wanted)
    if pa.types.is_boolean(found):
        values = values.cast(pa.int8())
    made = _between(values, kind)
    if pa.types.is_integer(values.type) and pa.types.is_decimal(kind):
        return made  # parsed from digits: exact, and Arrow can't take back what has a scale over 38
    # Arrow cuts and rounds without a word between the others
    back = _between(made, values.type)
    unlike = pc.not_equal(back, values)
    if pa.types.is_floating(values.type):
        unlike = pc.and_(unlike, pc.invert(pc.and_(pc.is_nan(back), pc.is_nan(values))))
    if pc.any(unlike).as_py():
        raise ValueError(f"not exact as {wanted}")
    return made


def fits(values: pa.ChunkedArray, wanted: Type) -> pa.ChunkedArray:
    """`values`, which have its Arrow type, as values of `wanted`. Raises ValueError: too long, no label, not JSON."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from penstock.transforms import _expression

    if wanted.length is not None:
        lengths = pc.utf8_length(values) if wanted.name == "string" else pc.binary_length(values)
        if (pc.max(lengths).as_py() or 0) > wanted.length:
            raise ValueError(f"longer than {wanted.length}")
    if wanted.labels:
        words = values.drop_null()
        if wanted.name == "set":
            words = pc.list_flatten(pc.split_pattern(words.filter(pc.not_equal(words, "")), ","))
        if not _all(pc.is_in(words, pa.array(wanted.labels, pa.string()))):
            raise ValueError(f"not one of {', '.join(wanted.labels)}")
    if wanted.name == "uuid":
        if not _all(pc.match_substring_regex(values, _UUID)):
            raise ValueError("not a UUID")
        return pc.utf8_lower(values)
    if wanted.name == "json" and not _all(_expression.selected(pa.table({"v": values}), "json_valid(v)").column(0)):
        raise ValueError("not JSON")
    return values


def _all(truths: pa.ChunkedArray) -> bool:
    """Whether none is false; NULL is no value to hold anything against."""
    import pyarrow.compute as pc

    return bool(pc.all(truths, min_count=0).as_py())


def _from_text(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_time(kind):
        # Arrow reads no times of day, but timestamps
        dated = pc.binary_join_element_wise("1970-01-01 ", values, "")
        return dated.cast(pa.timestamp("us")).cast(kind)
    if pa.types.is_integer(kind) and pc.any(pc.match_substring(values, "x", ignore_case=True)).as_py():
        raise ValueError("not in decimal digits")
    return values.cast(kind)


def _between(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Arrow's safe cast between numbers, or between dates and timestamps, by way of what Arrow can do."""
    import pyarrow as pa

    found = values.type
    if pa.types.is_integer(found) and pa.types.is_decimal(kind):
        return values.cast(pa.string()).cast(kind)  # straight, Arrow asks for room for every int64
    if pa.types.is_decimal(found) and pa.types.is_boolean(kind):
        return values.cast(pa.int64()).cast(kind)
    if pa.types.is_boolean(found) and pa.types.is_decimal(kind):
        return values.cast(pa.int8()).cast(pa.string()).cast(kind)
    if pa.types.is_temporal(found) and pa.types.is_temporal(kind):
        return values.cast(pa.timestamp("us")).cast(kind)
    return values.cast(kind)


def culprits(values: pa.ChunkedArray, wanted: Type) -> list[int]:
    """The places of the first values that can't be converted, many at most."""
    found: list[int] = []
    untried = [(0, len(values))]
    while untried and len(found) < _MANY:
        start, count = untried.pop()
        try:
            convert(values.slice(start, count), wanted)
        except ValueError:
            if count == 1:
                found.append(start)
            else:
                half = count // 2
                untried += [(start + half, count - half), (start, half)]
    return found


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _texts(args: Mapping[str, Any], columns: Collection[str]) -> set[str]:
    """The columns that are cast to a text, or to JSON, or of which it is said how their texts are read."""
    texts = {name for name, value in args.items() if asked(value)[0].partition("(")[0].strip() in ("string", "json")}
    return texts | _forms_of(args, columns)


def _forms_of(args: Mapping[str, Any], columns: Collection[str]) -> set[str]:
    """The columns of which it is said how their texts are read."""
    return {name for name, value in args.items() if asked(value)[1]}


transform = Transform(
    check=check,
    schema=schema,
    apply=apply,
    touches=named,
    reads=named,
    takes_text=_texts,
    wants_text=_forms_of,
    same_for_same=True,
    args_hold_values=False,
    sign=" to ",
)
