"""Fitted models of scikit-learn's, and ours, made from each other."""
