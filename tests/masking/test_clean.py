"""What was looked through before is not looked through again, and that changes no result."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.masking import Dictionary, Leak, files, scan
from assay.masking.dictionary import named
from assay.masking.files import Clean, leaks
from assay.model.settings import MaskPolicy

POLICIES = [
    MaskPolicy(),
    MaskPolicy.model_validate({"terms": ["zanzibar"]}),
    MaskPolicy.model_validate({"allow": [{"term": "opencode", "task": "a", "reason": "it is the task's own"}]}),
]
LOOKS = st.tuples(
    st.sampled_from(["x.log", "trajectories/a/b/trajectory.json", "r.yaml"]),
    st.sampled_from(
        ["nothing", "opencode", "zanzibar", "a\\nopencode", "\ud800", "identity_guess: {agent: opencode}\n"]
    ),
    st.sampled_from(["a", "b"]),
    st.sampled_from(POLICIES),
    st.sampled_from([(), (named("own", "nothing"),)]),
)


@given(st.lists(LOOKS, max_size=12))
def test_the_results_are_those_without_a_memory(looks: list[tuple[object, ...]]) -> None:
    plain = [leaks(*look) for look in looks]  # type: ignore[arg-type]
    clean = Clean()
    for _ in range(2):
        with clean.kept():
            assert [leaks(*look) for look in looks] == plain  # type: ignore[arg-type]
        clean = Clean(frozenset(clean.met))


def test_a_clean_text_is_not_looked_through_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def noting(text: str, terms: Dictionary) -> list[Leak]:
        seen.append(text)
        return list(scan(text, terms))

    monkeypatch.setattr(files, "scan", noting)
    first = Clean()
    with first.kept():
        leaks("x.log", "all is well", "a", MaskPolicy())
        leaks("x.log", "opencode", "a", MaskPolicy())
    again = Clean(frozenset(first.met))
    with again.kept():
        assert leaks("y.log", "all is well", "a", MaskPolicy()) == []
        assert len(leaks("x.log", "opencode", "a", MaskPolicy())) == 1
        leaks("x.log", "all is well", "a", POLICIES[1])
    assert seen == ["all is well", "opencode", "opencode", "all is well"]
    assert len(again.met) == 2
    leaks("x.log", "all is well", "a", MaskPolicy())
    assert len(seen) == 5, "nothing is remembered unless somebody asks for it"
