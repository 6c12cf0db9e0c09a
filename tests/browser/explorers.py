"""Explorers in a notebook of JupyterLab: shown, moved, looked at and measured, by what their page itself says of its controls."""

from helpers.course.rooms import rooms

KINDS = {kind.__name__: kind for room in rooms() for kind in room.explorers}


def code(kind, name="explorer"):
    """Return the cell that shows an explorer and keeps it as a variable of this name."""
    return f"from {kind.__module__} import {kind.__name__}\n{name} = {kind.__name__}()\n{name}"


def ran(notebook, *cells):
    """Run these cells, in a new notebook or in the place of all cells of the one that is open; return the first explorer.

    So a test can go on with an explorer as it starts, of which nothing is left on the page, without a second load of the page.
    """
    if notebook.name is None:
        notebook.write(*cells).open()
    else:
        notebook.page.evaluate(CELLS, cells)
        notebook.page.mouse.move(0, 0)
        notebook.page.wait_for_function(f"() => !document.querySelector('{ROOT}')")
    notebook.run_all()
    assert notebook.errors() == []
    return notebook.view(DRAWN)


CELLS = """cells => { const notebook = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
    notebook.transact(() => { const old = notebook.cells.length;
        notebook.insertCells(0, cells.map(source => ({cell_type: 'code', source})));
        notebook.deleteCellRange(cells.length, cells.length + old); }); }"""
DRAWN = ".lm-Widget [class]:not(.lm-Widget)"  # what the module of an explorer draws: its outermost element
ROOT = f".jp-OutputArea-output {DRAWN}"


# Scroll to a cell. What comes into sight on the way is measured then, and moves what lies below: so until it is seen.
SCROLL = """async i => { const notebook = window.jupyterapp.shell.currentWidget.content, node = notebook.widgets[i].node;
    for (let round = 0; round < 50; round++) {
        await notebook.scrollToItem(i, 'start');
        const {top, bottom} = node.getBoundingClientRect();
        if (node.isConnected && top < innerHeight - 200 && bottom > 200) return;
        await new Promise(done => setTimeout(done, 100)); } }"""


def look(notebook, cell):
    """Scroll to a cell; return the explorer that it shows."""
    notebook.page.evaluate(SCROLL, cell)
    root = notebook.page.locator(f".jp-NotebookPanel .jp-Cell[data-windowed-list-index='{cell}'] {ROOT}").first
    root.wait_for(timeout=30_000)
    return root


# All that can be seen, as one number: what its page holds, what its controls are set to, what its canvases show.
SEEN = """r => { const text = r.innerHTML + [...r.querySelectorAll('input, select')].map(n => n.value).join('|')
        + [...r.querySelectorAll('canvas')].map(c => c.toDataURL()).join();
    let hash = 0; for (let i = 0; i < text.length; i++) hash = Math.imul(hash, 31) + text.charCodeAt(i) | 0;
    return hash; }"""

# ---- moving


VALUE = "(r, name) => r.querySelector(`[data-set='${name}']:not(button)`).value"


def put(root, name, value):
    """Set a control and wait for the answer."""
    control = root.locator(f"[data-set='{name}']:not(button)")
    control.select_option(value) if control.evaluate("n => n.tagName") == "SELECT" else control.fill(str(value))
    answered(root)


def answered(root):
    """Wait until the kernel has answered; an explorer that is drawn in the browser needs none."""
    root.page.wait_for_function("r => r.dataset.waiting === undefined", arg=root.element_handle(), timeout=20_000)


# Its controls that take one of several values, those that show and those that do not.
INPUTS = "[...r.querySelectorAll('input[type=range], input[type=number], select')].filter(n => n.checkVisibility())"

# Set all of them to their first or last value; then, once more, what that has made of others.
END = (
    f"async (r, last) => {{ for (let round = 0; round < 2; round++) {{ for (const n of {INPUTS}) {{"
    """
        const all = n.options;
        n.value = all ? all[last ? all.length - 1 : 0].value : last ? n.max : n.min;
        for (const kind of ['input', 'change']) n.dispatchEvent(new Event(kind, {bubbles: true})); }
    while (r.dataset.waiting !== undefined) await new Promise(done => setTimeout(done, 5)); } }"""
)


def end(root, last):
    """Set every control to its last value, or to its first."""
    root.evaluate(END, last)


# What two views of one explorer share: all that the kernel draws; what is drawn in the browser may point elsewhere in each.
SHARED = f"r => r.matches('.panel') ? ({SEEN})(r) : {INPUTS}.map(n => n.value).join('|')"

# The first of its controls.
CONTROL = f"{INPUTS}[0]"


def change(root):
    """Move that control to another place, as a user would, without waiting; return what it was set to and is."""
    return root.evaluate(
        f"r => {{ const node = {CONTROL}, before = node.value;"
        """
        if (node.tagName === 'SELECT') node.value = [...node.options].map(o => o.value).find(v => v !== before);
        else node.value = node.value === node.max ? node.min : node.max;
        for (const kind of ['input', 'change']) node.dispatchEvent(new Event(kind, {bubbles: true}));
        return [before, node.value]; }"""
    )


# What its lines say that screen readers announce, with each control at its lowest and its highest; each put back.
SAID = (
    f"async r => {{ const said = []; for (const n of {INPUTS}) {{ const before = n.value, all = n.options;"
    """
    for (const value of [all ? all[0].value : n.min, all ? all[all.length - 1].value : n.max, before]) {
        n.value = value;
        for (const kind of ['input', 'change']) n.dispatchEvent(new Event(kind, {bubbles: true}));
        while (r.dataset.waiting !== undefined) await new Promise(done => setTimeout(done, 5));
        said.push([...r.querySelectorAll('[role=status]:not(.panel-late), [aria-live]')].map(n => n.textContent.trim()).join(' ')); } }
    return said; }"""
)


def control(root):
    """Return what that control is set to."""
    return root.evaluate(f"r => {CONTROL}.value")


# Set controls by chance, always the same ones, and wait for an answer after every fifth; then all to where they were.
DRIVE = (
    "async (r, count) => { let seed = 1; const draw = n => (seed = seed * 48271 % 2147483647) % n,"
    f"start = {INPUTS}.map(n => n.value);"
    """
    const answered = async () => { while (r.dataset.waiting !== undefined) await new Promise(done => {
        const heard = new MutationObserver(() => { heard.disconnect(); done(); }); heard.observe(r, {attributeFilter: ['data-waiting']}); }); };
    const set = (n, value) => { n.value = value; for (const kind of ['input', 'change']) n.dispatchEvent(new Event(kind, {bubbles: true})); };
    for (let i = 0; i < count; i++) {"""
    f"const all = {INPUTS}, n = all[draw(all.length)];"
    """
        if (n.tagName === 'SELECT') set(n, n.options[draw(n.options.length)].value);
        else { const step = Number(n.step) || 1; set(n, Number(n.min) + step * draw(Math.floor((n.max - n.min) / step) + 1)); }
        if (i % 5 === 4) await answered(); }
    for (let round = 0; round < 2; round++) for (const [i, value] of start.entries()) {"""
    f"const n = {INPUTS}[i]; if (n) set(n, value); await answered(); }} }}"
)


def leaks(notebook, root, changes=500, rounds=4):
    """Drive it by as many changes, in several rounds; return by how much the least of them grew what browser and kernel hold.

    All rounds are the same, so that caches are full after the first. A leak grows in every round; JupyterLab, which loads parts
    of itself at first, does not. Rounds end as soon as one has left almost nothing.
    """
    inspector = notebook.page.context.new_cdp_session(notebook.page)
    inspector.send("Performance.enable")

    def held():
        root.evaluate(DRIVE, changes)
        notebook.settle()
        for _ in range(3):
            inspector.send("HeapProfiler.collectGarbage")
        found = {m["name"]: m["value"] for m in inspector.send("Performance.getMetrics")["metrics"]}
        resident = "next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmRSS'))"
        kernel = int(notebook.kernel(f"import gc; gc.collect(); print({resident})")) * 1024
        return [found["Nodes"], found["JSEventListeners"], found["JSHeapUsedSize"], kernel]

    before, least = held(), None
    for _ in range(rounds):
        after = held()
        grown = [b - a for a, b in zip(before, after, strict=True)]
        least = grown if least is None else list(map(min, least, grown))
        before = after
        if not too_much(least):
            break
    return dict(zip(("nodes", "listeners", "heap", "kernel"), least, strict=True))


def too_much(grown):
    """Return whether 500 changes have left too much: nodes, listeners, bytes of the browser, bytes of the kernel."""
    return any(found >= most for found, most in zip(grown, (300, 250, 5 * 2**20, 20 * 2**20), strict=True))


# ---- looking


# The smallest contrast of ink and ground that WCAG 2.1 asks for is 4.5. What is behind is blended, letter and its ground alike.
CONTRAST = """root => {
    const rgb = text => text.match(/[\\d.]+/g).map(Number);
    const lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
    const behind = n => { const over = []; for (; n; n = n.parentElement) { const c = rgb(getComputedStyle(n).backgroundColor);
        over.push(c.length === 3 ? [...c, 1] : c); if (over.at(-1)[3] === 1) break; } return over.reverse().reduce((b, c) => b.map((v, i) => v + c[3] * (c[i] - v)), [255, 255, 255]); };
    const opacity = n => { let all = 1; for (; n && n !== root.parentElement; n = n.parentElement) all *= +getComputedStyle(n).opacity; return all; };
    return [...root.querySelectorAll('*')].filter(n => n.checkVisibility() && n.tagName !== 'OPTION' && !n.closest('[aria-disabled], [disabled], svg, [data-problem] .panel-dims') && (n.value !== undefined && n.type !== 'range'
        || [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim()))).map(n => {
        const ground = behind(n), ink = rgb(getComputedStyle(n).color), alpha = (ink[3] ?? 1) * opacity(n);
        const [a, b] = [lum(ground), lum(ground.map((v, i) => v + alpha * (ink[i] - v)))].sort((x, y) => y - x);
        return [(a + .05) / (b + .05), `${n.className} ${n.textContent.trim().slice(0, 30)}`]; }); }"""

# Within [data-small], letters may be smaller than 16 pixels, as numbers in cells that shrink.
# What reaches over its right edge, is cut by something that hides what does not fit, lies outside its picture, or is too small.
MISPLACED = """r => { const over = [], edge = r.getBoundingClientRect().right + 1, words = n => n.textContent.trim().slice(0, 40);
    const texts = [];
    if (r.scrollWidth > r.clientWidth + 1) over.push(`scrolls: ${r.scrollWidth} > ${r.clientWidth}`);
    for (const n of r.querySelectorAll('*')) {
        if (!n.checkVisibility({visibilityProperty: true, opacityProperty: true}) || n.closest('option, defs, clipPath')) continue;
        const own = [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim()), box = n.getBoundingClientRect();
        if (!box.width || box.height < 2) continue;
        if (box.right > edge && (own || !n.closest('svg'))) over.push(`over the edge by ${Math.round(box.right - edge)}: ${n.tagName}.${n.className.baseVal ?? n.className} ${words(n)}`);
        if (own && !n.closest('svg') && n.tagName !== 'SELECT' && n.scrollWidth > n.clientWidth + 1 && n.clientWidth && getComputedStyle(n).overflowX !== 'visible')
            over.push(`cut: ${n.tagName}.${n.className} ${words(n)}`);
        if (n.type === 'number' && n.scrollWidth > n.clientWidth) over.push(`cut: ${n.dataset.set} shows ${n.value} in ${n.clientWidth} pixels`);
        if (own && n.tagName === 'text') { const s = n.ownerSVGElement.getBoundingClientRect();
            if (box.left < s.left - 1 || box.right > s.right + 1) over.push(`outside its picture: ${words(n)}`); }
        const control = n.matches('input, select, button');
        if ((own || control && n.type !== 'range') && !n.closest('svg, [data-small]') && parseFloat(getComputedStyle(n).fontSize) < 16)
            over.push(`smaller than 16 pixels: ${n.tagName}.${n.className} ${words(n)}`);
        if ((own || control) && !n.closest('svg') && !n.parentElement.closest('button, select')) {
            const range = document.createRange();
            const parts = control ? [box] : [...n.childNodes].filter(c => c.nodeType === 3 && c.textContent.trim()).flatMap(c => { range.selectNodeContents(c); return [...range.getClientRects()]; });
            for (const part of parts) texts.push([part, control ? n.getAttribute('aria-label') ?? n.tagName : words(n)]); }
    }
    texts.forEach(([a, s], i) => { for (const [b, t] of texts.slice(i + 1))
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2) over.push(`one over the other: ${s} | ${t}`); });
    return over; }"""


def unreadable(root):
    """Return what is hard to read: texts whose contrast is below 4.5, the worst first."""
    ratios = root.evaluate(CONTRAST)
    return sorted(found for found in ratios if found[0] < 4.5) if ratios else ["there is no text"]


# ---- the keyboard

# What is said of a control where it cannot be seen.
LABEL = "(n => n.getAttribute('aria-label') || n.labels?.[0]?.textContent.trim() || n.title || n.textContent.trim())"
# What has the focus: what it is, whether that can be heard and seen, what it is set to, and what is shown; null outside.
FOCUS = (
    "r => { const n = document.activeElement; if (!r.contains(n) || n === r) return null;"
    f"const label = {LABEL}(n), seen = ({SEEN})(r), before = n.visited; n.visited = true;"
    """
    const style = getComputedStyle(n), outline = style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth);
    return {label, seen, outline, visited: before === true, kind: n.tagName === 'INPUT' ? n.type : n.tagName.toLowerCase(),
        value: n.value ?? null, last: n.value === n.max || n.selectedIndex === n.options?.length - 1,
        dead: n.hasAttribute('aria-disabled') || n.disabled || n.hasAttribute('data-on')}; }"""
)
# The labels of all that the keyboard must reach and has not.
MISSED = (
    "r => [...r.querySelectorAll('input, select, button, textarea, [tabindex]')]"
    f".filter(n => n.checkVisibility() && n.tabIndex >= 0 && !n.disabled && !n.visited).map({LABEL})"
)
CELLS_NOW = """() => { const c = window.jupyterapp.shell.currentWidget.content;
    return [[...c.model.cells].map(c => c.id + c.type).join(), c.activeCellIndex]; }"""
KEYS = {"range": ("ArrowLeft", "ArrowRight"), "number": ("ArrowDown", "ArrowUp"), "select": ("ArrowUp", "ArrowDown")}
JUPYTERS = "axddm"  # typed in JupyterLab's command mode: a new cell, cut, delete, turn into text


def by_keyboard(notebook, root):
    """Go through an explorer by Tab, move every control by a key, type what JupyterLab would take for its own; return what is wrong."""
    page, wrong, reached, typed_on = notebook.page, [], [], set()
    root.evaluate("r => r.querySelectorAll('*').forEach(n => delete n.visited)")
    root.evaluate("r => r.querySelector('input, select, button, [tabindex=\"0\"]').focus()")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")  # so that the focus was moved by a key, and shows
    before = page.evaluate(CELLS_NOW)
    while (now := root.evaluate(FOCUS)) and not now["visited"] and now["label"] not in reached and len(reached) < 120:
        label, kind = now["label"], now["kind"]
        reached.append(label)
        if not label or now["outline"] < 2:
            wrong.append(f"{kind} {label!r} has no label, or its focus does not show ({now['outline']} px)")
        if kind in KEYS:
            page.keyboard.press(KEYS[kind][0 if now["last"] else 1])
        elif not now["dead"]:
            page.keyboard.press({"button": "Enter", "text": "7", "checkbox": "Space"}.get(kind, "ArrowRight"))
        answered(root)
        after = root.evaluate(FOCUS)
        if not after:
            wrong.append(f"{label}: the focus was lost")
            break
        if kind in KEYS and after["value"] == now["value"] or not now["dead"] and after["seen"] == now["seen"]:
            wrong.append(f"{label}: a key changed nothing")
        if kind not in typed_on and kind != "text":
            typed_on.add(kind)
            page.keyboard.type(JUPYTERS)
            page.wait_for_timeout(50)  # what reached JupyterLab may have cut this very cell: look before asking of it
        if page.evaluate(CELLS_NOW) != before:
            wrong.append(f"{label}: a key reached JupyterLab")
            return wrong
        answered(root)
        page.keyboard.press("Tab")
    wrong += [f"{label} was not reached by Tab" for label in root.evaluate(MISSED) if label not in reached]
    return wrong
