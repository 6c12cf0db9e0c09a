// The zoo as a game of detectives, as one ES module: no build step, no network, no kernel needed once the table is here.
// The state of the game (patient, seed, bought, accused, strike) is kept in the model, so that all views keep step.
// For programs (and the tests), the element .zoo has .result = {left, points, culprit, solved}.

const WRONG = 3;  // points for naming a bug that it is not
const WIDTH = 460, HEIGHT = 150, LEFT = 34, BOTTOM = 24, TOP = 8, RIGHT = 90;

function make(tag, attributes = {}, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...inside);
  return node;
}

function svg(tag, attributes = {}, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

const minus = text => text.replace(/-(?=\d)/g, "−");

// The loss of the patient and of the sound program; what lies above the axis is drawn at its edge.
function chart(mine, sound) {
  const high = Math.max(2.5, Math.min(6, ...[Math.max(...mine)]));
  const x = i => LEFT + i / (mine.length - 1) * (WIDTH - LEFT - RIGHT);
  const y = v => TOP + (1 - Math.min(Math.max(v, 0), high) / high) * (HEIGHT - TOP - BOTTOM);
  const line = (values, kind) => svg("polyline", { class: kind, points: values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(" ") });
  const root = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `The loss while training: ${mine[0]} at first, ${mine.at(-1)} at the end; of the sound program ${sound[0]} and ${sound.at(-1)}.` });
  for (const v of [0, 1, 2, 3, 4, 5, 6].filter(v => v <= high)) root.append(
    svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(v), y2: y(v) }), svg("text", { x: LEFT - 6, y: y(v) + 5, "text-anchor": "end" }, String(v)));
  let a = y(mine.at(-1)) + 5, b = y(sound.at(-1)) + 5;
  if (Math.abs(a - b) < 17) [a, b] = a <= b ? [a - (17 - (b - a)) / 2, b + (17 - (b - a)) / 2] : [a + (17 - (a - b)) / 2, b - (17 - (a - b)) / 2];
  root.append(line(sound, "sound"), line(mine, "mine"), svg("text", { x: WIDTH - RIGHT + 6, y: b, class: "sound" }, "sound"), svg("text", { x: WIDTH - RIGHT + 6, y: a, class: "mine" }, "this one"),
    svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "4 epochs of 30 steps: the loss"));
  return root;
}

function render({ model, el }) {
  const root = make("div", { class: "zoo" }), gone = new AbortController();
  el.append(root);
  const on = (node, type, hear) => node.addEventListener(type, hear, { signal: gone.signal });
  const { tests, programs, patients } = model.get("zoo");
  const sound = programs[0], seeds = sound.seeds.length;

  const choice = make("input", { type: "range", min: 1, max: patients.length, step: 1, "aria-label": "patient", "data-set": "patient" });
  const which = make("output", { class: "zoo-which" });
  const next = make("button", { type: "button", "data-do": "next" }, "next patient");
  const again = make("button", { type: "button", "data-do": "again", title: "the same bug in another run" }, "another run of it");
  const strike = make("input", { type: "checkbox", "data-set": "strike" });
  const score = make("b", { class: "zoo-score" });
  const heard = make("div", { class: "zoo-heard", role: "status" });
  const table = make("div", { class: "zoo-tests" }), people = make("div", { class: "zoo-people", role: "group", "aria-label": "suspects" });
  const fit = make("h4", {}, "");
  root.dataset.grows = "";  // by what is bought: no height that it must keep
  root.append(
    make("div", { class: "zoo-top" }, make("label", {}, "patient ", choice, which), next, again, make("label", {}, strike, " strike out who does not fit"), score),
    heard,
    make("div", { class: "zoo-body" },
      make("div", {}, make("h4", {}, "Tests, in the order of the checklist"), table),
      make("div", {}, fit, people)));

  const rows = tests.map(test => {
    const button = make("button", { type: "button", "data-test": test.id }), found = make("div", { class: "zoo-found" });
    button.append(make("span", {}, test.asks), make("i", {}, `${test.price} point${test.price > 1 ? "s" : ""}`));
    const row = make("div", { class: "zoo-row" }, button, found);
    table.append(row);
    return { test, button, found, row };
  });
  const faces = programs.map(program => {
    const button = make("button", { type: "button", "data-name": program.name }, program.name);
    people.append(button);
    return { program, button };
  });

  const now = () => {
    const who = programs[patients[model.get("patient") - 1]], run = who.seeds[model.get("seed")], bought = model.get("bought");
    const left = programs.filter(each => bought.every(test => each.words[test].includes(run.found[test][0]))).map(each => each.name);
    const accused = model.get("accused"), wrong = accused.filter(name => name !== who.name).length;
    const points = tests.filter(test => bought.includes(test.id)).reduce((sum, test) => sum + test.price, 0) + WRONG * wrong;
    return { who, run, bought, left, accused, points, solved: accused.includes(who.name) };
  };

  function change(values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
    refresh();
  }

  function say(text) { if (heard.textContent !== text) heard.textContent = text; }

  function refresh() {
    const { who, run, bought, left, accused, points, solved } = now(), striking = model.get("strike");
    root.result = { left, points, culprit: who.name, solved };
    if (choice.valueAsNumber !== model.get("patient")) choice.value = String(model.get("patient"));
    which.textContent = String(model.get("patient"));
    again.textContent = `another run of it (${model.get("seed") + 1} of ${seeds})`;
    strike.checked = striking;
    fit.textContent = striking ? `Suspects: name one (${left.length} of ${programs.length} fit)` : "Suspects: name one";
    score.textContent = `${points} point${points === 1 ? "" : "s"}`;
    const others = sound.seeds[model.get("seed")];
    for (const { test, button, found, row } of rows) {
      const open = bought.includes(test.id), key = open ? `${who.name} ${model.get("seed")}` : "";
      row.toggleAttribute("data-open", open);
      button.setAttribute("aria-expanded", String(open));
      if (found.shown === key) continue;
      found.shown = key;
      found.replaceChildren();
      if (!open) continue;
      const [word, sentence] = run.found[test.id], [usual, usually] = others.found[test.id];
      row.toggleAttribute("data-odd", word !== usual);
      found.append(make("p", {}, make("b", {}, word[0].toUpperCase() + word.slice(1) + ". "), minus(sentence)), make("p", { class: "zoo-usual" }, minus(`The sound program: ${usually}`)));
      if (test.id === "batch") {
        const names = make("div", { class: "zoo-names", "data-small": "" }, ...who.labels.map(name => make("span", {}, name)));
        found.append(make("img", { src: who.picture, alt: `The first images of the batch, labelled ${who.labels.join(", ")}.` }), names);
      }
      if (test.id === "training") found.append(chart(run.curve, others.curve));
    }
    for (const { program, button } of faces) {
      const out = striking && !left.includes(program.name), named = accused.includes(program.name);
      button.toggleAttribute("data-out", out);
      if (named || solved) button.setAttribute("aria-disabled", "true"); else button.removeAttribute("aria-disabled");
      button.toggleAttribute("data-wrong", named && program.name !== who.name);
      button.toggleAttribute("data-right", named && program.name === who.name);
      button.setAttribute("aria-label", program.name + (named ? program.name === who.name ? ", right" : ", wrong" : out ? ", struck out" : ""));
    }
    const last = accused.at(-1);
    say(solved ? `Solved for ${points} point${points === 1 ? "" : "s"}: ${who.name}. ${who.why}`
      : last ? `It is not “${last}”: ${WRONG} points.${striking && !left.includes(last) ? " The findings had excluded it." : ""}`
      : `Patient ${model.get("patient")}: ` + (!bought.length ? "the program runs without an error message. Is something wrong with it? Buy tests, then name a suspect."
        : striking ? `${left.length} of ${programs.length} suspects can show what was found.` : `${bought.length} test${bought.length > 1 ? "s" : ""} bought.`));
  }

  on(root, "click", ({ target }) => {
    const node = target.closest("button");
    if (!node) return;
    const { test, name } = node.dataset, { bought, accused, solved } = now();
    if (test && !bought.includes(test)) change({ bought: [...bought, test] });
    else if (name && !accused.includes(name) && !solved) change({ accused: [...accused, name] });
    else if (node.dataset.do === "next") change({ patient: model.get("patient") % patients.length + 1, bought: [], accused: [] });
    else if (node.dataset.do === "again") change({ seed: (model.get("seed") + 1) % seeds });
  });
  on(choice, "input", () => change({ patient: choice.valueAsNumber, accused: [] }));  // the tests stay bought: compare
  on(strike, "change", () => change({ strike: strike.checked }));
  // JupyterLab's own keys (a: new cell, d d: delete it, arrows: move on) must not fire while a control has the focus.
  on(root, "keydown", event => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); });

  const watch = new ResizeObserver(() => root.classList.toggle("narrow", root.clientWidth > 0 && root.clientWidth < 760));
  model.on("change", refresh);
  refresh();
  watch.observe(root);
  return () => { gone.abort(); watch.disconnect(); model.off("change", refresh); root.remove(); };
}

export default { render };
