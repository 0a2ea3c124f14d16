"""Holds Besom's plugins for Hydra. Kept thin: Hydra imports them when any application starts."""
