"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

# Its rows of the ledger. X and the chapter's number: a claim of the course's own.
CLAIMS = (Claim("X15", "A square with sides twice as long has twice as many cells.", "wrong", "it has four times as many"),)
