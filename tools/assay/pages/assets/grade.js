/* The page for grading. Keeps the work in this browser and sends nothing; grade-end.js writes the file. */
(() => {
  "use strict";
  const root = document.querySelector(".as-grade"), file = window.assayFile, quotes = window.assayQuotes;
  const data = JSON.parse(document.getElementById("as-grade-data").textContent);
  const make = (tag, given = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(given)) {
      if (name === "text") made.textContent = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children.filter(child => child !== null));
    return made;
  };
  const button = (text, onclick, more = {}) => make("button", { type: "button", text, onclick, ...more });
  const stored = key => { try { return localStorage.getItem(key); } catch { return null; } };
  const keep = (key, value) => { try { localStorage.setItem(key, value); return true; } catch { return false; } };
  const worded = text => text.split(/(`[^`]+`)/).map(part => /^`.+`$/.test(part) ? make("code", { text: part.slice(1, -1) }) : part);
  const status = make("p", { class: "as-gsays", role: "status" });
  const say = text => { status.textContent = text; };

  /* The work */
  const blank = by => ({
    v: 1, by, rubric: data.rubric, stage: data.stages === 2 ? 1 : 0, ranking: [[...data.people[by].order]], ranked: false, comparison: "", minutes: "", spent: 0,
    grades: Object.fromEntries(data.people[by].order.map(alias => [alias, { rationale: "", guess: { agent: "", confidence: 0, cue: "" }, criteria: Object.fromEntries(data.criteria.map(item => [item.id, { holds: null, cites: [], note: "" }])) }])),
  });
  const keyOf = by => "assay-grade/" + data.task + "/" + by;
  let state = null, tab = 0, at = 0, seen = "", sink = null, waiting = 0, active = Date.now(), stale = false;
  const store = () => { if (state && !stale && !keep(keyOf(state.by), JSON.stringify(state))) say("This browser keeps nothing: download the file before you leave."); };
  const save = () => { clearTimeout(waiting); waiting = setTimeout(store, 250); progress(); };
  const begin = (by, kept, keeping = true) => {
    if (keeping) store();
    state = blank(by);
    let told = "";
    if (kept) {
      for (const [alias, mine] of Object.entries(state.grades)) {
        const was = kept.grades?.[alias];
        if (!was) continue;
        Object.assign(mine, { rationale: was.rationale || "", guess: { ...mine.guess, ...was.guess } });
        for (const id of Object.keys(mine.criteria)) if (was.criteria?.[id]) mine.criteria[id] = { ...mine.criteria[id], ...was.criteria[id] };
      }
      const ranked = kept.ranking?.flat() || [];
      if (ranked.length === state.ranking[0].length && state.ranking[0].every(alias => ranked.includes(alias))) Object.assign(state, { ranking: kept.ranking, ranked: kept.ranked });
      Object.assign(state, { comparison: kept.comparison || "", minutes: kept.minutes || "", spent: kept.spent || 0, stage: data.stages === 2 ? kept.stage || 1 : 0 });
      if (kept.rubric !== data.rubric) told = "The rubric has changed since you began: look again at what changed.";
    }
    keep("assay-grade-by", by);
    tab = at = 0;
    draw();
    say(told);
  };
  const order = () => data.people[state.by].order;
  const asked = () => data.criteria.filter(item => state.stage !== 1 || data.first.includes(item.id));
  const locked = item => state.stage === 2 && data.first.includes(item.id);
  const alias = () => order()[tab];
  const given = (id, name = alias()) => state.grades[name].criteria[id];

  /* What is wrong: what `assay check` says too, as far as it can be told here */
  const oddCite = (item, name) => {
    if (item.reason) return item.reason;
    if (item.alias && item.alias !== name) return "another attempt is cited in `comparison` only";
    if (state.stage === 1 && item.kind === "step") return "the first stage cites no step";
    const attempt = data.attempts[item.alias || name];
    return file.missing(item, attempt) || (quoteOf(item, name) === "missing" ? "the quote is not found at that place" : "");
  };
  /* What a quote is worth: "" without one, else as assayQuotes says; what shows it is drawn again when it is known. */
  const watching = new Map();
  const quoteOf = (item, name) => {
    const alias = item.alias || name, attempt = data.attempts[alias];
    if (item.reason || item.quote === null || !attempt || file.missing(item, attempt)) return "";
    return item.kind === "run" ? "unknown" : quotes.look(item, alias, attempt, root.dataset.texts, recheck);
  };
  const recheck = () => {
    for (const [element, check] of watching) element.isConnected ? check() : watching.delete(element);
    progress();
  };
  const WORTH = { weak: "a short quote counts only as a whole line", unknown: "not checked here" };
  const passed = (item, name) => { const { holds } = given(item.id, name); return typeof holds === "boolean" ? holds === item.good : null; };
  const oddGrade = (item, name) => {
    const { holds, cites, note } = given(item.id, name), said = note.trim(), odd = [];
    if (holds === null) return odd;
    if (!cites.length) odd.push("every verdict cites");
    if (holds === "unclear" && !said) odd.push("say in the note what is missing");
    if (said.split(/\s+/).length > data.words[2]) odd.push("a note has at most " + data.words[2] + " words");
    const results = item.test ? file.status(data.attempts[name], item.test) : [];
    const green = results.length && results.every(result => result === "passed"), red = results.some(result => result === "failed" || result === "error");
    if (!said && typeof holds === "boolean" && (green || red) && holds !== (green ? item.good : !item.good)) odd.push("the test " + (green ? "passed" : "failed") + ": say in the note why it does not decide here");
    return odd;
  };
  const oddText = (text, name) => {
    const found = file.citations(text), odd = [];
    if (text.trim() && !found.length) odd.push("cite what it rests on");
    for (const item of found) {
      const where = text.slice(item.start, Math.min(item.end, item.start + 40));
      const why = !name && !item.reason && !item.alias ? "put the alias in front" : !name && item.alias && !data.attempts[item.alias] ? "there is no `" + item.alias + "`" : oddCite(item, name || item.alias);
      if (why) odd.push(where + ": " + why);
    }
    const count = file.words(text);
    if (name && count && (count < data.words[0] || count > data.words[1])) odd.push(data.words[0] + " to " + data.words[1] + " words without citations, these are " + count);
    return odd;
  };
  const sums = () => {
    const names = order(), items = asked(), full = state.stage !== 1;
    const done = names.reduce((sum, name) => sum + items.filter(item => given(item.id, name).holds !== null).length, 0);
    const texts = names.filter(name => state.grades[name].rationale.trim()).length;
    let odd = names.reduce((sum, name) => sum + items.reduce((more, item) => more + oddGrade(item, name).length + given(item.id, name).cites.filter(cite => oddCite(file.citation(cite), name)).length, 0), 0);
    if (full) odd += names.reduce((sum, name) => sum + oddText(state.grades[name].rationale, name).length, 0) + oddText(state.comparison, "").length + (state.ranked && window.assayEnd ? window.assayEnd.oddRanking().length : 0);
    const whole = done === names.length * items.length && (!full || texts === names.length && state.ranked && (state.comparison.trim() !== ""));
    return { done, all: names.length * items.length, texts, odd, whole, full };
  };

  /* The frame with the log */
  const frames = new Map();
  const screen = make("div", { class: "as-gscreen" }), title = make("div", { class: "as-ghead" });
  const show = (name, anchor = "") => {
    seen = name;
    const key = name + "/" + (state.stage === 1);
    const address = root.dataset.logs + "/" + name + ".html" + (state.stage === 1 ? "?hide=steps" : "");
    if (!frames.has(key)) {
      const frame = make("iframe", { title: "log of " + name, src: address + (anchor ? "#" + anchor : state.stage === 1 ? "#patch" : "") });
      frames.set(key, { frame, name });
      screen.append(frame);
    } else if (anchor) frames.get(key).frame.src = address + "#" + anchor;
    if (anchor && matchMedia("(max-width: 59.99em)").matches) title.scrollIntoView();
    for (const [other, { frame }] of frames) frame.hidden = other !== key;
    const jump = (text, place) => button(text, () => show(name, place), { title: "show in the log" });
    const names = tab < order().length ? [make("b", { text: name })] : order().map(other => button(other, () => show(other), { "aria-pressed": String(other === name) }));
    title.replaceChildren(...names, ...(state.stage === 1 ? [] : [jump("steps", "steps")]), jump("patch", "patch"), jump("tests", "tests"),
      make("span", { class: "as-gsink", text: "citations go to " + (sink?.isConnected ? sink.dataset.name : tab < order().length ? asked()[at].id : "the comparison") }));
  };
  const anchorOf = item => {
    const lines = item.first && item.kind === "step" ? ".L" + item.first + (item.last === item.first ? "" : "-L" + item.last) : "";
    const safe = text => text.replace(/[^A-Za-z0-9._/-]+/g, "-");
    if (item.kind === "step") return "s" + item.target + lines;
    if (item.kind === "test") { const [milestone, name] = file.halves(item.target); return "t-" + safe(milestone) + (name && safe(name) === name ? "-" + name : ""); }
    return item.kind === "run" ? "runs" : "f:" + safe(item.target);
  };
  /* Two clicks select a word, the third the line: what follows at the same place at once takes its place. */
  let last = { when: 0, place: "", undo: null };
  const insert = (name, cite, quote) => {
    const item = file.citation(cite + (quote ? " " + file.quoted(quote) : ""));
    if (item.reason) return;
    if (state.stage === 1 && item.kind === "step") return say("The first stage cites no step.");
    const where = [name, file.place(item), tab, at, sink?.isConnected].join(" ");
    if (last.place === where && quote && Date.now() - last.when < 900) last.undo();
    const area = sink?.isConnected ? sink : tab === order().length ? root.querySelector("[data-name='the comparison']") : null;
    if (area) {
      const other = area.dataset.name === "the comparison", start = area.selectionStart, before = area.value.slice(0, start);
      const text = (before && !/\s$/.test(before) ? " " : "") + "[" + file.written({ ...item, alias: other ? name : "" }) + "]";
      area.setRangeText(text, start, area.selectionEnd, "end");
      last = { when: Date.now(), place: where, undo: () => area.setRangeText("", start, start + text.length, "end") };
      area.dispatchEvent(new Event("input"));
    } else if (tab < order().length && name === alias()) {
      const asks = asked()[at], list = given(asks.id).cites, text = file.written({ ...item, alias: "" }), known = list.includes(text);
      cites(asks, text);
      last = { when: Date.now(), place: where, undo: () => { if (!known && list.includes(text)) list.splice(list.indexOf(text), 1); } };
    }
    else return say("Open the attempt or the comparison that this is for.");
    say("Cited " + file.place(item) + ".");
  };
  addEventListener("message", event => {
    const from = [...frames.values()].find(({ frame }) => frame.contentWindow === event.source), told = event.data;
    if (!state || !from || told?.assay !== "cite" || told.alias !== from.name || typeof told.cite !== "string" || typeof told.quote !== "string") return;
    if (told.cite) insert(from.name, told.cite.slice(0, 500), told.quote.slice(0, 300));
  });

  /* One criterion */
  const VERDICTS = [["true", true, "y"], ["false", false, "n"], ["unclear", "unclear", "u"]];
  const cites = (item, text) => {
    const mine = given(item.id);
    if (locked(item) || !text || mine.cites.includes(text)) return;
    mine.cites.push(text);
    redraw(item);
  };
  const decide = holds => {
    const item = asked()[at];
    if (tab >= order().length || locked(item)) return;
    const mine = given(item.id);
    mine.holds = mine.holds === holds ? null : holds;
    redraw(item);
  };
  const problems = list => make("ul", { class: "as-godd" }, ...list.map(text => make("li", { text })));
  const rowOf = item => root.querySelector("[data-id='" + item.id + "']"), entryOf = item => rowOf(item).querySelector(".as-gcite");
  const row = item => {
    const mine = given(item.id), shut = locked(item), number = asked().indexOf(item);
    const odd = make("div");
    const check = () => odd.replaceChildren(...(oddGrade(item, alias()).length ? [problems(oddGrade(item, alias()))] : []));
    const entry = make("input", { class: "as-gcite", placeholder: 'step:12 "words of that step"', "aria-label": "cite for " + item.id, disabled: shut, onkeydown: event => { if (event.key === "Enter") { event.preventDefault(); add(); } } });
    const add = () => { const text = entry.value.trim().replace(/^\[(.*)\]$/s, "$1"); if (text) { cites(item, text); entryOf(item).focus(); } };
    const chips = mine.cites.map((cite, place) => {
      const read = file.citation(cite);
      const out = button("\u00d7", () => { mine.cites.splice(place, 1); redraw(item); }, { "aria-label": "take out " + cite, disabled: shut });
      const edit = button("edit", () => { mine.cites.splice(place, 1); redraw(item); const field = entryOf(item); field.value = cite; field.focus(); }, { "aria-label": "edit " + cite, disabled: shut });
      const link = button(read.reason ? cite : file.place(read), () => show(alias(), read.reason ? "" : anchorOf(read)), { class: "as-gplace", title: "show in the log" });
      const said = make("span"), chip = make("li", {}, link, read.quote ? make("q", { text: read.quote }) : null, edit, out, said);
      const check = () => {
        const why = oddCite(read, alias());
        chip.className = why ? "as-is-odd" : "";
        said.className = why ? "as-gwhy" : "as-quiet";
        said.textContent = why || WORTH[quoteOf(read, alias())] || "";
      };
      check();
      watching.set(chip, check);
      return chip;
    });
    const marks = [item.axis, item.must ? "must pass" : "", item.good ? "good when true" : "a fault when true", "evidence: " + item.evidence, item.test ? "decided by " + item.test : "", item.requires.length ? "only if " + item.requires.join(", ") + " passed" : "", shut ? "sealed with the first stage" : ""];
    const note = make("input", { class: "as-gnote", placeholder: "note, at most " + data.words[2] + " words", "aria-label": "note on " + item.id, disabled: shut, oninput: event => { mine.note = event.target.value; check(); save(); } });
    note.value = mine.note;
    check();
    return make("li", { class: "as-gitem", "data-id": item.id, tabindex: "-1", "aria-current": String(number === at), onfocusin: () => select(number, false), onclick: () => select(number, false) },
      make("div", { class: "as-gask" },
        make("div", {}, make("p", { class: "as-gstate" }, ...worded(item.statement)), make("p", { class: "as-quiet" }, make("code", { text: item.id }), " " + marks.filter(Boolean).join(" \u00b7 "))),
        make("div", { class: "as-gsay", role: "group", "aria-label": "verdict on " + item.id }, ...VERDICTS.map(([text, value, key]) => button(text, () => { select(number, false); decide(value); }, { "aria-pressed": String(mine.holds === value), "aria-keyshortcuts": key, disabled: shut })))),
      make("ul", { class: "as-gcites" }, ...chips),
      make("div", { class: "as-gadd" }, entry, button("cite", add, { disabled: shut }), note), odd);
  };
  const redraw = item => {
    const old = rowOf(item), held = old?.contains(document.activeElement);
    const made = row(item);
    old?.replaceWith(made);
    if (held) made.focus({ preventScroll: true });
    save();
  };
  const select = (number, focus) => {
    if (sink?.tagName !== "TEXTAREA" || document.activeElement !== sink) sink = null;
    at = Math.max(0, Math.min(asked().length - 1, number));
    const items = root.querySelectorAll(".as-gitem");
    items.forEach((item, place) => item.setAttribute("aria-current", String(place === at)));
    if (focus) { items[at]?.focus({ preventScroll: true }); items[at]?.scrollIntoView({ block: "nearest" }); }
    show(seen);
  };
  const area = (name, rows, value, change, name2) => {
    const odd = make("div"), made = make("textarea", { rows, "data-name": name, "aria-label": name, spellcheck: "true", onfocus: () => { sink = made; show(seen); } });
    const count = make("span", { class: "as-quiet" });
    const check = () => { const list = oddText(made.value, name2); odd.replaceChildren(...(list.length ? [problems(list)] : [])); count.textContent = file.words(made.value) + " words without citations"; };
    made.value = value;
    made.addEventListener("input", () => { change(made.value); check(); save(); });
    check();
    watching.set(made, check);
    return make("div", { class: "as-gtext" }, made, count, odd);
  };

  /* What is left of the log: one attempt; ranking and file are in grade-end.js */
  const attempt = name => [
    make("ol", { class: "as-gitems" }, ...asked().map(row)),
    ...(state.stage === 1 ? [] : [make("h2", { text: "Rationale" }), make("p", { class: "as-quiet", text: "What decided the grades, in the order of its weight, each claim with its citation." }), area("the rationale of " + name, "7", state.grades[name].rationale, text => { state.grades[name].rationale = text; }, name)]),
  ];
  /* The frame of it all */
  const bar = make("div", { class: "as-gbar" }), tabs = make("div", { class: "as-gtabs", role: "tablist", "aria-label": "attempts" }), form = make("div", { class: "as-gform", role: "tabpanel", "aria-label": "grades" });
  const counter = make("span", { class: "as-gsum" }), input = make("input", { type: "file", accept: ".yaml,.yml", hidden: true, "aria-label": "a started file", onchange: event => end().then(() => window.assayEnd.taken(event)) });
  const progress = () => {
    if (!state) return;
    const { done, all, texts, odd, whole, full } = sums();
    counter.textContent = done + " of " + all + " verdicts" + (full ? ", " + texts + " of " + order().length + " rationales, ranking " + (state.ranked ? "given" : "open") + ", comparison " + (state.comparison.trim() ? "given" : "open") : ", first stage") + (odd ? ", " + odd + (odd === 1 ? " problem" : " problems") : whole ? ", complete" : "");
    order().forEach((name, number) => { const left = asked().filter(item => given(item.id, name).holds === null).length; tabs.children[number].lastChild.textContent = left ? " " + left + " open" : " \u2713"; });
  };
  const go = number => { tab = Math.max(0, Math.min(order().length + 1, number)); at = 0; sink = null; draw(); form.scrollTop = 0; };
  const draw = () => {
    sink = null;
    watching.clear();
    const people = make("select", { "aria-label": "who grades", onchange: event => { if (event.target.value) open(event.target.value); } }, make("option", { value: "", text: "who grades?" }), ...Object.keys(data.people).map(name => make("option", { value: name, text: name, selected: state?.by === name })));
    bar.replaceChildren(people, input, button("go on with a file", () => { end(); input.click(); }), ...(state ? [button("file", () => go(order().length + 1)), button("keys", () => { help.hidden = !help.hidden; }, { "aria-keyshortcuts": "?" }), counter] : []));
    root.classList.toggle("as-is-begun", Boolean(state));
    if (!state) return form.replaceChildren(make("p", { text: "Choose who you are: the order of the attempts is yours alone. What you do stays in this browser until you save the file." }));
    const names = [...order(), "ranking", "file"];
    tabs.replaceChildren(...names.map((name, number) => make("button", { type: "button", role: "tab", "aria-selected": String(number === tab), onclick: () => go(number) }, name, make("span", { class: "as-quiet" }))));
    form.replaceChildren(...(tab < order().length ? attempt(alias()) : !window.assayEnd ? [] : tab === order().length ? window.assayEnd.ranking() : window.assayEnd.output()));
    if (!window.assayEnd && (state.ranked || tab >= order().length - 1)) end().then(() => { if (tab >= order().length) draw(); else progress(); }, () => say("A part of the page is missing."));
    show(tab < order().length ? alias() : order().includes(seen) ? seen : order()[0]);
    save();
  };
  const open = by => { let kept = null; try { kept = JSON.parse(stored(keyOf(by))); } catch { /* begun anew */ } begin(by, kept); };

  const end = async () => { for (const name of ["file", "end"]) await window.assayLoad(root.dataset.code + "/grade-" + name + ".js"); };
  window.assayGrade = { data, make, button, say, show, draw, go, save, store, keep, stored, blank, keyOf, begin, area, problems, passed, sums, order, get state() { return state; } };

  /* Keyboard */
  const KEYS = {
    j: ["next criterion", () => select(at + 1, true)], k: ["criterion before", () => select(at - 1, true)],
    l: ["next attempt, then ranking and file", () => { go(tab + 1); select(0, true); }], h: ["attempt before", () => { go(tab - 1); select(0, true); }],
    y: ["the statement is true", () => decide(true)], n: ["it is false", () => decide(false)], u: ["unclear", () => decide("unclear")],
    i: ["write a citation", () => root.querySelector("[aria-current=true] .as-gcite")?.focus()], m: ["write a note", () => root.querySelector("[aria-current=true] .as-gnote")?.focus()],
    r: ["rationale or comparison", () => form.querySelector("textarea")?.focus()], Escape: ["back to the criterion", () => { document.activeElement?.blur(); select(at, true); }], "?": ["show or hide these keys", () => { help.hidden = !help.hidden; }],
  };
  const off = make("input", { type: "checkbox", onchange: () => keep("assay-keys-off", off.checked ? "0" : "1") });
  off.checked = stored("assay-keys-off") !== "1";
  const help = make("div", { class: "as-ghelp", hidden: true }, make("dl", { class: "as-help" }, ...Object.entries(KEYS).map(([key, [does]]) => make("div", {}, make("dt", { text: key }), make("dd", { text: does })))), make("label", { class: "as-quiet" }, off, " keys"),
    make("p", { class: "as-quiet", text: "In the log: select text to cite it with its words, click a number or a heading with Shift to cite without, i cites the step that has the focus." }));
  addEventListener("keydown", event => {
    const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select");
    if (!state || !off.checked || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key) || typing && event.key !== "Escape" || event.target.closest?.(".md-search")) return;
    event.preventDefault();
    event.stopPropagation();
    KEYS[event.key][1]();
  }, true);

  /* The split */
  const split = make("div", { class: "as-gsplit" });
  const divider = make("div", { class: "as-gdivider", role: "separator", tabindex: "0", "aria-orientation": "vertical", "aria-label": "width of the rubric", "aria-valuemin": "25", "aria-valuemax": "75" });
  const widen = share => { const width = Math.round(Math.max(25, Math.min(75, share))); split.style.setProperty("--as-gwide", width + "%"); divider.setAttribute("aria-valuenow", String(width)); keep("assay-grade-split", String(width)); };
  divider.addEventListener("keydown", event => { const by = { ArrowLeft: -3, ArrowRight: 3 }[event.key]; if (by) { event.preventDefault(); widen(Number(divider.getAttribute("aria-valuenow")) + by); } });
  divider.addEventListener("pointerdown", event => { divider.setPointerCapture(event.pointerId); split.classList.add("as-is-moved"); });
  divider.addEventListener("pointermove", event => { if (divider.hasPointerCapture(event.pointerId)) { const box = split.getBoundingClientRect(); widen((event.clientX - box.left) / box.width * 100); } });
  divider.addEventListener("lostpointercapture", () => split.classList.remove("as-is-moved"));
  widen(Number(stored("assay-grade-split")) || 48);
  split.append(form, divider, make("div", { class: "as-gview" }, title, screen));
  root.replaceChildren(bar, help, status, tabs, split);
  for (const kind of ["pointerdown", "keydown", "message"]) addEventListener(kind, () => { active = Date.now(); }, true);
  setInterval(() => { if (state && !document.hidden && Date.now() - active < 120000) { state.spent += 15; store(); } }, 15000);
  addEventListener("pagehide", store);
  addEventListener("storage", event => {
    if (!state || event.key !== keyOf(state.by)) return;
    stale = true;
    say("Another window grades this task: go on there, or load this page again. Nothing more is kept from here.");
  });
  const wanted = new URLSearchParams(location.search).get("by") || stored("assay-grade-by"), only = Object.keys(data.people);
  if (Object.hasOwn(data.people, wanted || "")) open(wanted);
  else if (only.length === 1) open(only[0]);
  else draw();
})();
