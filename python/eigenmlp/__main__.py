"""`python -m eigenmlp`: the command line."""

from eigenmlp.cli import main

if __name__ == "__main__":
    main()
