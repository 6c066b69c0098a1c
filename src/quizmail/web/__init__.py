"""The web process: the unsubscribe pages, the health check and, in demo mode, the inbox."""
