"""Other words for an authored text, from an OpenAI-compatible endpoint, or the authored text when anything is wrong.

The endpoint sees the one intent that was chosen and decides nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from assay.errors import EnvironmentMissingError, UsageError
from assay.evidence.leaks import Leak
from assay.model.settings import Rewording
from assay.model.user import Intent

Rephrase = Callable[[Intent, str, Callable[[str], Leak]], tuple[str, Mapping[str, Any]]]
"""From an intent, its authored text and the leak check of the moment: what to say, and what is noted about it."""
AUTHORED = "authored"
"""The wording of a text that is said as it stands in user.yaml."""
LENGTH = 400
"""Another wording must be shorter, in characters."""
PROMPT = (
    "You reword one message that a user writes to a programmer. Keep every fact, name and number, add nothing, answer "
    "with the message alone."
)


def rephraser(settings: Rewording | None, secret: str) -> Rephrase | None:
    """The one that assay.toml asks for. Raises UsageError without its key, EnvironmentMissingError without openai.

    `secret` keeps the digest that stands for the endpoint's model from being tried out against all models.
    """
    if settings is None:
        return None
    key = os.environ.get(settings.key) if settings.key else "unused"
    if not key:
        hint = "set it, or take `[simulation]` out of assay.toml: then the authored texts are said"
        raise UsageError("no-key", f"the variable `{settings.key}` with the API key is not set", hint)
    return Rephraser(settings.endpoint, settings.model, key, secret)


class Rephraser:
    """A `Rephrase` over an endpoint. Raises EnvironmentMissingError without the openai library, and nothing later.

    `seconds` bound the silence of the endpoint. What it wrote is noted by its digest only: it may hold a secret.
    """

    def __init__(self, endpoint: str, model: str, key: str = "unused", secret: str = "", seconds: float = 20) -> None:
        try:
            import openai
        except ImportError as error:
            message = "rewording needs the openai package, which is not installed"
            raise EnvironmentMissingError("openai-missing", message, "pip install 'assay[llm]'") from error
        self._model = model
        self._wording = "rephrased-" + _digest(f"{secret}\0{PROMPT}\0{model}")[:12]
        # an endpoint of another kind answers with text or other JSON, which the library hands out as it is
        self._failures = (openai.OpenAIError, ValueError, AttributeError, TypeError, LookupError)
        self._client = openai.OpenAI(base_url=endpoint, api_key=key, timeout=seconds, max_retries=0)

    def __call__(self, intent: Intent, text: str, check: Callable[[str], Leak]) -> tuple[str, Mapping[str, Any]]:
        """Notes the `wording`, a digest of the prompt, and an `incident` when the authored text is used all the same.

        The model is named by a digest: a trajectory tells of no model.
        """
        noted = {"prompt_sha256": _digest(f"{PROMPT}\0{text}")}
        try:
            answer = self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": "system", "content": PROMPT}, {"role": "user", "content": text}],
                temperature=0,
            )
            other = str(answer.choices[0].message.content or "").strip()
        except self._failures as error:
            incident = {"kind": "endpoint", "hits": [], "what": type(error).__name__}
            return text, {"wording": AUTHORED, **noted, "incident": incident}
        if incident := _refused(intent, text, other, check):
            return text, {"wording": AUTHORED, **noted, "incident": {**incident, "raw_sha256": _digest(other)}}
        return other, {"wording": self._wording, **noted}


def _refused(intent: Intent, text: str, other: str, check: Callable[[str], Leak]) -> dict[str, Any]:
    """Why another wording must not be said; empty when it may."""
    if not 0 < len(other) < LENGTH:
        return {"kind": "length", "hits": [str(len(other))]}
    if hits := check(other).hits:
        return {"kind": "leak", "hits": list(hits)}
    if lost := [literal for literal in intent.must_keep if literal in text and literal not in other]:
        return {"kind": "must-keep", "hits": lost}
    return {}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
