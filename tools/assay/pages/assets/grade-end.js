/* The end of grading: ranking and comparison, the file, and going on with one. Loaded when the last attempt is opened,
   or before that when it is asked for. */
(() => {
  "use strict";
  const page = window.assayGrade, file = window.assayFile, root = document.querySelector(".as-grade");
  const { data, make, button, say, show, draw, go, save, store, keep, stored, blank, keyOf, begin, area, problems, passed, sums, order } = page;

  /* Ranking */
  const oddRanking = () => {
    const odd = [];
    page.state.ranking.forEach((tier, place) => tier.forEach(high => page.state.ranking.slice(place + 1).flat().forEach(low => {
      for (const item of data.criteria)
        if (item.must && passed(item, high) === false && passed(item, low) === true && !page.state.comparison.includes("`" + item.id + "`"))
          odd.push(high + " fails `" + item.id + "`, which " + low + " below it passes: the comparison must say why, naming `" + item.id + "`");
    })));
    const cited = file.citations(page.state.comparison).map(item => item.alias);
    if (page.state.ranking.length > 1 && cited.length)
      page.state.ranking.forEach((tier, place) => { if (!tier.some(name => cited.includes(name))) odd.push("the comparison cites nothing of tier " + (place + 1)); });
    return odd;
  };
  let dragged = "";
  const place = (name, put) => {
    const tiers = page.state.ranking.map(tier => tier.filter(other => other !== name));
    put(tiers);
    Object.assign(page.state, { ranking: tiers.filter(tier => tier.length), ranked: true });
    draw();
    root.querySelector("[data-chip='" + name + "']")?.focus();
  };
  const shift = (name, by) => {
    const from = page.state.ranking.findIndex(tier => tier.includes(name)), alone = page.state.ranking[from].length === 1;
    if (alone && !page.state.ranking[from + by]) return;
    place(name, tiers => alone ? tiers[from + by].push(name) : tiers.splice(by < 0 ? from : from + 1, 0, [name]));
  };
  const target = (given, put, ...children) => make("div", { ...given, ondragover: event => { event.preventDefault(); event.currentTarget.classList.add("as-is-over"); }, ondragleave: event => event.currentTarget.classList.remove("as-is-over"), ondrop: event => { event.preventDefault(); if (dragged) place(dragged, put); dragged = ""; } }, ...children);
  const chip = name => make("button", { type: "button", class: "as-gchip", draggable: "true", "data-chip": name, text: name, title: "arrow keys move it: a tie is one tier", ondragstart: event => { dragged = name; event.dataTransfer.setData("text/plain", name); }, onclick: () => show(name),
    onkeydown: event => { const by = { ArrowUp: -1, ArrowDown: 1 }[event.key]; if (by) { event.preventDefault(); shift(name, by); } } });
  const tiers = () => {
    const gap = number => target({ class: "as-ggap" }, all => all.splice(number, 0, [dragged]));
    return make("div", { class: "as-gtiers" }, ...page.state.ranking.flatMap((tier, number) => [gap(number), target({ class: "as-gtier" }, all => all[number].push(dragged), make("span", { class: "as-quiet", text: String(number + 1) }), ...tier.map(chip))]), gap(page.state.ranking.length));
  };
  const guess = name => {
    const mine = page.state.grades[name].guess;
    const field = (key, more) => { const made = make("input", { "aria-label": key + " of the guess on " + name, ...more, oninput: event => { mine[key] = key === "confidence" ? Math.max(0, Math.min(1, Number(event.target.value) || 0)) : event.target.value; save(); } }); made.value = mine[key]; return made; };
    return make("div", { class: "as-gguess" }, make("b", { text: name }), field("agent", { placeholder: "agent, or none" }), field("confidence", { type: "number", min: "0", max: "1", step: "0.1" }), field("cue", { placeholder: "what told you" }));
  };
  const measured = () => Math.max(1, Math.round(page.state.spent / 60));
  const ranking = () => {
    if (page.state.stage === 1) return [make("p", { text: "Ranking and comparison come with the second stage." })];
    const all = sums(), minutes = make("input", { type: "number", min: "1", "aria-label": "minutes", placeholder: measured() + " measured", oninput: event => { page.state.minutes = event.target.value; save(); } });
    minutes.value = page.state.minutes;
    return [make("h2", { text: "Tiers" }), make("p", { class: "as-quiet", text: "Best first. Drag an attempt, or move it with the arrow keys: out of a tie into a tier of its own, and on into the next tier. In one tier stand those between which you would not bet." }), tiers(),
      page.state.ranked ? (oddRanking().length ? problems(oddRanking()) : null) : button("This order is my ranking", () => { page.state.ranked = true; draw(); }),
      make("h2", { text: "Comparison" }), make("p", { class: "as-quiet", text: "Why each tier beats the next, with citations from both sides; the alias stands in front." }), area("the comparison", "8", page.state.comparison, text => { page.state.comparison = text; }, ""),
      make("h2", { text: "Time" }), make("p", { class: "as-quiet" }, "Minutes: ", minutes, " empty takes what this page measured while you worked on it"),
      make("h2", { text: "After grading: who was it?" }), make("p", { class: "as-quiet", text: all.done < all.all ? "Asked when every verdict is given." : "Measures how well the masking works. None when you cannot tell; empty leaves it out." }), ...(all.done < all.all ? [] : order().map(guess))].filter(Boolean);
  };

  /* The file */
  const text = () => file.write(data, { ...page.state, minutes: page.state.minutes || measured() }, page.state.stage || 2);
  const copy = () => navigator.clipboard.writeText(text()).then(() => { say("Copied."); return true; }, () => { say("This browser does not copy here: select the text below, or download it."); return false; });
  const download = () => {
    const link = make("a", { href: URL.createObjectURL(new Blob([text()], { type: "application/yaml" })), download: page.state.by + ".yaml" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say("Saved by the browser; put it at " + data.people[page.state.by].path + ".");
  };
  /* GitHub takes `value`, GitLab `content`; some releases of GitLab open an empty editor all the same. */
  const MOST = 7500; /* characters of an address that servers take */
  const lab = data.forge?.includes("/-/new/");
  const address = () => {
    const name = data.forge + (lab ? "?file_name=" : "?filename=") + encodeURIComponent(data.people[page.state.by].path);
    const whole = name + (lab ? "&content=" : "&value=") + encodeURIComponent(text());
    return whole.length > MOST ? name : whole;
  };
  const forge = event => {
    event.currentTarget.href = address();
    const long = !/&(?:value|content)=/.test(address());
    if (long || lab) copy().then(copied => { if (copied) say(long ? "The text is too long for an address: it was copied, paste it there, or download it." : "The text was copied too: paste it there if the editor is empty."); });
  };
  const output = () => {
    const path = data.people[page.state.by].path, all = sums(), stage = page.state.stage === 1 ? " --stage 1" : "";
    const next = data.sealed ? ["assay check " + path, "assay seal " + data.task + " --by " + page.state.by + stage] : ["assay check " + path];
    return [make("h2", { text: "The file" }), make("p", {}, all.whole ? "Everything is there. " : "Not everything is there yet; what is open is marked in the file. ", "It belongs at ", make("code", { text: path }), data.sealed ? ", which git ignores: nothing is sent before it is sealed." : "."),
      make("div", { class: "as-tools" }, button("download", download), button("copy", copy), data.forge && !data.sealed ? make("a", { class: "as-gforge", href: address(), target: "_blank", rel: "noopener noreferrer", text: "open on the forge", onclick: forge }) : null),
      make("p", { class: "as-quiet" }, "Then: ", ...next.flatMap((line, number) => [number ? ", " : "", make("code", { text: line })])),
      page.state.stage === 1 ? make("p", {}, button("The first stage is sealed and has landed: open the logs", () => { page.state.stage = 2; go(0); }), make("span", { class: "as-quiet", text: " what was graded so far stays as it is" })) : null,
      make("pre", { class: "as-code as-gyaml", tabindex: "0", "aria-label": "the file" }, text())].filter(Boolean);
  };

  /* Import */
  const adopt = made => {
    const refuse = why => { throw new Error(why); };
    if (made.format !== 1 || typeof made.grades !== "object" || !made.grades) refuse("this is no annotation of format 1");
    if (made.task !== data.task) refuse("it grades `" + made.task + "`, this page `" + data.task + "`");
    if (!Object.hasOwn(data.people, made.annotator)) refuse("`" + made.annotator + "` is no annotator of annotations/people.yaml");
    if (made.revisions?.length) refuse("it was revealed and revised: correct the file itself");
    const names = Object.keys(made.grades), wanted = data.people[made.annotator].order;
    if (wanted.some(name => !names.includes(name)) || names.length !== wanted.length) refuse("it grades other attempts than there are: " + names.join(", "));
    const kept = { ...made, ranked: typeof made.comparison === "string" && made.comparison.trim() !== data.open, grades: {} };
    const written = text => typeof text === "string" && text.trim() !== data.open ? text.trim() : "";
    for (const name of names) {
      const was = made.grades[name], criteria = {};
      for (const [id, grade] of Object.entries(was?.criteria || {})) {
        if (!data.criteria.some(item => item.id === id)) refuse("the rubric has no `" + id + "`");
        if (![true, false, "unclear"].includes(grade?.holds) || (grade.cites && !(Array.isArray(grade.cites) && grade.cites.every(cite => typeof cite === "string")))) refuse("the verdict on `" + id + "` of " + name + " is none");
        const open = grade.holds === "unclear" && grade.note === data.open;
        criteria[id] = { holds: open ? null : grade.holds, cites: grade.cites || [], note: open ? "" : String(grade.note || ""), keys: Object.keys(grade) };
      }
      const hunch = was?.identity_guess || {};
      kept.grades[name] = { rationale: written(was?.rationale), criteria, guess: { agent: String(hunch.agent || ""), confidence: Number(hunch.confidence) || 0, cue: String(hunch.cue || "") } };
    }
    if (!Array.isArray(made.ranking) || !made.ranking.every(Array.isArray)) refuse("`ranking` must be a list of tiers");
    const full = names.every(name => data.criteria.every(item => kept.grades[name].criteria[item.id]));
    Object.assign(kept, { comparison: written(made.comparison), minutes: made.minutes === 1 ? "" : String(made.minutes || ""), stage: full ? 2 : 1 });
    const key = keyOf(made.annotator), was = stored(key), before = was && was.replace(/"spent":\d+/, '"spent":0') !== JSON.stringify(blank(made.annotator)) ? was : null;
    if (before) keep(key + "/before", before);
    begin(made.annotator, kept, false);
    store();
    say("Read. " + (made.rubric === data.rubric ? "" : "It was begun under another version of the rubric: look again at what changed. ") + (before ? "What this browser had is kept until the next import." : ""));
  };
  const taken = event => {
    const [chosen] = event.target.files;
    event.target.value = "";
    chosen?.text().then(text => adopt(file.read(text))).catch(error => say(chosen.name + " is not taken: " + error.message + ". Nothing was changed."));
  };
  window.assayEnd = { oddRanking, ranking, output, taken };
})();
