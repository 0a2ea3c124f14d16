"""Compares Besom with the tools that people use today: each script runs both and prints ratios."""
