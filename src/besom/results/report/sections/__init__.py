"""The sections of a report without a drawing."""
