"""``python -m quizmail``."""

from quizmail.cli import main

if __name__ == "__main__":
    main()
