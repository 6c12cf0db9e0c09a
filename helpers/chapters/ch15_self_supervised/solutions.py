"""Solutions of chapter 15."""
