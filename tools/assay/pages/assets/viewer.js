/* The log of a trajectory: loads what long logs leave out, finds, filters, marks cited lines, moves by keyboard, hands
   citations to a page that shows this one. The rows themselves stand in the page, above this script. */
(() => {
  "use strict";
  const view = document.querySelector(".as-view");
  if (!view) return;
  const list = document.getElementById("as-steps");
  const all = [...list.querySelectorAll(".as-step")];
  const MANY = 500; /* rows above which the theme must not see them: it sets up each <details> that it finds */

  const start = () => {
    const make = (tag, name, text) => {
      const made = document.createElement(tag);
      if (name) made.className = name;
      if (text !== undefined) made.textContent = text;
      return made;
    };

    /* Bodies of long logs */
    const TAGS = new Set(["div", "p", "pre", "span", "code", "a", "b", "details", "summary", "br", "wbr"]);
    const KEPT = new Set(["class", "id", "title", "tabindex", "open"]);
    const grow = node => {
      if (typeof node === "string") return document.createTextNode(node);
      const [tag, attributes, ...children] = node;
      const made = document.createElement(TAGS.has(tag) ? tag : "span");
      for (const [name, value] of Object.entries(attributes)) {
        const link = name === "href" && /^(?:#|\.\.?\/)/.test(value);
        if (link || KEPT.has(name) || name.startsWith("aria-")) made.setAttribute(name, value);
      }
      made.append(...children.map(grow));
      return made;
    };
    const asked = new Map(), answers = new Map();
    window.__assayChunk = (number, bodies) => {
      for (const [step, nodes] of Object.entries(bodies)) {
        const row = document.getElementById(/^\d/.test(step) ? "s" + step : step); /* or the place of another body */
        if (!row || row.querySelector(":scope > .as-body")) continue;
        const body = make("div", "as-body");
        body.append(...nodes.map(grow));
        for (const place of row.querySelectorAll("summary > span[id]"))
          if (body.querySelector("#" + CSS.escape(place.id))) place.remove();
        row.append(body);
      }
      answers.get(number)?.();
    };
    const load = row => {
      const number = row.dataset.c;
      if (number === undefined) return Promise.resolve();
      if (!asked.has(number)) asked.set(number, new Promise((done, fail) => {
        answers.set(Number(number), done);
        const source = view.dataset.chunks + "/" + number.padStart(4, "0") + ".js";
        window.assayLoad(source).catch(error => { asked.delete(number); fail(error); });
      }).catch(error => {
        if (!row.querySelector(":scope > .as-body")) row.append(make("p", "as-quiet", "not loaded: " + error.message));
      }));
      return asked.get(number);
    };
    const loadAll = () => Promise.all(all.map(load));
    document.addEventListener("toggle", event => { if (event.target.open && event.target.matches?.(".as-step, .as-state")) load(event.target); }, true);
    document.querySelectorAll(".as-state[open]").forEach(load); /* an address may have opened it before anybody listened */

    /* Places */
    const PLACE = /^(s\d+)(\.c\d+)?(?:\.L(\d+)(?:-L(\d+))?)?$/;
    const unmark = () => document.querySelectorAll(".as-mark").forEach(mark => mark.remove());
    const mark = (output, first, last) => {
      const gutter = output?.querySelector(".as-gutter");
      const lines = gutter ? gutter.textContent.split("\n").length : 0;
      if (!lines || first > lines) return;
      const style = getComputedStyle(gutter), height = parseFloat(style.lineHeight), top = parseFloat(style.paddingTop);
      const band = make("div", "as-mark");
      band.style.top = top + (first - 1) * height + "px";
      band.style.height = (Math.min(last, lines) - first + 1) * height + "px";
      output.append(band);
      output.scrollTop = Math.max(0, (first - 4) * height);
    };
    const arrive = async () => {
      const found = PLACE.exec(decodeURIComponent(location.hash.slice(1)));
      const row = found && document.getElementById(found[1]);
      unmark();
      if (!row) return;
      if (row.hidden) choose("all");
      await load(row);
      row.open = true;
      const call = found[2] && document.getElementById(found[1] + found[2]);
      const target = call || row;
      if (found[3]) mark(target.querySelector(".as-out"), Number(found[3]), Number(found[4] || found[3]));
      target.scrollIntoView({ block: "start" });
      row.querySelector("summary").focus({ preventScroll: true });
    };

    /* Bars for each step: up for the time it took, down for its tokens */
    const strip = document.querySelector(".as-strip[data-bars]");
    const KINDS = { us: "user", sy: "system", ru: "run", sa: "say" };
    const bars = (strip ? strip.dataset.bars.split(" ") : []).map(text => /^(\d+)([a-z]{2})(\d+)(?:p(\d+)c(\d+))?(f?)$/.exec(text)).filter(Boolean);
    const spent = bars.map(([, , , , given, made]) => Number(given || 0) + Number(made || 0));
    const most = Math.max(0, ...spent);
    if (most) strip.classList.add("as-has-tokens");
    else if (strip && bars.every(([, , , height]) => height === bars[0][3])) strip.classList.add("as-is-flat");
    bars.forEach(([, step, kind, height, given, made, failed], place) => {
      const bar = make("a", "as-bar-" + KINDS[kind] + (failed ? " as-is-failed" : ""));
      bar.href = "#s" + step;
      bar.tabIndex = -1;
      const used = given === undefined ? "" : ", " + Number(given).toLocaleString("en") + " tokens in, " + Number(made).toLocaleString("en") + " out";
      bar.title = step + " " + KINDS[kind] + used + ": " + (document.getElementById("s" + step)?.querySelector(".as-title")?.textContent || "").slice(0, 120);
      bar.style.setProperty("--up", height + "%");
      if (most) bar.style.setProperty("--down", Math.ceil(100 * spent[place] / most) + "%");
      strip.append(bar);
    });

    /* Filters and search */
    const FILTERS = [["all", "all"], ["run", "commands"], ["failed", "failed"], ["changes", "edits"], ["tests", "tests"], ["cited", "cited"], ["user", "user"]];
    const is = (row, name) => row.classList.contains("as-is-" + name) || row.classList.contains("as-step-" + name);
    const fits = (row, name) => name === "all" || (name === "changes" ? is(row, "edit") || is(row, "write") : is(row, name));
    const bar = make("div", "as-tools");
    let chosen = "all", words = "";
    const address = () => { /* not `q`, which is the theme's search */
      const query = new URLSearchParams(location.search);
      for (const [name, value] of [["f", chosen === "all" ? "" : chosen], ["find", words]]) value ? query.set(name, value) : query.delete(name);
      const text = query.toString();
      try { history.replaceState(null, "", location.pathname + (text ? "?" + text : "") + location.hash); } catch { /* from disk, in some browsers */ }
    };
    const count = make("span", "as-quiet");
    count.setAttribute("role", "status");
    const show = async () => {
      if (words) await loadAll();
      const wanted = words.toLowerCase();
      let hits = 0, rows = 0;
      for (const row of all) {
        const text = wanted ? row.textContent.toLowerCase() : "";
        const here = wanted ? text.split(wanted).length - 1 : 0;
        row.hidden = !fits(row, chosen) || (wanted !== "" && !here);
        row.classList.toggle("as-is-hit", here > 0);
        if (!row.hidden) { rows++; hits += here; }
      }
      for (const button of bar.querySelectorAll("[data-as]"))
        button.setAttribute("aria-pressed", String(button.dataset.as === chosen));
      count.textContent = wanted ? hits + " hits in " + rows + " steps" : chosen === "all" ? "" : rows + " of " + all.length + " steps";
      address();
    };
    const choose = name => { chosen = name; return show(); };
    for (const [name, text] of FILTERS) {
      if (name !== "all" && !all.some(row => fits(row, name))) continue;
      const button = make("button", "", text);
      button.type = "button";
      button.dataset.as = name;
      button.addEventListener("click", () => choose(name));
      bar.append(button);
    }
    const each = async open => {
      if (open) await loadAll();
      for (const row of all) if (!row.hidden) row.open = open;
    };
    for (const [text, open] of [["open all", true], ["close all", false]]) {
      const button = make("button", "", text);
      button.type = "button";
      button.addEventListener("click", () => each(open));
      bar.append(button);
    }
    const find = make("input");
    find.type = "search";
    find.placeholder = "find in this log";
    find.setAttribute("aria-label", "find in this log");
    let waiting;
    find.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { words = find.value.trim(); show(); }, 200);
    });
    bar.append(find, count);

    /* Keyboard */
    const shown = () => all.filter(row => !row.hidden);
    const current = () => document.activeElement?.closest(".as-step");
    const focus = row => row?.querySelector("summary").focus();
    const move = (by, test = () => true) => {
      const rows = shown(), at = rows.indexOf(current());
      for (let next = at + by; at >= 0 ? next >= 0 && next < rows.length : next === by - 1 || next >= 0; next += by) {
        const row = rows[at < 0 ? 0 : next];
        if (at < 0 || test(row)) return focus(row);
      }
    };
    const copy = text => navigator.clipboard?.writeText(text).catch(() => {});
    const KEYS = {
      j: ["next step", () => move(1)],
      k: ["step before", () => move(-1)],
      J: ["next cited or failed step", () => move(1, row => is(row, "cited") || is(row, "failed"))],
      K: ["cited or failed step before", () => move(-1, row => is(row, "cited") || is(row, "failed"))],
      o: ["open or close", () => { const row = current(); if (row) row.open = !row.open; }],
      e: ["open all that is shown", () => each(true)],
      E: ["close all", () => each(false)],
      g: ["first step", () => focus(shown()[0])],
      G: ["last step", () => focus(shown().at(-1))],
      c: ["copy the address of this step", () => {
        const row = current();
        if (!row) return;
        history.replaceState(null, "", "#" + row.id);
        copy(location.href);
      }],
      i: ["cite what has the focus, on a page for grading", () => cite(placeOf(document.activeElement), "")],
      "\\": ["find", () => find.focus()],
      "?": ["show or hide these keys", () => { help.hidden = !help.hidden; }],
    };
    const help = make("dl", "as-help");
    help.hidden = true;
    for (const [key, [text]] of Object.entries(KEYS)) {
      const pair = make("div");
      pair.append(make("dt", "", key), make("dd", "", text));
      help.append(pair);
    }
    const off = make("label", "as-quiet");
    const box = make("input");
    box.type = "checkbox";
    const OFF = "assay-keys-off";
    const stored = () => { try { return localStorage.getItem(OFF) === "1"; } catch { return false; } };
    box.checked = !stored();
    box.addEventListener("change", () => { try { localStorage.setItem(OFF, box.checked ? "0" : "1"); } catch { /* asked again next time */ } });
    off.append(box, " keys (? lists them)");
    bar.append(off);
    document.addEventListener("keydown", event => {
      const busy = event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select");
      if (busy || !box.checked || !KEYS[event.key]) return;
      event.preventDefault();
      KEYS[event.key][1]();
    });

    /* Citations for a page that shows this one in a frame */
    const framed = window.parent !== window;
    const cite = (place, quote) => {
      if (framed && place) window.parent.postMessage({ assay: "cite", alias: view.dataset.alias, cite: place, quote }, "*");
    };
    const placeOf = node => {
      const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
      const call = element?.closest(".as-call"), row = element?.closest(".as-step");
      const test = element?.closest(".as-test[data-cite]"), file = element?.closest(".as-file[data-cite]");
      if (call) return "step:" + call.id.slice(1);
      if (row) return "step:" + row.id.slice(1);
      return (test || file)?.dataset.cite || "";
    };
    const linesOf = range => {
      const output = range.startContainer.parentElement?.closest(".as-out > pre:last-child");
      if (!output?.contains(range.endContainer)) return "";
      const before = range.cloneRange(), count = part => part.toString().replace(/\n$/, "").split("\n").length;
      before.setStart(output, 0);
      const last = count(before), first = last - count(range) + 1;
      return first < last ? "#L" + first + "-L" + last : "";
    };
    if (framed) {
      document.documentElement.classList.add("as-framed");
      document.addEventListener("mouseup", event => {
        if (event.target instanceof Element && event.target.closest("button")) return; /* what was selected before stays selected */
        const selected = document.getSelection(), text = selected.toString().trim();
        const place = text && selected.anchorNode ? placeOf(selected.anchorNode) : "";
        if (place) cite(place + linesOf(selected.getRangeAt(0)), text.length > 200 || text.includes("\n") ? text.split("\n").find(line => line.trim()).trim().slice(0, 200) : text);
      });
      const offer = (name, put) => {
        const button = make("button", "as-citebutton", name.startsWith("step:") ? "cite " + name : "cite"); /* two stand together there */
        button.type = "button";
        button.dataset.cite = name;
        button.setAttribute("aria-label", "cite " + name);
        put(button);
      };
      for (const place of document.querySelectorAll(".as-test[data-cite], .as-file[data-cite]"))
        offer(place.dataset.cite, button => place.tagName === "DETAILS" ? place.before(button) : place.append(button)); /* a summary is a button already */
      /* Steps and calls get theirs when they are opened: there are thousands */
      const offered = async row => {
        await load(row);
        if (!row.open || row.dataset.offered) return;
        row.dataset.offered = "1";
        offer("step:" + row.id.slice(1), button => row.querySelector("summary").after(button));
        for (const head of row.querySelectorAll(".as-callhead")) offer(placeOf(head), button => head.before(button));
      };
      all.filter(row => row.open).forEach(offered);
      list.addEventListener("toggle", event => { if (event.target.matches?.(".as-step")) offered(event.target); }, true);
      document.addEventListener("click", event => {
        const button = event.target.closest(".as-citebutton");
        if (!button && !(event.shiftKey && event.target.closest(".as-n, .as-callhead"))) return;
        event.preventDefault();
        cite(button ? button.dataset.cite : placeOf(event.target), "");
      });
    }
    if (new URLSearchParams(location.search).get("hide") === "steps") document.documentElement.classList.add("as-no-steps");

    view.append(bar, help);
    view.hidden = false;
    document.addEventListener("click", event => {
      const link = event.target.closest('a[href^="#"]');
      if (link && link.getAttribute("href") === location.hash) arrive();
    });
    addEventListener("hashchange", arrive);
    /* On paper every row is open, but nothing can be loaded by then. */
    const loaded = row => row.dataset.c === undefined || row.querySelector(":scope > .as-body") !== null;
    const missing = make("p", "as-quiet as-on-paper", "Rows that were never opened stand here without what they hide: \u201copen all\u201d loads it, then print.");
    view.before(missing);
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = all.filter(row => !row.open && loaded(row));
      for (const row of opened) row.open = true;
      missing.hidden = all.every(loaded);
    });
    addEventListener("afterprint", () => { for (const row of opened) row.open = false; });
    const query = new URLSearchParams(location.search);
    if (FILTERS.some(([name]) => name === query.get("f"))) chosen = query.get("f");
    find.value = words = query.get("find") || "";
    if (chosen !== "all" || words) show();
    if (location.hash) arrive();
  };

  if (all.length < MANY) document.addEventListener("DOMContentLoaded", start, { once: true });
  else {
    const place = document.createElement("div");
    place.style.height = "100vh";
    list.replaceWith(place);
    addEventListener("load", () => { place.replaceWith(list); start(); }, { once: true });
  }
})();
