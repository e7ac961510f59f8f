"""Words that tell who made an attempt.

A name is `certain` when nothing else is called so. Everyday words (a cursor, a goose, a first name) count only with a
neighbour that settles what is meant. What is left in between is `possible`: a person decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property

_JOINT = r"[-_ ./:@\u2010\u2011]?"
"""What may stand between the parts of a name; a blank in a pattern below."""
_AROUND = 60
"""Characters before and after a match that `near` and `unless` look at."""
_LETTERS = re.compile(r"[a-z]+")
_COMMON = {
    *("agent", "ai", "all", "ask", "auto", "block", "chat", "code", "com", "complete", "completion", "dev", "execute"),
    *(
        "and",
        "attempt",
        "factory",
        "github",
        "google",
        "open",
        "pi",
        "replace",
        "seed",
        "str",
        "system",
        "task",
        "text",
    ),
}
"""Parts of names that are in every text: the name is looked for by another part."""
EVERYDAY = """
    admin agent agents app assistant auto base big build builder chat cli code coder command cursor custom deep
    default dev editor fast free general generic goose home human inspect large latest local main masked mini model
    new node none null open openai-compatible oracle plan root runner shell shared simple small smart step super swe
    test text tool ubuntu unknown user vscode work workspace
"""
"""Names of agents, models and users that mean something else too often to be taken for a name."""


@dataclass(frozen=True)
class Term:
    """One thing to find. Every match of `pattern` holds the first word of `name`, or a key, between non-letters."""

    kind: str
    name: str
    pattern: str
    certain: bool = True
    near: str = ""
    """What must stand close by."""
    unless: str = ""
    """What must not stand close by, or within."""
    keys: tuple[str, ...] = ()
    reach: int = 0
    """The most characters of a match before that word."""

    @property
    def words(self) -> tuple[str, ...]:
        """Lower-case runs of letters, one of which is in every match; for names without any, none."""
        return self.keys or tuple(_LETTERS.findall(self.name)[:1])

    def find(self, text: str, at: int, end: int) -> re.Match[str] | None:
        """The match that covers the word from `at` to `end`."""
        last = min(len(text), end + 2 * _AROUND)
        for start in range(max(0, at - self.reach), at + 1):
            match = self._regex.match(text, start, last)
            if match and match.end() >= end:
                return match if self._holds(text[max(0, start - _AROUND) : match.end() + _AROUND]) else None
        return None

    def _holds(self, around: str) -> bool:
        near, unless = self._context
        return (near is None or bool(near.search(around))) and (unless is None or not unless.search(around))

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        flexible = self.pattern.replace(" ", _JOINT)
        return re.compile(rf"(?<![A-Za-z0-9])(?:{flexible})(?![A-Za-z0-9])", re.IGNORECASE)

    @cached_property
    def _context(self) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
        near, unless = (re.compile(text, re.IGNORECASE) if text else None for text in (self.near, self.unless))
        return near, unless


def named(kind: str, name: str, certain: bool = True) -> Term:
    """A plain name, its parts joined by any separator or none."""
    name = name.strip().lower()
    parts = re.findall(r"[a-z]+|[0-9]+|[^\x00-\x7f]+", name)
    letters = [part for part in parts if _LETTERS.fullmatch(part)]
    rare = next((part for part in letters if part not in _COMMON), max(letters, key=len, default=""))
    place = parts.index(rare) if rare else 0
    # `claude-code`, `claudecode`: the rare part alone, or with what is joined to it
    runs = {"".join(parts[at : to + 1]) for at in range(place + 1) for to in range(place, len(parts))}
    keys = tuple(sorted(run for run in runs if _LETTERS.fullmatch(run)))
    reach = sum(len(part) + 1 for part in parts[:place])
    return Term(kind, name, " ".join(map(re.escape, parts)) or re.escape(name), certain, keys=keys, reach=reach)


class Dictionary:
    """Terms by the words that give them away."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = tuple(dict.fromkeys(terms))
        by_word: defaultdict[bytes, list[Term]] = defaultdict(list)
        for term in self.terms:
            for word in term.words:
                by_word[word.encode()].append(term)
        self.by_word = dict(by_word)
        self.words = frozenset(by_word)
        self.foreign = tuple(term for term in self.terms if not term.words)
        """Names without a Latin letter: each is searched for on its own."""

    def __or__(self, terms: Iterable[Term]) -> Dictionary:
        """With more terms."""
        more = tuple(terms)
        return Dictionary((*self.terms, *more)) if more else self


@cache
def standard() -> Dictionary:
    """The dictionary that ships with Assay."""
    plain = (named(kind, name) for kind in _PLAIN for name in _names(kind))
    return Dictionary((*plain, *_models(), *_scaffolds(), *_traces(), *_vendors(), *_ambiguous()))


_PLAIN = {
    "product": """claude code,codex cli,openai codex,gemini cli,gemini code assist,qwen code,opencode,openhands
        opendevin,all hands ai,all hands dev,swe agent,mini swe agent,chatgpt,github copilot,copilot swe agent
        copilot chat,cursor composer,cursor com,cursoragent,codeium,windsurf editor,aider chat,cline bot,saoudrizwan
        roo code,roo cline,kilo code,devin ai integration,cognition labs,factory droid,amp code,sourcegraph
        google jules,google labs jules,charmbracelet crush,charm crush,kimi cli,iflow cli,jetbrains junie,rovo dev
        amazon q developer,codewhisperer,codebuff,plandex,gptme,openclaw,autogpt,metagpt,moatless tools,autocoderover
        replit agent,augment code,tabnine,trae agent,trae ide,google antigravity,block goose,pi coding agent
        terminus 2,deepagents""",
    "model": """deepseek,qwen,qwq,chatglm,moonshot kimi,codellama,code llama,mixtral,devstral,codestral,ministral
        amazon nova,starcoder,wizardcoder,codegemma,nemotron,internlm,hunyuan,doubao,seed coder,gpt oss,codegeex
        swe llama,text davinci,通义千问,豆包,文心一言,智谱清言""",
    "vendor": """mistral ai,moonshot ai,zhipu,zhipu ai,bytedance,dashscope,openrouter,litellm,deepmind,anthropic com
        vertex ai,google generativeai,fireworks ai,cohere ai""",
    "scaffold": """codeactagent,execute ipython cell,str replace editor,str replace based edit tool,todowrite,todoread
        exitplanmode,complete task and submit final output
        ask followup question,issidechain,parentuuid,system reminder,mswea bash command""",
}
_TOOLS = {
    "run_shell_command": "shell",
    "search_file_content": "content",
    "read_many_files": "many",
    "google_web_search": "google",
    "list_code_definition_names": "definition",
    "exit_plan_mode": "plan",
}
"""Names of tools that no ordinary program has, as they are written, and the part by which each is looked for."""
_VERBS = ("use", "run", "new", "get", "my", "create")
_ROLES = ("agent", "client", "cli", "adapter", "runner", "harness", "provider", "session", "model", "options", "sdk")
"""What identifiers put before and after a name without a sign between."""
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MIXED = r"(?=[a-z_]*\d)[a-z0-9]"


def _names(kind: str) -> list[str]:
    return [name.strip() for name in _PLAIN[kind].replace("\n", ",").split(",")]


def _glued(word: str) -> Term:
    """A name within an identifier, as in `useCodexClient`."""
    keys = tuple(before + word + after for before in ("", *_VERBS) for after in _ROLES)
    return Term("product", f"{word} glued", rf"(?:{'|'.join(_VERBS)})?{word}(?:{'|'.join(_ROLES)})", keys=keys)


def _models() -> Iterator[Term]:
    tier, tiers = r"(?:opus|sonnet|haiku)", ("opus", "sonnet", "haiku")
    music = r"\bop\.|\bno\.|piano|quartet|poem|shakespeare|codec|libopus|ffmpeg|audio"
    space = r"nasa|mission|spacecraft|astronaut|zodiac|launch"
    more = r"(?: (?:mini|nano|turbo|codex|pro|max|preview))*(?:-\d[\d-]*)?"
    yield Term("model", "claude model", rf"claude(?: (?:{tier}|instant)|[-_\x20]?v?[1-5](?:[.-]\d+)*)[\w.-]*")
    yield Term("model", "opus model", rf"{tier} [345](?:[.-]\d+)+[\w-]*|[345](?:\.\d)? {tier}", keys=tiers, reach=4)
    yield Term("model", "opus number", rf"{tier} [345]", False, unless=music, keys=tiers)
    yield Term("model", "gpt model", rf"gpt-?[345](?:\.\d|o)?{more}", unless=_UNLESS["gpt"])
    yield Term("model", "mini model", r"o[134]-mini(?:-high)?", reach=3)
    yield Term("model", "pro model", r"o[13]-pro", reach=3)
    yield Term("model", "preview model", r"o1-preview", reach=3)
    yield Term("model", "gemini model", r"gemini (?:\d\.\d[\w.-]*|\d? (?:pro|flash|ultra|nano)[\w.-]*|api key)")
    yield Term("model", "gemini number", r"gemini \d", False, unless=space)
    yield Term("model", "qwen model", r"qwen[0-9.]+[\w.-]*")
    yield Term("model", "kimi model", r"kimi k\d[\w.-]*")
    yield Term("model", "glm model", r"glm-[45](?:\.\d)?[\w-]*")
    yield Term("model", "minimax model", r"minimax (?:m\d|text|01)[\w.-]*")
    yield Term("model", "llama model", r"llama [234](?:\.\d)?[\w.-]*")
    yield Term("model", "mistral model", r"mistral (?:large|medium|small|nemo|7b)[\w.-]*")
    yield Term("model", "grok model", r"grok (?:[2-5](?![.\d]*\.\d)|code|beta|mini)[\w-]*", unless="logstash|pattern")
    yield Term("model", "phi model", r"phi-[34](?:\.5)?-(?:mini|small|medium)[\w-]*")
    yield Term("model", "nova model", r"nova-(?:pro|lite|micro|premier)[\w.-]*")
    yield Term("model", "gemma model", r"gemma [1234][\w.-]*")


def _scaffolds() -> Iterator[Term]:
    rules = ("cursorrules", "clinerules", "goosehints", "windsurfrules")
    wall = r"(?:chunk id: [0-9a-f]{6}\s+)?wall time: [\d.]+ seconds\s+process exited"
    yield Term("scaffold", "agentstate", r"agentstate\.[a-z_]+")
    yield Term("scaffold", "begin patch", r"\*\*\* begin patch", certain=False, reach=4)
    yield Term("scaffold", "multiedit", r"(?-i:MultiEdit|NotebookEdit)", keys=("multiedit", "notebookedit"))
    yield Term("scaffold", "attempt completion", r"attempt_completion", keys=("completion",), reach=8)
    for tool, key in _TOOLS.items():
        yield Term("scaffold", tool, tool, keys=(key,), reach=tool.index(key))
    yield Term("scaffold", "wall time", wall, reach=20)
    yield Term("scaffold", "editor version", r"text_editor_20\d{6}", reach=5)
    yield Term("scaffold", "thought header", r"(?-i:THOUGHT):", certain=False)
    yield Term("scaffold", "mcp tool", r"mcp__[a-z0-9_-]+", certain=False)
    yield Term("scaffold", "agents file", r"agents\.md", certain=False)
    yield Term("path", "rules file", rf"\.(?:{'|'.join(rules)})", keys=rules, reach=1)
    for product in (
        "claude",
        "gemini",
        "qwen",
        "cursor",
        "codex",
        "aider",
        "cline",
        "roo",
        "goose",
        "opencode",
        "crush",
    ):
        yield Term("path", f"{product} folder", rf"(?<![\w)\]?])\.{product}[\w./-]*", reach=1)
    for product in ("claude", "gemini", "qwen"):
        yield Term("path", f"{product} file", rf"{product}\.md")
    yield Term("path", "copilot file", r"copilot-instructions\.md")


def _traces() -> Iterator[Term]:
    for prefix, rest in (
        ("toolu", r"_[a-z0-9_]{8,}"),
        ("srvtoolu", r"_[a-z0-9_]{8,}"),
        ("tooluse", r"_[\w-]{16,}"),
        ("chatcmpl", r"-(?:tool-)?[a-z0-9-]{12,}"),
        ("call", rf"_{_MIXED}{{20,}}"),
        ("msg", rf"_(?:bdrk_)?{_MIXED}{{20,}}"),
        ("req", rf"_(?:vrtx_)?{_MIXED}{{20,}}"),
        ("ses", rf"_{_MIXED}{{16,}}"),
        ("prt", rf"_{_MIXED}{{16,}}"),
    ):
        yield Term("id", f"{prefix} id", prefix + rest)
    yield Term("session", "sessionid", rf"sessionid\"?:\s*\"?{_UUID}", certain=False)
    yield Term("session", "session trailer", r"(?:claude|codex)-session(?:-id)?:\s*\S+", keys=("claude", "codex"))
    agents = rf"(?:{_VENDOR}|claude|codex|copilot|cursor|gemini|devin|aider|open(?:code|hands)|jules|goose|\[bot\])"
    yield Term("trailer", "authored by", rf"co-authored-by:[^\n\[]{{0,80}}{agents}[^\n]{{0,60}}", reach=3)
    web = r"https?://\S*/users/|\b(?:get|post|put|delete|patch) /users/"
    windows = r"[a-z]:(?:\\{1,2}|/)users(?:\\{1,2}|/)[\w.-]+"
    neutral = r"(?!(?:agent|app|ubuntu|user|node|runner|vscode|linuxbrew|www)\b)"
    yield Term("path", "users folder", r"(?<![\w.-])(?-i:/Users/)[\w.-]+", False, unless=web, reach=1)
    yield Term("path", "windows users folder", windows, False, keys=("users",), reach=4)
    yield Term("path", "home folder", rf"(?<![\w.-])/home/{neutral}[\w.-]+", certain=False, reach=1)


def _vendors() -> Iterator[Term]:
    yield Term("vendor", "anthropic key", r"sk-ant-[\w-]{8,}", certain=False, keys=("ant",), reach=3)
    for vendor in ("anthropic", "openai"):
        used = rf"(?:import|from|require\(['\"]|com\.)\s*{vendor}|{vendor}\.(?!com)\w"
        yield Term("vendor", vendor, vendor, False, unless=used)
        yield Term("vendor", f"{vendor} address", rf"[\w.+-]+@(?:[\w-]+\.)?{vendor}\.com", reach=40)
    made = rf"(?:made|built|created|developed|trained|released|powered) by \W?{_VENDOR}"
    near = r"model|assistant|\bai\b|\bllm|agent|\bi am|i['’]m"
    yield Term("vendor", "made by a vendor", made, near=near, keys=tuple(_VENDOR[3:-1].split("|")), reach=18)


_VENDOR = r"(?:anthropic|openai|google|deepmind|mistral|alibaba|deepseek|moonshot|cohere)"
_FAMILIES = ("claude", "codex", "copilot", "gemini", "gpt", "opus", "sonnet", "haiku", "kimi", "grok", "llama", "devin")
_PRODUCTS = (
    "aider",
    "amp",
    "cline",
    "cody",
    "crush",
    "cursor",
    "droid",
    "goose",
    "jules",
    "kiro",
    "roo",
    "trae",
    "zed",
)
_UNLESS = {
    "claude": r"jean[- ]claude|claude[a-z.]*@(?!anthropic)|\b(?:alice|bob|marie|pierre)\b|monet|debussy|shannon|"
    r"(?-i:Claude (?!Code|Opus|Sonnet|Haiku|Desktop|Agent|Is|Was|Has)[A-Z][a-z]+)",
    "codex": r"manuscript|vellum|folio|sinaiticus|leicester|alimentarius|bible",
    "copilot": r"cockpit|aircraft|flight|captain",
    "aider": r"\b(?:pour|nous|vous|les|des|peut)\b",
    "devin": r"(?-i:Devin [A-Z])|devin[a-z.]*@",
    "gpt": r"partition|\bdisk|\befi\b|\bmbr\b",
    "opus": r"\bno\.|piano|quartet|codec|libopus|ffmpeg|audio",
    "cursor": r"\bsql\b|fetch|\brows?\b",
}
"""What is meant when an everyday word stands beside one of these."""


def _ambiguous() -> Iterator[Term]:
    """Everyday words and first names: with the neighbour that settles it, and families without one as possible."""
    self = r"(?:i am|i['’]m|you are|my name is|powered by|hello,?) "
    seems = r"(?:looks|sounds|feels|reads|smells|behaves|writes) like|probably|obviously|surely|presumably|must be"
    seems += r"|i guess|(?:i )?(?:think|bet|suspect|guess)(?: that)? (?:this|it) (?:is|was)|written by|output of"
    end = r"(?=['’]s (?:work|style)|\s*(?:$|[.,;:!?)\"\n]|(?:or|and|again|here|because|given|since)\b))"
    for word in (*_FAMILIES, *_PRODUCTS):
        family, unless = word in _FAMILIES, _UNLESS.get(word, "")
        told = rf"{self}(?:an? )?{word}{'' if family else end}|(?:{seems}) {word}{end}"
        yield Term("product", f"{word} named", told, unless=unless, reach=32)
        yield Term("product", f"{word} tool", rf"{word} (?:cli|ai|agent|assistant|ide)")
        if family:
            style = rf"typical {word}|{word}['’]?s? (?:style|like|ish|esque)"
            yield Term("product", f"{word} style", style, unless=unless, reach=8)
    for word in ("claude", "codex", "copilot", "devin", "aider"):
        yield Term("product", word, word, False, unless=_UNLESS[word])
    products = (name.replace(" ", "") for name in _names("product"))
    yield from map(_glued, dict.fromkeys((*_FAMILIES, *products)))
    yield Term("product", "goose command", r"goose (?:session|run|configure)")
    yield Term("product", "droid command", r"droid exec")
    yield Term("product", "aider option", r"aider --[a-z-]+")
    yield Term("product", "codex command", r"codex (?:exec|resume)")
