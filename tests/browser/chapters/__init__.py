"""What only one explorer does in a browser: its numbers, its gestures. What all do: test_explorers_contract.py."""
