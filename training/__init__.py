"""Programs that make what the wheel carries ready-made; none of them is shipped."""
