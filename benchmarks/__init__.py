"""Besom beside what people use today: each script runs both in turn and prints the ratio."""
