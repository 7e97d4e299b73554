"""The stages of a run, declared once and in order. run.py, Airflow's DAG, progress, the run log and the console read this table.

To add a stage, add a module to penstock/stages/ and a line here: see docs/contributing/add-a-stage.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from penstock.model.plan import Plan, TablePlan


class Asked(Protocol):
    """What the condition of a stage can ask. A plan answers for its run, a migration for all of its runs."""

    @property
    def transforms(self) -> bool: ...

    @property
    def repairs(self) -> bool: ...

    @property
    def asks_approval(self) -> bool: ...

    @property
    def live(self) -> bool: ...


def _always(_: Asked) -> bool:
    return True


def _every_table(plan: Plan) -> Sequence[TablePlan]:
    return plan.tables


def _transformed(plan: Plan) -> Sequence[TablePlan]:
    return plan.transformed


def _transforms(asked: Asked) -> bool:
    return asked.transforms


def _repairs(asked: Asked) -> bool:
    return asked.repairs


def _asks_approval(asked: Asked) -> bool:
    return asked.asks_approval and not asked.live


def _switches(asked: Asked) -> bool:
    """A live run ends with its proof: `penstock switch` is another command."""
    return not asked.live


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    name: its name in every record of a run, and the id of its task in Airflow.
    label: what reports, pages and the console call it.
    function: `module:function` in penstock.stages, called with the run's context and with `given`; of a stage that is fanned out,
      called once a group, with the context and the group's tables or chunks. "": run.py and the operators call it themselves.
    when: whether a run has the stage.  tables: the tables that it works on.
    fan_out: its work is dealt to several tasks, by whole tables or by chunks; "" is one task.
    reads_source: its tasks take slots of the migration's Airflow pool.  writes: its groups write to the target.
    gate: nothing switches unless it has passed.
    on_rows: its time counts for the run's rate of rows.
    row_cost: where every row goes through it, the time that a row takes, relative to reading it (a guess); else 0.
    task: the stage in whose Airflow task it runs; "" is a task of its own.
    events: what it emits, each as `<name up to the first underscore>.<event>`.
    """

    name: str
    label: str
    function: str = ""
    given: tuple[str, ...] = ()
    when: Callable[[Asked], bool] = _always
    tables: Callable[[Plan], Sequence[TablePlan]] = _every_table
    fan_out: Literal["", "tables", "chunks"] = ""
    reads_source: bool = False
    writes: bool = False
    gate: bool = False
    on_rows: bool = True
    row_cost: float = 0.0
    task: str = ""
    events: tuple[str, ...] = ()

    @property
    def conditional(self) -> bool:
        """Whether a run may be without it."""
        return self.when is not _always

    @property
    def emits(self) -> tuple[str, ...]:
        """The whole names of its events."""
        return tuple(f"{self.name.partition('_')[0]}.{event}" for event in self.events)

    @property
    def counts(self) -> str:
        """The event that counts the rows that go through it; "" where rows do not."""
        return next((e for e in sorted(self.emits) if e.endswith((".batch", ".chunk"))), "") if self.row_cost else ""


_GATE = ("started", "decided")

PLAN = (
    Stage("preflight", "preflight"),
    Stage("plan", "plan", events=("started", "written")),
)
"""The stages that decide what will be done."""

MOVE = (
    Stage(
        name="extract",
        label="extract",
        function="extract:extract",
        fan_out="tables",
        reads_source=True,
        row_cost=1.0,
        events=("kept", "started", "batch", "chunk", "finished"),
    ),
    Stage("gate_extracted", "gate: extracted rows", "validate.gate:gate", ("extracted",), gate=True, events=_GATE),
    Stage(
        name="transform",
        label="transform",
        function="transform:transform",
        when=_transforms,
        tables=_transformed,
        fan_out="chunks",
        row_cost=1.0,
        events=("kept", "started", "chunk", "finished"),
    ),
    Stage(
        name="gate_transformed",
        label="gate: transformed rows",
        function="validate.gate:gate",
        given=("transformed",),
        when=_transforms,
        tables=_transformed,
        gate=True,
        events=_GATE,
    ),
    Stage(
        name="compare",
        label="compare with the live tables",
        function="compare:compare",
        when=_repairs,
        task="prepare",
        events=("started", "chunk", "finished"),
    ),
    Stage("prepare", "create the shadow tables", "load:prepare", on_rows=False, events=("started", "finished")),
    Stage(
        name="load",
        label="load the shadow tables",
        function="load:load",
        fan_out="chunks",
        writes=True,
        row_cost=1.5,
        events=("kept", "started", "batch", "attempted", "chunk", "finished"),
    ),
    Stage("build", "build keys and indexes", "load:build", events=("started", "statement", "finished")),
    Stage("gate_loaded", "gate: loaded rows", "validate.gate:gate", ("loaded",), gate=True, events=_GATE),
    Stage("prove", "proof", "prove:prove", gate=True, row_cost=0.7, events=("started", "chunk", "finished")),
)
"""The stages up to the proof. Nothing that they do is seen by readers of the target."""

SWITCH = (
    Stage("approve", "approval", when=_asks_approval, gate=True),
    Stage("switch", "switch", "switch.switch:switch", when=_switches, events=("started", "statement", "finished")),
    Stage("verify", "verify the live tables", "switch.switch:verify", when=_switches),
    Stage("finish", "remove staged rows, drop expired copies", "switch.switch:finish", when=_switches),
)
"""The stages that make the tables live."""

PIPELINE = (*PLAN, *MOVE, *SWITCH)
LIVE = (
    Stage("follow", "follow the source", events=("started", "staged", "applied", "idle", "finished")),
    Stage("freeze", "close the source", events=("finished",)),
    Stage("align", "proof at one position", gate=True, events=("started", "chunk", "finished")),
)
"""The stages of a live migration between its run and its switch: penstock/live.py calls them."""
UNDO = Stage("undo", "undo", events=("finished",))
"""The only stage of an undo, which is a run of its own."""


def named(name: str) -> Stage:
    """The stage called `name`. Raises KeyError when there is none."""
    for stage in (*PIPELINE, *LIVE, UNDO):
        if stage.name == name:
            return stage
    raise KeyError(name)


def of(asked: Asked, stages: Iterable[Stage] = PIPELINE) -> list[Stage]:
    """Those of the stages that a run has."""
    return [stage for stage in stages if stage.when(asked)]


def task(name: str) -> list[Stage]:
    """The stages that run in the Airflow task called `name`, in order."""
    return [stage for stage in PIPELINE if (stage.task or stage.name) == name]


def following(name: str) -> Stage | None:
    """The stage of the Airflow task after the one called `name`; None after the last."""
    own = [stage for stage in PIPELINE if not stage.task]
    at = next(number for number, stage in enumerate(own) if stage.name == name)
    return own[at + 1] if at + 1 < len(own) else None
