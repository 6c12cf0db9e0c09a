"""What only this chapter needs; helpers.course.rooms says which file is what. published.py holds CLIP's own towers, towers.npz the explorer's."""
