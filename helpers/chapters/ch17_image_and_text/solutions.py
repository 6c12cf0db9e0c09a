"""Solutions of chapter 15."""


# %% image_and_text_cells
def image_and_text_cells(height, width):
    """How many cells an image of this height and width has: an int."""
    ### BEGIN SOLUTION
    return height * width
    ### END SOLUTION
