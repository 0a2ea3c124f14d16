"""The study's database, SQLite or PostgreSQL: one writer, and transactions around Optuna."""
