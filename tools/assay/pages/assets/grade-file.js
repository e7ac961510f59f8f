/* An annotation as the YAML that `assay new annotation` writes: made and read. Touches no page. */
(() => {
  "use strict";
  const at = (pattern, text, place) => { pattern.lastIndex = place; return pattern.exec(text); };

  /* Writing */
  const ODD = /[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;
  const escaped = text => JSON.stringify(text.toWellFormed?.() ?? text).replace(/[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g, sign => "\\u" + sign.charCodeAt(0).toString(16).padStart(4, "0"));
  const scalar = text => ODD.test(text) || /[\n\t]/.test(text) ? escaped(text) : text.includes('"') ? "'" + text.replaceAll("'", "''") + "'" : '"' + text.replaceAll("\\", "\\\\") + '"';
  const word = id => /^[a-z][a-z0-9-]*$/.test(id) && !/^(?:true|false|null|yes|no|on|off|y|n)$/.test(id) ? id : scalar(id);
  const indent = (text, by) => text.split("\n").map(line => line ? " ".repeat(by) + line : line).join("\n");
  const block = (text, by, open) => {
    const body = text.replace(/\r\n?/g, "\n").split("\n").map(line => line.trimEnd()).join("\n").trim() || open;
    return ODD.test(body) ? escaped(body) : "|\n" + indent(body, by);
  };
  const grade = (id, given, open) => {
    /* `keys` are those that a file had: of what is sealed nothing may change, not even that a list was left out. */
    const has = key => given.keys?.includes(key), blank = !given.note.trim(), holds = given.holds === null ? "unclear" : given.holds;
    const text = given.holds === null && blank ? open : !blank || has("note") ? scalar(given.note) : "", cited = given.cites.map(scalar);
    if (cited.length < 2) return word(id) + ": {holds: " + holds + (cited.length || !given.keys || has("cites") ? ", cites: [" + cited + "]" : "") + (text ? ", note: " + text : "") + "}";
    return [word(id) + ":", "  holds: " + holds, "  cites:", ...cited.map(cite => "    - " + cite), ...(text ? ["  note: " + text] : [])].join("\n");
  };
  const write = (data, state, stage) => {
    const person = data.people[state.by], first = stage === 1, open = data.open, out = [];
    const asked = data.criteria.filter(item => !first || data.first.includes(item.id));
    for (const alias of person.order) {
      const given = state.grades[alias];
      out.push("  " + word(alias) + ":", "    " + data.comments.rationale, "    rationale: " + block(given.rationale, 6, open), "    criteria:");
      for (const item of asked) out.push(indent(item.asked + "\n" + grade(item.id, given.criteria[item.id], open), 6));
      if (given.guess.agent.trim()) {
        out.push(indent(data.comments.guess.split("\n")[0], 4));
        out.push("    identity_guess: {agent: " + scalar(given.guess.agent.trim()) + ", confidence: " + given.guess.confidence + ", cue: " + scalar(given.guess.cue.trim()) + "}");
      } else out.push(indent(data.comments.guess, 4));
    }
    out.push(data.comments.tiers, "ranking:");
    for (const tier of state.ranking) tier.forEach((alias, place) => out.push((place ? "    - " : "  - - ") + word(alias)));
    out.push(data.comments.comparison, "comparison: " + block(state.comparison, 2, open), "minutes: " + (Number(state.minutes) || 1), "");
    return person.head + out.join("\n");
  };

  /* Reading: of YAML only what is written above, and what people write like it. Everything else is refused. */
  const read = text => {
    const lines = text.replace(/\r\n/g, "\n").split("\n");
    let row = 0;
    const fail = (why, where = row) => { throw new Error("line " + (where + 1) + ": " + why); };
    const depth = line => line.length - line.trimStart().length;
    const next = () => {
      while (row < lines.length && /^\s*(?:#|$)/.test(lines[row])) row++;
      if (row < lines.length && /^\s*\t/.test(lines[row])) fail("indent with spaces");
      return row < lines.length ? depth(lines[row]) : -1;
    };
    const flow = source => {
      let place = 0;
      const skip = () => { while (source[place] === " ") place++; };
      const take = (pattern, why) => { const found = at(pattern, source, place); if (!found) fail(why); place = pattern.lastIndex; return found[0]; };
      const single = inside => {
        skip();
        const sign = source[place];
        if (sign === '"') {
          const raw = take(/"(?:[^"\\]|\\.)*"/y, "a quote is not closed, or runs over several lines");
          const ESCAPES = { 0: "\\u0000", e: "\\u001b", " ": " ", "\t": "\\t" };
          try { return JSON.parse(raw.replace(/\\(x([0-9a-fA-F]{2})|[^x])|\t/g, (all, sign, hex) => hex ? "\\u00" + hex : ESCAPES[sign || all] ?? all)); }
          catch { return fail("this escape is not read here"); }
        }
        if (sign === "'") return take(/'(?:[^']|'')*'/y, "a quote is not closed, or runs over several lines").slice(1, -1).replaceAll("''", "'");
        if (sign === "[") { place++; return series("]", () => single(true), []); }
        if (sign === "{") { place++; return series("}", made => pair(made), {}); }
        if (/[&*!|>%@`]/.test(sign || "")) fail("`" + sign + "` is not read here: write plain values, text below `|`");
        return meaning(take(inside ? /(?:[^\s,[\]{}#:]|:(?![\s,[\]{}])|(?<=\S)#|[ ](?![#]|\s*[,\]}]))+/y : /(?:[^\s#:]|:(?!\s|$)|(?<=\S)#|[ ](?!#))+/y, "a value is missing").trim());
      };
      const pair = made => {
        const key = single(true);
        skip();
        if (source[place] !== ":") fail("`:` is missing");
        place++;
        set(made, key, single(true));
      };
      const series = (close, item, made) => {
        for (skip(); source[place] !== close; skip()) {
          const value = item(made);
          if (Array.isArray(made)) made.push(value);
          skip();
          if (source[place] === ",") place++;
          else if (source[place] !== close) fail("`" + close + "` is missing; a list or a table may not run over several lines here");
        }
        place++;
        return made;
      };
      const value = single(false);
      skip();
      if (place < source.length && source[place] !== "#") fail("what follows the value is not read here");
      return value;
    };
    const meaning = text => {
      if (Object.hasOwn(MEANING, text)) return MEANING[text];
      return /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) ? Number(text) : text;
    };
    const MEANING = { true: true, false: false, null: null, "~": null };
    const set = (made, key, value) => {
      if (typeof key !== "string") fail("keys must be text");
      if (Object.hasOwn(made, key)) fail("`" + key + "` is there twice");
      Object.defineProperty(made, key, { value, enumerable: true, configurable: true, writable: true });
    };
    const literal = (by, keep) => {
      const body = [];
      let deep = 0;
      for (; row < lines.length; row++) {
        const line = lines[row];
        if (line.trim() === "") { body.push(""); continue; }
        deep ||= depth(line);
        if (deep <= by || depth(line) < deep) break;
        body.push(line.slice(deep));
      }
      return body.join("\n").trimEnd() + (keep ? "\n" : "");
    };
    const value = (rest, by) => {
      const style = /^\|(-?)\s*(?:#.*)?$/.exec(rest);
      if (style) { row++; return literal(by, !style[1]); }
      if (rest === "" || rest.startsWith("#")) { row++; const deep = next(); return deep > by || deep === by && /^\s*- /.test(lines[row]) ? node(deep, by) : null; }
      const found = flow(rest);
      row++;
      const deep = next();
      if (deep > by) fail("a value that runs over several lines is not read here: write it below `|`");
      return found;
    };
    const KEY = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'[\]{}#&*!|>%@`-][^\s:#]*|-[^\s:#]+):(?:\s+(.*)|)$/s;
    const node = deep => {
      const start = lines[row].slice(deep);
      if (start === "-" || start.startsWith("- ")) {
        const made = [];
        while (next() === deep && /^-(?: |$)/.test(lines[row].slice(deep))) {
          const rest = lines[row].slice(deep + 1);
          if (/^ +(?:- |[^"'\s[{][^\s]*:(?:\s|$))/.test(rest)) { lines[row] = " ".repeat(deep + 1) + rest; made.push(node(depth(lines[row]))); }
          else made.push(value(rest.trim(), deep));
        }
        return made;
      }
      const made = {};
      while (next() === deep) {
        const found = KEY.exec(lines[row].slice(deep).trimEnd());
        if (!found) fail("this line is not read here");
        const line = row, key = flow(found[1]), inner = value(found[2] || "", deep);
        if (Object.hasOwn(made, key)) fail("`" + key + "` is there twice", line);
        set(made, String(key), inner);
      }
      if (next() > deep) fail("this line stands too far to the right");
      return made;
    };
    if (next() !== 0) fail("this is no annotation");
    if (/^(?:---|\.\.\.|%)/.test(lines[row])) fail("document marks are not read here");
    const made = node(0);
    if (next() >= 0) fail("this line is not read here");
    return made;
  };
  Object.assign(window.assayFile, { write, read });
})();
