/* A Worker for pages opened from a folder: browsers refuse real workers on file://. The theme's own stand-in is fetched
   from the network and writes inline scripts; this one does neither. Its name must contain "iframe-worker". */
(() => {
  "use strict";
  if (location.protocol !== "file:") return;
  class FrameWorker extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.appendChild(this.frame);
      const inner = this.frame.contentWindow;
      const page = this.frame.contentDocument;
      const run = source => new Promise((done, failed) => {
        const script = page.createElement("script");
        script.src = source;
        script.onload = done;
        script.onerror = failed;
        page.body.appendChild(script);
      });
      inner.postMessage = data => {
        const event = new MessageEvent("message", { data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      inner.importScripts = (...sources) =>
        sources.reduce((before, source) => before.then(() => run(source)), Promise.resolve());
      this.ready = run(url);
    }
    terminate() {
      this.frame.remove();
    }
    postMessage(message) {
      this.ready.then(() => {
        const inner = this.frame.contentWindow;
        inner.dispatchEvent(new inner.MessageEvent("message", { data: structuredClone(message) }));
      });
    }
  }
  window.Worker = FrameWorker;
})();
