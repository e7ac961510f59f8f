/* Opens the cited row, filters rows, moves by keyboard. Pages are complete without it. */
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll(".as-step:not([hidden])")];

  const open = element => {
    for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  };

  const arrive = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target || !target.closest(".md-content")) return;
    open(target);
    const row = target.closest(".as-step[hidden]");
    if (row) filter("all");
    target.scrollIntoView({ block: "start" });
    const focus = target.querySelector(":scope > summary");
    if (focus) focus.focus({ preventScroll: true });
  };

  const filter = key => {
    for (const row of document.querySelectorAll(".as-step"))
      row.hidden = !(key === "all" || row.classList.contains("as-is-" + key) || row.classList.contains("as-step-" + key));
    for (const button of document.querySelectorAll(".as-tools [aria-pressed]"))
      button.setAttribute("aria-pressed", String(button.dataset.as === key));
  };

  const act = key => {
    if (key === "open" || key === "close") for (const row of rows()) row.open = key === "open";
    else filter(key);
  };

  const move = by => {
    const all = rows();
    const at = all.findIndex(row => row.contains(document.activeElement));
    const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
    if (next) next.querySelector("summary").focus();
  };

  const current = () => document.activeElement && document.activeElement.closest(".as-step");

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    o: () => { const row = current(); if (row) row.open = !row.open; },
    c: () => {
      const row = current();
      if (!row) return;
      history.replaceState(null, "", "#" + row.id);
      if (navigator.clipboard) navigator.clipboard.writeText(location.href).catch(() => {});
    },
  };

  document.addEventListener("keydown", event => {
    const busy = event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select");
    if (busy || !keys[event.key] || !document.querySelector(".as-step")) return;
    keys[event.key]();
    event.preventDefault();
  });

  document.addEventListener("click", event => {
    const button = event.target.closest(".as-tools [data-as]");
    if (button) act(button.dataset.as);
    const link = event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) arrive();
  });

  addEventListener("hashchange", arrive);
  addEventListener("beforeprint", () => act("open"));
  for (const bar of document.querySelectorAll(".as-tools")) bar.hidden = false;
  if (location.hash) requestAnimationFrame(arrive);
})();
