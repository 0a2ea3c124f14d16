"""The figures of a report, each a section with a drawing."""
