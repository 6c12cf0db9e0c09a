// The attention explorer, as one ES module: no build step, no network, no kernel needed once its settings are here.
// Everything is computed here, in double precision; the settings are kept in the model, so that all views keep step.
// For programs (and the tests), the element .attex has .result = {scores, weights, average, reach}.

const LOW = Math.log(0.05), HIGH = Math.log(20);                  // the ends of the temperature slider, as in attention.py
const RAMP = [[255, 255, 255], [253, 208, 162], [241, 105, 19], [127, 39, 4]];

// ---- the arithmetic -------------------------------------------------------------------------------------------------

const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
const floats = text => new Float32Array(bytes(text).buffer);

// softmax(query · key / (sqrt(d) · temperature)) over all patches, for one query.
function attend(query, key, d, asker, temperature) {
  const many = key.length / d, scores = new Array(many);
  for (let j = 0; j < many; j++) {
    let sum = 0;
    for (let n = 0; n < d; n++) sum += query[asker * d + n] * key[j * d + n];
    scores[j] = sum / Math.sqrt(d);
  }
  const top = Math.max(...scores), powers = scores.map(score => Math.exp((score - top) / temperature));
  const total = powers.reduce((a, b) => a + b, 0);
  return { scores, weights: powers.map(power => power / total) };
}

// The average of all patches under the weights: (C, side, side), from 0 to 1.
function average(pixels, [C, H, W, side], weights) {
  const cols = W / side, sum = new Float64Array(C * side * side);
  weights.forEach((weight, j) => {
    const top = Math.floor(j / cols) * side, left = (j % cols) * side;
    for (let c = 0, n = 0; c < C; c++) {
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++, n++) sum[n] += weight * pixels[(c * H + top + y) * W + left + x] / 255;
      }
    }
  });
  return sum;
}

// How many patches it would be if all had the same weight: e to the entropy.
const reach = weights => Math.exp(-weights.reduce((sum, w) => sum + (w > 0 ? w * Math.log(w) : 0), 0));

// ---- words and colours ----------------------------------------------------------------------------------------------

const round = (v, places) => { const f = 10 ** places; return Math.round(v * f) / f || 0; };
const fmt = (v, places = 2) => String(round(v, places)).replace("-", "−");
const percent = w => (w >= 0.0995 ? `${Math.round(100 * w)} %` : w >= 0.00095 ? `${fmt(100 * w, 1)} %` : "under 0.1 %");

function heat(share) {
  const t = 3 * Math.max(0, Math.min(1, share)), i = Math.min(2, Math.floor(t)), f = t - i;
  return RAMP[i].map((a, n) => Math.round(a + (RAMP[i + 1][n] - a) * f));
}

// ---- drawing --------------------------------------------------------------------------------------------------------

// A canvas as large as the picture is, once, so that the browser enlarges it.
function painted(width, height, colourAt) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height }), g = canvas.getContext("2d");
  const data = g.createImageData(width, height);
  for (let y = 0, n = 0; y < height; y++) for (let x = 0; x < width; x++, n += 4) data.data.set([...colourAt(y, x), 255], n);
  g.putImageData(data, 0, 0);
  return canvas;
}

// Show a picture enlarged to `wide` CSS pixels and return the drawing context, which counts in CSS pixels.
function enlarge(canvas, picture, wide, high) {
  const dpr = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(wide * dpr) || canvas.height !== Math.round(high * dpr)) {
    canvas.width = Math.round(wide * dpr); canvas.height = Math.round(high * dpr);
    canvas.style.width = `${wide}px`; canvas.style.height = `${high}px`;
  }
  const g = canvas.getContext("2d");
  g.setTransform(dpr, 0, 0, dpr, 0, 0);
  g.imageSmoothingEnabled = false;
  g.drawImage(picture, 0, 0, wide, high);
  return g;
}

// A frame seen on light and on dark: white, and the colour within it.
function frame(g, x, y, side, colour) {
  for (const [stroke, wide] of [["#fff", 6], [colour, 3]]) {
    g.strokeStyle = stroke; g.lineWidth = wide;
    g.strokeRect(x, y, side, side);
  }
}

// ---- the element ----------------------------------------------------------------------------------------------------

const PAGE = `
<div class="attex-controls">
  <label><span>head</span><select data-set="head" aria-label="head"></select></label>
  <label class="wide"><span>temperature <output></output></span><input type="range" data-set="temperature" min="${LOW}" max="${HIGH}" step="any"
    aria-label="temperature"></label>
  <button type="button" data-set="reset" title="back to temperature 1">1</button>
  <label data-menu><span>picture</span><select data-set="picture" aria-label="picture"></select></label>
  <button type="button" data-menu data-upload aria-label="take your own picture" title="take your own picture">yours…</button>
</div>
<div class="attex-panels">
  <div class="attex-panel"><div class="attex-head">Query <small>who asks</small></div><canvas data-grid="query" tabindex="0" role="application"></canvas></div>
  <div class="attex-panel"><div class="attex-head">Weights <small>what it looks at</small></div><canvas data-grid="weights" tabindex="0" role="application"></canvas></div>
  <div class="attex-panel attex-side">
    <div class="attex-head">Value</div>
    <div class="attex-pair"><figure><canvas data-grid="own"></canvas><figcaption>its own patch</figcaption></figure>
      <figure><canvas data-grid="average"></canvas><figcaption>the average</figcaption></figure></div>
    <div class="attex-head">Most weight</div><div class="attex-top"></div>
  </div>
</div>
<div data-part="own" role="status"></div>
<div class="attex-say" role="status" aria-live="polite"></div>
<div class="attex-hint">Point at a patch on the left. On the right, point at a patch to read its weight. Keyboard: Tab, then the arrow keys.</div>`;

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "attex";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "attention explorer");
  root.innerHTML = PAGE;
  el.append(root);
  const one = selector => root.querySelector(selector);
  const canvas = Object.fromEntries([...root.querySelectorAll("[data-grid]")].map(node => [node.dataset.grid, node]));
  const set = Object.fromEntries([...root.querySelectorAll("[data-set]")].map(node => [node.dataset.set, node]));
  const gone = new AbortController(), on = (node, type, f) => node.addEventListener(type, f, { signal: gone.signal });
  let C, H, W, side, rows, cols, pixels, picture, pale, decoded, taken = null;
  const at = (c, y, x) => pixels[((C === 1 ? 0 : c) * H + y) * W + x];
  function load() {                                               // another picture brings other heads
    if (taken === model.get("pixels")) return;
    taken = model.get("pixels");
    [C, H, W, side] = model.get("size");
    [rows, cols, pixels, decoded, read] = [H / side, W / side, bytes(taken), {}, null];
    picture = painted(W, H, (y, x) => [at(0, y, x), at(1, y, x), at(2, y, x)]);
    pale = Float32Array.from({ length: H * W }, (_, n) => 0.72 + 0.28 * (at(0, 0, n) + at(1, 0, n) + at(2, 0, n)) / 765);
  }
  let wide = 330, read = null;                                    // `read` is the patch whose weight is read out

  // A lost or restarted kernel must not stop the view: the model keeps what was set.
  function change(values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    try { model.save_changes(); } catch (error) { console.warn("attention explorer: no kernel", error); }
  }
  function head() {
    const name = model.get("head"), kept = model.get("heads")[name];
    decoded[name] = decoded[name] || { d: kept.d, query: floats(kept.query), key: floats(kept.key) };
    return decoded[name];
  }

  function options(select, names, value) {
    if (select.dataset.names !== names.join()) {
      select.dataset.names = names.join();
      select.replaceChildren(...names.map(name => Object.assign(document.createElement("option"), { value: name, textContent: name })));
    }
    select.value = value;
  }

  function refresh() {
    load();
    const { d, query, key } = head(), [row, col] = model.get("query"), temperature = model.get("temperature");
    const asker = row * cols + col, { scores, weights } = attend(query, key, d, asker, temperature);
    const mean = average(pixels, model.get("size"), weights), most = Math.max(...weights), high = wide * H / W, cell = wide / cols;
    root.result = { scores, weights, average: [...mean], reach: reach(weights) };

    options(set.head, Object.keys(model.get("heads")), model.get("head"));
    options(set.picture, model.get("menu"), model.get("wanted"));    // while the kernel turns to it, the old one is still drawn
    if (model.get("wanted") === model.get("name")) delete root.dataset.waiting; else root.dataset.waiting = "";
    for (const node of root.querySelectorAll("[data-menu]")) node.hidden = !model.get("menu").length;
    const own = one("[data-part='own']"), said = model.get("said");
    if (own.shown !== said) own.textContent = own.shown = said;
    if (Math.abs(set.temperature.valueAsNumber - Math.log(temperature)) > 1e-9) set.temperature.value = Math.log(temperature);
    const shown = fmt(temperature, temperature < 1 ? 2 : 1);
    one(".attex-controls output").textContent = shown;
    set.temperature.setAttribute("aria-valuetext", shown);

    let g = enlarge(canvas.query, picture, wide, high);
    g.strokeStyle = "rgba(255,255,255,.25)"; g.lineWidth = 1;
    g.beginPath();
    for (let c = 1; c < cols; c++) { g.moveTo(c * cell, 0); g.lineTo(c * cell, high); }
    for (let r = 1; r < rows; r++) { g.moveTo(0, r * cell); g.lineTo(wide, r * cell); }
    g.stroke();
    frame(g, col * cell, row * cell, cell, "#0072B2");
    const colours = weights.map(w => heat(w / most));             // over the picture in pale grey, to know where one is
    const seen = painted(W, H, (y, x) => colours[Math.floor(y / side) * cols + Math.floor(x / side)].map(part => part * pale[y * W + x]));
    g = enlarge(canvas.weights, seen, wide, high);
    frame(g, col * cell, row * cell, cell, "#0072B2");
    if (read) frame(g, read[1] * cell, read[0] * cell, cell, "#000");
    const small = Math.min(110, Math.floor(wide / 3));
    const value = (c, y, x) => 255 * mean[((C === 1 ? 0 : c) * side + y) * side + x];
    enlarge(canvas.own, painted(side, side, (y, x) => [0, 1, 2].map(c => at(c, row * side + y, col * side + x))), small, small);
    enlarge(canvas.average, painted(side, side, (y, x) => [0, 1, 2].map(c => value(c, y, x))), small, small);

    const order = weights.map((w, j) => [w, j]).sort((a, b) => b[0] - a[0] || a[1] - b[1]).slice(0, 4);
    one(".attex-top").replaceChildren(...order.map(([w, j]) => {
      const line = document.createElement("div"), thumb = document.createElement("canvas"), bar = document.createElement("i"), text = document.createElement("span");
      const r = Math.floor(j / cols), c = j % cols;
      enlarge(thumb, painted(side, side, (y, x) => [0, 1, 2].map(n => at(n, r * side + y, c * side + x))), 26, 26);
      bar.style.width = `${Math.max(1, 70 * w / most)}px`;
      text.textContent = percent(w);
      line.title = `row ${r}, column ${c}`;
      line.append(thumb, bar, text);
      return line;
    }));
    canvas.query.setAttribute("aria-label", `picture of ${rows} by ${cols} patches; row ${row}, column ${col} asks; arrow keys move`);
    canvas.weights.setAttribute("aria-label", `weights of ${rows} by ${cols} patches${read ? `; row ${read[0]}, column ${read[1]} is read` : ""}; arrow keys move`);
    const about = root.result.reach;
    let words = `The patch in row ${row}, column ${col} looks at ${fmt(about, about < 10 ? 1 : 0)} of ${rows * cols} patches, in effect: as many equal weights have the same entropy. `;
    if (read) {
      const j = read[0] * cols + read[1];
      const divided = temperature === 1 ? "" : ` / ${shown}`;
      words += `Row ${read[0]}, column ${read[1]}: q·k / √${d} = ${fmt(scores[j])}, softmax of ${fmt(scores[j])}${divided}: weight ${percent(weights[j])}.`;
    }
    const say = one(".attex-say");
    if (say.textContent !== words) say.textContent = words;
  }

  // -- pointing

  const clamp = (row, col) => [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(cols - 1, col))];
  function patchAt(node, event) {
    const box = node.getBoundingClientRect();                       // may be scaled, on a slide
    return clamp(Math.floor((event.clientY - box.top) / box.height * rows), Math.floor((event.clientX - box.left) / box.width * cols));
  }
  function ask(patch) { if (String(patch) !== String(model.get("query"))) change({ query: patch }); }
  function look(patch) { if (String(patch) !== String(read)) { read = patch; refresh(); } }
  for (const [name, go, where] of [["query", ask, () => model.get("query")], ["weights", look, () => read || model.get("query")]]) {
    const node = canvas[name];
    for (const type of ["pointermove", "pointerdown"]) on(node, type, event => go(patchAt(node, event)));
    on(node, "keydown", event => {
      const [row, col] = where();
      const next = { ArrowUp: [row - 1, col], ArrowDown: [row + 1, col], ArrowLeft: [row, col - 1], ArrowRight: [row, col + 1],
        Home: [row, 0], End: [row, cols - 1], PageUp: [0, col], PageDown: [rows - 1, col] }[event.key];
      if (!next) return;
      event.preventDefault();
      go(clamp(...next));
    });
  }

  // -- the controls

  on(set.head, "change", () => change({ head: set.head.value }));
  on(set.temperature, "input", () => change({ temperature: Math.min(20, Math.max(0.05, Math.exp(set.temperature.valueAsNumber))) }));
  on(set.temperature, "keydown", event => {
    const step = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1, PageDown: -1, PageUp: 1 }[event.key];
    if (!step) return;
    event.preventDefault();                                         // step="any" moves by a browser's own choice
    change({ temperature: Math.min(20, Math.max(0.05, Math.exp(Math.log(model.get("temperature")) + step))) });
  });
  on(set.reset, "click", () => change({ temperature: 1 }));
  on(set.picture, "change", () => change({ wanted: set.picture.value }));
  pictures(root, (type, hear) => on(root, type, hear), file => change({ uploaded: file }));

  // JupyterLab's own keys (a: new cell, d d: delete it, arrows: move on) must not fire while a control has the focus.
  on(root, "keydown", event => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); });

  const watch = new ResizeObserver(() => {
    const room = root.clientWidth - 24;
    if (room <= 0) return;
    const narrow = room < 640, next = Math.max(200, Math.min(330, narrow ? room : Math.floor((room - 44 - 236) / 2)));
    root.classList.toggle("narrow", narrow);
    if (next !== wide) { wide = next; refresh(); }
  });
  model.on("change", refresh);
  refresh();
  watch.observe(root);
  return () => { gone.abort(); watch.disconnect(); model.off("change", refresh); root.remove(); };
}

export default { render };
