"""A URL as it is shown has none of its secrets, wherever they are."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from penstock.model import address

SECRET = "S3cr3t/Un1que&77"


@pytest.mark.parametrize(
    "option", ["password", "passwd", "PASSWORD", "sslpassword", "sslkey", "passfile", "motherduck_token", "options", "x"]
)
def test_an_option_that_may_hold_a_secret_is_withheld(option: str) -> None:
    url = sa.make_url("postgresql://reader@h/x").update_query_dict({option: SECRET})
    assert address.shown(url) == f"postgresql://reader@h/x?{option}=***"


def test_what_helps_to_find_the_server_is_shown() -> None:
    assert address.shown(sa.make_url("postgresql://a:pw@h:1/x?sslmode=require")) == "postgresql://a:***@h:1/x?sslmode=require"
    assert address.shown(sa.make_url("sqlite:////tmp/a b.db")) == "sqlite:////tmp/a b.db"


def test_a_url_as_text_is_shown_alike_and_one_that_cannot_be_read_is_withheld() -> None:
    assert address.of_text(f"mysql://a@h/x?passwd={SECRET}".replace("&", "%26")) == "mysql://a@h/x?passwd=***"
    assert address.of_text("postgresql://a:b:c/d@h:port/x") == "postgresql://***"


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=6, max_size=20), st.sampled_from(["url", "option", "options"])
)
def test_no_secret_is_left_in_the_words_of_a_driver(secret: str, where: str) -> None:
    url = sa.URL.create("postgresql", "reader", secret if where == "url" else None, "h", database="x")
    if where != "url":
        url = url.update_query_dict({"sslpassword": secret if where == "option" else (secret, f"{secret}2")})
    words = f"<{url.render_as_string(hide_password=False)}> did not accept <{secret}>"
    assert f"<{secret}>" not in address.without_secrets(words, url) and secret not in address.shown(url).replace("***", "")
