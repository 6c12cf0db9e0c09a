"""What only this chapter needs; helpers.course.rooms says which file is what.

scenes    pictures of nested shapes with the mask of each; clothes and digits with theirs; flood fill
network   the encoder, the decoder that the notebook shows, and what a training step is
clicks    prompts from masks: where one clicks, boxes; masks after one click, after several
real      the published network on the meta device
draw      the figures of the chapter
"""
