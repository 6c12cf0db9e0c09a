"""The tests that drive a real browser."""
