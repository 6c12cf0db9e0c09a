"""What benchmarks/explorers.py measures beside the explorer: a plain interact that computes with its functions and draws the same."""

CASES = {
    "RecurrenceExplorer": {
        "name": "recurrence",
        "shown": "RecurrenceExplorer()",
        "control": "[data-set='radius']",
        "picture": "[data-part='chart']",
        "plain": (
            """
from helpers.chapters.ch07_rnn.explorer import draw_reach, reach
@interact(radius=(0.5, 3.0, 0.01))
def show(radius=0.9):
    fig, ax = plt.subplots(figsize=(9, 4.4))
    draw_reach(ax, reach(radius), radius)
    plt.show()"""
        ),
    },
    "HelloExplorer": {
        "name": "hello",
        "shown": "HelloExplorer()",
        "control": "[data-set='step']",
        "picture": "[data-part='plane']",
        "plain": (
            """
from helpers.chapters.ch07_rnn.explorer import HelloExplorer, draw_plane
explorer = HelloExplorer()
steps, states = explorer._steps, explorer.states()
@interact(step=(1, 4))
def show(step=1):
    letter, before, state, chances = steps[step - 1]
    fig, axes = plt.subplots(1, 3, figsize=(13, 4.4))
    draw_numbers(axes[0], np.array([letter, before, np.add(letter, before), state]).T, fmt="{:+.2f}")
    draw_bars(axes[1], list(explorer.alphabet), [100 * chance for chance in chances], fmt="{:.0f} %")
    draw_plane(axes[2], explorer.word, states)
    plt.show()"""
        ),
    },
}
