"""The study's database, SQLite or PostgreSQL: one writer, and transactions around Optuna.

It knows Optuna's storages and SQLAlchemy. It must not know what is searched.
"""
