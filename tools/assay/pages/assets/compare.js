/* Puts the steps of two or three attempts side by side. The page says everything else without it. */
(() => {
  "use strict";
  const place = document.querySelector(".as-compare");
  if (!place) return;

  const MOST = 4000000; /* cells of one alignment; longer segments stand side by side by position */
  const make = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  /* Longest common subsequence of two lists of keys: pairs of places, -1 where one side has nothing. */
  const align = (one, other) => {
    let start = 0, end = 0;
    while (start < one.length && start < other.length && one[start] === other[start]) start++;
    while (end < one.length - start && end < other.length - start && one[one.length - 1 - end] === other[other.length - 1 - end]) end++;
    const rows = [];
    for (let i = 0; i < start; i++) rows.push([i, i]);
    const n = one.length - start - end, m = other.length - start - end;
    if (n * m > MOST) {
      for (let i = 0; i < Math.max(n, m); i++) rows.push([i < n ? start + i : -1, i < m ? start + i : -1]);
    } else {
      const width = m + 1, best = new Uint32Array((n + 1) * width);
      for (let i = n - 1; i >= 0; i--)
        for (let j = m - 1; j >= 0; j--)
          best[i * width + j] = one[start + i] === other[start + j]
            ? best[(i + 1) * width + j + 1] + 1
            : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
      let i = 0, j = 0;
      while (i < n || j < m) {
        if (i < n && j < m && one[start + i] === other[start + j]) rows.push([start + i++, start + j++]);
        else if (i < n && (j === m || best[(i + 1) * width + j] >= best[i * width + j + 1])) rows.push([start + i++, -1]);
        else rows.push([-1, start + j++]);
      }
    }
    for (let i = 0; i < end; i++) rows.push([one.length - end + i, other.length - end + i]);
    return rows;
  };

  /* Rows of a segment: a step or nothing for each column. */
  const merge = columns => {
    let rows = columns[0].map(step => [step]);
    for (const steps of columns.slice(1)) {
      const keys = rows.map(row => row.find(step => step)[1]);
      const width = rows.length ? rows[0].length : columns.indexOf(steps);
      rows = align(keys, steps.map(step => step[1])).map(([left, right]) =>
        [...(left < 0 ? Array(width).fill(null) : rows[left]), right < 0 ? null : steps[right]]);
    }
    return closed(rows);
  };

  /* Steps that stand alone, in a row of such rows, move up beside each other: less to scroll, and nothing is paired. */
  const closed = rows => {
    const alone = row => row.filter(step => step).length === 1, made = [];
    let block = [];
    const flush = () => {
      const columns = block.length ? block[0].map((_, at) => block.map(row => row[at]).filter(step => step)) : [];
      const height = Math.max(0, ...columns.map(steps => steps.length));
      for (let at = 0; at < height; at++) made.push(columns.map(steps => steps[at] || null));
      block = [];
    };
    for (const row of rows) {
      if (row.length > 1 && alone(row)) block.push(row);
      else { flush(); made.push(row); }
    }
    flush();
    return made;
  };

  const same = row => row.every(step => step && step[1] === row[0][1] && step[5] === row[0][5]);

  const cell = (step, alias, logs) => {
    const made = make("td", step ? "as-side as-step-" + step[2] + (step[5] ? " as-is-failed" : "") : "as-side as-gap");
    if (!step) {
      made.append(make("span", "as-quiet", "\u2013"));
      return made;
    }
    const link = make("a", "as-n", String(step[0]));
    link.href = logs + "/" + alias + ".html#s" + step[0];
    link.setAttribute("aria-label", alias + ", step " + step[0]);
    made.append(link);
    if (step[3]) made.append(make("span", "as-line", step[3]));
    if (step[4]) made.append(make("code", "as-cmd", step[4]));
    const facts = [step[5] ? "\u2717 failed" : "", step[6] === null ? "" : step[6] + " s"].filter(Boolean).join(", ");
    if (facts) made.append(make("span", "as-meta", facts));
    return made;
  };

  const verdict = passed => passed === null ? "no verdict" : passed ? "\u2713 passes" : "\u2717 fails";

  const table = (data, aliases) => {
    const made = make("table", "as-sides"), head = made.createTHead().insertRow();
    for (const alias of aliases) {
      const title = make("th");
      title.scope = "col";
      const link = make("a", "", alias);
      link.href = place.dataset.logs + "/" + alias + ".html";
      title.append(link, make("span", "as-quiet", " " + data.attempts[alias].reduce((sum, part) => sum + part.steps.length, 0) + " steps"));
      head.append(title);
    }
    const names = [...new Set(aliases.flatMap(alias => data.attempts[alias].map(part => part.milestone)))];
    let diverged = null;
    for (const name of names) {
      const parts = aliases.map(alias => data.attempts[alias].filter(part => part.milestone === name));
      const body = made.createTBody();
      if (name) {
        const row = body.insertRow();
        row.className = "as-pinned";
        parts.forEach((found, column) => {
          const title = make("th");
          title.scope = "colgroup";
          title.append(make("span", "", name + " "));
          if (found.length) {
            const passed = found[found.length - 1].passed;
            title.append(make("span", passed === null ? "as-none" : passed ? "as-pass" : "as-fail", verdict(passed)));
          } else title.append(make("span", "as-quiet", "not begun"));
          row.append(title);
        });
      }
      for (const steps of merge(parts.map(found => found.flatMap(part => part.steps)))) {
        const row = body.insertRow();
        if (!same(steps)) row.className = "as-differs";
        if (!same(steps) && !diverged) {
          diverged = row;
          row.id = "divergence";
          row.tabIndex = -1;
          row.classList.add("as-first");
        }
        steps.forEach((step, column) => row.append(cell(step, aliases[column], place.dataset.logs)));
      }
    }
    return [made, diverged];
  };

  const wanted = data => {
    const known = Object.keys(data.attempts), asked = new URLSearchParams(location.search);
    const found = ["a", "b", "c"].map(name => asked.get(name)).filter(alias => known.includes(alias));
    const chosen = [...new Set(found)];
    for (const alias of known) if (chosen.length < 2 && !chosen.includes(alias)) chosen.push(alias);
    return chosen;
  };

  const pick = (data, chosen, redraw) => {
    const bar = make("div", "as-tools");
    for (let column = 0; column < 3; column++) {
      const label = make("label", "", ["first", "second", "third"][column] + " "), select = make("select");
      if (column === 2) select.append(new Option("none", ""));
      for (const alias of Object.keys(data.attempts)) select.append(new Option(alias, alias));
      select.value = chosen[column] || "";
      select.addEventListener("change", () => {
        const values = [...bar.querySelectorAll("select")].map(one => one.value).filter(Boolean);
        const query = new URLSearchParams();
        [...new Set(values)].forEach((alias, at) => query.set("abc"[at], alias));
        try { history.replaceState(null, "", "?" + query + location.hash); } catch { /* a page from disk in some browsers */ }
        redraw([...new Set(values)], column);
      });
      label.append(select);
      bar.append(label);
    }
    return bar;
  };

  const draw = (data, chosen, focus) => {
    const [rows, diverged] = table(data, chosen);
    const bar = pick(data, chosen, (next, column) => draw(data, next.length > 1 ? next : chosen, column));
    const jump = make("button", "", "first divergence");
    jump.type = "button";
    jump.addEventListener("click", () => { diverged.scrollIntoView({ block: "center" }); diverged.focus({ preventScroll: true }); });
    const only = make("button", "", "only differences");
    only.type = "button";
    only.setAttribute("aria-pressed", "false");
    only.addEventListener("click", () => {
      const on = rows.classList.toggle("as-only");
      only.setAttribute("aria-pressed", String(on));
    });
    if (diverged) bar.append(jump, only);
    const words = make("p", "as-quiet", diverged
      ? "Rows stand side by side where the same tool is called with the same command or file; a bar marks where they differ."
      : "These attempts did the same steps.");
    words.setAttribute("role", "status");
    const frame = make("div", "as-scroll");
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", "steps side by side");
    frame.append(rows);
    place.replaceChildren(bar, words, frame);
    for (const said of document.querySelectorAll(".as-said")) said.hidden = !chosen.includes(said.dataset.alias);
    if (focus !== undefined) bar.querySelectorAll("select")[focus].focus();
    if (location.hash === "#divergence" && diverged && focus === undefined) jump.click();
  };

  window.__assayCompare = data => {
    document.querySelectorAll(".as-unscripted").forEach(one => one.remove());
    draw(data, wanted(data));
  };
  window.assayLoad(place.dataset.src).catch(() => place.append(make("p", "", "The steps could not be loaded: " + place.dataset.src + " is missing.")));
})();
