// The browser's side of the explorers that the kernel computes: it shows HTML, and says what was moved. No build step.
//
//   data-part="name"   shows parts.name or fixed.name; only what changed is replaced, so a control keeps the focus
//   data-set="name"    an input, select or button: what it is set to is asked of the kernel; shows values.name
//   data-show="name"   shows values.name as text
//   data-again         what takes long, in slices: each answer asks for the next, as long as this is shown
//   data-at="x y"      a picture: pointing into it with the button down sets x and y, from 0 to 1
//
// The kernel alone writes `values`; the browser sends `wanted`, a list of [number, name, value] that is not answered yet.
// While an answer is awaited the element .panel carries data-waiting; after some seconds data-late, which shows a note.
// So nothing is lost or undone where both change at once, and a drag is answered by its latest position.

const PATIENCE = 3000;
const ONCE = "do";  // a name whose every value counts: a button that adds or removes

function render({ model, el }) {
  const root = document.createElement("div"), gone = new AbortController();
  let late = 0;
  root.className = "panel";
  root.dataset.part = "frame";
  el.append(root);
  const on = (type, hear) => root.addEventListener(type, hear, { signal: gone.signal });
  const all = name => [...root.querySelectorAll(`[data-${name}]`)];

  function ask(name, value) {
    const answered = model.get("answered"), wanted = model.get("wanted");
    const open = wanted.filter(([id, other]) => id > answered && (other !== name || name === ONCE));
    const id = Math.max(answered, ...wanted.map(([other]) => other)) + 1;
    model.set("wanted", [...open, [id, name, value]]);
    model.save_changes();
    for (const place of all("show")) if (place.dataset.show === name) place.textContent = value;
    root.dataset.waiting = "";
    clearTimeout(late);
    late = setTimeout(() => { root.dataset.late = ""; }, PATIENCE);
  }

  function refresh() {
    const parts = { ...model.get("fixed"), ...model.get("parts") }, values = model.get("values"), wrong = model.get("wrong"), answered = model.get("answered");
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset : null;
    const place = (node, html) => { if (node.shown !== html) { node.shown = html; node.innerHTML = html; } };
    place(root, parts.frame || "");
    for (const node of all("part")) place(node, parts[node.dataset.part] || "");
    for (const node of all("part")) place(node, parts[node.dataset.part] || "");      // parts within parts
    const open = new Set(model.get("wanted").filter(([id]) => id > answered).map(([, name]) => name));
    for (const node of all("show")) if (!open.has(node.dataset.show)) node.textContent = values[node.dataset.show];
    for (const node of all("set")) {
      const name = node.dataset.set, value = String(values[name]);
      if (node.tagName === "BUTTON") {
        node.toggleAttribute("data-on", node.value === value);
      } else {
        const typing = node === document.activeElement && node.dataset.unfinished !== undefined;
        if (!open.has(name) && !typing && node.value !== value) node.value = value;
        node.toggleAttribute("aria-invalid", false);
        if (typing || wrong.includes(name)) node.setAttribute("aria-invalid", "true");
      }
    }
    root.toggleAttribute("data-problem", Boolean(parts.problem));
    if (focused && !root.contains(document.activeElement)) {
      const same = all("set").filter(node => node.dataset.set === focused.set), by = same.find(node => node.dataset.stay === focused.stay);
      (by || same[0] || root.querySelector("select, input, button"))?.focus();
    }
    if (!open.size) { clearTimeout(late); delete root.dataset.late; delete root.dataset.waiting; }
    if (root.querySelector("[data-again]") && !open.has("again")) ask("again", answered);
  }

  function whole(node) {
    const value = Number(node.value), fits = node.value.trim() !== "" && Number.isInteger(value);
    return fits && value >= Number(node.min) && value <= Number(node.max) ? value : null;
  }

  on("input", ({ target: node }) => {
    if (!node.dataset.set) return;
    if (node.tagName === "SELECT") return ask(node.dataset.set, node.value);
    const value = whole(node);
    if (value === null) { node.dataset.unfinished = ""; node.setAttribute("aria-invalid", "true"); return; }
    delete node.dataset.unfinished;
    node.removeAttribute("aria-invalid");
    ask(node.dataset.set, value);
  });
  // A number beyond its range becomes the nearest within it when the field is left; a text without one, what it was.
  on("change", ({ target: node }) => {
    if (node.dataset.unfinished === undefined) return;
    delete node.dataset.unfinished;
    const value = Math.max(Number(node.min), Math.min(Number(node.max), Math.round(Number(node.value))));
    if (node.value.trim() !== "" && Number.isFinite(value)) { node.value = value; ask(node.dataset.set, value); } else refresh();
  });
  on("click", ({ target }) => {
    const node = target.closest("button[data-set]");
    if (node) ask(node.dataset.set, /^-?\d+$/.test(node.value) ? Number(node.value) : node.value);
  });

  const point = (node, event) => {
    const box = node.getBoundingClientRect(), share = (at, from, size) => Math.max(0, Math.min(1, (at - from) / size));
    const [x, y] = node.dataset.at.split(" ");
    ask(x, share(event.clientX, box.left, box.width));
    ask(y, share(event.clientY, box.top, box.height));
  };
  on("pointerdown", event => {
    const node = event.target.closest("[data-at]");
    if (!node || event.button !== 0) return;
    event.preventDefault();
    try { node.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone again */ }
    point(node, event);
  });
  on("pointermove", event => {
    const node = event.target.closest("[data-at]");
    if (node && event.buttons & 1) point(node, event);
  });

  pictures(root, on, file => ask("upload", file));

  // JupyterLab's own keys (a: new cell, d d: delete it, arrows: move on) must not fire while a control has the focus.
  on("keydown", event => {
    if (event.key === "Escape" && event.target.dataset.unfinished !== undefined) { delete event.target.dataset.unfinished; refresh(); }
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });

  model.on("change", refresh);
  refresh();
  return () => { gone.abort(); clearTimeout(late); model.off("change", refresh); root.remove(); };
}

export default { render };
