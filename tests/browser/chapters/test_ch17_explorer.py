"""The caption explorer in Chromium: a word of the caption is chosen by its button, and the bars and cells are that word's."""

from browser.explorers import VALUE, answered, put
from helpers.chapters.ch17_image_and_text.explorer import CaptionExplorer


def test_words_are_chosen_by_their_buttons_and_contrast_changes_the_caption(shown):
    root, kept = shown(CaptionExplorer, "CaptionExplorer(picture=2)"), CaptionExplorer(picture=2)
    words, looked, _ = kept.watch()
    buttons = root.locator(".cap-caption button")
    assert [word.replace("<end>", "■") for word in words] == buttons.all_inner_texts()
    for place in (0, 3, len(words) - 1):
        buttons.nth(place).click()
        answered(root)
        assert root.evaluate(VALUE, "word") == str(place + 1)
        assert root.locator(".cap-bars .taken span").first.inner_text().startswith(words[place].replace("<end>", "■"))
        seen = [float(text) for text in root.locator(".cap-stages text").all_text_contents()]
        assert seen == [round(100 * weight) for weight in looked[place].tolist()]
    put(root, "contrast", 10)
    assert buttons.all_inner_texts() != [word.replace("<end>", "■") for word in words]
    assert root.locator("[data-part=truth]").inner_text() == kept.truth()
