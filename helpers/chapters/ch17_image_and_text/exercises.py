"""The exercises of chapter 15."""

from helpers.course.exercises.engine import Exercise

Exercise(
    "image_and_text_cells",
    reference=lambda height, width: height * width,
    cases=lambda: [dict(height=height, width=width) for height, width in ((2, 3), (5, 1), (4, 7))],
    mistakes=[
        (lambda height, width: 2 * (height + width), "that is the way **around** it: count the cells inside."),
        (lambda height, width: height * height, "that is a **square**: the width may be another than the height."),
        (lambda height, width: height + width, "the sides are **added**: every row has all cells of the width."),
    ],
    hints=["How many cells has one row, and how many rows are there?"],
)
