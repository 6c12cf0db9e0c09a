"""The zoo explorer in Chromium, in a bare page without a kernel: its game against Python's, by mouse and by keyboard."""

import random

import pytest

from browser.explorers import CONTRAST
from helpers.chapters.ch14_checklist import zoo
from helpers.chapters.ch14_checklist.explorer import PATIENTS, ZooExplorer


@pytest.fixture
def alone(bare):
    return lambda explorer: bare(explorer, ".zoo")


def result(root):
    return root.evaluate("r => r.result")


def buy(root, test):
    root.locator(f'[data-test="{test}"]').click()


def test_what_is_left_and_what_it_costs_is_what_python_says(alone, page):
    root, dice = alone(ZooExplorer()), random.Random(0)
    for patient in range(1, len(PATIENTS) + 1):
        root.get_by_text("next patient").click()  # begins anew
        root.get_by_label("patient", exact=True).fill(str(patient))
        bought = dice.sample(list(zoo.TESTS), 3)
        for test in bought:
            buy(root, test)
        game = ZooExplorer(patient=patient, bought=bought)
        assert result(root)["left"] == game.left() and result(root)["points"] == game.points()
        assert result(root)["culprit"] == game.culprit
        struck = root.locator(".zoo-people [data-out]").evaluate_all("all => all.map(each => each.dataset.name)")
        assert sorted(struck) == sorted(set(zoo.PROGRAMS) - set(game.left()))


def test_a_game_by_keyboard_alone(alone, page):
    root = alone(ZooExplorer(patient=PATIENTS.index("labels shuffled") + 1))
    for test in ("first loss", "one batch", "training"):
        root.locator(f'[data-test="{test}"]').press("Enter")
    assert result(root)["points"] == 7
    root.locator('[data-name="learning rate / 1000"]').press("Enter")
    assert "It is not" in root.locator(".zoo-heard").inner_text() and result(root)["points"] == 10
    root.locator('[data-name="labels shuffled"]').press(" ")
    assert root.locator(".zoo-heard").inner_text().startswith("Solved for 10 points: labels shuffled.")
    root.get_by_role("checkbox").press(" ")
    assert root.locator(".zoo-people [data-out]").count() == 0
    root.get_by_text("next patient").press("Enter")
    assert result(root)["points"] == 0 and page.evaluate("model.get('bought')") == []


def test_dragging_through_the_patients_keeps_the_tests(alone, page):
    root = alone(ZooExplorer(patient=5, bought=["first loss", "outputs"], accused=["softmax twice"]))
    slider = root.get_by_label("patient", exact=True)
    for key, patient in (("End", 21), ("Home", 1), ("ArrowRight", 2)):
        slider.press(key)
        game = ZooExplorer(patient=patient, bought=["first loss", "outputs"])
        assert page.evaluate("model.get('patient')") == patient and page.evaluate("model.get('accused')") == []
        assert result(root)["left"] == game.left() and result(root)["points"] == 2


def test_the_training_shows_its_curve_and_the_batch_its_pictures(alone, page):
    root = alone(ZooExplorer(patient=PATIENTS.index("sum in place of mean") + 1))
    buy(root, "training")
    buy(root, "batch")
    assert root.locator("svg polyline").count() == 2 and root.locator(".zoo-names span").count() == 6
    assert root.locator("img").get_attribute("alt").startswith("The first images of the batch, labelled ")
    first = root.locator("svg polyline.mine").get_attribute("points").split()[0]
    root.get_by_text("another run of it").click()
    assert page.evaluate("model.get('seed')") == 1 and first


@pytest.mark.parametrize("width", [600, 1200])
def test_nothing_is_cut_off(alone, page, width):
    page.set_viewport_size({"width": width, "height": 900})
    root = alone(ZooExplorer(bought=list(zoo.TESTS)))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert root.evaluate("r => r.classList.contains('narrow')") == (width < 760)


def test_it_answers_more_than_ten_times_a_second(alone, page):
    alone(ZooExplorer())
    count = page.evaluate(
        "() => { const end = performance.now() + 500; let count = 0; while (performance.now() < end) {"
        " document.querySelector('[data-do=next]').click();"
        " document.querySelectorAll('[data-test]').forEach(each => each.click()); count += 12; } return count; }"
    )
    assert count > 20


def test_leaving_takes_its_listeners_along(alone, page):
    alone(ZooExplorer())
    assert page.evaluate("heard.size") == 1
    page.evaluate("cleanup()")
    assert page.evaluate("heard.size") == 0 and page.locator(".zoo").count() == 0


def test_in_jupyterlab_it_is_readable_on_both_themes_and_the_kernel_follows(notebook):
    notebook.write(
        "from helpers.chapters.ch14_checklist.explorer import ZooExplorer\n"
        "game = ZooExplorer(patient=4, bought=['batch', 'training', 'validation'])\ngame"
    ).open().run_all()
    assert notebook.errors() == []
    root = notebook.view(".zoo")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.theme(theme).settle()
        ratios = root.evaluate(CONTRAST)
        assert len(ratios) > 40 and min(ratios)[0] >= 4.5, f"{theme}: {min(ratios)}"
        root.screenshot(path=notebook.shots / f"zoo-{theme.split()[1].lower()}.png")
    notebook.theme("JupyterLab Light")
    cells = notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.cells.length")
    buy(root, "first loss")
    root.locator('[data-test="outputs"]').press("Enter")  # and no key reaches JupyterLab
    root.get_by_label("patient", exact=True).press("End")
    assert notebook.kernel("print(game.patient, game.points(), len(game.left()))").split()[:2] == ["21", "9"]
    notebook.kernel("game.bought = []")
    notebook.settle()
    assert result(root)["points"] == 0
    root.locator('[data-test="outputs"]').press("d")
    root.locator('[data-test="outputs"]').press("d")
    assert cells == notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.cells.length")
