// The convolution explorer, as one ES module: no build step, no network, no kernel needed once its settings are here.
// Everything is computed here, in double precision; the settings are kept in the model, so that all views keep step.
// For programs (and the tests), the element .convex has .result = {rows, cols, values, problem} and .lit = {input, output}.

const MODES = ["zeros", "reflect", "replicate", "circular"];
const PAINT = "paint", OWN = "own numbers";
const SLIDERS = [["kernel size", 7], ["stride", 4], ["padding", 3], ["dilation", 3]];
const LIT = "#c2005e";
const SIGNED = [[0, 60, 99], [0, 114, 178], [255, 255, 255], [230, 159, 0], [138, 75, 0]];  // as helpers.plots.SIGNED

// ---- the arithmetic -------------------------------------------------------------------------------------------------

// The pixel that position i of the padded input shows, of n; -1 for a padded zero.
function source(i, n, mode) {
  if (i >= 0 && i < n) return i;
  if (mode === "replicate") return i < 0 ? 0 : n - 1;
  if (mode === "reflect") return i < 0 ? -i : 2 * (n - 1) - i;
  if (mode === "circular") return (i + n) % n;
  return -1;
}

// Why these settings have no output, in words; "" where they have one. convolution.py says the same.
function problem(height, width, K, { padding: P, padding_mode: mode, dilation: D }) {
  const size = Math.min(height, width), span = D * (K - 1) + 1;
  if (mode === "reflect" && P >= size) {
    return `Reflect mirrors the pixels beyond the border one, so padding (${P}) must be smaller than the input (${size}): `
      + "take less padding or another mode.";
  }
  if (mode === "circular" && P > size) {
    return `Circular goes around the input once at most, so padding (${P}) must not exceed the input (${size}): `
      + "take less padding or another mode.";
  }
  if (span > size + 2 * P) {
    return `The kernel spans ${span}${D > 1 ? ` = ${D}·(${K} − 1) + 1` : ""} pixels and does not fit into the padded input of `
      + `${size} + 2·${P} = ${size + 2 * P}: take a smaller kernel${D > 1 ? ", less dilation" : ""} or more padding.`;
  }
  return "";
}

// The value of the padded input at (r, c), counted from the first real pixel.
function valueAt(image, r, c, mode) {
  const y = source(r, image.length, mode), x = source(c, image[0].length, mode);
  return y < 0 || x < 0 ? 0 : image[y][x];
}

// The terms of one output: [row, column] of each input cell (padded ones lie outside the image), its value and its weight.
function terms(image, kernel, s, row, col) {
  const found = [];
  kernel.forEach((line, i) => line.forEach((weight, j) => {
    const r = row * s.stride + i * s.dilation - s.padding, c = col * s.stride + j * s.dilation - s.padding;
    found.push({ r, c, weight, value: valueAt(image, r, c, s.padding_mode) });
  }));
  return found;
}

function convolve(image, kernel, s) {
  const height = image.length, width = image[0].length, K = kernel.length;
  const why = problem(height, width, K, s);
  if (why) return { problem: why, rows: 0, cols: 0, values: [] };
  const span = s.dilation * (K - 1) + 1;
  const rows = Math.floor((height + 2 * s.padding - span) / s.stride) + 1;
  const cols = Math.floor((width + 2 * s.padding - span) / s.stride) + 1;
  const values = new Array(rows * cols);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < cols; x++) {
      let sum = 0;
      for (let i = 0; i < K; i++) {
        for (let j = 0; j < K; j++) {
          sum += kernel[i][j] * valueAt(image, y * s.stride + i * s.dilation - s.padding, x * s.stride + j * s.dilation - s.padding, s.padding_mode);
        }
      }
      values[y * cols + x] = sum;
    }
  }
  return { problem: "", rows, cols, values };
}

// The outputs that read input cell (row, col), through its copies in the padding too; the copies come along.
function readers(image, kernel, s, result, row, col) {
  const height = image.length, width = image[0].length, K = kernel.length, mode = s.padding_mode;
  const copies = [], outputs = [];
  const real = row >= 0 && row < height && col >= 0 && col < width;
  for (let r = -s.padding; r < height + s.padding; r++) {
    for (let c = -s.padding; c < width + s.padding; c++) {
      if (real ? source(r, height, mode) === row && source(c, width, mode) === col : r === row && c === col) copies.push([r, c]);
    }
  }
  const reads = (start, at) => at >= start && (at - start) % s.dilation === 0 && (at - start) / s.dilation < K;
  for (let y = 0; y < result.rows; y++) {
    for (let x = 0; x < result.cols; x++) {
      const top = y * s.stride - s.padding, left = x * s.stride - s.padding;
      if (copies.some(([r, c]) => reads(top, r) && reads(left, c))) outputs.push([y, x]);
    }
  }
  return { copies, outputs };
}

// ---- words and colours ----------------------------------------------------------------------------------------------

const round = (v, places) => { const f = 10 ** places; return Math.round(v * f) / f || 0; };
const fmt = (v, places = 2) => String(round(v, places)).replace("-", "−");
const exact = v => Math.abs(v - round(v, 2)) < 1e-6;              // 1e-6: single precision counts as exact
const near = (a, b) => a.length === b.length && a.every((line, i) => line.length === b[i].length && line.every((v, j) => v === b[i][j]));

function parse(text) {
  const part = text.trim().replace("−", "-").replace(",", ".").match(/^([-+]?(?:\d+\.?\d*|\.\d+))(?:\s*\/\s*(\d+\.?\d*|\.\d+))?$/);
  const value = part ? Number(part[1]) / (part[2] === undefined ? 1 : Number(part[2])) : NaN;
  return Number.isFinite(value) && Math.abs(value) <= 1e6 ? value : null;
}

function signed(share) {
  const t = Math.max(0, Math.min(4, 2 * (share + 1))), i = Math.min(3, Math.floor(t)), f = t - i;
  return SIGNED[i].map((a, n) => Math.round(a + (SIGNED[i + 1][n] - a) * f));
}
const gray = share => { const g = Math.round(255 * Math.max(0, Math.min(1, share))); return [g, g, g]; };
const css = c => `rgb(${c[0]},${c[1]},${c[2]})`;
const ink = c => (0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] > 140 ? "#000" : "#fff");

// From numbers to colours, with the ends of the legend: gray where nothing is negative, else blue, white at 0, orange.
function scale(values, low = 0, high = 0) {
  for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
  const top = Math.max(-low, high);
  if (low < -1e-9 * (top || 1)) return { colour: v => signed(v / top), ends: [-top, 0, top], ramp: SIGNED };
  high = high || 1;
  return { colour: v => gray(v / high), ends: [0, high], ramp: [[0, 0, 0], [255, 255, 255]] };
}

// ---- drawing --------------------------------------------------------------------------------------------------------

// Draw a grid of cells; rows and columns of `border` cells around it are padding, drawn smaller and faded.
// Returns the side of a cell in CSS pixels.
function drawGrid(canvas, font, side, rows, cols, border, at, colour, lit, numbers) {
  const dpr = window.devicePixelRatio || 1, R = rows + 2 * border, C = cols + 2 * border, edge = 3;
  const cell = Math.max(3, Math.min(56, Math.floor((side - 2 * edge) / Math.max(R, C))));
  const width = C * cell + 2 * edge, height = R * cell + 2 * edge;
  if (canvas.width !== Math.round(width * dpr) || canvas.height !== Math.round(height * dpr)) {
    canvas.width = Math.round(width * dpr); canvas.height = Math.round(height * dpr);
    canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
  }
  const g = canvas.getContext("2d");
  g.setTransform(dpr, 0, 0, dpr, 0, 0);
  g.clearRect(0, 0, width, height);
  g.translate(edge, edge);
  g.textAlign = "center"; g.textBaseline = "middle";
  const write = (text, x, y, size, room) => {
    g.font = `${size}px ${font}`;
    const wide = g.measureText(text).width;
    if (wide > room) g.font = `${Math.floor(size * room / wide)}px ${font}`;
    g.fillText(text, x, y);
  };
  for (let r = -border; r < rows + border; r++) {
    for (let c = -border; c < cols + border; c++) {
      const v = at(r, c), x = (c + border) * cell, y = (r + border) * cell;
      const pad = r < 0 || c < 0 || r >= rows || c >= cols, inset = pad ? Math.max(1, Math.round(cell * 0.1)) : 0;
      const fill = pad ? colour(v).map(part => Math.round(0.5 * part + 85)) : colour(v), wide = cell - 2 * inset;
      g.fillStyle = css(fill);
      g.fillRect(x + inset, y + inset, wide, wide);
      if (!pad) {
        g.strokeStyle = `rgba(128,128,128,${cell < 16 ? 0.25 : 0.6})`; g.lineWidth = 1;
        g.strokeRect(x - 0.5, y - 0.5, cell, cell);
      } else if (cell >= 20) {
        g.strokeStyle = "#808080"; g.lineWidth = 1; g.setLineDash([3, 2]);
        g.strokeRect(x + inset + 0.5, y + inset + 0.5, wide - 1, wide - 1);
        g.setLineDash([]);
      }
      if (numbers && cell >= 26) {
        g.fillStyle = ink(fill);
        const mark = lit.weights && lit.weights.get(`${r},${c}`);
        const size = Math.min(19, Math.round(cell * 0.42)), room = cell - 2 * inset - 4;
        const text = fmt(v, Math.abs(v) >= 9.95 ? 1 : 2);
        if (mark === undefined || cell < 30) write(text, x + cell / 2, y + cell / 2 + 1, size, room);
        else {
          write(text, x + cell / 2, y + cell * 0.34, Math.round(size * 0.92), room);
          write(`×${fmt(mark)}`, x + cell / 2, y + cell * 0.72, Math.round(size * 0.82), room);
        }
      }
    }
  }
  g.strokeStyle = "#777"; g.lineWidth = 2;
  g.strokeRect(border * cell - 1, border * cell - 1, cols * cell + 1, rows * cell + 1);
  const isLit = new Set(lit.cells.map(([r, c]) => `${r},${c}`));
  for (const [colourOf, wide] of [["#fff", 6], [LIT, 3.5]]) {     // the white halo shows it on dark cells, the red on light ones
    g.strokeStyle = colourOf; g.lineWidth = Math.min(wide, Math.max(wide * 0.5, cell / 4)); g.lineCap = "square";
    g.beginPath();
    for (const [r, c] of lit.cells) {
      const x = (c + border) * cell - 0.5, y = (r + border) * cell - 0.5;
      for (const [dr, dc, x0, y0, x1, y1] of [[-1, 0, 0, 0, 1, 0], [1, 0, 0, 1, 1, 1], [0, -1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 1]]) {
        if (isLit.has(`${r + dr},${c + dc}`)) continue;
        g.moveTo(x + x0 * cell, y + y0 * cell); g.lineTo(x + x1 * cell, y + y1 * cell);
      }
    }
    g.stroke();
  }
  return cell;
}

// ---- the element ----------------------------------------------------------------------------------------------------

const PAGE = `
<div class="convex-controls">
  ${SLIDERS.map(([name, top]) => `<label><span>${name} <output></output></span><input type="range" data-set="${name}"
    min="${name === "padding" ? 0 : 1}" max="${top}" step="1" aria-label="${name}"></label>`).join("")}
  <label><span>padding mode</span><select data-set="padding_mode" aria-label="padding mode" style="width:100%">
    ${MODES.map(m => `<option>${m}</option>`).join("")}</select></label>
</div>
<div class="convex-panels">
  <div class="convex-head one" role="heading" aria-level="4">Input<span data-say="input"></span></div>
  <div class="convex-head two" role="heading" aria-level="4">Kernel<span data-say="kernel"></span></div>
  <div class="convex-head three" role="heading" aria-level="4">Output<span data-say="output"></span></div>
  <div class="convex-tools one">
    <select data-set="picture" aria-label="input picture"></select>
    <button type="button" data-upload aria-label="take your own picture" title="take your own picture">yours…</button>
    <label data-paint hidden><input type="range" min="0" max="1" step="0.1" value="1" data-set="brush" aria-label="value to paint"><output>1</output></label>
    <button type="button" data-paint data-set="clear" hidden>clear</button>
  </div>
  <div class="convex-tools two"><select data-set="preset" aria-label="kernel preset"></select></div>
  <div class="convex-tools three"><div class="convex-legend"></div></div>
  <div class="convex-stage one"><canvas data-grid="input" tabindex="0" role="application"></canvas></div>
  <div class="convex-sign" style="grid-column: 2" aria-hidden="true">∗</div>
  <div class="convex-stage two"><div class="convex-kernel" data-small role="group" aria-label="kernel numbers; arrow keys move"></div><div class="convex-note" data-say="note"></div></div>
  <div class="convex-sign" style="grid-column: 4" aria-hidden="true">=</div>
  <div class="convex-stage three"><canvas data-grid="output" tabindex="0" role="application"></canvas><p class="convex-problem" role="alert" hidden></p></div>
</div>
<div data-part="own" role="status"></div>
<div class="convex-size" data-say="size" role="status"></div>
<div class="convex-sum" role="status" aria-live="polite"></div>
<div class="convex-hint">Point at a cell of the input or output; type into the kernel. Keyboard: Tab, then the arrow keys.</div>`;

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "convex";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "convolution explorer");
  root.innerHTML = PAGE;
  el.append(root);
  const one = selector => root.querySelector(selector), say = name => one(`[data-say="${name}"]`);
  const canvases = { input: one('[data-grid="input"]'), output: one('[data-grid="output"]') };
  const set = Object.fromEntries([...root.querySelectorAll("[data-set]")].map(n => [n.dataset.set, n]));
  const numbers = one(".convex-kernel"), sumBox = one(".convex-sum"), why = one(".convex-problem");
  const gone = new AbortController(), on = (node, type, f) => node.addEventListener(type, f, { signal: gone.signal });
  const cells = { input: 1, output: 1 };
  let side = 314, font = "sans-serif", brush = null, current = null;

  const image = () => (model.get("picture") === PAINT ? model.get("painted") : model.get("pictures")[model.get("picture")]);
  // A lost or restarted kernel must not stop the view: the model keeps what was set.
  function change(values, send = true) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    if (send) try { model.save_changes(); } catch (error) { console.warn("convolution explorer: no kernel", error); }
  }

  // -- what the settings mean

  function offers(K) {
    const found = Object.entries(model.get("presets")).map(([name, sizes]) => [name, sizes[K]]);
    return found.concat(Object.entries(model.get("kernels")));
  }
  function named(kernel) {
    const fits = offers(kernel.length).filter(([, rows]) => rows && near(rows, kernel)).map(([name]) => name);
    return fits.includes(model.get("preset")) ? model.get("preset") : fits[0] || OWN;
  }
  function resize(K) {
    const old = model.get("kernel"), name = named(old), sizes = model.get("presets")[name];
    if (old.length === K) return;
    const shift = Math.floor((K - 1) / 2) - Math.floor((old.length - 1) / 2);
    const kept = Array.from({ length: K }, (_, i) => Array.from({ length: K }, (_, j) => (old[i - shift] || [])[j - shift] || 0));
    change({ preset: sizes ? name : "", kernel: sizes ? sizes[K] : kept });
  }

  // -- drawing

  function options(select, groups, value) {
    const key = JSON.stringify(groups);
    if (select.dataset.key !== key) {
      select.dataset.key = key;
      select.replaceChildren(...groups.flatMap(([label, names]) => {
        const made = names.map(name => Object.assign(document.createElement("option"), { value: name, textContent: name }));
        if (!label) return made;
        const group = Object.assign(document.createElement("optgroup"), { label });
        group.append(...made);
        return [group];
      }));
    }
    if (select.value !== value) select.value = value;
  }

  function drawKernel(kernel) {
    const K = kernel.length, room = Math.max(150, side * 0.7);
    const cell = Math.min(62, Math.floor((room - 2 * (K - 1)) / K));
    if (numbers.childElementCount !== K * K) {
      numbers.replaceChildren(...kernel.flatMap((line, i) => line.map((_, j) => {
        const input = Object.assign(document.createElement("input"), { type: "text", inputMode: "decimal", autocomplete: "off", spellcheck: false });
        input.setAttribute("aria-label", `kernel row ${i}, column ${j}`);
        input.tabIndex = i + j ? -1 : 0;
        return input;
      })));
    }
    numbers.style.gridTemplate = `repeat(${K}, ${cell}px) / repeat(${K}, ${cell}px)`;
    numbers.style.fontSize = `${Math.max(12, Math.min(21, Math.round(cell * 0.36)))}px`;
    const top = Math.max(...kernel.flat().map(Math.abs)) || 1;
    [...numbers.children].forEach((input, n) => {
      const v = kernel[Math.floor(n / K)][n % K], fill = signed(v / top * 0.62), active = input.getRootNode().activeElement === input;
      if (!active || input.dataset.value !== String(v)) {
        input.value = fmt(v, cell < 40 ? 2 : 3).replace("0.", cell < 34 && !exact(v) ? "." : "0.");
        input.removeAttribute("aria-invalid");
      }
      input.dataset.value = String(v);
      input.title = exact(v) ? "" : String(v);
      input.style.background = css(fill);
      input.style.color = ink(fill);
    });
    const sum = kernel.flat().reduce((a, b) => a + b, 0);
    say("note").textContent = K === 1 ? "One number: it can only scale." : `The numbers sum to ${fmt(sum)}.`;
  }

  function sizeWords(s, K, height, width) {
    const span = s.dilation * (K - 1) + 1;
    const line = n => {
      const room = n + 2 * s.padding - span, steps = room / s.stride, whole = Math.floor(steps), out = whole + 1;
      const fraction = `(${n} + 2·${s.padding} − ${span}) / ${s.stride}`;
      return steps === whole ? `${fraction} + 1 = <b>${out}</b>` : `⌊${fraction}⌋ + 1 = ⌊${fmt(steps)}⌋ + 1 = <b>${out}</b>`;
    };
    const left = (Math.min(height, width) + 2 * s.padding - span) % s.stride;
    return (s.dilation > 1 ? `Dilated, the kernel spans ${s.dilation}·(${K} − 1) + 1 = ${span}. ` : "") + "Output size: "
      + (height === width ? line(height) : `height ${line(height)}, width ${line(width)}`)
      + (height === width && left ? `. Rounded down: the last ${left === 1 ? "row and column" : `${left} rows and columns`}${s.padding ? " of the padded input" : ""} are not read.` : "");
  }

  function legend({ ends, ramp }) {
    const bar = document.createElement("i");
    bar.style.background = `linear-gradient(to right, ${ramp.map(css).join(", ")})`;
    const text = v => Object.assign(document.createElement("span"), { textContent: fmt(v) });
    const box = one(".convex-legend");
    box.replaceChildren(text(ends[0]), bar, text(ends[ends.length - 1]));
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", ends.length === 3 ? `colours from blue, ${fmt(ends[0])}, over white, 0, to orange, ${fmt(ends[2])}`
      : `colours from black, 0, to white, ${fmt(ends[1])}`);
  }

  // Write the sum of one output: all terms of a small kernel, else the first that count.
  function sumWords(found, row, col, value) {
    const counted = found.length <= 9 ? found : found.filter(t => t.weight !== 0 && t.value !== 0);
    const shown = counted.slice(0, 9), more = counted.length - shown.length;
    const text = (content, name = "") => Object.assign(document.createElement("span"), { textContent: content, className: name });
    const height = current.image.length, width = current.image[0].length;
    const parts = [text(`output[${row}, ${col}]`, "lit"), text("=")];
    shown.forEach((t, n) => {
      const pad = t.r < 0 || t.c < 0 || t.r >= height || t.c >= width, part = text(n ? "+ " : "");
      part.append(text(fmt(t.value), pad ? "padded" : ""), ` × ${fmt(t.weight)}`);
      if (pad) part.title = "a padded value";
      parts.push(part);
    });
    if (!shown.length) parts.push(text("0 (every product is 0)"));
    if (more) parts.push(text(`+ … (${more} more ${more === 1 ? "term" : "terms"})`));
    const same = exact(value) && found.every(t => exact(t.value) && exact(t.weight));
    const total = document.createElement("b");
    total.textContent = fmt(value);
    if (shown.length) { const end = text(same ? "= " : "≈ "); end.append(total); parts.push(end); }
    if (parts.some(part => part.querySelector(".padded"))) parts.push(text("Underlined: padding.", "aside"));
    sumBox.replaceChildren(...parts.flatMap(part => [part, " "]));
  }

  function light(s, kernel, result) {
    const shown = current.image, [kind, row, col] = within(model.get("point") || []);
    const none = { input: { cells: [] }, output: { cells: [] } };
    const height = shown.length, width = shown[0].length;
    if (kind === "output") {
      const found = terms(shown, kernel, s, row, col);
      sumWords(found, row, col, result.values[row * result.cols + col]);
      return { input: { cells: found.map(t => [t.r, t.c]), weights: new Map(found.map(t => [`${t.r},${t.c}`, t.weight])) }, output: { cells: [[row, col]] } };
    }
    if (kind === "input") {
      const { copies, outputs } = readers(shown, kernel, s, result, row, col);
      const pad = row < 0 || col < 0 || row >= height || col >= width;
      const count = outputs.length, all = result.rows * result.cols;
      sumBox.replaceChildren(Object.assign(document.createElement("span"), { className: "lit", textContent: pad ? `padding[${fmt(row)}, ${fmt(col)}]` : `input[${row}, ${col}]` }),
        ` = ${fmt(valueAt(shown, row, col, s.padding_mode))} touches ${count} of ${all} outputs`
        + `${copies.length > 1 ? `, also through ${copies.length - 1} ${copies.length === 2 ? "copy" : "copies"} in the padding` : ""}.`);
      return { input: { cells: copies }, output: { cells: outputs } };
    }
    sumBox.textContent = "";
    return none;
  }

  function refresh() {
    const s = Object.fromEntries(["stride", "padding", "dilation", "padding_mode"].map(name => [name, model.get(name)]));
    const kernel = model.get("kernel"), shown = image(), K = kernel.length, height = shown.length, width = shown[0].length;
    const result = convolve(shown, kernel, s), painting = model.get("picture") === PAINT;
    current = { image: shown, kernel, s, result };
    for (const [name] of SLIDERS) {
      const value = name === "kernel size" ? K : s[name];
      if (set[name].valueAsNumber !== value) set[name].value = value;
      set[name].previousElementSibling.firstElementChild.textContent = value;
    }
    set.padding_mode.value = s.padding_mode;
    options(set.picture, [["", [...Object.keys(model.get("pictures")), PAINT]]], model.get("picture"));
    const learnt = Object.keys(model.get("kernels"));
    options(set.preset, [["", Object.keys(model.get("presets"))], ...(learnt.length ? [["learnt", learnt]] : []), ["", [OWN]]], named(kernel));
    root.querySelectorAll("[data-paint]").forEach(node => { node.hidden = !painting; });
    if (one("[data-part='own']").shown !== model.get("said")) one("[data-part='own']").textContent = one("[data-part='own']").shown = model.get("said");
    say("input").textContent = `${height} × ${width}`;
    say("kernel").textContent = `${K} × ${K}`;
    say("output").textContent = result.problem ? "none" : `${result.rows} × ${result.cols}`;
    say("size").innerHTML = result.problem ? "" : sizeWords(s, K, height, width);
    drawKernel(kernel);

    const lit = light(s, kernel, result);
    const flat = shown.flat(), inputs = scale(flat, 0, 1), padded = problem(height, width, 1, s) ? 0 : s.padding;
    cells.input = drawGrid(canvases.input, font, side, height, width, padded, (r, c) => valueAt(shown, r, c, s.padding_mode), inputs.colour, lit.input, true);
    canvases.input.style.cursor = painting ? "cell" : "crosshair";
    canvases.input.setAttribute("aria-label", `input, ${height} by ${width} cells; arrow keys move${painting ? ", space paints" : ""}`);
    canvases.output.hidden = Boolean(result.problem);
    why.hidden = !result.problem;
    if (why.textContent !== result.problem) why.textContent = result.problem;
    one(".convex-legend").style.visibility = result.problem ? "hidden" : "";
    if (!result.problem) {
      const outputs = scale(result.values);
      legend(outputs);
      cells.output = drawGrid(canvases.output, font, side, result.rows, result.cols, 0, (r, c) => result.values[r * result.cols + c], outputs.colour, lit.output, true);
      canvases.output.setAttribute("aria-label", `output, ${result.rows} by ${result.cols} cells; arrow keys move`);
    }
    root.result = result;
    root.lit = { input: lit.input.cells, output: lit.output.cells };
  }

  // -- pointing and painting

  function limits(kind) {
    const { image: shown, s, result } = current;
    if (kind === "output") return [0, 0, result.rows - 1, result.cols - 1];
    const border = problem(shown.length, shown[0].length, 1, s) ? 0 : s.padding;
    return [-border, -border, shown.length - 1 + border, shown[0].length - 1 + border];
  }
  // A cell that the settings have moved out of the grid becomes the nearest one in it; none where there is no output.
  function within([kind, row, col]) {
    const [r0, c0, r1, c1] = kind ? limits(kind) : [0, 0, -1, -1];
    return current.result.problem || r1 < r0 ? [] : [kind, Math.max(r0, Math.min(r1, row)), Math.max(c0, Math.min(c1, col))];
  }
  function point(kind, row, col) {
    const next = within([kind, row, col]);
    if (!next.length) return;
    if (JSON.stringify(next) !== JSON.stringify(model.get("point"))) change({ point: next }, false);
  }
  function cellAt(kind, event) {
    const box = canvases[kind].getBoundingClientRect(), [r0, c0] = limits(kind);
    const enlarged = box.width / canvases[kind].offsetWidth;         // not 1 on a slide, which is scaled to the screen
    return [[event.clientY - box.top, r0], [event.clientX - box.left, c0]].map(([at, first]) => Math.floor((at / enlarged - 3) / cells[kind]) + first);
  }
  function paint(row, col) {
    const old = model.get("painted");
    if (!old[row] || old[row][col] === undefined || old[row][col] === brush) return;
    change({ painted: old.map((line, r) => (r === row ? line.map((v, c) => (c === col ? brush : v)) : line)) });
  }
  const chosen = () => set.brush.valueAsNumber;
  function dip(row, col) { brush = (model.get("painted")[row] || [])[col] === chosen() ? 0 : chosen(); paint(row, col); }

  for (const kind of ["input", "output"]) {
    const canvas = canvases[kind];
    on(canvas, "pointermove", event => {
      const [row, col] = cellAt(kind, event);
      point(kind, row, col);
      if (kind === "input" && brush !== null) paint(row, col);
    });
    on(canvas, "pointerdown", event => {
      const [row, col] = cellAt(kind, event);
      point(kind, row, col);
      if (kind === "input" && model.get("picture") === PAINT && event.button === 0) {
        try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone again */ }
        dip(row, col);
      }
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) on(canvas, type, () => { brush = null; });
    on(canvas, "focus", () => {
      if ((model.get("point") || [])[0] === kind || !canvas.matches(":focus-visible")) return;
      const [r0, c0, r1, c1] = limits(kind);
      point(kind, (r0 + r1 + 1) >> 1, (c0 + c1 + 1) >> 1);
    });
    on(canvas, "keydown", event => {
      const [r0, c0, r1, c1] = limits(kind), at = within(model.get("point") || []);
      const [row, col] = at[0] === kind ? [at[1], at[2]] : [(r0 + r1 + 1) >> 1, (c0 + c1 + 1) >> 1];
      const move = { ArrowUp: [row - 1, col], ArrowDown: [row + 1, col], ArrowLeft: [row, col - 1], ArrowRight: [row, col + 1], Home: [row, c0], End: [row, c1],
        PageUp: [r0, col], PageDown: [r1, col] }[event.key];
      if (move) point(kind, ...move);
      else if ((event.key === " " || event.key === "Enter") && kind === "input" && model.get("picture") === PAINT) { dip(row, col); brush = null; }
      else return;
      event.preventDefault();
    });
  }

  // -- the controls

  for (const name of ["stride", "padding", "dilation"]) on(set[name], "input", () => change({ [name]: set[name].valueAsNumber }));
  on(set["kernel size"], "input", () => resize(set["kernel size"].valueAsNumber));
  on(set.padding_mode, "change", () => change({ padding_mode: set.padding_mode.value }));
  on(set.picture, "change", () => change({ picture: set.picture.value }));
  on(set.brush, "input", () => { set.brush.nextElementSibling.textContent = fmt(chosen()); });
  on(set.clear, "click", () => change({ painted: model.get("painted").map(line => line.map(() => 0)) }));
  on(set.preset, "change", () => {
    const found = offers(model.get("kernel").length).find(([name]) => name === set.preset.value);
    if (found) change({ preset: found[0], kernel: found[1] });
    else refresh();
  });

  const place = input => { const n = [...numbers.children].indexOf(input), K = model.get("kernel").length; return [Math.floor(n / K), n % K, K]; };
  on(numbers, "focusin", event => {
    for (const input of numbers.children) input.tabIndex = input === event.target ? 0 : -1;
    event.target.select();
  });
  on(numbers, "input", event => {
    const value = parse(event.target.value), [i, j] = place(event.target);
    event.target.toggleAttribute("aria-invalid", false);
    if (value === null) return event.target.setAttribute("aria-invalid", "true");
    event.target.dataset.value = String(value);
    change({ kernel: model.get("kernel").map((line, r) => line.map((v, c) => (r === i && c === j ? value : v))) });
  });
  on(numbers, "focusout", () => requestAnimationFrame(() => { if (!gone.signal.aborted) refresh(); }));
  on(numbers, "keydown", event => {
    const [i, j, K] = place(event.target), input = event.target, all = input.selectionEnd - input.selectionStart === input.value.length;
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Escape") { input.dataset.value = ""; refresh(); input.select(); return; }
    if (!move) return;
    const caret = move[1] < 0 ? input.selectionStart === 0 : input.selectionEnd === input.value.length;
    if (move[1] && !all && !caret) return;
    event.preventDefault();
    const next = numbers.children[(i + move[0]) * K + j + move[1]];
    if (next && i + move[0] < K && j + move[1] >= 0 && j + move[1] < K) next.focus();
  });

  pictures(root, (type, hear) => on(root, type, hear), file => change({ uploaded: file }));

  // JupyterLab's own keys (a: new cell, d d: delete it, arrows: move on) must not fire while a control has the focus.
  on(root, "keydown", event => { if (!event.ctrlKey && !event.metaKey) event.stopPropagation(); });

  const watch = new ResizeObserver(() => {
    const wide = root.clientWidth - 24;
    if (wide <= 0) return;
    const narrow = wide < 600, next = Math.max(180, Math.min(314, narrow ? wide : Math.floor((wide - 80) / 2.72)));
    root.classList.toggle("narrow", narrow);
    const letters = getComputedStyle(root).fontFamily;       // asked for here only: to ask makes the browser lay out the page
    if (next !== side || letters !== font) { side = next; font = letters; refresh(); }
  });
  model.on("change", refresh);
  refresh();
  watch.observe(root);
  return () => { gone.abort(); watch.disconnect(); model.off("change", refresh); root.remove(); };
}

export default { render };
