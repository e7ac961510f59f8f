/* Whether a quote stands at the place that a citation names: what `assay check` says, from the same texts. Touches no
   page. Places are resolved as in evidence/resolution.py, texts compared as in evidence/quotes.py. */
(() => {
  "use strict";
  const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]"; /* Python's */
  const SPACES = new RegExp(SPACE + "+");
  const ELLIPSIS = new RegExp(SPACE + "*\\[?(?:\\.\\.\\.(?!\\.)|\u2026)\\]?" + SPACE + "*");
  const TERMINAL = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))/g;
  const FOLD = { "\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u2013": "-", "\u2014": "-", "`": "" };
  const LINES = /\r\n|[\n-\r\x1c-\x1e\x85\u2028\u2029]/;
  const BORDER = " \ue000 ";

  const words = text => text.split(SPACES).filter(Boolean);
  const normalise = text => words(text.replace(TERMINAL, "").normalize("NFKC")
    .replace(/[\u201c\u201d\u2018\u2019\u2013\u2014`]/g, sign => FOLD[sign])
    .replaceAll("\\_", "_").replaceAll("\\*", "*")).join(" ");
  const segments = quote => quote.split(ELLIPSIS).map(normalise).filter(Boolean);
  const stands = (quote, haystack) => {
    let at = 0;
    const parts = segments(quote);
    for (const part of parts) {
      at = haystack.indexOf(part, at);
      if (at < 0) return false;
      at += part.length;
    }
    return parts.length > 0;
  };
  const weak = quote => {
    const left = segments(quote).join(" ");
    return words(left).length < 4 && [...left].length < 20;
  };
  const isLine = (quote, parts) => {
    const wanted = normalise(quote);
    return parts.some(part => part.split(LINES).some(line => normalise(line) === wanted));
  };

  /* The texts in which a quote may stand */
  const between = (text, item) => text.split("\n").slice(item.first - 1, item.last).join("\n");
  const side = (lines, signs) => lines.filter(line => signs.includes(line[0])).map(line => line.slice(1));
  const ofStep = (item, step) => {
    const call = Number(item.target.split(".c")[1] || 0);
    if (item.first) return [between(call ? step.calls[call - 1][1] : step.text, item)];
    if (call) return [...step.calls[call - 1][0], step.calls[call - 1][1]];
    return [step.text, step.thought, ...step.calls.flatMap(([parts]) => parts), ...(step.returned || step.calls.map(([, output]) => output))];
  };
  const ofFile = (item, file) => {
    const hunks = file.hunks.map(([first, ...lines]) => ({ first, lines }));
    if (item.kind === "diff") return [file.notes, ...hunks.flatMap(({ lines }) => [lines.join("\n"), side(lines, " +").join("\n"), side(lines, " -").join("\n")])];
    if (!item.first) return hunks.map(({ lines }) => side(lines, " +").join("\n"));
    const shown = new Map(hunks.flatMap(({ first, lines }) => side(lines, " +").map((line, place) => [first + place, line])));
    return [Array.from({ length: item.last - item.first + 1 }, (_, place) => shown.get(item.first + place)).join("\n")];
  };
  const ofTest = (item, tests) => {
    const [milestone, name] = window.assayFile.halves(item.target), report = tests[milestone];
    const exact = report.tests.filter(([test]) => test === name), cases = report.tests.filter(([test]) => test.startsWith(name + "["));
    return [...(name ? [] : [report.verdict]), ...(!name ? report.tests : exact.length ? exact : cases).map(([, text]) => text), report.log];
  };
  /* Which script has the texts of a place that is there: 0 has patch and tests, the others the steps. */
  const chunkOf = (item, attempt) => item.kind === "step" ? attempt.texts.filter(first => first <= parseInt(item.target, 10)).length : 0;
  const partsOf = (item, attempt, chunk) => {
    if (item.kind === "step") return ofStep(item, chunk[parseInt(item.target, 10) - attempt.texts[chunkOf(item, attempt) - 1]]);
    if (item.kind === "test") return ofTest(item, chunk.tests);
    const files = attempt.files, place = files.findIndex(file => file.path === item.target);
    return ofFile(item, chunk.files[place < 0 ? files.findIndex(file => file.old === item.target) : place]);
  };
  /* "found", "missing", or "weak": found, but too short to prove anything. */
  const verdict = (item, attempt, chunk) => {
    const parts = partsOf(item, attempt, chunk).filter(Boolean);
    if (!stands(item.quote, parts.map(normalise).join(BORDER))) return "missing";
    return item.kind !== "test" && weak(item.quote) && !isLine(item.quote, parts) ? "weak" : "found";
  };

  /* Scripts that were asked for; each verdict is worked out once. */
  const chunks = new Map(), known = new Map();
  window.__assayTexts = (name, data) => chunks.set(name, data);
  /* The same of a citation that leads somewhere, or "unknown" until its script is there; then `again` is called. */
  const look = (item, alias, attempt, folder, again) => {
    const number = chunkOf(item, attempt), name = alias + "/" + number;
    if (!chunks.has(name)) {
      chunks.set(name, null); /* also when it cannot be loaded: it is asked for once */
      window.assayLoad(folder + "/" + alias + "/" + String(number).padStart(4, "0") + ".js").then(again, () => {});
    }
    if (!chunks.get(name)) return "unknown";
    const key = JSON.stringify([alias, item.kind, item.target, item.first, item.last, item.quote]);
    if (!known.has(key)) known.set(key, verdict(item, attempt, chunks.get(name)));
    return known.get(key);
  };
  window.assayQuotes = { look, verdict, chunkOf };
})();
