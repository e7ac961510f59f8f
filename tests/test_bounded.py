"""Bounded output keeps both ends."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from assay.bounded import Bounded


@given(st.lists(st.binary(max_size=30), max_size=30), st.integers(1, 40).map(lambda half: 2 * half))
def test_both_ends_survive_and_what_is_hidden_is_counted(pieces: list[bytes], limit: int) -> None:
    output = Bounded(limit)
    for piece in pieces:
        output.add(piece)
    whole = b"".join(pieces)

    value = output.value()

    if len(whole) <= limit:
        assert value == whole
        assert output.hidden == 0
    else:
        half = limit // 2
        digest = hashlib.sha256(whole).hexdigest().encode()
        note = b"\n[... %d bytes hidden; sha256 of all: %s ...]\n" % (len(whole) - limit, digest)
        assert value == whole[:half] + note + whole[-half:]
        assert output.hidden == len(whole) - limit
