"""Repository in parts: classes that know nothing of pydynox, stored as the items of a hidden model."""
