"""Repositories: classes that know nothing of pydynox as items."""
