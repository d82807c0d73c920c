"""The parts of ``pydynox adopt``: what is read, what is concluded from it, and how it is written as source."""
