// Turns the sections that helpers/slides.py wrote into a deck: live explorers, formulas, slides that fit, speaker notes.
// What became of each slide is in window.deck.slides: {id, zoom, pictures, cut, overflow}.
(() => {
  const SMALLEST = 0.7;       // text and code are never shown smaller than this
  const CUT_BELOW = 0.8;      // a slide of several cells that would have to be smaller than this is cut in two instead
  const PICTURE = [0.62, 1.3];// between which shares of its own size a picture is shown
  const CODE = [20, 18.5, 17];// px; the largest that costs neither text nor pictures anything
  const EXPLORER = ".explorer > div";
  const root = document.querySelector(".reveal"), sections = [...root.querySelectorAll(".slides > section")];

  // ---- explorers: the module and the settings are in the page; no kernel is needed, and none is missed
  function model(state) {
    const heard = new Map();
    const of = type => heard.get(type) || heard.set(type, new Set()).get(type);
    return {
      get: name => state[name],
      set: (name, value) => {
        if (state[name] === value) return;
        state[name] = value;
        for (const type of [`change:${name}`, "change"]) [...of(type)].forEach(f => f());
      },
      save_changes: () => {}, send: () => {},
      on: (type, f) => of(type).add(f), off: (type, f) => of(type).delete(f),
    };
  }
  async function start(place) {
    const { code, style, state } = JSON.parse(place.querySelector("script").textContent);
    const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    const still = place.querySelector("figure"), el = document.createElement("div");
    try {
      const module = await import(address);
      place.append(Object.assign(document.createElement("style"), { textContent: style }), el);
      await module.default.render({ model: model(state), el });
      still.remove();
    } catch (error) {
      console.error("the explorer stays a picture:", error);
      el.remove();
    } finally {
      URL.revokeObjectURL(address);
    }
    // its keys and gestures are its own
    for (const type of ["keydown", "keyup", "keypress", "touchstart", "touchmove"]) place.addEventListener(type, event => event.stopPropagation());
  }

  // ---- slides that fit
  const leaves = () => [...root.querySelectorAll("section.leaf")];
  const inner = leaf => leaf.querySelector(":scope > .fit");
  const room = leaf => { const s = getComputedStyle(leaf); return 720 - parseFloat(s.paddingTop) - parseFloat(s.paddingBottom); };
  const height = fit => fit.getBoundingClientRect().height;

  // An explorer lays itself out after its place has changed.
  const frames = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));

  // A table that is wider than the slide becomes smaller on its own.
  function narrow(block) {
    block.style.zoom = 1;
    const widest = Math.max(0, ...[...block.querySelectorAll("table")].map(table => table.offsetWidth));
    if (widest > block.clientWidth) block.style.zoom = Math.floor(98 * block.clientWidth / widest) / 100;
  }

  // Try a zoom: pictures give way first, and grow where there is room. Returns {share of the pictures' size, overflow in px}.
  async function attempt(leaf, zoom) {
    const fit = inner(leaf), pictures = [...fit.querySelectorAll("figure img")], wide = leaf.clientWidth - 88;
    fit.style.zoom = zoom;
    if (leaf.querySelector(EXPLORER)) await frames();
    fit.querySelectorAll(".html, .markdown").forEach(narrow);
    const size = share => pictures.forEach(p => { p.style.height = `${Math.min(share, wide / zoom / p.naturalWidth) * p.naturalHeight}px`; });
    let [low, high] = PICTURE;
    size(high);
    if (pictures.length && height(fit) > room(leaf)) {
      for (let i = 0; i < 7; i++) {
        const middle = (low + high) / 2;
        size(middle);
        if (height(fit) > room(leaf)) high = middle; else low = middle;
      }
      size(low);
      high = low;
    }
    return { zoom, pictures: pictures.length ? +high.toFixed(2) : null, overflow: Math.max(0, Math.ceil(height(fit) - room(leaf))) };
  }
  async function settle(leaf, least) {
    let found;
    if (leaf.querySelector(EXPLORER)) {
      for (let percent = 120; percent > 100; percent -= 5) {
        found = await attempt(leaf, percent / 100);
        if (!found.overflow) return found;
      }
    }
    for (const size of CODE) {
      inner(leaf).style.setProperty("--code", `${size}px`);
      found = await attempt(leaf, 1);
      if (!found.overflow && !(found.pictures !== null && found.pictures < 0.9)) return found;
    }
    for (let percent = 100; percent >= 100 * least; percent -= 5) {
      found = await attempt(leaf, percent / 100);
      if (!found.overflow) break;
    }
    return found;
  }
  // Take the last cells off until the rest fits; they become the next slide.
  async function cut(leaf) {
    const fit = inner(leaf), next = leaf.cloneNode(false), rest = document.createElement("div");
    rest.className = "fit";
    next.append(rest);
    while (fit.children.length > 1) {
      rest.prepend(fit.lastElementChild);
      if (!(await settle(leaf, CUT_BELOW)).overflow) break;
    }
    if (!rest.children.length) return null;
    if (height(fit) < 0.25 * room(leaf)) {                      // a heading alone is no slide: rather the whole, smaller
      fit.append(...rest.children);
      if (!(await settle(leaf, SMALLEST)).overflow) return null;
      while (fit.children.length > 1) rest.prepend(fit.lastElementChild);
    }
    next.id = rest.querySelector("[data-cell]").dataset.cell;
    leaf.after(next);
    return next;
  }

  async function lay() {
    const slides = [];
    for (let queue = leaves(), leaf; (leaf = queue.shift());) {
      let state = await settle(leaf, CUT_BELOW), parted = false;
      if (state.overflow) {
        const next = await cut(leaf);
        if (next) { queue.unshift(next); parted = true; }
        state = await settle(leaf, SMALLEST);
      }
      slides.push({ id: leaf.id, ...state, cut: parted });
    }
    return slides;
  }

  async function make() {
    document.documentElement.classList.add("measuring");
    for (const leaf of leaves()) {
      const fit = document.createElement("div");
      fit.className = "fit";
      fit.append(...[...leaf.children].filter(child => !child.matches("aside.notes")));
      fit.querySelectorAll("aside.notes").forEach(notes => leaf.append(notes));
      leaf.prepend(fit);
      if (!fit.children.length) {      // nothing but notes and skipped cells: no slide, but the notes stay
        const other = leaf.previousElementSibling || leaf.nextElementSibling;
        if (other) other.append(...leaf.querySelectorAll("aside.notes"));
        leaf.remove();
      }
    }
    root.querySelectorAll(".slides > section:empty").forEach(section => section.remove());
    renderMathInElement(root, { delimiters: [
      { left: "$$", right: "$$", display: true }, { left: "$", right: "$", display: false },
      { left: "\\(", right: "\\)", display: false }, { left: "\\[", right: "\\]", display: true }], throwOnError: false });
    await Promise.all([...root.querySelectorAll(".explorer")].map(start));
    await document.fonts.ready;
    await Promise.all([...root.querySelectorAll("img")].map(image => image.decode().catch(() => {})));
    await frames();
    const slides = await lay();

    // every slide of a section shows the section's notes to the speaker, and its heading at the foot
    for (const section of sections) {
      const notes = [...section.querySelectorAll("aside.notes")], heading = section.querySelector("h1, h2");
      const own = [...section.querySelectorAll(":scope > .leaf")];
      for (const leaf of own) {
        leaf.querySelectorAll("aside.notes").forEach(note => note.remove());
        notes.forEach(note => leaf.append(note.cloneNode(true)));
        const foot = Object.assign(document.createElement("div"), { className: "foot" });
        foot.textContent = [root.dataset.title, heading && heading.tagName === "H2" ? heading.textContent : ""].filter(Boolean).join(" · ");
        leaf.append(foot);
      }
    }
    document.documentElement.classList.remove("measuring");
    root.addEventListener("keydown", event => { if (event.target.closest?.("details.code") && [" ", "Enter"].includes(event.key)) event.stopPropagation(); });
    await Reveal.initialize({ width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 4, center: false, hash: true, transition: "none",
      backgroundTransition: "none", slideNumber: "c/t", plugins: [RevealNotes], disableLayout: false, scrollActivationWidth: 0 });
    window.deck = { slides };
    document.documentElement.dataset.deck = "ready";
  }
  make().catch(error => {
    document.documentElement.classList.remove("measuring");
    document.documentElement.dataset.deck = `failed: ${error}`;
    console.error(error);
  });
})();
