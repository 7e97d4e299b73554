"""Two schemas with foreign keys that grow a day at a time, in any database that SQLAlchemy can make tables in. For tests.

Shop: orders by day; their items follow them through the foreign key; a payment may come after midnight, and so in another interval than its
order; customers change; addresses are an ordinary table.
Forum: posts reply to posts of other days; a mention refers to a post and to a session, each partitioned by a time of its own; a mark refers to
a mention by a key of two columns.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

FIRST = dt.datetime(2026, 3, 1)
TEXT = sa.String(80)


@dataclass(frozen=True)
class Schema:
    """tables: in an order in which each stands behind those it refers to. day: adds the rows of the n-th day, from 1.

    declared: what the migration file says of the tables.  secret: the column that is masked, as (table, column).
    """

    name: str
    tables: sa.MetaData
    day: Callable[[sa.Connection, int], None]
    declared: str
    secret: tuple[str, str]

    def make(self, engine: sa.Engine) -> None:
        """Make the empty tables, in the place of those that are there."""
        self.tables.drop_all(engine)
        self.tables.create_all(engine)

    def rows(self, engine: sa.Engine, before: dt.datetime | None = None) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables in the order of their keys, without the masked column; of partitioned tables those `before` a time."""
        found = {}
        with engine.connect() as connection:
            for table in self.tables.sorted_tables:
                columns = [c for c in table.columns if (table.name, c.name) != self.secret]
                query = sa.select(*columns).order_by(*table.primary_key.columns)
                if before is not None and table.name in _CLOCKS:
                    query = _earlier(self.tables, query, table, before)
                found[table.name] = [tuple(row) for row in connection.execute(query)]
        return found


_CLOCKS = {
    "orders": "created_at",
    "payment": "paid_at",
    "item": "orders",
    "session": "begun_at",
    "post": "at",
    "mention": "post",
    "mark": "at",
}


def _earlier(tables: sa.MetaData, query: Any, table: sa.Table, before: dt.datetime) -> Any:
    clock = _CLOCKS[table.name]
    if clock in table.columns:
        return query.where(table.c[clock] < before)
    other = tables.tables[clock]
    return query.join(other, table.c[f"{clock}_id"] == other.c["id"]).where(other.c[_CLOCKS[clock]] < before)


def _number(name: str = "id", **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=False, **more)


def _to(name: str, other: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.ForeignKey(other), **more)


_NAMES = {"fk": "fk_%(table_name)s_%(column_0_name)s"}

_SHOP = sa.MetaData(naming_convention=_NAMES)
sa.Table("country", _SHOP, sa.Column("code", sa.String(2), primary_key=True), sa.Column("name", TEXT, nullable=False))
sa.Table("category", _SHOP, _number(primary_key=True), _to("parent", "category.id"), sa.Column("name", TEXT, nullable=False))
sa.Table(
    "customer",
    _SHOP,
    _number(primary_key=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("country", sa.String(2), sa.ForeignKey("country.code"), nullable=False),
    sa.Column("updated_at", sa.DateTime, nullable=False),
)
sa.Table(
    "address",
    _SHOP,
    _number(primary_key=True),
    _to("customer_id", "customer.id", nullable=False),
    sa.Column("country", sa.String(2), sa.ForeignKey("country.code"), nullable=False),
    sa.Column("line", TEXT, nullable=False),
)
sa.Table(
    "product", _SHOP, _number(primary_key=True), _to("category_id", "category.id", nullable=False), sa.Column("price", sa.Numeric(10, 2))
)
sa.Table(
    "orders",
    _SHOP,
    _number(primary_key=True),
    _to("customer_id", "customer.id", nullable=False),
    sa.Column("email", TEXT, nullable=False),
    sa.Column("total", sa.Numeric(12, 2)),
    sa.Column("created_at", sa.DateTime, nullable=False),
)
sa.Table(
    "item",
    _SHOP,
    _to("orders_id", "orders.id", primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
    _to("product_id", "product.id", nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
)
sa.Table(
    "payment",
    _SHOP,
    _number(primary_key=True),
    _to("orders_id", "orders.id", nullable=False),
    sa.Column("amount", sa.Numeric(12, 2)),
    sa.Column("paid_at", sa.DateTime, nullable=False),
)


def _shop_day(connection: sa.Connection, day: int) -> None:
    """Thirty orders; the last of them is paid after midnight."""
    t, begins = _SHOP.tables, FIRST + dt.timedelta(days=day - 1)
    if day == 1:
        connection.execute(t["country"].insert(), [{"code": c, "name": f"Land {c}"} for c in ("CH", "DE", "FR")])
        connection.execute(t["category"].insert(), [{"id": 1, "parent": None, "name": "Home"}])
        connection.execute(t["category"].insert(), [{"id": n, "parent": 1, "name": f"Part {n}"} for n in (2, 3)])
        connection.execute(t["product"].insert(), [{"id": n, "category_id": 1 + n % 3, "price": n + 0.95} for n in range(1, 21)])
    people = range((day - 1) * 10 + 1, day * 10 + 1)
    connection.execute(
        t["customer"].insert(), [{"id": n, "name": f"Zoë {n}", "country": ("CH", "DE", "FR")[n % 3], "updated_at": begins} for n in people]
    )
    connection.execute(t["address"].insert(), [{"id": n, "customer_id": n, "country": "CH", "line": f"Straße {n}"} for n in people])
    random_ = random.Random(day)
    orders = range(day * 1000, day * 1000 + 30)
    connection.execute(
        t["orders"].insert(),
        [
            {
                "id": n,
                "customer_id": random_.randint(1, day * 10),
                "email": f"secret.{n}@example.org",
                "total": round((n % 977) / 7, 2),
                "created_at": begins + dt.timedelta(minutes=45 * (n - day * 1000) + 100),
            }
            for n in orders
        ],
    )
    connection.execute(
        t["item"].insert(), [{"orders_id": n, "line": k, "product_id": 1 + (n + k) % 20, "quantity": k} for n in orders for k in (1, 2)]
    )
    connection.execute(
        t["payment"].insert(),
        [
            {
                "id": n,
                "orders_id": n,
                "amount": round((n % 977) / 7, 2),
                "paid_at": begins + dt.timedelta(minutes=45 * (n - day * 1000) + 140),
            }
            for n in orders
        ],
    )


SHOP = Schema(
    "daily_shop",
    _SHOP,
    _shop_day,
    """\
  country: {load: once}
  category: {load: once}
  product: {load: once}
  customer: {incremental: {by: updated_at}}
  orders: {partition: {by: created_at}, transform: [{mask: {email: sha256}}]}
  item: {partition: {with: orders}}
  payment: {partition: {by: paid_at}}
""",
    ("orders", "email"),
)

_FORUM = sa.MetaData(naming_convention=_NAMES)
sa.Table(
    "member",
    _FORUM,
    _number(primary_key=True),
    sa.Column("phone", TEXT, nullable=False),
    sa.Column("updated_at", sa.DateTime, nullable=False),
)
sa.Table(
    "session",
    _FORUM,
    _number(primary_key=True),
    _to("member_id", "member.id", nullable=False),
    sa.Column("begun_at", sa.DateTime, nullable=False),
)
sa.Table(
    "post",
    _FORUM,
    _number(primary_key=True),
    _to("reply_to", "post.id"),
    _to("session_id", "session.id", nullable=False),
    sa.Column("body", TEXT),
    sa.Column("at", sa.DateTime, nullable=False),
)
sa.Table(
    "mention",
    _FORUM,
    _to("post_id", "post.id", primary_key=True),
    sa.Column("no", sa.Integer, primary_key=True, autoincrement=False),
    _to("session_id", "session.id", nullable=False),
)
sa.Table(
    "mark",
    _FORUM,
    _number(primary_key=True),
    _number("post_id", nullable=False),
    sa.Column("no", sa.Integer, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.ForeignKeyConstraint(["post_id", "no"], ["mention.post_id", "mention.no"]),
)


def _forum_day(connection: sa.Connection, day: int) -> None:
    """Sessions begin before midnight and go on behind it; a reply may be to any earlier post, a mark to any earlier mention."""
    t, begins = _FORUM.tables, FIRST + dt.timedelta(days=day - 1)
    random_ = random.Random(day)
    people = range((day - 1) * 5 + 1, day * 5 + 1)
    connection.execute(t["member"].insert(), [{"id": n, "phone": f"+41 79 {n:07}", "updated_at": begins} for n in people])
    own = range(day * 100, day * 100 + 8)
    sessions = [{"id": n, "member_id": random_.randint(1, day * 5), "begun_at": begins + dt.timedelta(hours=3 * (n % 100))} for n in own]
    connection.execute(t["session"].insert(), sessions)
    earlier = [0, *own] if day == 1 else [*range((day - 1) * 100, (day - 1) * 100 + 8), *own]
    posts: list[dict[str, Any]] = []
    for n in range(day * 1000, day * 1000 + 25):
        reply = random_.choice([None, n - 1, n - 1000, n]) if day > 1 and n % 1000 else None
        session = random_.choice([s for s in earlier if s])
        posts.append(
            {"id": n, "reply_to": reply, "session_id": session, "body": f"post {n}", "at": begins + dt.timedelta(minutes=55 * (n % 1000))}
        )
    for post in posts:
        connection.execute(t["post"].insert(), post)
    connection.execute(
        t["mention"].insert(),
        [{"post_id": p["id"], "no": k, "session_id": random_.choice([s for s in earlier if s])} for p in posts for k in (1, 2)],
    )
    marked = [random_.randint(max(1, day - 2), day) * 1000 + random_.randrange(25) for _ in range(20)]
    connection.execute(
        t["mark"].insert(),
        [{"id": day * 1000 + k, "post_id": p, "no": 1 + k % 2, "at": begins + dt.timedelta(minutes=70 * k)} for k, p in enumerate(marked)],
    )


FORUM = Schema(
    "daily_forum",
    _FORUM,
    _forum_day,
    """\
  member: {incremental: {by: updated_at}, transform: [{mask: {phone: sha256}}]}
  session: {partition: {by: begun_at}}
  post: {partition: {by: at}}
  mention: {partition: {with: post}}
  mark: {partition: {by: at}}
""",
    ("member", "phone"),
)
