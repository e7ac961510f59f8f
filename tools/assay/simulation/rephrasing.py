"""Other words for an authored text, from an OpenAI-compatible endpoint, or the authored text when anything is wrong.

The endpoint sees the one intent that was chosen and decides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from assay.errors import EnvironmentMissingError
from assay.evidence.leaks import LeakGuard
from assay.model.user import Intent

LENGTH = 400
"""Characters that another wording may have, or twice the authored text when that is longer."""
PROMPT = (
    "You reword one message that a user writes to a programmer. Keep every fact, name and number, add nothing, answer "
    "with the message alone."
)


class Rephraser:
    """Callable with an intent and its authored text; never raises, and says in what it returns what went wrong."""

    def __init__(self, guard: LeakGuard, endpoint: str, model: str, key: str = "unused", seconds: float = 20) -> None:
        try:
            import openai
        except ImportError as error:
            message = "rewording needs the openai package, which is not installed"
            raise EnvironmentMissingError("openai-missing", message, "pip install 'assay[llm]'") from error
        self._guard, self._model = guard, model
        self._failures: tuple[type[Exception], ...] = (openai.OpenAIError, ValueError)
        self._client = openai.OpenAI(base_url=endpoint, api_key=key, timeout=seconds, max_retries=0)

    def __call__(self, intent: Intent, text: str) -> tuple[str, Mapping[str, Any]]:
        """The text to say, and what is noted about it: `rephrased`, and `incident` when another one was refused."""
        prompt = hashlib.sha256(f"{PROMPT}\0{text}".encode()).hexdigest()
        noted = {"model": self._model, "prompt_sha256": prompt}
        try:
            answer = self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": "system", "content": PROMPT}, {"role": "user", "content": text}],
                temperature=0,
            )
            other = (answer.choices[0].message.content or "").strip() if answer.choices else ""
        except self._failures as error:
            return text, {"rephrased": False, "incident": {**noted, "kind": "endpoint", "what": str(error)[:200]}}
        reason = self._refused(text, other)
        if reason:
            return text, {"rephrased": False, "incident": {**noted, **reason, "raw": other[:2000]}}
        return other, {"rephrased": True, **noted}

    def _refused(self, text: str, other: str) -> Mapping[str, Any]:
        """Why another wording must not be said; empty when it may."""
        if not other or len(other) > max(LENGTH, 2 * len(text)):
            return {"kind": "length", "characters": len(other)}
        hits = self._guard.check(other, [text]).hits
        return {"kind": "leak", "hits": list(hits)} if hits else {}
