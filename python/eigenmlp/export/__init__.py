"""Models for other programs.

Every function takes a `Network` or a fitted estimator.
"""
