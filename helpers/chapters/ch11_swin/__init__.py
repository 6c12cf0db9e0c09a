"""What only this chapter needs; helpers.course.rooms says which file is what."""

FORMERLY = {"helpers.explorers.windows": "explorer"}
