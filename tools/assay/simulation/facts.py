"""What can be read off a message without judging it: what it asks for, and whether it claims that the work is done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from assay.model.user import regex_of

_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", re.M | re.S)
"""Code in a message asks nothing and claims nothing."""
_SENTENCE = re.compile(r"(?:[^.!?\n]|\n(?=[ \t]*[a-z])|[.!?](?=\w))+[.!?]*")
"""A line break ends a sentence unless the line goes on in lower case; a dot inside `queue.c` does not."""
_INDIRECT = re.compile(
    r"\b(?:please (?:tell|confirm|clarify|specify|say|advise)|(?:could|can|would) you (?:please )?(?:tell|say|confirm"
    r"|clarify|explain|share)|i(?:'d| would)? (?:need|like|want) to know|i (?:do not|don't) know (?:if|wh\w+)"
    r"|let me know (?:if you (?:want|prefer)|whether|which|what|how|when|where|who))\b",
    re.I,
)
_WORD = re.compile(r"[^\W_]+")
_ENDING = re.compile(r"(?:ations?|ating|ate[sd]?|ions?|ings?|ments?|ent(?:ly)?|enc(?:y|es?)|ies|ied|ly|ed|es|s|e|y)$")
_DONE = re.compile(
    r"\b(?:done|all set|ready for (?:review|you|use)|works? now|fixed|implemented|in place|resolved"
    r"|(?:finished|completed?)(?!\W+(?:\w+\W+)?(?:read|look|review|analy|explor|plan|investigat|inspect|understand)\w*)"
    r"|(?:everything|every|all)\b[\w ]{0,40}\bpass(?:es|ed|ing)?)\b",
    re.I,
)
_BEFORE = re.compile(
    r"\b(?:not?|never|none|nothing|neither|nor|cannot|\w+n['’]t|(?:ca|do|does|did|is|are|was|were|wo|has|have)nt|yet to"
    r"|far from|almost|nearly|partly|partially|mostly|half|todo|will|shall|going to|to be|to get|can|could|should|would"
    r"|must|might|may|needs?|wants?|try|trying|tried)\b",
    re.I,
)
"""What makes a phrase after it, in the same clause, something else than a claim."""
_AFTER = re.compile(r"\b(?:yet|so far|soon|later|next|except|apart from|in part|partly|partially)\b", re.I)
_CONDITION = re.compile(r"\b(?:when|once|until|till|before|unless|if|after|as soon as|whether)\b", re.I)
_UNFINISHED = re.compile(
    r"\b(?:not\b.{0,60}\byet|still (?:fail\w*|missing|open|broken|to)|remains?|missing|tests? (?:still )?fail)\b",
    re.I,
)
"""A clause that takes back a claim before it in the sentence."""
_CLAUSE = re.compile(r"[,;:()–—]|\b(?:and|but|however|though|although|while|because|since)\b", re.I)


@dataclass(frozen=True)
class Match:
    """An observed fact: which kind, the declared pattern or phrase that it met, and where in the message, if there."""

    fact: str
    value: str
    span: tuple[int, int] | None = None

    @property
    def logged(self) -> dict[str, Any]:
        """As it goes into the disclosure log."""
        return {"fact": self.fact, "value": self.value, "span": list(self.span) if self.span else None}


def questions(message: str) -> list[Match]:
    """Sentences that end with a question mark, or that ask in words."""
    return [
        Match("question", text, span)
        for text, span in _sentences(message)
        if text.endswith("?") or _INDIRECT.search(text)
    ]


def asked_for(patterns: Sequence[str], message: str) -> Match | None:
    """The first question that meets a pattern: it holds each of its words in some form, or what `/regex/` matches."""
    for question in questions(message):
        for pattern in patterns:
            if _meets(pattern, question.value):
                return Match("question", pattern, question.span)
    return None


def _meets(pattern: str, question: str) -> bool:
    if expression := regex_of(pattern):
        return re.search(expression, question, re.I) is not None
    words = {form for word in _WORD.findall(question) for form in _forms(word)}
    wanted = [_forms(word) for word in _WORD.findall(pattern)]
    return bool(wanted) and all(forms & words for forms in wanted)


def claims_done(message: str) -> Match | None:
    """A phrase that says the work is done, in a sentence that says of no part that it is not, or not yet."""
    for text, (start, _) in _sentences(message):
        claims: list[tuple[int, int]] = []
        for at, clause in _clauses(text):
            claim = _DONE.search(clause)
            if claim and not _unsaid(text[: at + claim.start()], clause, claim):
                claims.append((at + claim.start(), at + claim.end()))
            elif claim or _UNFINISHED.search(clause):
                break
        else:
            if claims and not text.endswith("?"):
                first, last = claims[0]
                return Match("claim", text[first:last], (start + first, start + last))
    return None


def _unsaid(before: str, clause: str, claim: re.Match[str]) -> bool:
    """Whether what stands around the phrase makes it no claim."""
    near = clause[: claim.end()], clause[claim.end() :]
    return bool(_BEFORE.search(near[0]) or _AFTER.search(near[1]) or _CONDITION.search(before))


def _clauses(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for cut in _CLAUSE.finditer(text):
        yield at, text[at : cut.start()]
        at = cut.end()
    yield at, text[at:]


def _sentences(message: str) -> Iterator[tuple[str, tuple[int, int]]]:
    bare = _FENCED.sub(lambda code: "\n" * len(code.group()), message)
    for sentence in _SENTENCE.finditer(bare):
        text = sentence.group().strip()
        start = sentence.start() + sentence.group().index(text)
        if text:
            yield text, (start, start + len(text))


def _forms(word: str) -> set[str]:
    """Sets that meet for forms of one word: `migrate`, `migrations`; `overlap`, `overlapping`; `copy`, `copies`."""
    folded = word.casefold()
    ending = _ENDING.search(folded)
    while ending and ending.start() < 3:  # too little would be left; a shorter ending may do
        ending = _ENDING.search(folded, ending.start() + 1)
    bare = folded[: ending.start()] if ending else folded
    return {folded, bare[:-1] if len(bare) > 3 and bare[-1] == bare[-2] else bare}
