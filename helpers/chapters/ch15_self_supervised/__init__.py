"""What only this chapter needs; helpers.course.rooms says which file is what. views.py changes pictures, judge.py measures."""
