"""``python -m synthpower``."""

from synthpower.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
