"""The hint that an error gives for an unknown word."""

from __future__ import annotations

from penstock.runtime.nearest import nearest


def test_the_word_that_is_spelt_most_alike_is_suggested() -> None:
    assert nearest("custmer", ["order", "customer"]) == "did you mean 'customer'?"


def test_words_are_listed_sorted_when_none_is_alike() -> None:
    assert nearest("zzz", {"order", "customer"}) == "there are: customer, order"


def test_a_long_list_is_cut() -> None:
    assert nearest("zzz", [f"t{n:02}" for n in range(50)]).endswith("t10, t11")
