"""Hydra finds Besom's sweeper here. Kept thin: Hydra imports it whenever any application starts."""
