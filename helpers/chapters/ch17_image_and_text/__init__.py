"""What only this chapter needs; helpers.course.rooms says which file is what.

captioner    the network that writes captions, as the notebook has it; how it writes, and its marks
reader       the language model that never sees a picture, and the one layer that joins an eye to it
real         the published networks on the meta device: BLIP, MiniGPT-4 and others
draw         the figures of the chapter
"""
