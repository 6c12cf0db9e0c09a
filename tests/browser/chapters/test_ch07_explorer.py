"""HelloExplorer in Chromium: the word is read letter by letter."""

from browser.explorers import SEEN, VALUE, answered, put
from helpers.chapters.ch07_rnn.explorer import HelloExplorer


def test_stepping_through_the_word(notebook, shown):
    root, page = shown(HelloExplorer), notebook.page
    tiles, now = (
        root.locator(".tile"),
        "r => [...r.querySelectorAll('.tile')].findIndex(n => n.classList.contains('on'))",
    )
    assert "".join(tiles.all_inner_texts()) == "hell" and root.evaluate(now) == 0
    seen = {root.evaluate(SEEN)}
    for step in (1, 2, 3):
        page.get_by_role("button", name="next letter").click()
        answered(root)
        assert root.evaluate(now) == step and root.evaluate(VALUE, "step") == str(step + 1)
        assert root.locator("[data-part=words]").inner_text().endswith("right.")
        seen.add(root.evaluate(SEEN))
    assert len(seen) == 4
    root.screenshot(path=notebook.shots / "hello-4.png")
    page.get_by_role("button", name="next letter").click(force=True)  # at the end: nothing
    answered(root)
    assert root.evaluate(now) == 3
    for step in (1, 4):
        put(root, "step", step)
        assert root.evaluate(now) == step - 1
    notebook.kernel("explorer.step = 2")
    notebook.settle(200)
    assert root.evaluate(now) == 1
