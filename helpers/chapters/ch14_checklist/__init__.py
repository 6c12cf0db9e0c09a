"""What only this chapter needs; helpers.course.rooms says which file is what. zoo.py holds the planted bugs."""
