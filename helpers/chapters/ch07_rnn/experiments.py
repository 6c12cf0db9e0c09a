"""What takes longer than chapter 07 may: `make experiments NB=07`."""

from helpers.chapters.ch07_rnn.order import bits_on
from helpers.course.rooms import room


def longer_reading():
    """Does the plain recurrent network ever pass the count with a memory of three letters, 2.36 bits?

    Bits per character on the last tenth of Alice, after 400 steps as in the chapter, and after more; a step is 32 × 32 letters.
    2 seeds: the mean, and each of them.
    """
    known = room(7).run("imports", "book-data", "book-net", "book-loop")
    rows = []
    for steps in (400, 1600, 4800):
        bits = [bits_on(known["trained_reader"](seed, steps=steps), known["exam"]) for seed in range(2)]
        each = ", ".join(f"{one:.2f}" for one in sorted(bits))
        rows.append({"steps": steps, "bits per character": f"{sum(bits) / len(bits):.2f} ({each})"})
    return rows
