/* Opens what an address leads to, and loads scripts for other scripts. Pages are complete without it. */
(() => {
  "use strict";
  /* Files of this site that are named relative to the page, and nothing else: also under Trusted Types */
  const OURS = /^(?:\.\.?\/)*(?:[\w-][\w.-]*\/)*[\w-][\w.-]*\.js$/;
  const createScriptURL = address => {
    if (!OURS.test(address)) throw new TypeError("no script of this site: " + address);
    return address;
  };
  const policy = window.trustedTypes?.createPolicy("assay", { createScriptURL }) || { createScriptURL };
  const loads = new Map();
  window.assayLoad = address => {
    if (!loads.has(address)) loads.set(address, new Promise((done, fail) => {
      const script = document.createElement("script");
      script.src = policy.createScriptURL(address);
      script.addEventListener("load", done);
      script.addEventListener("error", () => { loads.delete(address); fail(new Error(script.src)); });
      document.head.append(script);
    }));
    return loads.get(address);
  };

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
