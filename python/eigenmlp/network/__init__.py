"""A network: its architecture, initial weights, parameters, and the file it is kept in."""

from eigenmlp.network.loading import load_network
from eigenmlp.network.network import Evaluation, Network

__all__ = ["Evaluation", "Network", "load_network"]
