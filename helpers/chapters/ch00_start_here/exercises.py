"""The exercise of chapter 00: how checks answer."""

from helpers.course.exercises.engine import Exercise

Exercise(
    "photo_values",
    reference=32 * 32 * 3,
    mistakes=[
        (32 * 32, "that is the number of **pixels**: each has three numbers, for red, green and blue."),
        (32 + 32 + 3, "the sides are **added**: height, width and colours have to be multiplied."),
        (32 * 3, "that is **one row** of the photograph: there are 32 of them."),
        (
            32 * 32 * 3 * 4,
            "that is the number of **bytes** if each number takes four: asked for is the count of numbers.",
        ),
        (32 * 32 * 4, "that is **four** numbers a pixel; a photograph without transparency has three."),
    ],
    hints=[
        "One pixel has three numbers. How many pixels are there in one row, and how many rows?",
        "rows × pixels in a row × numbers in a pixel",
    ],
)
