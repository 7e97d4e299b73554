"""What a check is given: frozen values that are read or decided before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.databases import Size
from penstock.databases._shared.long_values import Widths
from penstock.errors import PenstockError, Problem
from penstock.migration.spec import Migration
from penstock.model.plan import TablePlan
from penstock.model.schema import Table
from penstock.planning.preflight.dry_build import DryBuild
from penstock.planning.preflight.endpoints import Endpoint
from penstock.planning.preflight.links import UnlinkedKey
from penstock.planning.preflight.sample import Sample
from penstock.planning.request import RunRequest
from penstock.transforms._mapping import Mapped


@dataclass(frozen=True)
class Planned:
    """The tables of the migration, as both catalogues and the migration file say they will be.

    source_names: all tables of the source's schemas.
    set_aside: those that are left out because the migration does not name them itself, each group with what it is.
    tables: the source tables that the migration moves, by name.
    mapped: what the steps make of each.  faults: why the steps of the others can't be applied. Both by source name.
    left_out_keys: the foreign keys that are not made at the target.
    live: the tables of the target's schemas.
    plans: of each table in `mapped`.
    """

    source_names: tuple[str, ...] = ()
    set_aside: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    mapped: Mapping[str, Mapped] = field(default_factory=dict)
    faults: Mapping[str, PenstockError] = field(default_factory=dict)
    left_out_keys: tuple[UnlinkedKey, ...] = ()
    live: tuple[Table, ...] = ()
    plans: tuple[TablePlan, ...] = ()


@dataclass(frozen=True)
class RowFacts:
    """What is known of the rows. All by source table.

    sizes: as the source's statistics have them.
    sample: None when no sample was taken: it was not asked for, or an earlier check has found a blocking problem.
    widths: of tables whose rows may be long; empty when an earlier check has found a blocking problem.
    """

    sizes: Mapping[str, Size] = field(default_factory=dict)
    sample: Sample | None = None
    widths: Mapping[str, Widths] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What a check looks at. The fields after `target` are empty until the phase that their comment names.

    planned: from the phase `tables` on.
    access: what the two databases say about this user's rights and about settings. From the phase `tables` on.
    moved: the plans of the tables that this run moves, limited to the rows that it moves. From the phase `scope` on.
    scope_problems: why some tables can't be limited so. From the phase `scope` on.
    dry_build: from the phase `build` on; None where nothing was tried.
    rows: in the phase `rows`.
    """

    request: RunRequest
    source: Endpoint
    target: Endpoint
    planned: Planned = Planned()
    access: tuple[Problem, ...] = ()
    moved: tuple[TablePlan, ...] | None = None
    scope_problems: tuple[Problem, ...] = ()
    dry_build: DryBuild | None = None
    rows: RowFacts = RowFacts()

    @property
    def migration(self) -> Migration:
        return self.request.migration

    def wanted(self, table: str) -> bool:
        """Whether the run is asked for this source table."""
        return not self.request.tables or table in self.request.tables

    @property
    def tables(self) -> dict[str, Table]:
        """The source tables that the run is asked for, by name."""
        return {name: table for name, table in self.planned.tables.items() if self.wanted(name)}

    @property
    def plans(self) -> tuple[TablePlan, ...]:
        """The plans of the tables that the run is asked for."""
        return tuple(p for p in self.planned.plans if self.wanted(p.name))

    @property
    def run_plans(self) -> tuple[TablePlan, ...]:
        """The plans of the tables that this run moves, as far as they are known: `moved`, else `plans`."""
        return self.plans if self.moved is None else self.moved
