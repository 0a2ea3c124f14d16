"""What a sweep has taught: from its record, without training anything."""
