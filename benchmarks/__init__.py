"""How fast Quizmail plans, sends and builds mails on this machine: ``python -m benchmarks``."""
