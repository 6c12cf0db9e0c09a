// The gate explorer, as one ES module: no build step, no network, no kernel needed once its settings are here.
// Everything is computed here, in double precision; the settings are kept in the model, so that all views keep step.
// For programs (and the tests), the element .gates has .result = {c, h, left, named}.

const GATES = [["i", "input gate", "in"], ["f", "forget gate", "keep"], ["o", "output gate", "out"]];
const OWN = "own gates";

// ---- the arithmetic -------------------------------------------------------------------------------------------------

// c = f·c + i·g and h = o·tanh(c) at every step, from c = 0; and what each step has left in the last c.
function run(g, i, f, o) {
  const c = [], h = [], left = [];
  let cell = 0, later = 1;
  for (let t = 0; t < g.length; t++) {
    cell = f[t] * cell + i[t] * g[t];
    c.push(cell);
    h.push(o[t] * Math.tanh(cell));
  }
  for (let t = g.length - 1; t >= 0; t--) {
    left[t] = i[t] * g[t] * later;
    later *= f[t];
  }
  return { c, h, left };
}

const product = (f, from) => f.slice(from).reduce((a, b) => a * b, 1);
const same = (a, b) => a.length === b.length && a.every((v, n) => Math.abs(v - b[n]) < 1e-12);

// ---- words ----------------------------------------------------------------------------------------------------------

const LOW = "₀₁₂₃₄₅₆₇₈₉";
const low = n => [...String(n)].map(d => LOW[d]).join("");
const fmt = (v, places = 2) => {
  const text = Math.abs(v).toFixed(places);
  return (v < 0 && Number(text) !== 0 ? "−" : "") + text;
};
const bracket = v => (v < 0 && fmt(v) !== "0.00" ? `(${fmt(v)})` : fmt(v));
// Black or white, whichever stands out more on this colour (relative luminance as in WCAG 2).
const ink = colour => {
  const [r, g, b] = [1, 3, 5].map(n => parseInt(colour.slice(n, n + 2), 16) / 255).map(v => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
};

function make(tag, attributes = {}, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...inside);
  return node;
}

function slider(gate, words, step) {
  const of = step ? `${words}, step ${step}` : `${words}, all steps`;
  return make("input", { type: "range", min: 0, max: 100, step: 1, "data-gate": gate, "data-step": step, "aria-label": of, title: of });
}

// ---- the explorer ---------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const root = make("div", { class: "gates" }), gone = new AbortController();
  el.append(root);
  const on = (node, type, hear) => node.addEventListener(type, hear, { signal: gone.signal });
  const g = () => model.get("candidates"), steps = g().length;

  const choice = make("select", { "aria-label": "preset", "data-set": "preset" });
  for (const name of [...Object.keys(model.get("presets")), OWN]) choice.append(make("option", { value: name }, name));
  const grid = make("div", { class: "gates-grid", role: "table", "aria-label": "the cell at every step" });
  const words = make("div", { class: "gates-words", "aria-live": "polite" });
  const stack = make("div", { class: "gates-stack", role: "img" }), scale = make("div", { class: "gates-scale" });
  root.append(
    make("div", { class: "gates-top" }, make("label", {}, "preset ", choice),
      make("span", { class: "gates-rule" }, "c ← f · c + i · g,  h = o · tanh(c)")),
    grid, make("div", { class: "gates-sum" }, scale, stack), words);

  const head = make("div", { role: "row", class: "gates-row gates-head" });
  const title = (text, sub, kind = "") => make("div", { role: "columnheader", class: kind }, make("b", {}, text), ...(sub ? [" ", make("span", {}, sub)] : []));
  head.append(title("step", "", "gates-step"), title("g", "given", "n"), ...GATES.map(([gate, , sub]) => title(gate, sub)),
    title("c", "cell"), title("h", "shown"), title(`in c${low(steps)}`, "left"));
  grid.append(head);

  const rows = [];
  for (let t = 0; t <= steps; t++) {
    const row = make("div", { role: "row", class: "gates-row", "data-row": t }), sliders = {}, numbers = {}, bars = {};
    row.append(make("div", { role: "rowheader", class: "gates-step" }, t ? String(t) : "all"));
    const given = make("div", { role: "cell", class: "n" });
    row.append(given);
    for (const [gate, name] of GATES) {
      sliders[gate] = slider(gate, name, t);
      numbers[gate] = make("output", {});
      row.append(make("div", { role: "cell", class: "gates-set" }, sliders[gate], numbers[gate]));
    }
    for (const kind of ["c", "h", "left"]) {
      const bar = make("i"), number = make("span");
      bars[kind] = { bar, number };
      row.append(make("div", { role: "cell", class: `gates-bar ${kind}` }, ...(t ? [make("div", {}, bar), number] : [])));
    }
    grid.append(row);
    rows.push({ row, given, sliders, numbers, bars });
  }

  function change(values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
    refresh();
  }

  function named() {
    const offers = Object.entries(model.get("presets"));
    return offers.find(([, preset]) => GATES.every(([gate]) => same(preset[gate], model.get(gate))))?.[0] ?? OWN;
  }

  function place({ bar, number }, value, limit) {
    const share = Math.min(1, Math.abs(value) / limit) * 50;
    bar.style.left = `${value < 0 ? 50 - share : 50}%`;
    bar.style.width = `${share}%`;
    number.textContent = fmt(value);
  }

  function refresh() {
    const level = Object.fromEntries(GATES.map(([gate]) => [gate, model.get(gate)]));
    const { c, h, left } = run(g(), level.i, level.f, level.o), at = model.get("step"), colours = model.get("colours");
    const limit = Math.max(1, ...c.map(Math.abs), ...left.map(Math.abs));
    root.result = { c, h, left, named: named() };
    choice.value = root.result.named;
    rows.forEach(({ row, given, sliders, numbers, bars }, t) => {
      for (const [gate] of GATES) {
        const all = level[gate], value = t ? all[t - 1] : all.reduce((a, b) => a + b, 0) / steps;
        const shown = t || all.every(v => v === all[0]) ? fmt(value) : "mixed";
        if (sliders[gate].valueAsNumber !== Math.round(100 * value)) sliders[gate].value = Math.round(100 * value);
        sliders[gate].setAttribute("aria-valuetext", shown);
        numbers[gate].textContent = shown === "mixed" ? "…" : shown;
      }
      if (!t) return;
      given.textContent = fmt(g()[t - 1], 1);
      row.toggleAttribute("data-lit", t === at);
      place(bars.c, c[t - 1], limit);
      place(bars.h, h[t - 1], 1);
      place(bars.left, left[t - 1], limit);
      bars.left.bar.style.background = colours[(t - 1) % colours.length];
    });
    drawStack(c[steps - 1], left, colours);
    write(at, level, c, h, left);
  }

  // What the steps have left, end to end: to the right what adds, to the left what takes away.
  function drawStack(total, left, colours) {
    const up = left.reduce((a, v) => a + Math.max(0, v), 0), down = left.reduce((a, v) => a + Math.max(0, -v), 0);
    const room = Math.max(1e-9, up + down), parts = [];
    let right = down, low_ = down;
    left.forEach((value, t) => {
      if (Math.abs(value) < 1e-4 * room) return;
      const wide = Math.abs(value), from = value < 0 ? (low_ -= wide) : right, colour = colours[t % colours.length];
      if (value > 0) right += wide;
      const part = make("i", { title: `step ${t + 1}: ${fmt(value)}` }, wide / room > 0.035 ? String(t + 1) : "");
      Object.assign(part.style, { left: `${100 * from / room}%`, width: `${100 * wide / room}%`, background: colour, color: ink(colour) });
      parts.push(part);
    });
    const zero = make("u");
    zero.style.left = `${100 * down / room}%`;
    stack.replaceChildren(...parts, zero);
    stack.setAttribute("aria-label", `what each step has left in the last cell: ${left.map((v, t) => `step ${t + 1} ${fmt(v)}`).join(", ")}`);
    scale.replaceChildren(make("b", {}, `c${low(steps)} = ${fmt(total)}`), ` is made of (left of the line: negative):`);
  }

  function write(at, level, c, h, left) {
    const t = at - 1, before = t ? c[t - 1] : 0, later = product(level.f, at);
    const name = letter => `${letter}${low(at)}`;
    words.replaceChildren(
      make("p", {}, make("b", {}, `Step ${at}: `),
        `${name("c")} = ${fmt(level.f[t])} · ${bracket(before)} + ${fmt(level.i[t])} · ${bracket(g()[t])} = ${fmt(c[t])};  `
        + `${name("h")} = ${fmt(level.o[t])} · tanh(${fmt(c[t])}) = ${fmt(h[t])}.`),
      make("p", {}, at === steps ? `Nothing comes after it: all of its ${fmt(left[t])} is in c${low(steps)}.`
        : `The later forget gates multiply to ${later !== 0 && later < 0.01 ? later.toPrecision(2) : fmt(later)}: of its `
          + `${fmt(level.i[t] * g()[t])}, ${fmt(left[t], 3)} is left in c${low(steps)}.`));
  }

  // -- the controls

  on(grid, "input", ({ target: { dataset: { gate, step }, valueAsNumber: value } }) => {
    if (!gate) return;
    const t = Number(step), level = value / 100;
    change({ [gate]: model.get(gate).map((old, n) => (!t || n === t - 1 ? level : old)) });
  });
  on(choice, "change", () => {
    const preset = model.get("presets")[choice.value];
    if (preset) change({ i: preset.i, f: preset.f, o: preset.o });
    else refresh();
  });
  const light = ({ target }) => {
    const t = Number(target.closest("[data-row]")?.dataset.row ?? 0);
    if (t && t !== model.get("step")) change({ step: t });
  };
  on(grid, "focusin", light);
  on(grid, "pointerdown", light);
  on(grid, "keydown", event => {                            // up and down: the same gate, one step earlier or later
    const { gate, step } = event.target.dataset, by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!gate || !by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    rows[Math.max(0, Math.min(steps, Number(step) + by))].sliders[gate].focus();
  });
  // JupyterLab's own keys (a: new cell, d d: delete it, arrows: move on) must not fire while a control has the focus.
  on(root, "keydown", event => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); });

  const watch = new ResizeObserver(() => root.classList.toggle("narrow", root.clientWidth > 0 && root.clientWidth < 760));
  model.on("change", refresh);
  refresh();
  watch.observe(root);
  return () => { gone.abort(); watch.disconnect(); model.off("change", refresh); root.remove(); };
}

export default { render };
