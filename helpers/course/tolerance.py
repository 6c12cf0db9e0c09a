"""A number that differs from machine to machine, written with its tolerance, which the comparison of notebooks knows."""

import re

from helpers.checks import check_number, check_positive

# "85.5 % ± 1.5", "0.31 ± 0.05": the number, its unit, how far another machine may be from it
WRITTEN = re.compile(r"(-?\d[\d,]*(?:\.\d+)?)((?: [^\s\d±]+)? ± )(\d+(?:\.\d+)?)")


def measured(value, within, unit=""):
    """Return a measured number as text, rounded as its tolerance is, such as "85.5 % ± 1.5".

    value:   float
    within:  float, how far another run, on another machine, may be from it; taken from at least five seeds
    unit:    such as "%", "s" or "points"
    returns: str; where a notebook's output holds it, the comparison accepts a number that is within this of the stored one
    raises:  ValueError for numbers that are not finite, or a tolerance that is not above 0
    """
    value = value.item() if hasattr(value, "item") else value
    for name, number in (("value", value), ("within", within)):
        check_number(name, number)
    check_positive("within", within, "without a tolerance, print the number itself")
    tolerance = f"{within:g}"
    digits = len(tolerance.partition(".")[2])
    return f"{value:,.{digits}f}{f' {unit}' if unit else ''} ± {tolerance}"
