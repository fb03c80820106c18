"""A network: its architecture, initial weights, parameters, and the file it is kept in."""

from eigenmlp.network.network import Evaluation, Network, load_network

__all__ = ["Evaluation", "Network", "load_network"]
