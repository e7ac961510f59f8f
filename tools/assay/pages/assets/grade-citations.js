/* What a citation is and whether it leads somewhere, as in evidence/grammar.py and resolution.py. Touches no page. */
(() => {
  "use strict";
  const OPENING = /\[\s*(?:[A-Za-z0-9][\w-]*[\s/:,]+)?(?:(?:step|diff|file|test|run)\s*:|step\s+\d)/gi;
  const HEAD = /(?:([a-z0-9][a-z0-9-]*)\s+)?(step|diff|file|test|run):/y;
  const TARGET = /"((?:[^"\\]|\\.)*)"|([^\s[\]"#]+)/sy;
  const LINES = /#L([1-9]\d*)(?:-L([1-9]\d*))?(?![\w-])/y;
  const QUOTE = /\s+"((?:[^"\\]|\\.)*)"/sy;
  const plain = text => text.replace(/\\(["\\])/g, "$1");
  const quoted = text => '"' + text.replace(/["\\]/g, "\\$&") + '"';
  const at = (pattern, text, place) => { pattern.lastIndex = place; return pattern.exec(text); };
  const count = (number, noun) => (number || "no") + " " + noun + (number === 1 ? "" : "s");
  const list = names => names.slice(0, 6).map(name => "`" + name + "`").join(", ") + (names.length > 6 ? " and " + (names.length - 6) + " more" : "") || "none";

  /* Milestone and name of a test; the name is empty when all are meant. */
  const halves = target => { const cut = target.indexOf("/"); return cut < 0 ? [target, ""] : [target.slice(0, cut), target.slice(cut + 1)]; };

  /* One citation from `start`: what it says, or `{reason}`. */
  const parse = (text, start, bracket) => {
    let place = start + (bracket ? 1 : 0);
    const head = at(HEAD, text, place);
    if (!head) return { reason: "a citation starts with `step:`, `diff:`, `file:`, `test:` or `run:`" };
    place = HEAD.lastIndex;
    const target = at(TARGET, text, place);
    if (!target) return { reason: "the target is missing" };
    place = TARGET.lastIndex;
    const name = target[2] ?? plain(target[1]), kind = head[2];
    if (kind === "step" && !/^[1-9]\d*(?:\.c[1-9]\d*)?$/.test(name)) return { reason: "a step is cited by its number, `step:17` or `step:17.c2`" };
    if (kind === "run" && !/^\d+$/.test(name)) return { reason: "a run is cited by its number, `run:03`" };
    if (kind === "test" && (!name || name.startsWith("/") || name.endsWith("/") && name.indexOf("/") === name.length - 1)) return { reason: "a test is cited as `test:milestone/test`" };
    const lines = at(LINES, text, place);
    if (lines) place = LINES.lastIndex;
    const first = lines ? Number(lines[1]) : 0, last = lines ? Number(lines[2] || lines[1]) : 0;
    if (lines && !["step", "file", "run"].includes(kind)) return { reason: "line numbers belong to `step:`, `file:` and `run:`" };
    if (last < first) return { reason: "line " + last + " comes before line " + first };
    const quote = at(QUOTE, text, place);
    if (quote) place = QUOTE.lastIndex;
    if (bracket ? text[place] !== "]" : place !== text.length)
      return { reason: (bracket ? "after the target, a quote or `]` must follow" : "after the target, only a quote may follow") + '; quotes stand in straight "double quotes"' };
    return { alias: head[1] || "", kind, target: name, first, last, quote: quote ? plain(quote[1]) : null, end: place + (bracket ? 1 : 0) };
  };
  const citation = text => parse(text, 0, false);
  const citations = text => {
    const found = [];
    for (let open = at(OPENING, text, 0); open; open = at(OPENING, text, open.next)) {
      const item = parse(text, open.index, true);
      open.next = item.reason ? open.index + open[0].length : item.end;
      found.push({ ...item, start: open.index, end: open.next });
    }
    return found;
  };
  const place = item => item.kind + ":" + (/^[^\s[\]"#]+$/.test(item.target) ? item.target : quoted(item.target))
    + (item.first ? "#L" + item.first + (item.last === item.first ? "" : "-L" + item.last) : "");
  const written = item => (item.alias ? item.alias + " " : "") + place(item) + (item.quote === null ? "" : " " + quoted(item.quote));

  /* What is wrong with a citation of an attempt; empty when it leads somewhere. */
  const within = (item, lines, where) => item.last > lines ? "there is no line " + item.last + "; " + where + " has " + count(lines, "line") : "";
  const missing = (item, attempt) => {
    if (item.reason) return item.reason;
    if (item.kind === "step") {
      const [number, call] = item.target.split(".c").map(Number), step = attempt.steps[number - 1];
      if (!step) return "there is no step " + number + ", there are " + attempt.steps.length;
      if (call && call >= step.length) return "step " + number + " has " + count(step.length - 1, "call");
      return within(item, step[call || 0], call ? "the output" : "the message");
    }
    if (item.kind === "test") {
      const [milestone, name] = halves(item.target), tests = attempt.tests[milestone];
      if (!tests) return "there is no test report of `" + milestone + "`; there are " + list(Object.keys(attempt.tests));
      return !name || status(attempt, item.target).length ? "" : "`" + milestone + "` has no test `" + name + "`; it has " + list(Object.keys(tests));
    }
    if (item.kind === "run") return "";
    const file = attempt.files.find(file => file.path === item.target) || attempt.files.find(file => file.old === item.target);
    if (!file) return "the patch does not change `" + item.target + "`; it changes " + list(attempt.files.map(file => file.path));
    if (item.kind === "diff") return "";
    if (file.gone || file.path !== item.target) return "`" + item.target + "` is gone after the patch; cite `diff:`";
    if (item.first && !file.shown.some(([a, b]) => a <= item.first && item.last <= b)) return "the patch does not show these lines of `" + item.target + "`";
    return "";
  };
  const status = (attempt, test) => {
    const [milestone, name] = halves(test), tests = attempt.tests[milestone] || {};
    return Object.hasOwn(tests, name) ? [tests[name]] : Object.keys(tests).filter(key => key.startsWith(name + "[")).map(key => tests[key]);
  };
  const bare = text => citations(text).reduceRight((left, item) => left.slice(0, item.start) + " " + left.slice(item.end), text);
  const words = text => bare(text).split(/\s+/).filter(Boolean).length;
  window.assayFile = { citation, citations, missing, status, halves, place, written, quoted, words, bare };
})();
