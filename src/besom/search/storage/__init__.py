"""The study's database, SQLite or PostgreSQL, with one writer and with transactions around Optuna.

It knows Optuna's storages and SQLAlchemy. It must not know what is searched.
"""
