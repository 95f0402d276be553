"""`python -m florilegium.pipeline`: the same as the command `florilegium`."""

from florilegium.pipeline.cli import main

if __name__ == "__main__":
    main()
