"""The receptive-field explorer in Chromium: every control, the keyboard, both themes, and what it leaves behind."""

# What can be seen: the heat map, the frame, the picture, and the numbers of the table.
SEEN = """r => [...r.querySelectorAll('.field-stage img')].map(i => i.src + i.style.cssText).join() + r.querySelector('.frame').style.cssText
    + [...r.querySelectorAll('[role=cell].n')].map(n => n.textContent).join()"""
VALUE = "(r, name) => r.querySelector(`[data-set='${name}']:not(button)`).value"


def shown(notebook, code="ReceptiveFieldExplorer()", *more):
    return ran(
        notebook,
        f"from helpers.chapters.ch02_seeing_further.explorer import ReceptiveFieldExplorer\nexplorer = {code}\nexplorer",
        *more,
    )


def put(root, name, value):
    """Set a control and wait for the answer."""
    control = root.locator(f"[data-set='{name}']:not(button)")
    control.select_option(value) if control.evaluate("n => n.tagName") == "SELECT" else control.fill(str(value))
    answered(root)


def answered(root):
    root.page.wait_for_function("r => r.dataset.waiting === undefined", arg=root.element_handle(), timeout=20_000)


def test_every_control_changes_the_picture_at_both_ends(notebook):
    root, page = shown(notebook), notebook.page
    ends = {
        "0.kernel_size": (1, 11),
        "0.stride": (1, 4),
        "0.padding": (0, 5),
        "0.dilation": (1, 3),
        "size": (32, 227),
        "depth": (1, 6),
        "row": (0, 7),
        "column": (0, 7),
    }
    for name, (low, high) in ends.items():
        put(root, "preset", "three 3×3")
        put(root, "preset", "conv + pool ×3")
        control, seen = root.locator(f"[data-set='{name}']:not(button)"), set()
        assert [control.get_attribute("min"), control.get_attribute("max")] == [str(low), str(high)]
        for value in (low, high):
            put(root, name, value)
            assert root.evaluate(VALUE, name) == str(value) and root.locator("[data-part=problem]").inner_text() == ""
            seen.add(root.evaluate(SEEN))
        assert len(seen) == 2, f"{name} changes nothing"
    seen = set()
    for name, values in {
        "0.kind": ("pool", "conv"),
        "picture": ("plain grid", "cat"),
        "preset": ("dilated", "three 3×3", "AlexNet to conv5", "conv + pool ×3"),
    }.items():
        for value in values:
            before = root.evaluate(SEEN)
            put(root, name, value)
            assert root.evaluate(SEEN) != before or (name, value) == ("0.kind", "pool"), (name, value)
    rows = root.locator(".field-table [role=row]")
    for name, count in (("add a layer", 8), ("remove layer 2", 7), ("remove layer 1", 6)):
        before = root.evaluate(SEEN)
        page.get_by_role("button", name=name).click()
        answered(root)
        assert rows.count() == count and root.evaluate(SEEN) != before
    page.get_by_role("button", name="show layer 2").click()
    answered(root)
    assert root.evaluate(VALUE, "depth") == "2" and "layer 2 sees" in root.locator("[data-part=words]").inner_text()


def test_pointing_into_the_picture_moves_the_unit_and_impossible_layers_say_why_and_dim_it(notebook):
    root = shown(notebook, "ReceptiveFieldExplorer('AlexNet to conv5')")
    box, frame = root.locator(".field-stage").bounding_box(), lambda: root.locator(".frame").bounding_box()
    mouse = notebook.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    for x, y in ((0.42, 0.5), (0.35, 0.6), (0.58, 0.45)):
        mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        answered(root)
        now = frame()
        # Units are 16 of about 340 pixels apart: the middle of the field is at most half a step, and two borders, away.
        assert abs(now["x"] + now["width"] / 2 - box["x"] - x * box["width"]) < 14
        assert abs(now["y"] + now["height"] / 2 - box["y"] - y * box["height"]) < 14
    mouse.up()
    at = frame()
    mouse.move(box["x"] + 5, box["y"] + 5)
    notebook.settle(200)
    assert frame() == at

    # more layers than the picture has pixels for
    root = shown(notebook, "ReceptiveFieldExplorer('AlexNet to conv5')")
    before, alert = root.evaluate("r => r.querySelector('[data-part=heat]').innerHTML"), root.get_by_role("alert")
    put(root, "size", 32)
    assert (
        alert.inner_text()
        == "Layer 4 (pool): kernel_size (=3) exceeds the padded input (=2 = 2 + 2*0): use a smaller kernel or more padding."
    )
    assert root.evaluate("r => r.querySelector('[data-part=heat]').innerHTML") == before
    notebook.settle(200)
    assert root.locator(".panel-dims").first.evaluate("n => getComputedStyle(n).opacity") == "0.3"
    assert root.locator("[aria-invalid]").count() == 4
    put(root, "size", 227)
    assert alert.count() == 0 and root.locator("[aria-invalid]").count() == 0
    field = root.locator("[data-set='0.kernel_size']")
    for typed, kept in (("99", "11"), ("0", "1"), ("", "1")):
        field.fill(typed)
        assert field.get_attribute("aria-invalid") == "true"
        field.blur()
        answered(root)
        assert field.input_value() == kept and field.get_attribute("aria-invalid") is None


def test_every_control_answers_the_keyboard_and_jupyterlab_does_not(notebook):
    root, page = shown(notebook, "ReceptiveFieldExplorer('three 3×3')", "1"), notebook.page
    cells = "() => { const c = window.jupyterapp.shell.currentWidget.content; return [[...c.model.cells].map(c => c.type), c.activeCellIndex]; }"
    focus = "() => { const n = document.activeElement; return [n.dataset.set + ' ' + (n.dataset.stay || ''), parseFloat(getComputedStyle(n).outlineWidth), n.getAttribute('aria-label')]; }"
    root.locator("[data-set=preset]").focus()
    before, order = page.evaluate(cells), []
    for _ in range(40):
        name, outline, label = page.evaluate(focus)
        assert label and outline >= 3, f"{name} has no label or no visible focus"
        order.append(name.strip())
        was = root.evaluate(SEEN)
        key = {
            "0.kernel_size": "ArrowUp",
            "1.stride": "ArrowUp",
            "2.padding": "ArrowUp",
            "picture": "ArrowDown",
            "size": "End",
            "do add": "Enter",
            "column": "Home",
            "depth": "ArrowRight",
            "depth show 0": "Space",
        }.get(name.strip())
        if key:
            page.keyboard.press(key)
            answered(root)
            assert root.evaluate(SEEN) != was, f"{key} on {name} changed nothing"
            assert page.evaluate(focus)[0] == name, "the focus was lost"
        for typed in "axddm" if name.strip() in ("depth", "1.kind", "do remove 1") else "":
            page.keyboard.press(typed)
        if name.strip() == "column":
            break
        page.keyboard.press("Tab")
    wanted = ["preset", "picture", "size", "do add"]
    for i in range(4):
        wanted += [
            f"depth show {i}",
            f"{i}.kind",
            f"{i}.kernel_size",
            f"{i}.stride",
            f"{i}.padding",
            f"{i}.dilation",
            f"do remove {i}",
        ]
    assert order == [*wanted, "depth", "row", "column"]
    assert page.evaluate(cells) == before, "a key reached JupyterLab"


def test_it_fits_and_is_readable_at_every_width_on_both_themes(notebook):
    for width in (1280, 1600):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        root = shown(notebook, "ReceptiveFieldExplorer('AlexNet to conv5')")
        readable(notebook, root, "receptive-field", 40)
        put(root, "preset", "three 3×3")
        for _count in range(4, 11):
            notebook.page.get_by_role("button", name="add a layer").click()
            answered(root)
        box = root.bounding_box()
        assert box["width"] <= 1100 and box["height"] <= 560, (width, box)
        assert root.evaluate("r => r.scrollWidth <= r.clientWidth"), width
        assert root.evaluate(SMALL) == [], width
        assert root.evaluate(OVERLAPS, "[role=columnheader], [role=cell]") == [], width
        notebook.theme("JupyterLab Light")


def test_two_views_keep_step_and_a_dead_kernel_is_told(notebook):
    first = shown(notebook, "ReceptiveFieldExplorer()", "explorer")
    second = notebook.view(".panel", 1)
    put(first, "size", 100)
    assert second.evaluate(SEEN) == first.evaluate(SEEN) and second.evaluate(VALUE, "size") == "100"
    put(second, "0.kernel_size", 7)
    answered(first)
    assert second.evaluate(SEEN) == first.evaluate(SEEN) and first.evaluate(VALUE, "0.kernel_size") == "7"
    notebook.kernel("explorer.size = 50")
    notebook.settle(200)
    assert first.evaluate(VALUE, "size") == "50"
    notebook.restart()
    first.locator("[data-set=size]").fill("80")
    first.get_by_text("Waiting for the kernel").wait_for(timeout=10_000)
    notebook.run_all()
    again = notebook.view(".panel")
    put(again, "size", 90)
    assert not again.get_by_text("Waiting for the kernel").is_visible()


def test_five_hundred_changes_leave_nothing_behind(notebook):
    root = shown(notebook)
    steps = [
        [name, value]
        for i in range(100)
        for name, value in (
            ("row", i % 8),
            ("column", i % 7),
            ("size", 64 + i % 9),
            ("0.kernel_size", 1 + 2 * (i % 3)),
            ("depth", 1 + i % 6),
        )
    ]
    last = [["size", 64], ["0.kernel_size", 3], ["depth", 6], ["row", 4], ["column", 4]]
    before, after = leaks(notebook, root, steps, last)
    assert after["Nodes"] - before["Nodes"] < 300 and after["JSEventListeners"] - before["JSEventListeners"] < 250
    assert (
        after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 5 * 2**20
        and after["kernel"] - before["kernel"] < 20 * 2**20
    )


# ---- shared with the other explorers' tests

CELLS = """cells => { const notebook = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
    notebook.transact(() => { const old = notebook.cells.length;
        notebook.insertCells(0, cells.map(source => ({cell_type: 'code', source})));
        notebook.deleteCellRange(cells.length, cells.length + old); }); }"""


def ran(notebook, *cells):
    """Run these cells, in a new notebook or in the place of all cells of the one that is open; return the first explorer's view.

    So a test can go on with an explorer as it starts, of which nothing is left on the page, without a second load of the page.
    """
    if notebook.name is None:
        notebook.write(*cells).open()
    else:
        notebook.page.evaluate(CELLS, cells)
        notebook.page.mouse.move(0, 0)
        notebook.page.wait_for_function("() => !document.querySelector('.panel')")
    notebook.run_all()
    assert notebook.errors() == []
    return notebook.view(".panel")


# The smallest contrast of ink and ground that WCAG 2.1 asks for is 4.5.
CONTRAST = """root => {
    const rgb = text => text.match(/[\\d.]+/g).map(Number);
    const lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
    const behind = n => { const over = []; for (; n; n = n.parentElement) { const c = rgb(getComputedStyle(n).backgroundColor);
        over.push(c.length === 3 ? [...c, 1] : c); if (over.at(-1)[3] === 1) break; } return over.reverse().reduce((b, c) => b.map((v, i) => v + c[3] * (c[i] - v)), [255, 255, 255]); };
    return [...root.querySelectorAll('*')].filter(n => n.checkVisibility() && n.tagName !== 'OPTION' && !n.matches('[aria-disabled]') && (n.value !== undefined && n.type !== 'range'
        || [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim()))).map(n => {
        const ground = behind(n), ink = rgb(getComputedStyle(n).color);
        const [a, b] = [lum(ground), lum(ink)].sort((x, y) => y - x);
        return [(a + .05) / (b + .05), n.className + ' ' + n.textContent.slice(0, 30)]; }); }"""


def readable(notebook, root, name, least):
    """More than `least` texts are shown, and all stand out from their ground, on both themes, which differ. The dark one stays."""
    width, pictures = notebook.page.viewport_size["width"], set()
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        notebook.settle()
        ratios = root.evaluate(CONTRAST)
        assert len(ratios) > least and min(ratios)[0] >= 4.5, (width, theme, len(ratios), min(ratios))
        pictures.add(root.screenshot(path=notebook.shots / f"{name}-{theme.lower()}-{width}.png"))
    assert len(pictures) == 2, f"both themes look alike at {width}"


SMALL = """r => [...r.querySelectorAll('*')].filter(n => n.checkVisibility() && (n.value !== undefined && n.type !== 'range'
    || [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim())) && parseFloat(getComputedStyle(n).fontSize) < 16).map(n => n.outerHTML)"""

# Texts that run into their neighbour on the same line.
OVERLAPS = """(r, cells) => { const boxes = [...r.querySelectorAll(cells)].filter(n => n.checkVisibility() && n.textContent.trim()).map(n => {
        const range = document.createRange(); range.selectNodeContents(n); return [range.getBoundingClientRect(), n.textContent]; });
    return boxes.flatMap(([a, s], i) => boxes.slice(i + 1).filter(([b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        .map(([, t]) => s + ' | ' + t)); }"""

# Set one control after the other, and wait for an answer after every fifth: for it alone, not for the next frame.
DRIVE = """async (r, steps) => { for (const [i, [name, value]] of steps.entries()) {
    const node = r.querySelector(`[data-set="${name}"]:not(button)`); node.value = value; node.dispatchEvent(new Event('input', {bubbles: true}));
    while (i % 5 === 4 && r.dataset.waiting !== undefined) await new Promise(done => {
        const heard = new MutationObserver(() => { heard.disconnect(); done(); }); heard.observe(r, {attributeFilter: ['data-waiting']}); }); } }"""


def leaks(notebook, root, steps, last):
    """Drive the steps; return what the browser and the kernel hold before and after."""
    inspector = notebook.page.context.new_cdp_session(notebook.page)
    inspector.send("Performance.enable")

    def held():
        notebook.settle()
        for _ in range(3):
            inspector.send("HeapProfiler.collectGarbage")
        found = {m["name"]: m["value"] for m in inspector.send("Performance.getMetrics")["metrics"]}
        kernel = notebook.kernel(
            "import gc; gc.collect(); print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmRSS')))"
        )
        return {**found, "kernel": 1024 * int(kernel)}

    root.evaluate(DRIVE, [*steps[: len(steps) // 8], *last])  # what is loaded once is loaded, and caches are full
    before = held()
    root.evaluate(DRIVE, [*steps, *last])
    return before, held()
