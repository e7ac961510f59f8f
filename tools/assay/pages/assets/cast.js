/* Plays recordings of terminals: lines, and which of them stand where from when on, come from a script that is loaded
   when somebody first asks for it. Nothing plays by itself. */
(() => {
  "use strict";
  const SPEEDS = [1, 2, 4, 8];
  const NAMES = /^[a-z-]+$/;
  const make = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const clock = milliseconds => {
    const seconds = Math.floor(milliseconds / 1000);
    return Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
  };

  /* Data */
  const answers = new Map(), asked = new Map();
  window.__assayCast = (name, data) => answers.get(name)?.(data);
  const load = (name, source) => {
    if (!asked.has(name)) asked.set(name, new Promise((done, fail) => {
      answers.set(name, done);
      window.assayLoad(source).catch(error => { asked.delete(name); fail(error); });
    }));
    return asked.get(name);
  };

  /* What is on the screen after so many frames: numbers of lines. Going back begins anew. */
  const film = ({ frames, lines }) => {
    let done = 0, state = [];
    const height = frames.reduce((most, frame) => {
      for (let at = 2; at < frame.length; at += 2) if (frame[at + 1]) most = Math.max(most, frame[at] + 1);
      return most;
    }, 1);
    const count = milliseconds => {
      let low = 0, high = frames.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (frames[middle][0] <= milliseconds) low = middle + 1; else high = middle;
      }
      return low;
    };
    const at = milliseconds => {
      const wanted = count(milliseconds);
      if (wanted < done) { done = 0; state = []; }
      for (; done < wanted; done++) {
        const frame = frames[done];
        if (frame[1]) {
          const length = state.length;
          state = state.slice(frame[1]);
          while (state.length < length) state.push(0);
        }
        for (let place = 2; place < frame.length; place += 2) {
          while (state.length <= frame[place]) state.push(0);
          state[frame[place]] = frame[place + 1];
        }
      }
      return state;
    };
    return { at, height, lines };
  };
  const draw = (row, line) => {
    row.replaceChildren(...(typeof line === "string" ? [line] : line).map(piece => {
      if (typeof piece === "string") return document.createTextNode(piece);
      const names = piece[1].split(" ").filter(name => NAMES.test(name));
      return make("span", names.map(name => "as-c-" + name).join(" "), piece[0]);
    }));
  };

  const set = place => {
    const { cast, src, label } = place.dataset, end = Number(place.dataset.end);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const bar = make("div", "as-castbar"), button = make("button", "", "play"), slider = make("input");
    const speed = make("select"), time = make("span", "as-quiet"), told = make("span", "as-quiet");
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "recording of " + label);
    button.type = "button";
    slider.type = "range";
    slider.min = "0";
    slider.max = String(end);
    slider.step = "any";
    slider.value = "0";
    slider.setAttribute("aria-label", "place in the recording of " + label);
    speed.setAttribute("aria-label", "speed");
    for (const times of SPEEDS) speed.append(new Option(times + "\u00d7", String(times)));
    told.setAttribute("role", "status");
    bar.append(button, slider, time, speed, told);

    let screen, rows = [], shown = [], movie, now = 0, before = 0, playing = false;
    const say = () => {
      button.textContent = playing ? "pause" : "play";
      button.setAttribute("aria-label", button.textContent + " the recording of " + label);
      time.textContent = clock(now) + " / " + clock(end);
      slider.value = String(now);
      slider.setAttribute("aria-valuetext", clock(now) + " of " + clock(end));
    };
    const show = () => {
      const state = movie.at(now);
      rows.forEach((row, number) => {
        const line = state[number] || 0;
        if (shown[number] !== line) draw(row, movie.lines[shown[number] = line]);
      });
      say();
    };
    const ready = async () => {
      if (movie) return true;
      told.textContent = "loading";
      try {
        movie = film(await load(cast, src));
      } catch (error) {
        told.textContent = "not loaded: " + error.message;
        return false;
      }
      told.textContent = "";
      if (screen) return true;
      screen = make("pre", "as-code as-screen");
      screen.tabIndex = 0;
      screen.setAttribute("aria-label", "screen of " + label);
      rows = Array.from({ length: movie.height }, () => make("span"));
      screen.append(...rows);
      bar.after(screen);
      return true;
    };
    const tick = moment => {
      if (!playing) return;
      now = Math.min(end, now + (moment - before) * Number(speed.value));
      before = moment;
      if (now >= end) playing = false;
      show();
      if (playing) requestAnimationFrame(tick);
    };
    const play = () => {
      if (now >= end) now = 0;
      playing = true;
      show();
      requestAnimationFrame(moment => { before = moment; tick(moment); });
    };
    button.addEventListener("click", async () => {
      const first = !movie;
      if (playing) playing = false;
      else if (!(await ready())) return;
      else if (!(first && still)) return play();
      else now = end; /* motion is asked for by a second press */
      show();
    });
    slider.addEventListener("input", async () => {
      const wanted = Number(slider.value);
      if (!(await ready())) return;
      now = wanted;
      show();
    });
    say();
    place.prepend(bar);
    place.hidden = false;
  };
  document.querySelectorAll(".as-cast").forEach(set);
})();
