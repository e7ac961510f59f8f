"""What is read off a message: its questions, what they ask for, and whether it claims that the work is done."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.model.user import Trigger
from assay.simulation.facts import asked_for, claims_done, questions

CLAIMS = """\
Done.
All 12 tests pass.
All tests still pass, so it is done.
Done, it works now.
Done. I put the change in place; I did not run any tests of yours.
Done; everything still works.
Fixed src/queue.c without changing the header.
I finished the work, and the tests pass.
I have implemented the change.
I removed what was not needed. Everything is done.
I think I am done.
It no longer hangs and all tests pass.
Ready for review.
The failing test is fixed.
There was no lock; that is fixed.""".splitlines()
NONE = """\
All tests pass except two.
Doesn't look like it's done.
Half of it is done.
I cannot say that it is fixed.
I did not do `x`; it is missing.
I dont think it is done.
I finished reading the code.
I have completed my analysis of the queue.
I haven’t finished.
I implemented parsing, but the second part is not done yet.
I look at the code first.
I will be done soon.
If all tests pass I stop.
Is it done?
It isn’t fixed.
Not all tests pass.
Not done yet.
Nothing works now.
Once it is done I will tell you.
Parsing is fixed but two tests still fail.
The second part remains to be completed.
The tests do not all pass.
The work is almost done.
This is far from complete.
This needs to be fixed.
To be done: the parser.
When everything is done, tests will pass.""".splitlines()
DONE = ["done", "finished", "complete", "fixed", "implemented", "in place"]
NOT = ["It is not {}.", "It isn't {}.", "It is not {} yet.", "It will be {}.", "It must be {}.", "Nothing is {}."]


@pytest.mark.parametrize("message", CLAIMS)
def test_a_claim_is_found_where_it_stands(message: str) -> None:
    claim = claims_done(message)
    assert claim
    assert claim.span
    assert message[slice(*claim.span)] == claim.value


@pytest.mark.parametrize("message", [*NONE, "I would end like this:\n```\nDone.\n```\n"])
def test_what_is_no_claim(message: str) -> None:
    assert claims_done(message) is None


@given(st.sampled_from(DONE), st.sampled_from(NOT), st.sampled_from(["", "I looked at it. ", "The parser: "]))
def test_a_negation_never_claims_and_the_sentence_beside_it_may(phrase: str, negation: str, before: str) -> None:
    denied = before + negation.format(phrase)
    assert claims_done(denied) is None
    claim = claims_done(f"{denied}\nThe other part is {phrase}.")
    assert claim
    assert claim.span
    assert claim.span[0] > len(denied)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("I see. How large is a file here? Fine.", ["How large is a file here?"]),
        ("Should main.c be changed, or is v1.2 final?", ["Should main.c be changed, or is v1.2 final?"]),
        ("I changed:\n- foo\nWhich format do\nyou want?", ["Which format do\nyou want?"]),
        ("Please tell me the order. Thanks.", ["Please tell me the order."]),
        ("Let me know whether two jobs may overlap", ["Let me know whether two jobs may overlap"]),
        ("Let me know if you need anything else.", []),
        ("```c\nx = a ? b : c;\n```\nOk.", []),
    ],
)
def test_questions_are_sentences(message: str, found: list[str]) -> None:
    assert [item.value for item in questions(message)] == found
    assert [message[slice(*item.span)] for item in questions(message) if item.span] == found


@pytest.mark.parametrize(
    ("pattern", "message", "asked"),
    [
        ("file size", "What are the sizes of the files?", True),
        ("file size", "The file size is 3. What now?", False),
        ("migration", "Must old databases be migrated?", True),
        ("overlap", "Are jobs overlapping?", True),
        ("workers", "How does it work?", False),
        ("parallel", "Is this parameter used?", False),
        ("embed", "Who embeds it?", True),
        ("/utc|time ?zones?/", "Are these timezones or offsets?", True),
        ("/^utc/", "Is it in UTC?", False),
    ],
)
def test_a_pattern_is_met_by_one_question_with_all_its_words(pattern: str, message: str, asked: bool) -> None:
    assert (asked_for([pattern], message) is not None) is asked


def test_a_pattern_that_is_no_expression_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be a regular expression"):
        Trigger(on_ask=["/(/"])


@settings(deadline=2000)
@given(st.text(alphabet="a?.!\n` done not,(", max_size=3000))
def test_any_message_is_read_quickly_and_spans_are_within_it(message: str) -> None:
    for match in (*questions(message), claims_done(message)):
        if match and match.span:
            assert message[slice(*match.span)] == match.value
