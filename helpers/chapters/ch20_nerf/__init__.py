"""What only this chapter needs; helpers.course.rooms says which file is what.

scene        two spheres and a box, intersected exactly; cameras around them
rendering    samples along a ray, and the sum that makes a colour of them
fields       from a point in space to density and colour: a network, a grid, grids with a small network; how they are trained
published    the published networks on the meta device, and what came after, by cost
draw         the figures of the chapter
"""
