/* Opens what an address leads to. Pages are complete without it; logs have a script of their own. */
(() => {
  "use strict";
  const arrive = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target || !target.closest(".md-content") || target.closest(".as-step")) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView({ block: "start" });
    target.querySelector(":scope > summary")?.focus({ preventScroll: true });
  };
  document.addEventListener("click", event => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) arrive();
  });
  addEventListener("hashchange", arrive);
  if (location.hash) requestAnimationFrame(arrive);
})();
