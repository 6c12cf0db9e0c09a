"""Solutions of chapter 00."""

# %% photo_values
photo_values = ...
### BEGIN SOLUTION
photo_values = 32 * 32 * 3
### END SOLUTION
